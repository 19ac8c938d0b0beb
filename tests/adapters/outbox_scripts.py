"""Random scripts of profile outbox: the reference plays along, so that most steps mean much."""

from __future__ import annotations

import copy
import random
from typing import TypeAlias, cast

from optisync_conformance.frames import Json
from optisync_conformance.reference import outboxing
from optisync_conformance.script import OutboxSetting, read_setting, read_step

Thing: TypeAlias = dict[str, Json]

ENTITIES = ("a", "a", "b", "c", "t1", "t1", "t2", "r1")
VALUES: tuple[Json, ...] = (1, 2, "t1", "t2", ["t1", {"k": "t2"}], "r1", {"t1": 1})
REFUSALS = ("no", "never")
HOOKED = ("enqueued", "parked", "diag")  # no verdict: those are told again inside a start


def outbox(rng: random.Random) -> tuple[Thing, list[Thing]]:
    """The setting and the steps of one script."""
    setting: Thing = {
        "mode": rng.choice(("entity", "entity", "ordered")),
        "capacity": rng.choice((10000, 10000, 10000, 3)),
        "lease_ms": rng.choice((30000, 2500)),
        "max_attempts": rng.choice((5, 1, 2)),
        "delay_ms": 1000,
        "max_delay_ms": rng.choice((60000, 3000)),
        "epoch": 1,
    }
    return setting, Drawing(rng, setting).steps(rng.randrange(8, 45))


