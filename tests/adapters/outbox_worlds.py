"""Random scripts of profile outbox with a coherent server: what it says fits together.

It executes what is sent, once; its answers, labels and snapshots tell what became of that, late,
in part, twice or not at all, and it goes back to what it had saved. Left out:

- a limit of the capacity; a temporary id for two creates; an id that nobody made;
- an answer with a version and without the id that came with it: the create's own version would
  stand under the temporary id, and the two implementations part there when the id comes later.

Three steps in a hundred are any step of `outbox_scripts`, and what dies while it saves saves
what is drawn there: now and then this server lies.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field
from typing import cast

from tests.adapters.drawing import Thing
from tests.adapters.outbox_scripts import ENTITIES, Drawing

from optisync_conformance.frames import Json

KINDS = {
    "enqueue": 26,
    "reserve": 20,
    "answer": 22,
    "delta": 12,
    "snapshot": 5,
    "has-read": 3,
    "other": 2,
    "restore": 2,
    "ask": 2,
    "take": 2,
    "watermark": 1,
    "consume": 1,
    "step": 3,
}


def outbox_world(rng: random.Random) -> tuple[Thing, list[Thing]]:
    """The setting and the steps of one script."""
    setting: Thing = {
        "mode": rng.choice(("entity", "entity", "ordered")),
        "capacity": 10000,
        "lease_ms": rng.choice((30000, 2500)),
        "max_attempts": rng.choice((5, 1, 2)),
        "delay_ms": 1000,
        "max_delay_ms": rng.choice((60000, 3000)),
        "epoch": 1,
    }
    return setting, _World(rng, setting).steps(rng.randrange(16, 90))


@dataclass
class _Server:
    """The versions of entities, and what became of each write."""

    epoch: int = 1
    seq: int = 0
    made: int = 0
    versions: dict[str, int] = field(default_factory=dict[str, int])
    ids: dict[str, str] = field(default_factory=dict[str, str])
    verdicts: dict[str, Thing] = field(default_factory=dict[str, Thing])
    labels: list[tuple[int, Thing]] = field(default_factory=list[tuple[int, Thing]])

    def run(self, entry: Thing, makes_id: bool, refuses: bool) -> Thing:
        """Execute an entry unless that was done, and give its verdict."""
        name = str(entry["m"])
        if name not in self.verdicts:
            self.verdicts[name] = (
                {"rejected": "no"} if refuses else self._execute(name, entry, makes_id)
            )
        return self.verdicts[name]

    def _execute(self, name: str, entry: Thing, makes_id: bool) -> Thing:
        entity, ids = str(entry["entity"]), dict[str, str]()
        if makes_id:
            self.made += 1
            ids[entity] = f"r{self.made}"
        entity = (self.ids | ids).get(entity, entity)
        if "base" in entry and entry["base"] != self.versions.get(entity, entry["base"]):
            return {"rejected": "conflict"}
        self.seq += 1
        self.ids |= ids
        self.versions[entity] = self.seq
        told: Thing = {"version": self.seq, **({"ids": {**ids}} if ids else {})}
        self.labels.append((self.seq, {"m": name, **told}))
        return {"ok": self.seq, **told}

    def other(self) -> None:
        """Somebody else writes, under the name of a write of this client."""
        self.seq += 1
        self.labels.append((self.seq, {"client": "other", "m": "$m1"}))


class _World(Drawing):
    """Draws what the client does and what this server says of it."""

    def __init__(self, rng: random.Random, setting: Thing) -> None:
        self.server = _Server()
        self.saved = copy.deepcopy(self.server)
        self.flight: dict[str, list[Thing]] = {}
        self.entities: dict[str, str] = {}
        super().__init__(rng, setting)

    def look(self, out: Thing) -> None:
        """See what the reference shows, and take in what is sent."""
        super().look(out)
        for effect in cast(list[Thing], self.seen.get("effects", [])):
            if effect["e"] == "send":
                entries = cast(list[Thing], effect["entries"])
                self.flight[str(effect["lease"])] = copy.deepcopy(entries)

    def die(self) -> None:
        """The process ends; nobody answers it any more."""
        super().die()
        self.flight.clear()

    def entry(self) -> Thing:
        """One entry: each create makes an id of its own, and the others use ids that were made."""
        entry, rng = super().entry(), self.rng
        name, entity = str(entry["m"]), str(entry["entity"])
        if name not in self.entities:
            made = {*self.creates.values()} & {*self.entities.values()}
            known = sorted({*made, *self.server.ids.values()})
            if entry.get("temporary"):
                entity = f"t{len(self.entities) + 1}"
            elif entity[0] in "tr" and entity not in known:
                entity = rng.choice(known) if known and rng.randrange(3) else "a"
            self.entities[name] = entity
        entry["entity"] = self.entities[name]
        if entry.get("temporary"):
            self.creates[name] = self.entities[name]
        return entry

    def step(self) -> Thing:
        """Any step but those that end the process."""
        rng = self.rng
        match rng.choices([*KINDS], [*KINDS.values()])[0]:
            case "enqueue":
                return self.enqueue()
            case "reserve":
                return self.reserve()
            case "answer" if self.flight:
                return self.answer()
            case "answer" | "delta":
                return self.message()
            case "snapshot":
                return self.whole()
            case "has-read":
                return {"do": "has-read", "resource": "r", "entity": rng.choice(ENTITIES)}
            case "ask":
                return self.ask()
            case "take":
                return self.take()
            case "watermark":
                return self.watermark()
            case "step":
                return super().step()
            case kind:
                return self.behind(kind)

    def behind(self, kind: str) -> Thing:
        """What happens at the server and nobody sees."""
        if kind == "other":
            self.server.other()
        if kind == "restore" and self.rng.randrange(2):
            self.saved = copy.deepcopy(self.server)
        elif kind == "restore":
            epoch = self.server.epoch + 1
            self.server = copy.deepcopy(self.saved)
            self.server.epoch = epoch
        return {"do": "consume"} if kind == "consume" else {"do": "tick", "ms": 1000}

    # --- what the server says

    def told(self, said: Thing) -> Thing:
        """An acceptance without its version, or without version and ids, now and then."""
        said, kind = copy.deepcopy(said), self.rng.randrange(12)
        if kind < 3:
            said.pop("version", None)
        if kind == 0:
            said.pop("ids", None)
        return said

    def answer(self) -> Thing:
        """The answer to what a lease sent, with what became of most of it."""
        rng = self.rng
        lease = rng.choice([*self.flight])
        entries = self.flight[lease] if rng.randrange(8) == 0 else self.flight.pop(lease)
        kind = rng.randrange(10)
        if kind == 0:
            return {"do": "release", "lease": lease}
        drawn = [self.verdict(entry) for entry in entries]
        results: list[Json] = [each for each in drawn if each is not None]
        if kind == 1:
            return {"do": "tick", "ms": rng.choice((3000, 30000))}
        rng.shuffle(results)
        return {"do": "settle", "lease": lease, "epoch": self.server.epoch, "results": results}

    def verdict(self, entry: Thing) -> Thing | None:
        """What an answer says of an entry; None if nothing."""
        rng, name = self.rng, str(entry["m"])
        kind = rng.randrange(14)
        if kind == 0:
            return {"m": name, "retry": rng.choice((0, 1500))}
        refuses = rng.randrange(12) == 0
        said = self.server.run(entry, makes_id=name in self.creates, refuses=refuses)
        if kind < 3:
            return {"m": name, "unknown": True} if kind == 1 else None
        return {"m": name, **self.told(said)}

    def message(self) -> Thing:
        """The next delta, or now and then one that was applied before."""
        rng, labels = self.rng, self.server.labels
        epoch, at = self.cursor()
        coming = [pair for pair in labels if pair[0] > at]
        if coming and epoch == self.server.epoch:
            seq, label = coming[0]
            settles: list[Json] = [self.told(label)] if rng.randrange(9) else []
            return {"do": "delta", "epoch": epoch, "seq": seq, "settles": settles}
        if labels and rng.randrange(3) == 0:
            seq, label = copy.deepcopy(rng.choice(labels))
            heard = min(epoch, self.server.epoch)
            return {"do": "delta", "epoch": heard, "seq": seq, "settles": [label]}
        return {"do": "tick", "ms": rng.choice((1000, 30000, 60000))}

    def whole(self) -> Thing:
        """A snapshot with most outcomes."""
        rng, server = self.rng, self.server
        every = server.verdicts.items()
        outcomes: Thing = {m: self.told(verdict) for m, verdict in every if rng.randrange(8)}
        step: Thing = {"do": "snapshot", "epoch": server.epoch, "seq": server.seq}
        return {
            **step,
            "outcomes": outcomes,
            "client_known": bool(outcomes) or rng.randrange(3) > 0,
        }
