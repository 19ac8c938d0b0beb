"""One file from empty to drained: the application and the network around a child that dies."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.crash.application import Application
from tests.crash.authority import Authority
from tests.crash.ledger import Ledger
from tests.crash.life import Dead, Life
from tests.crash.network import Network
from tests.crash.wire import Done

from optisync.contracts.entry import Millis
from optisync.outbox.effects import Effect, Send
from optisync.outbox.inputs import (
    Cancel,
    Consume,
    Enqueue,
    GiveUp,
    Input,
    Release,
    Reserve,
    Resume,
    Take,
    Tick,
)
from optisync.values import ClientSeq

SAVES: Final = ("before-save", "after-save")
TELLS: Final = {
    "Restart": ("Told",),
    "Enqueue": ("Enqueued",),
    "Reserve": ("Send",),
    "Settle": ("Told", "ParkedEntry"),
    "Delta": ("Told",),
    "Snapshot": ("Told",),
    "Cancel": ("Told",),
    "Consume": (),
    "Tick": (),
    "Release": (),
    "Resume": (),
    "Take": (),
    "GiveUp": (),
    "Watermark": ("Told",),
}
"""The calls of a story and their effects: a process can die around each, as around each save."""

POINTS: Final = tuple(
    f"{call} {point}"
    for call, effects in TELLS.items()
    for point in (*SAVES, *(f"{side}-{e}" for e in effects for side in ("before", "after")))
)
MODES: Final = {
    "entity": tuple(point for point in POINTS if not point.startswith("Watermark")),
    "ordered": POINTS,
}
"""The points of each mode."""
LONGEST: Final = 300
"""Actions in a life in which its point is never reached."""
ROUNDS: Final = 40
"""More than any queue needs to drain."""
WEIGHTS: Final = {
    "Enqueue": 5,
    "Reserve": 6,
    "arrive": 7,
    "Settle": 7,
    "Delta": 6,
    "Snapshot": 1,
    "Consume": 2,
    "Tick": 3,
    "Release": 1,
    "Cancel": 1,
    "Resume": 2,
    "Take": 1,
    "GiveUp": 2,
    "Watermark": 1,
    "foreign": 2,
}


class Story:
    """Lives over one file. Everything but the child is in this process and survives."""

    def __init__(self, path: Path, chance: random.Random, store: str, mode: str) -> None:
        self.ledger = Ledger()
        self.points: Counter[str] = Counter()
        self._chance, self._mode = chance, mode
        self._child = path, store, mode, self._heard
        self._authority = Authority(mode == "ordered")
        self._application = Application(chance)
        self._network = Network(self._authority, chance)
        self._points_left: list[str] = []
        self._lease = 0
        self._unconfirmed: Enqueue | None = None
        self._done = Done()
        self._taken: ClientSeq | None = None
        self._now = 0
        self._room = 0

    def live_and_die(self, clock: float) -> None:
        """One life, ended by a kill."""
        by_clock = self._chance.random() < clock
        point = "" if by_clock else self._next_point()
        parking = "Parked" in point or "Resume" in point
        rare = parking or "Told" in point or "Restart" in point
        life = Life(*self._child, point, 1 if rare else self._chance.choice((1, 2, 4)))
        self._network.willing = 0.3 if parking else 0.85
        try:
            if by_clock and self._chance.random() < 0.3:  # while it starts
                life.kill_in(self._chance.uniform(0.05, 0.25))
                self._begin(life)
            else:
                self._begin(life)
            if by_clock:
                life.kill_in(self._chance.uniform(0, 0.05))
            wanted = point.partition(" ")[0]
            for _ in range(LONGEST if wanted != "Restart" else 10):
                self._act(life, wanted)
            life.kill("clock" if by_clock else "missed")
        except Dead as death:
            self.points[str(death)] += 1

    def end(self) -> None:
        """The network heals, everything drains, and all of it is judged."""
        self._network.healed = True
        life = Life(*self._child)
        self._begin(life)
        for _ in range(ROUNDS):
            if not self._done.queue and self.ledger.consumed == self.ledger.heard_upto:
                break
            self._drain(life)
        life.end()
        life = Life(*self._child)
        self._begin(life)  # and nothing is there, nothing told
        life.end()
        for waiting in self._done.queue:
            self.ledger.finds("stuck", str(waiting))
        self.ledger.judge(self._authority.executed)

    def _next_point(self) -> str:
        """Each point once, in any order, before any comes again."""
        points = MODES[self._mode]
        self._points_left = self._points_left or self._chance.sample(points, len(points))
        return self._points_left.pop()

    def _begin(self, life: Life) -> None:
        self._now, self._taken = 0, None
        self._take_in(life.hear())
        self._authority.compact(self._done.cursor)
        self._room = self._chance.choice((1, 2, 8))
        if self._unconfirmed is not None:
            entries = self._unconfirmed.entries
            self.ledger.restarted(self._done.queue, tuple(entry.entry_id for entry in entries))
            unheard = tuple(e for e in entries if e.entry_id not in self.ledger.enqueued)
            self._call(life, Enqueue(unheard))  # the application cannot know: it asks again

    def _call(self, life: Life, given: Input) -> None:
        if isinstance(given, Enqueue):
            self._unconfirmed = given
            self.ledger.wanted |= {entry.entry_id: entry for entry in given.entries}
        self._take_in(life.call(given))
        match given:
            case Enqueue():
                self._unconfirmed = None
            case Consume(upto):
                self.ledger.consumed = upto
            case Take():
                self._taken = self._done.counter
            case _:
                pass

    def _take_in(self, done: Done) -> None:
        self._done = done
        self.ledger.listed(done.queue)

    def _heard(self, effect: Effect) -> None:
        self.ledger.heard(effect)
        if isinstance(effect, Send):
            self._network.send(effect)
            self._lease = effect.token

    def _act(self, life: Life, wanted: str) -> None:
        """Anything that can happen, most often the call that is to be died in."""
        names = list(WEIGHTS)
        weights = [WEIGHTS[name] + 10 * (name == wanted) for name in names]
        (name,) = self._chance.choices(names, weights)
        match name:
            case "arrive":
                self._network.arrive()
            case "foreign":
                self._authority.foreign(*self._application.foreign())
            case _:
                given = self._input(name)
                if given is not None:
                    self._call(life, given)

    def _input(self, name: str) -> Input | None:
        chance, queue = self._chance, self._done.queue
        match name:
            case "Enqueue" if len(queue) < self._room:
                batch = self._application.batch(queue)
                taken, self._taken = self._taken, None
                return batch if taken is None else replace(batch, seqs=(taken,))
            case "Reserve":
                return Reserve(chance.randint(1, 5))
            case "Settle":
                return self._network.answer()
            case "Delta":
                return self._authority.next_delta(self._done.cursor)
            case "Snapshot":
                return self._authority.snapshot(ClientSeq(1))
            case "Consume" if self.ledger.heard_upto > self.ledger.consumed:
                return Consume(self.ledger.heard_upto)
            case "Tick":
                self._now += chance.randint(0, 700)
                return Tick(Millis(self._now))
            case "Release":
                return Release(self._lease)
            case "Cancel" if queue:
                return Cancel(chance.choice(queue).entry_id)
            case "Take" if self._taken is None:
                return Take()
            case "GiveUp" if self._taken is not None:
                taken, self._taken = self._taken, None
                return GiveUp(taken)
            case "Watermark" if self._mode == "ordered":
                return self._authority.watermark(chance.random() < 0.5)
            case "Resume":
                parked = [w.entry_id for w in queue if w.status == "parked"]
                return Resume(chance.choice(parked)) if parked else None
            case _:
                return None

    def _drain(self, life: Life) -> None:
        """A round in which everything arrives and is answered."""
        self._now += 60_000
        self._call(life, Tick(Millis(self._now)))
        for waiting in self._done.queue:
            if waiting.status == "parked":
                self._call(life, Resume(waiting.entry_id))
        self._call(life, Reserve(1_000))
        while self._network.arrive():
            pass
        while (answer := self._network.answer()) is not None:
            self._call(life, answer)
        while (delta := self._authority.next_delta(self._done.cursor)) is not None:
            self._call(life, delta)
            if self._done.refused:
                self.ledger.finds("stuck", f"{delta}: {self._done.refused}")
                break
        if self._mode == "ordered":
            self._call(life, self._authority.watermark(refused=True))
        self._call(life, Consume(self.ledger.heard_upto))
