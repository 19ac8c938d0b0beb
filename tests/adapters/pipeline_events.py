"""Random events of profile pipeline: writes of all kinds, and patches of rows."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable

from tests.adapters.drawing import Thing

from optisync_conformance.frames import Json

ENTITIES = ("a", "a", "a", "b", "b", "c", "t1", "t1", "t2", "s1")
TEMPORARY = ("t1", "t1", "t2", "t3")
VALUES: tuple[Json, ...] = (1, 2, "t1", "t2", {"k": "t1"}, ["s1", 7], {"t1": 1})


class Events:
    """Draws events; `ticket` draws one whose ticket may be used again."""

    def __init__(self, rng: random.Random, ticket: Callable[[], str]) -> None:
        self.rng = rng
        self.ticket = ticket
        self.events: list[str] = []
        self.drawn_names = 0
        self.creates: dict[str, str] = {}

    def fresh(self) -> str:
        """A name that no write has."""
        self.drawn_names += 1
        return f"$m{self.drawn_names}"

    def envelope(self) -> Thing:
        """What an event has beside its change."""
        rng = self.rng
        given: Thing = {}
        context: Thing = {}
        if rng.randrange(4) == 0:
            context["action"] = rng.choice(("A", "B"))
        if rng.randrange(8) == 0:
            context |= {"origin": rng.choice(("sync", "undo")), "label": "l", "at": 5}
        if rng.randrange(8) == 0:
            context["scope"] = "s"
        if context:
            given["context"] = context
        if rng.randrange(12) == 0:
            given["persist_key"] = rng.choice(("k", "q"))
        if rng.randrange(12) == 0:
            given["optimistic"] = False
        if self.events and rng.randrange(12) == 0:
            given["ticket"] = self.ticket()
        return given

    def dispatch(self) -> Thing:
        """One write."""
        rng, m = self.rng, self.fresh()
        step: Thing = {
            "do": "dispatch",
            "m": m,
            "resource": rng.choice("rrrrrs"),
            **self.envelope(),
        }
        self.events.append(m)
        if rng.randrange(40) == 0:
            step["stale_number"] = True
        if rng.randrange(5) == 0:
            entity = rng.choice(TEMPORARY)
            self.creates[m] = entity
            value: Json = {"x": copy.deepcopy(rng.choice(VALUES))}
            return {**step, "entity": entity, "change": {"create": value}, "temporary": True}
        return {**step, "entity": rng.choice(ENTITIES), "change": self.change()}

    def change(self) -> Json:
        """The change of a write, mostly an update."""
        rng = self.rng
        value = copy.deepcopy(rng.choice(VALUES))
        match rng.choice("uuuuuumcddxpe"):
            case "u":
                return [self.set_one()]
            case "m":
                return [
                    self.set_one(),
                    {"op": rng.choice(("copy", "move")), "from": "/x", "path": "/y"},
                ]
            case "c":
                return {"create": {"x": value}}
            case "d":
                return {"delete": True}
            case "x":
                return {"upsert": {"x": value}}
            case "p":
                return {"upsert": {"x": value}, "patch": [self.set_one()]}
            case _:
                return [] if rng.randrange(4) == 0 else [{"op": "test", "path": "/x", "value": 0}]

    def set_one(self) -> Thing:
        """Set a member, or put something into a list."""
        path = self.rng.choice(("/x", "/x", "/y", "/l/0", "/l/-"))
        return {"op": "add", "path": path, "value": copy.deepcopy(self.rng.choice(VALUES))}

    def patches(self) -> Thing:
        """A patch over rows; mostly with as many names as it needs."""
        rng = self.rng
        rows = rng.sample(("a", "b", "c", "t1", "d"), rng.randrange(1, 4))
        patch: list[Json] = []
        for row in rows:
            deep: Thing = {"op": "add", "path": f"/{row}/x", "value": rng.randrange(5)}
            whole: Thing = {
                "op": rng.choice(("add", "replace")),
                "path": f"/{row}",
                "value": {"x": 5},
            }
            gone: Thing = {"op": "remove", "path": f"/{row}"}
            patch += rng.choice(([deep], [deep], [whole], [gone], [whole, deep], [gone, whole]))
        m = self.fresh()
        envelope = self.envelope()
        self.events.append(m)
        count = len(rows) + (rng.randrange(20) == 0)
        names: list[Json] = [self.fresh() for _ in range(count)]
        step: Thing = {"do": "patches", "m": m, "writes": names, "resource": "r", "patch": patch}
        return step | envelope
