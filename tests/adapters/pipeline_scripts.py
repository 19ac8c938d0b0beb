"""Random scripts of profile pipeline: the reference plays along, so that most steps mean much."""

from __future__ import annotations

import copy
import random
from typing import cast

from tests.adapters.drawing import Thing
from tests.adapters.pipeline_events import Events

from optisync_conformance.frames import Json
from optisync_conformance.reference import piping
from optisync_conformance.script import PipelineSetting, read_setting, read_step

HOOKED = ("shown", "told", "answered", "persist", "stale", "schedule", "diag")


def pipeline(rng: random.Random) -> tuple[Thing, list[Thing]]:
    """The setting and the steps of one script."""
    docs: Thing = {"r/a": {"x": 0, "l": [0]}, "r/b": {"x": 0}}
    versions: Thing = {"r/a": 1, "r/b": 1}
    setting: Thing = {
        "docs": docs,
        "versions": versions if rng.randrange(6) else {},
        "epoch": 1,
        "capacity": rng.choice((100000, 100000, 100000, 4)),
        "history": rng.choice((100, 100, 2, 1)),
        "remembered": rng.choice((1000, 1000, 2)),
    }
    return setting, Drawing(rng, setting).steps(rng.randrange(6, 32))


class Drawing:
    """Draws steps, each after the reference has answered those before it."""

    def __init__(self, rng: random.Random, setting: Thing) -> None:
        self.rng = rng
        self.has_stream = rng.randrange(5)  # 0, 1: never; 2, 3: always; 4: now and then
        given = read_setting("pipeline", setting)
        assert isinstance(given, PipelineSetting)
        self.engine = piping.Engine(given)
        self.drawn: list[Thing] = []
        self.seen: Thing = {}
        self.draw = Events(rng, self.event)
        self.waits = 0
        self.entries: dict[str, list[str]] = {}
        self.look({"ok": {}})

    def look(self, out: Thing) -> None:
        """See what the reference shows; requests that go out are answered in some later step."""
        self.seen = copy.deepcopy(self.engine.observe(out))
        for effect in cast(list[Thing], self.seen["effects"]):
            if effect["e"] == "persist":
                entries = cast(list[Thing], effect["entries"])
                self.entries[str(effect["request"])] = [str(entry["m"]) for entry in entries]

    def play(self, step: Thing) -> None:
        """Take a step into the script, and see what the reference makes of it."""
        self.drawn.append(copy.deepcopy(step))
        self.look(self.engine.take(read_step("pipeline", step)))

    def steps(self, count: int) -> list[Thing]:
        """A whole script."""
        while len(self.drawn) < count:
            if self.rng.randrange(30) == 0:
                self.play({"do": "crash"})
                self.entries.clear()
                self.play({"do": "start"})
            else:
                self.play(self.step())
        return self.drawn

    # --- what is known

    def of_place(self, *places: str) -> list[str]:
        """The writes in these places."""
        known = cast(dict[str, str], self.seen["places"])
        return [m for m, place in known.items() if place in places]

    def event(self) -> str:
        """The name of an event."""
        pending = [m for m, s in cast(Thing, self.seen["tickets"]).items() if s != "confirmed"]
        return self.rng.choice((*pending, *self.draw.events[-4:], "$m0", *pending))

    def position(self) -> tuple[int, int]:
        """Where the documents are."""
        at = cast(dict[str, int], self.seen["position"])
        return at["epoch"], at["seq"]

    def heard(self) -> int:
        """The epoch of a message: mostly the current one."""
        epoch = self.position()[0]
        return self.rng.choice((*(epoch,) * 16, epoch - 1, epoch + 1))

    def place(self) -> int:
        """A position near the documents."""
        return max(0, self.position()[1] + self.rng.choice((-1, 0, 1, 1, 1, 2)))

    def version(self) -> int:
        """A version near what is known."""
        return self.rng.randrange(1, 8)

    # --- steps

    def step(self) -> Thing:
        """Any step but those that end the process."""
        kind = self.rng.randrange(25)
        if kind == 0:
            inner: list[Json] = [self.call() for _ in range(self.rng.randrange(1, 4))]
            return {"do": "together", "steps": inner}
        if kind == 1:
            hook: Thing = {"do": "hook", "on": self.rng.choice(HOOKED), "nth": 1}
            planned: Thing = (
                {"throw": True} if self.rng.randrange(3) == 0 else {"call": self.draw.dispatch()}
            )
            return {**hook, **planned}
        return self.call()

    def call(self) -> Thing:
        """A call."""
        match self.rng.choice("ddddddddddpprrrrrrrraaaaaaaaavvvllllssfffhuuuuyywwwbcct"):
            case "d":
                return self.draw.dispatch()
            case "p":
                return self.draw.patches()
            case "r":
                return {"do": "drain"}
            case "a":
                return self.answer()
            case "v":
                return self.decided()
            case "l":
                return self.delta()
            case "s":
                return self.snapshot()
            case "f":
                return {"do": "fetched", "rows": self.rows()}
            case "h":
                return {"do": "hydrate", "rows": self.rows()}
            case "u":
                return self.revert("undo")
            case "y":
                return self.revert("redo")
            case other:
                return self.small(other)

    def small(self, kind: str) -> Thing:
        """A call with little to say."""
        rng = self.rng
        match kind:
            case "w":
                return self.wait()
            case "b":
                self.draw.events.append(self.draw.fresh())
                return {"do": "begin", "m": self.draw.events[-1]}
            case "t":
                return {"do": "tick", "ms": rng.choice((1000, 3000))}
            case _:
                return {"do": rng.choice(("cancel", "cancel", "abandon")), "m": self.event()}

    def revert(self, direction: str) -> Thing:
        """Take back what mostly is one entity."""
        count = self.rng.choice((1, 1, 1, 1, 1, 2, 3))
        m = self.draw.fresh()
        names: list[Json] = [self.draw.fresh() for _ in range(count)]
        self.draw.events.append(m)
        scope: Thing = {"scope": "s"} if self.rng.randrange(9) == 0 else {}
        return {"do": direction, "m": m, "writes": names, **scope}

    def answer(self) -> Thing:
        """The answer to a request, mostly the oldest that is out."""
        rng = self.rng
        if not self.entries:
            return {"do": "drain"}
        request = rng.choice(list(self.entries))
        entries = self.entries[request]
        if rng.randrange(6):
            del self.entries[request]
        step: Thing = {"do": "persisted", "request": request}
        kind = rng.randrange(10)
        if kind == 0:
            return {**step, "failed": "no"}
        if kind == 1:
            return {**step, "unknown": True}
        named: list[str] = [m for m in entries if rng.randrange(9)]
        named += [rng.choice((*self.seen_names(), "$m1"))] if rng.randrange(9) == 0 else []
        if kind < 6:
            return {**step, "enqueued": [*named]}
        epoch: Thing = {"epoch": self.heard()} if rng.randrange(2) else {}
        results: list[Json] = [{"m": m, **self.result(m)} for m in named]
        return {**step, "results": results, **epoch}

    def seen_names(self) -> list[str]:
        """Names of pending writes."""
        return [str(m) for m in cast(list[Json], self.seen["pending"])]

    def result(self, m: str) -> Thing:
        """What became of a write."""
        kind = self.rng.randrange(9)
        if kind == 0:
            return {"unknown": True}
        return (
            {"rejected": self.rng.choice(("no", "never"))} if kind < 3 else {"ok": self.written(m)}
        )

    def written(self, m: str) -> Thing:
        """What an acceptance says."""
        rng = self.rng
        said: Thing = {}
        if self.has_stream in (2, 3) or (self.has_stream == 4 and rng.randrange(2)):
            said["seq"] = self.place()
        if rng.randrange(5):
            said["version"] = self.version()
        if m in self.draw.creates and rng.randrange(5):
            temporary = self.draw.creates[m]
            said["ids"] = {temporary: temporary.replace("t", "s")}
        if self.has_stream in (0, 1, 4) and rng.randrange(3) == 0:
            row: Thing = {"doc": {"x": rng.randrange(9)}}
            said["row"] = row if rng.randrange(5) else {"absent": True}
        return said

    def decided(self) -> Thing:
        """A verdict by itself, mostly of a write that waits for one."""
        rng = self.rng
        likely = self.of_place("enqueued", "enqueued", "unknown")
        m = rng.choice((*likely, *likely, *(self.seen_names() or ["$m1"])))
        epoch: Thing = {"epoch": self.heard()} if rng.randrange(3) == 0 else {}
        kind = rng.randrange(8)
        if kind == 0:
            return {"do": "decided", "m": m, "in_doubt": True, **epoch}
        if kind < 3:
            return {"do": "decided", "m": m, "rejected": rng.choice(("no", "never")), **epoch}
        return {"do": "decided", "m": m, "ok": self.written(m), **epoch}

    def labels(self) -> list[str]:
        """Writes that a message of the server names."""
        known = (
            *self.of_place("persisting", "enqueued", "unknown", "accepted"),
            *self.seen_names(),
        )
        return (
            sorted({self.rng.choice(known) for _ in range(self.rng.randrange(3))}) if known else []
        )

    def delta(self) -> Thing:
        """A delta, mostly the next, of changes that apply."""
        rng = self.rng
        atoms: Thing = {}
        for entity in rng.sample(("a", "b", "c", "s1"), rng.choice((0, 1, 1, 2))):
            upsert: Thing = {"upsert": {"x": rng.randrange(9)}}
            patched: Thing = {**upsert, "patch": [{"op": "add", "path": "", "value": {"x": 3}}]}
            atoms[f"r/{entity}"] = rng.choice((upsert, patched))
        labels: list[Json] = []
        for m in self.labels():
            said = self.written(m)
            other: Thing = {"client": "other"} if rng.randrange(8) == 0 else {}
            kept = {k: v for k, v in said.items() if k in ("version", "ids")}
            labels.append({"m": m, **kept, **other})
        step: Thing = {"do": "delta", "epoch": self.heard(), "seq": self.place()}
        return {**step, "atoms": atoms, "settles": labels}

    def snapshot(self) -> Thing:
        """A snapshot, one in three of a new epoch."""
        rng = self.rng
        epoch, at = self.position()[0], self.place()
        if rng.randrange(3) == 0:
            epoch, at = epoch + 1, max(0, at - 2)
        docs: Thing = {"r/a": {"x": 7, "l": [1]}, "r/b": {"x": 8}}
        versions: Thing = {atom: self.version() for atom in ("r/a", "r/b") if rng.randrange(4)}
        outcomes: Thing = {}
        for m in self.labels():
            said = self.written(m)
            kept = {k: v for k, v in said.items() if k in ("version", "ids")}
            outcomes[m] = {"ok": self.place(), **kept} if rng.randrange(4) else {"rejected": "no"}
        step: Thing = {"do": "snapshot", "epoch": epoch, "seq": at, "docs": docs}
        step |= {"versions": versions, "outcomes": outcomes}
        return {**step, "client_known": rng.randrange(3) > 0}

    def rows(self) -> list[Json]:
        """Rows that were read, or come from a cache."""
        rng = self.rng
        rows: list[Json] = []
        for entity in rng.sample(("a", "a", "b", "c", "s1", "t1"), rng.randrange(1, 3)):
            row: Thing = {"resource": "r", "entity": entity}
            row |= {"doc": {"x": rng.randrange(9)}} if rng.randrange(5) else {"absent": True}
            rows.append(row | ({"version": self.version()} if rng.randrange(4) else {}))
        return rows

    def wait(self) -> Thing:
        """Somebody awaits an event; at most one wait is out with a time that may pass."""
        rng = self.rng
        self.waits += 1
        step: Thing = {"do": "await", "w": f"$w{self.waits}", "m": self.event()}
        step["mode"] = rng.choice(("strict", "optimistic"))
        if rng.randrange(3) == 0:
            step["timeout"] = rng.choice((0, 2000, 2000))
            step["on_timeout"] = rng.choice(("reject", "resolve-enqueued"))
        return step
