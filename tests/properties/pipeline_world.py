"""A pipeline, a persistence and a server, driven by a chooser.

Every decision comes from `choose`, so a run can be replayed and reduced. After every input the
`Judge` says whether all is well; `quiesce` asks that everything is settled.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tests.properties.pipeline_backends import ROWS, RowAuthority, StreamAuthority
from tests.properties.pipeline_calls import Calls
from tests.properties.pipeline_probes import probe
from tests.properties.pipeline_writes import SCOPES
from tests.properties.scripts import Choose

from optisync.contracts.entry import EntryId, Millis, Row, Written
from optisync.contracts.messages import Refused
from optisync.errors import OptisyncError
from optisync.pipeline.events import Patches, Write
from optisync.pipeline.inputs import (
    Abandon,
    Await,
    Begin,
    Cancel,
    Decided,
    Direction,
    Dispatch,
    Drain,
    Failed,
    Fetched,
    FetchedRow,
    Hydrate,
    NoAnswer,
    Persisted,
    Revert,
    Tick,
)
from optisync.pipeline.pending import Accepted, Place
from optisync.pipeline.revert import inverses
from optisync.pipeline.state import Mode, OnTimeout, start
from optisync.pipeline.step import step
from optisync.values import ClientSeq, Obj


@dataclass
class World(Calls):
    """One run."""

    menu: list[Callable[["World"], None]] = field(default_factory=list)

    def led_by(self, choose: Choose) -> None:
        self.choose = self.events.choose = self.carrier.choose = choose

    # --- the application --------------------------------------------------------------------

    def dispatch(self) -> None:
        event = self.events.one()
        count = 1 if isinstance(event, Write) else len({op.path[0] for op in event.patch})
        given = Dispatch(
            event, self.numbers(count), self.events.context(), self.events.persist_key(),
            not self.coin(12), self.ticket(),
        )  # fmt: skip
        self.register(given)
        temporary = isinstance(event, Write) and event.temporary
        if temporary and isinstance(event, Write) and self.used == given.seqs[-1]:
            self.events.temporaries.append(event.entity)

    def misdispatch(self) -> None:
        """[bad-event-fails-alone] [number-order]: what is refused changes nothing."""
        good = Dispatch(self.events.one(), (ClientSeq(self.used + 1),))
        if isinstance(good.event, Patches):
            good = replace(good, event=Write(ROWS[0], self.events.change()))
        bad = (
            replace(good, event=self.events.malformed()),
            replace(good, seqs=(self.used,)),
            replace(good, seqs=()),
            replace(good, ticket=9_999),
            replace(good, ticket=self.some_ticket()),
            replace(good, event=self.events.again()),
        )[self.choose(6)]
        if step(self.config, self.state, bad).error is not None:
            self.give(bad)

    def revert(self) -> None:
        direction = (Direction.UNDO, Direction.REDO)[self.choose(3) == 0]
        scope = SCOPES[self.choose(4) == 0]
        try:
            count = len(inverses(self.state, direction, scope))
        except OptisyncError:
            count = 1
        given = Revert(direction, self.numbers(count), scope, self.events.persist_key())
        self.register(replace(given, seqs=()) if self.coin(30) else given)

    def drain(self) -> None:
        self.judge.drained()
        self.give(Drain())
        assert not self.state.queue

    def begin(self) -> None:
        self.give(Begin())

    def wait(self) -> None:
        self.waits += 1
        mode = (Mode.OPTIMISTIC, Mode.STRICT)[self.choose(2)]
        timeout = (None, None, Millis(0), Millis(20))[self.choose(4)]
        on_timeout = (OnTimeout.REJECT, OnTimeout.RESOLVE_ENQUEUED)[self.choose(2)]
        given = Await(self.waits, self.some_ticket(), mode, timeout, on_timeout)
        self.judge.waits[self.waits] = given
        if timeout is not None:
            self.judge.until[self.waits] = self.state.now + timeout
        if self.give(given).error is not None:
            del self.judge.waits[self.waits]

    def cancel(self) -> None:
        number = self.some_ticket()
        given, codes = Cancel(number), self.undecided(number, Place.WAITING)
        done = step(self.config, self.state, given)
        for seq in codes if done.error is None else ():
            self.judge.notes[seq].codes.add("cancelled")
        self.give(given)

    def abandon(self) -> None:
        unknown = [m.ticket for m in self.state.pending if m.status is Place.UNKNOWN]
        number = unknown[0] if unknown else self.some_ticket()
        given, seqs = Abandon(number), self.undecided(number, Place.UNKNOWN)
        if step(self.config, self.state, given).error is None:
            self.judge.doubtful |= seqs
        self.give(given)

    def undecided(self, number: int, place: Place) -> set[ClientSeq]:
        return {m.seq for m in self.state.pending if (m.ticket, m.status) == (number, place)}

    def tick(self) -> None:
        self.give(Tick(Millis(self.state.now + (1, 10, 50, -5)[self.choose(4)])))

    def hydrate(self) -> None:
        """Rows from a cache that is as old as it likes."""
        rows = [FetchedRow(e, Row(Obj({"n": 0, "m": -1000}))) for e in ROWS if self.coin(3)]
        self.give(Hydrate(tuple(rows)))

    def probe(self) -> None:
        probe(self.config, self.state, self.choose)

    # --- persistence and server -------------------------------------------------------------

    def answer(self) -> None:
        given = self.carrier.answer(self.state)
        if given is not None:
            self.old.append(given)
            self.give(given)

    def work(self) -> None:
        self.carrier.work(self.state)

    def find_out(self) -> None:
        self.carrier.find_out(self.state)

    def arrive(self) -> None:
        """A verdict that comes by itself."""
        if self.carrier.mail:
            given = self.carrier.mail.pop(self.choose(min(3, len(self.carrier.mail))))
            self.old.append(given)
            self.give(given)
            self.carrier.undecided(self.state)

    def repeat(self) -> None:
        """Something that was said before is said again. [answer-once]"""
        if self.old:
            given, before = self.old[self.choose(len(self.old))], self.state
            if isinstance(given, Persisted) and self.coin(2):  # or something else
                given = replace(given, outcome=(Failed("late"), NoAnswer())[self.choose(2)])
            self.give(given)
            assert self.state == before or not isinstance(given, Persisted)

    def invent(self) -> None:
        """A verdict of what was never handed over, or is decided, or of somebody else's.

        [verdict-of-unsent-ignored]
        """
        unsent = [m.seq for m in self.state.pending if m.status is Place.WAITING]
        names = [f"me/{seq}" for seq in unsent] + ["other/1", "me/x", "me/424242"]
        name = EntryId(names[self.choose(len(names))])
        verdict = (Refused("no"), Written())[self.choose(2)]
        taken = [m.seq for m in self.state.pending if isinstance(m.status, Accepted)]
        if taken and self.coin(2):  # [verdict-stands]
            name, verdict = EntryId(f"me/{taken[0]}"), Refused("no")
        before = self.state
        assert self.give(Decided(name, verdict)).state == before

    def write_elsewhere(self) -> None:
        self.foreign += 1
        entity, change = self.events.foreign(self.foreign)
        self.authority.write_elsewhere(self.foreign, entity, change)

    def read(self) -> None:
        """Rows are read; the answer may come later."""
        if isinstance(self.authority, RowAuthority):
            some = [*ROWS, *self.stale][self.choose(len(ROWS) + len(self.stale))]
            rows = self.authority.everything() if self.coin(3) else (self.authority.read(some),)
            self.reads.append(Fetched(rows))
            if self.coin(2):
                self.give(self.reads.pop(self.choose(len(self.reads))))

    def delta(self) -> None:
        if isinstance(self.authority, StreamAuthority):
            if self.state.epoch < self.authority.epoch:
                ahead = self.authority.deltas(self.authority.server.base_seq)
                if ahead:
                    self.give(ahead[-1])
                return
            if self.judge.durable:
                for delta in self.authority.deltas(self.state.server_seq)[: 1 + self.choose(2)]:
                    self.old.append(delta)
                    self.give(delta)

    def snapshot(self) -> None:
        if isinstance(self.authority, StreamAuthority):
            given = self.authority.snapshot()
            if given.epoch > self.state.epoch and not given.client_known:
                self.carrier.forgotten(self.state)
            self.give(given)
            self.judge.durable = True
            self.carrier.undecided(self.state)

    def disaster(self) -> None:
        if isinstance(self.authority, StreamAuthority) and self.coin(3):
            self.judge.restored = True
            self.authority.disaster(self.coin(3), self.choose(4))

    def restart(self) -> None:
        """The process ends. What was stored comes back, with documents that were saved."""
        keeps = self.judge.durable or self.coin(2)
        in_rows = isinstance(self.authority, RowAuthority)
        stored = [
            m if isinstance(m.status, Accepted) else replace(m, status=Place.ENQUEUED)
            for m in self.state.pending
            if m.seq in self.carrier.durable and (keeps or not isinstance(m.status, Accepted))
        ]
        self.carrier.restart()
        self.old = [given for given in self.old if not isinstance(given, Persisted)]
        self.reads = []
        self.stale = [m.write.entity for m in stored if isinstance(m.status, Accepted)]
        was, numbered = self.state, self.used
        if keeps and (in_rows or self.judge.durable):
            self.state = start(
                was.docs, was.epoch, was.server_seq, was.versions.items(), numbered, stored,
                was.aliases.items(), was.loaded,
            )  # fmt: skip
        else:
            self.state = start(numbered=numbered, stored=stored)
        made = {*self.state.pending.makers, *self.state.aliases}
        self.events.temporaries = [e for e in self.events.temporaries if e.id in made]
        self.judge.began(self.state)
        self.carrier.undecided(self.state)

    # --- a run ------------------------------------------------------------------------------

    def warm(self) -> None:
        """The documents come before the first write."""
        if isinstance(self.authority, RowAuthority):
            self.give(Fetched(self.authority.everything()))
        self.snapshot()

    def act(self) -> None:
        if self.resync:
            self.resync = False
            self.snapshot()
        self.menu[self.choose(len(self.menu))](self)

    def quiesce(self) -> None:
        """No more writes; answers keep coming. CONVERGENCE, in a bounded number of rounds."""
        self.choose = self.carrier.choose = lambda below: below - 1
        for _ in range(60):
            self.round()
            if not self.state.pending.members:
                break
        assert not self.state.pending.members, f"left: {list(self.state.pending)}"
        self.round()
        assert self.state.docs == self.authority.docs()
        self.give(Tick(Millis(self.state.now + 1_000)))
        idle = {n for n, ticket in self.state.tickets.items() if ticket.first is None}
        self.judge.finish(idle)

    def round(self) -> None:
        """What hosts and persistence do at their own interval."""
        self.drain()
        for request in list(self.carrier.requests):
            given = self.carrier.settle(request, self.state)
            if given is not None:
                self.give(given)
        self.carrier.undecided(self.state)
        self.work()
        self.find_out()
        while self.carrier.mail:
            self.arrive()
        if isinstance(self.authority, RowAuthority):
            rows = tuple(self.authority.read(self.judge.known(row)) for row in self.stale)
            if not self.state.pending.members:
                rows = (*self.authority.everything(), *map(self.authority.read, ROWS))
            self.stale = []
            self.give(Fetched(rows))
        elif self.state.epoch < self.authority.epoch or not self.judge.durable:
            self.snapshot()
        else:
            while self.authority.deltas(self.state.server_seq):
                self.delta()