class Drawing:
    """Draws steps, each after the reference has answered those before it."""

    def __init__(self, rng: random.Random, setting: Thing) -> None:
        self.rng = rng
        self.salt = rng.randrange(1000)
        given = read_setting("outbox", setting)
        assert isinstance(given, OutboxSetting)
        self.engine = outboxing.Engine(given, outboxing.in_memory())
        self.drawn: list[Thing] = []
        self.seen: Thing = {}
        self.names, self.leases, self.taken = ["$m1"], ["$l0"], 0
        self.creates: dict[str, str] = {}
        self.look({"ok": {}})

    def look(self, out: Thing) -> None:
        """See what the reference shows."""
        self.seen = copy.deepcopy(self.engine.observe(out))

    def play(self, step: Thing) -> None:
        """Take a step into the script, and see what the reference makes of it."""
        self.drawn.append(copy.deepcopy(step))
        self.look(self.engine.take(read_step("outbox", step)))

    @property
    def is_dead(self) -> bool:
        """Whether the process ended inside a step."""
        return "queue" not in self.seen

    def steps(self, count: int) -> list[Thing]:
        """A whole script."""
        while len(self.drawn) < count:
            if self.rng.randrange(20) == 0:
                self.die()
                self.play({"do": "start"})
            else:
                self.play(self.step())
        return self.drawn

    def die(self) -> None:
        """The process ends, between two steps or at a save inside one."""
        if self.rng.randrange(2):
            return self.play({"do": "crash"})
        when = self.rng.choice(("before", "after"))
        self.play({"do": "arm-crash", "nth": self.rng.choice((1, 1, 2)), "when": when})
        for _ in range(self.rng.randrange(4)):
            if not self.is_dead:
                self.play(self.saving())
        while not self.is_dead:
            self.play(self.take())
        return None

    # --- what is known

    def of_state(self, *states: str) -> list[str]:
        """The names of the numbers in these states."""
        queue = cast(list[Thing], self.seen["queue"])
        names = [str(member["m"]) for member in queue if member["state"] in states]
        return [name for name in names if name.startswith("$")]

    def some(self, *states: str) -> str:
        """A name in one of these states, or any."""
        named = self.of_state(*states)
        return self.rng.choice(named) if named and self.rng.randrange(8) else self.name()

    def name(self) -> str:
        """A name that was used."""
        return self.rng.choice(self.names[-5:])

    def several(self, most: int, *states: str) -> list[str]:
        """Different names in these states, mostly."""
        return sorted({self.some(*states) for _ in range(self.rng.randrange(most + 1))})

    def cursor(self) -> tuple[int, int]:
        """Where the documents are."""
        cursor = cast(dict[str, int], self.seen["cursor"])
        return cursor["epoch"], cursor["seq"]

    def heard(self) -> int:
        """The epoch of a message: mostly the current one."""
        epoch = self.cursor()[0]
        return self.rng.choice((*(epoch,) * 14, epoch - 1, epoch + 1))

    def place(self) -> int:
        """A position near the documents."""
        return max(0, self.cursor()[1] + self.rng.choice((-1, 0, 1, 1, 1, 2)))

    # --- steps

    def step(self) -> Thing:
        """Any step but those that end the process."""
        kind = self.rng.randrange(30)
        if kind == 0:
            inner: list[Json] = [self.call() for _ in range(self.rng.randrange(1, 4))]
            return {"do": "together", "steps": inner}
        if kind == 1:
            hook: Thing = {"do": "hook", "on": self.rng.choice(HOOKED), "nth": 1}
            throws = self.rng.randrange(3) == 0
            planned: Thing = {"throw": True} if throws else {"call": self.enqueue()}
            return {**hook, **planned}
        if kind == 2:  # the taking of a number saves at the latest: nothing is left for a start
            failing: Thing = {"do": "store-fails", "times": 1}
            return {"do": "together", "steps": [failing, self.saving(), self.take()]}
        return self.call()

    def saving(self) -> Thing:
        """A call that saves if it changes anything."""
        makes = (self.stored, self.reserve, self.delta, self.snapshot, self.watermark)
        return self.rng.choice(makes)()

    def call(self) -> Thing:
        """A call."""
        match self.rng.choice("eeeeeeerrrrrrrrsssssssssddddnnwwtt............"):
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
                return self.take()
            case _:
                return self.small()

    def small(self) -> Thing:
        """A call with little to say."""
        rng = self.rng
        match rng.choice("aalloooookhhhz"):
            case "a":
                return self.ask()
            case "l":
                return {"do": "release", "lease": rng.choice(self.leases[-2:])}
            case "o":
                return {"do": "tick", "ms": rng.choice((1000, 2000, 3000, 30000, 60000))}
            case "k":
                return {"do": "consume"}
            case "h":
                return {"do": "has-read", "resource": "r", "entity": rng.choice(ENTITIES)}
            case _:
                return {"do": "scribble", "m": self.name()}

    def ask(self) -> Thing:
        """What the application may ask of one entry, or number."""
        asked = [
            ("cancel", self.of_state("queued")[-1:]),
            ("give-up", self.of_state("open")),
            ("abandon", self.of_state("in-flight")),
            ("resume", self.of_state("parked") * 3),
        ]
        do, names = self.rng.choice([pair for pair in asked if pair[1]] or asked)
        odd = not names or self.rng.randrange(6) == 0
        return {"do": do, "m": self.name() if odd else self.rng.choice(names)}

    def take(self) -> Thing:
        """Take a number for a name that has none."""
        self.taken += 1
        return {"do": "take", "m": f"$t{self.taken}"}

    def enqueue(self) -> Thing:
        """Enqueue some entries."""
        return self.stored() | ({} if self.rng.randrange(6) else {"stored": False})

    def stored(self) -> Thing:
        """Enqueue some entries that are stored."""
        entries: list[Json] = [self.entry() for _ in range(self.rng.choice((1, 1, 2, 3)))]
        return {"do": "enqueue", "entries": entries}

    def entry(self) -> Thing:
        """One entry, mostly a new one; a name has mostly the same write whenever it is drawn."""
        name, rng = self.some("open"), self.rng
        if name not in self.of_state("open") and rng.randrange(4):
            self.names.append(f"$m{len(self.names) + 1}")
            name = self.names[-1]
        drawn = random.Random(f"{name} {self.salt}")
        entry: Thing = {"m": name, "resource": "r", "entity": drawn.choice(ENTITIES)}
        entry |= self.content(drawn, str(entry["entity"]))
        if "temporary" in entry:
            self.creates[name] = str(entry["entity"])
        if drawn.randrange(12) == 0:
            entry["base_epoch"] = drawn.choice((0, 2))
        if rng.randrange(10) == 0:  # another write than the one that the name stands for
            entry["change"] = {"create": "other"}
        if self.rng.randrange(6) == 0:
            entry["after"] = [self.name() for _ in range(self.rng.randrange(1, 3))]
        return entry | ({"key": "k1"} if name in ("$m2", "$m4") else {})

    @staticmethod
    def content(rng: random.Random, entity: str) -> Thing:
        """The change of an entry, with the version it was planned on."""
        value = copy.deepcopy(rng.choice(VALUES))
        base: Thing = {"base": rng.randrange(1, 4)}
        if entity in ("t1", "t2") and rng.randrange(3):
            return {"change": {"create": value}, "temporary": True}
        if rng.randrange(3) == 0:
            upsert: Thing = {"upsert": {"x": value}}
            patch: Thing = {"patch": [{"op": "add", "path": "/x", "value": value}]}
            made: Json = rng.choice((upsert, {**upsert, **patch}, {"create": value}))
            return {"change": made} | (base if rng.randrange(4) == 0 else {})
        update: Json = [{"op": "add", "path": "/x", "value": value}]
        changed: Json = update if rng.randrange(4) else {"delete": True}
        return {"change": changed} | (base if rng.randrange(5) else {})

    def reserve(self) -> Thing:
        """A worker asks for work."""
        self.leases.append(f"$l{len(self.leases)}")
        limit = self.rng.choice((100, 100, 100, 1, 2, 0))
        return {"do": "reserve", "lease": self.leases[-1], "limit": limit}

    def settle(self) -> Thing:
        """An answer, mostly under the lease of what it names."""
        queue = cast(list[Thing], self.seen["queue"])
        held = [str(member["lease"]) for member in queue if "lease" in member]
        lease = self.rng.choice((*held, self.rng.choice(self.leases[-3:])))
        named = self.several(4, "in-flight", "in-flight", "acked")
        results: list[Json] = [{"m": m, **self.result(m)} for m in named]
        return {"do": "settle", "lease": lease, "epoch": self.heard(), "results": results}

    def result(self, m: str) -> Thing:
        """What became of an entry, as an answer says it."""
        kind = self.rng.randrange(6)
        if kind == 0:
            return {"retry": self.rng.choice((0, 1500, 70000))}
        return {"unknown": True} if kind == 1 else self.outcome(m)

    def outcome(self, m: str) -> Thing:
        """A definite verdict."""
        if self.rng.randrange(4) == 0:
            return {"rejected": self.rng.choice(REFUSALS)}
        return {"ok": self.place(), **self.learnt(m)}

    def learnt(self, m: str) -> Thing:
        """A version and an id that come with an acceptance."""
        rng = self.rng
        version: Thing = {"version": rng.randrange(1, 6)} if rng.randrange(3) else {}
        if m not in self.creates or rng.randrange(4) == 0:
            return version
        temporary = self.creates[m]
        return {**version, "ids": {temporary: temporary.replace("t", "r")}}

    def delta(self) -> Thing:
        """A delta, mostly the next."""
        named = self.several(2, "in-flight", "acked", "parked")
        other: Thing = {"client": "other"} if self.rng.randrange(8) == 0 else {}
        labels: list[Json] = [{"m": m, **self.learnt(m), **other} for m in named]
        return {"do": "delta", "epoch": self.heard(), "seq": self.place(), "settles": labels}

    def snapshot(self) -> Thing:
        """A snapshot, one in three of a new epoch."""
        named = self.several(3, "in-flight", "acked", "queued", "parked")
        outcomes: Thing = {m: self.outcome(m) for m in named}
        epoch, at = self.cursor()[0], self.place()
        if self.rng.randrange(3) == 0:
            epoch, at = epoch + 1, max(0, at - 2)
        step: Thing = {"do": "snapshot", "epoch": epoch, "seq": at, "outcomes": outcomes}
        return {**step, "client_known": self.rng.randrange(3) > 0}

    def watermark(self) -> Thing:
        """A watermark, every other one with what was refused."""
        rng = self.rng
        known = self.of_state("queued", "in-flight", "acked", "parked", "open", "skip")
        step: Thing = {"do": "watermark", "epoch": self.heard()}
        step |= {"seq": max(0, self.place() - 1), "upto": rng.choice((None, *known, *known))}
        refused: Thing = {m: rng.choice(REFUSALS) for m in self.several(2, "in-flight", "acked")}
        named: Thing = {"refused": refused} if rng.randrange(2) else {}
        return {**step, **named}
