"""Random scripts of profile outbox: half of them a likely course, half of them anything."""

from __future__ import annotations

import copy
import random
from typing import TypeAlias

from optisync_conformance.frames import Json

Thing: TypeAlias = dict[str, Json]

ENTITIES = ("a", "a", "a", "b", "t1", "t1", "t2", "r1")
VALUES: tuple[Json, ...] = (1, 2, "t1", "t2", ["t1", {"k": "t2"}], "r1", {"t1": 1})
REFUSALS = ("no", "never")
HOOKED = ("enqueued", "parked", "diag")  # no verdict: those are told again inside a start


def outbox(rng: random.Random) -> tuple[Thing, list[Thing]]:
    """The setting and the steps of one script."""
    setting: Thing = {
        "mode": rng.choice(("entity", "entity", "ordered")),
        "capacity": rng.choice((10000, 10000, 10000, 2)),
        "lease_ms": rng.choice((30000, 2500)),
        "max_attempts": rng.choice((5, 1, 2)),
        "delay_ms": 1000,
        "max_delay_ms": rng.choice((60000, 3000)),
        "epoch": 1,
    }
    return setting, _Drawing(rng).steps(rng.randrange(5, 22))


class _Drawing:
    """Draws steps, and keeps in mind what may be meant by them."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.names = [f"$m{n}" for n in range(1, 6)]
        self.taken: list[str] = []
        self.given: list[str] = []
        self.leases = ["$l0"]
        self.epoch, self.seq = 1, 0

    def steps(self, count: int) -> list[Thing]:
        """A whole script."""
        steps: list[Thing] = []
        while len(steps) < count:
            if self.rng.randrange(16) == 0:
                steps += self.death()
            else:
                steps.append(self.step())
        return steps

    def death(self) -> list[Thing]:
        """The process ends, between steps or inside one; three numbers taken are three saves."""
        start: Thing = {"do": "start"}
        if self.rng.randrange(2):
            return [{"do": "crash"}, start]
        arm: Thing = {"do": "arm-crash", "nth": self.rng.randrange(1, 4)}
        arm["when"] = self.rng.choice(("before", "after"))
        inner: list[Json] = [self.saving() for _ in range(self.rng.randrange(3))]
        return [arm, {"do": "together", "steps": [*inner, *(self.take() for _ in range(3))]}, start]

    def step(self) -> Thing:
        """Any step but those that end the process."""
        kind = self.rng.randrange(24)
        if kind == 0:
            inner: list[Json] = [self.step_plain() for _ in range(self.rng.randrange(1, 4))]
            return {"do": "together", "steps": inner}
        if kind == 1:
            hook: Thing = {"do": "hook", "on": self.rng.choice(HOOKED), "nth": 1}
            return hook | (
                {"throw": True} if self.rng.randrange(3) == 0 else {"call": self.enqueue()}
            )
        return self.step_plain()

    def step_plain(self) -> Thing:
        """A call."""
        draw = self.rng.choice("eeeeeeeeerrrrrrrrrrssssssssllddddnnwwctgaooookhhuzf")
        match draw:
            case "e":
                return self.enqueue()
            case "r":
                return self.reserve()
            case "s":
                return self.settle()
            case "d":
                return self.delta()
            case "n":
                return self.snapshot()
            case "w":
                return self.watermark()
            case "t":
                step = self.take()
                self.given.append(self.taken[-1])
                return step
            case _:
                return self.small(draw)

    def saving(self) -> Thing:
        """A call that saves whenever it changes anything."""
        makes = (self.enqueue, self.reserve, self.settle, self.delta, self.snapshot, self.watermark)
        return self.rng.choice(makes)()

    def small(self, draw: str) -> Thing:
        """A call with little to say."""
        m, rng = self.name(), self.rng
        match draw:
            case "l":
                return {"do": "release", "lease": rng.choice(self.leases)}
            case "c":
                return {"do": "cancel", "m": m}
            case "g":
                return {"do": "give-up", "m": rng.choice(self.taken or self.names)}
            case "a":
                return {"do": "abandon", "m": m}
            case "o":
                return {"do": "tick", "ms": rng.choice((1000, 2000, 3000, 30000, 60000))}
            case "k":
                return {"do": "consume"}
            case "h":
                return {"do": "has-read", "resource": "r", "entity": rng.choice(ENTITIES)}
            case "u":
                return {"do": "resume", "m": m}
            case "z":
                return {"do": "scribble", "m": m}
            case _:
                return self.failure()

    def failure(self) -> Thing:
        """A save fails: that of a call, or else the taking of a number; never that of a start."""
        inner: list[Json] = [self.saving(), self.take()]
        return {"do": "together", "steps": [{"do": "store-fails", "times": 1}, *inner]}

    def name(self) -> str:
        """A name of an entry, some more likely than others."""
        if self.taken and self.rng.randrange(4) == 0:
            return self.rng.choice(self.taken)
        return self.rng.choice(self.names)

    def take(self) -> Thing:
        """Take a number for a name that has none."""
        self.taken.append(f"$t{len(self.taken) + 1}")
        return {"do": "take", "m": self.taken[-1]}

    def enqueue(self) -> Thing:
        """Enqueue some entries."""
        entries: list[Json] = [self.entry() for _ in range(self.rng.choice((1, 1, 2, 3)))]
        step: Thing = {"do": "enqueue", "entries": entries}
        return step if self.rng.randrange(6) else {**step, "stored": False}

    def entry(self) -> Thing:
        """One entry; a name has mostly the same write whenever it is drawn."""
        name, rng = self.name(), self.rng
        if rng.randrange(3):
            rng = random.Random(name + self.names[0])
        value, entity = copy.deepcopy(rng.choice(VALUES)), rng.choice(ENTITIES)
        entry: Thing = {
            "m": name,
            "resource": "r",
            "entity": entity,
            "change": self.change(rng, value),
        }
        if entity in ("t1", "t2") and rng.randrange(3):
            entry |= {"change": {"create": value}, "temporary": True}
        if rng.randrange(3) == 0 or not isinstance(entry["change"], dict):
            entry |= {"base": rng.randrange(1, 4)} if rng.randrange(3) else {}
        if rng.randrange(12) == 0:
            entry["base_epoch"] = rng.choice((0, 2))
        if rng.randrange(6) == 0:
            entry["after"] = [self.name() for _ in range(rng.randrange(1, 3))]
        return entry | ({"key": "k1"} if name in ("$m4", "$m5") else {})

    @staticmethod
    def change(rng: random.Random, value: Json) -> Json:
        """A change of one document."""
        update: Json = [{"op": "add", "path": "/x", "value": value}]
        upsert: Thing = {"upsert": {"x": value}}
        patched: Thing = {"upsert": value, "patch": update}
        return rng.choice(
            (update, update, update, upsert, patched, {"create": value}, {"delete": True})
        )

    def reserve(self) -> Thing:
        """A worker asks for work."""
        self.leases.append(f"$l{len(self.leases)}")
        return {
            "do": "reserve",
            "lease": self.leases[-1],
            "limit": self.rng.choice((100, 100, 1, 2, 0)),
        }

    def settle(self) -> Thing:
        """An answer, mostly under the newest lease."""
        names = self.rng.sample(self.names + self.taken, self.rng.choice((1, 2, 3, 4)))
        lease = self.rng.choice((self.leases[-1], self.leases[-1], self.rng.choice(self.leases)))
        results: list[Json] = [{"m": m, **self.result()} for m in names]
        return {"do": "settle", "lease": lease, "epoch": self.heard(), "results": results}

    def result(self) -> Thing:
        """What became of an entry, as an answer says it."""
        kind = self.rng.randrange(7)
        if kind == 0:
            return {"retry": self.rng.choice((0, 1500, 70000))}
        return {"unknown": True} if kind == 1 else self.outcome()

    def outcome(self) -> Thing:
        """A definite verdict."""
        if self.rng.randrange(4) == 0:
            return {"rejected": self.rng.choice(REFUSALS)}
        return {"ok": self.place(), **self.learnt()}

    def learnt(self) -> Thing:
        """A version and ids that come with an acceptance."""
        rng = self.rng
        version: Thing = {"version": rng.randrange(1, 6)} if rng.randrange(3) else {}
        ids: Json = {
            t: rng.choice(("r1", "r2")) for t in rng.sample(("t1", "t2"), rng.choice((1, 1, 2)))
        }
        return version | ({"ids": ids} if rng.randrange(3) == 0 else {})

    def heard(self) -> int:
        """The epoch of a message: mostly the current one."""
        return self.rng.choice((*(self.epoch,) * 12, self.epoch - 1, self.epoch + 1))

    def place(self) -> int:
        """A position near the documents."""
        return max(0, self.seq + self.rng.choice((-1, 0, 1, 1, 1, 2)))

    def delta(self) -> Thing:
        """A delta, mostly the next."""
        rng, seq = self.rng, self.place()
        names = rng.sample(self.names + self.taken, rng.choice((0, 0, 1, 1, 2)))
        other: Thing = {"client": "other"} if rng.randrange(8) == 0 else {}
        labels: list[Json] = [{"m": m, **self.learnt(), **other} for m in names]
        self.seq = max(self.seq, seq)
        return {"do": "delta", "epoch": self.heard(), "seq": seq, "settles": labels}

    def snapshot(self) -> Thing:
        """A snapshot, one in three of a new epoch."""
        rng = self.rng
        names = rng.sample(self.names + self.taken, rng.choice((0, 1, 2, 3)))
        outcomes: Thing = {m: self.outcome() for m in names}
        if rng.randrange(3) == 0:
            self.epoch, self.seq = self.epoch + 1, max(0, self.seq - 2)
        step: Thing = {"do": "snapshot", "epoch": self.epoch, "seq": self.place()}
        return {**step, "outcomes": outcomes, "client_known": rng.randrange(4) > 0}

    def watermark(self) -> Thing:
        """A watermark, every other one with what was refused."""
        rng = self.rng
        upto = rng.choice((None, *self.given))
        step: Thing = {"do": "watermark", "epoch": self.heard(), "seq": max(0, self.place() - 1)}
        names = rng.sample(self.names, rng.choice((0, 1, 2)))
        refused: Thing = {m: rng.choice(REFUSALS) for m in names}
        return {**step, "upto": upto} | ({"refused": refused} if rng.randrange(2) else {})
