"""A client with an outbox, a server and a bad network, driven by a chooser.

Every decision comes from `choose`, so a run can be replayed and reduced. After every call the
`Judge` says whether all is well; `quiesce` asks that the queue drains.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, assert_never

from tests.properties.outbox_authority import (
    ME,
    Answer,
    AskWatermark,
    Authority,
    Reply,
    Request,
)
from tests.properties.outbox_client import Client, Outcome
from tests.properties.outbox_judge import Judge
from tests.properties.outbox_writes import ROWS, Versions, Writes, foreign_change
from tests.properties.scripts import Choose

from optisync.contracts.entry import EntryId, Millis, WriteEntry
from optisync.contracts.messages import Accepted, Delta, Refused, Snapshot
from optisync.outbox.effects import Send
from optisync.outbox.inputs import Result, Retry, Unknown, Watermark
from optisync.outbox.rows import InFlight, Item, Parked
from optisync.server.step import Fetch, Pull
from optisync.shell.durable import DurableOutbox
from optisync.shell.store import StoreDiskFull
from optisync.values import ClientSeq, ServerSeq

A = TypeVar("A")
Message = Request | Fetch | Pull | AskWatermark | Reply


@dataclass
class World:
    """One run."""

    choose: Choose
    authority: Authority
    client: Client
    judge: Judge
    writes: Writes
    crashes: int
    reach: int
    lags: bool
    menu: list[Callable[["World"], None]]
    mail: list[Message] = field(default_factory=list)
    now: int = 0
    foreign: int = 0
    calm: bool = False

    @property
    def seen(self) -> Counter[str]:
        return self.client.seen

    def led_by(self, choose: Choose) -> None:
        self.choose = self.writes.choose = choose

    def coin(self, sides: int) -> bool:
        """Heads once in `sides` throws, and never when the run is over."""
        return not self.calm and self.choose(sides) == 1

    # --- calls ------------------------------------------------------------------------------

    def call(self, kind: str, act: Callable[[DurableOutbox], A]) -> Outcome[A]:
        """A call, with what may happen to it: the store is full, the process ends."""
        if self.crashes and self.coin(self.crashes):
            self.client.light(1 + self.choose(7))
        failing = self.crashes > 0 and self.coin(20)
        outcome = self.client.call(kind, act, failing)
        self.after(outcome.crashed)
        if isinstance(outcome.error, StoreDiskFull) and self.coin(2):
            outcome = self.client.call(kind, act)  # [store-failure-refuses]: now it can
            assert not isinstance(outcome.error, StoreDiskFull)
            self.after(outcome.crashed)
        return outcome

    def after(self, crashed: bool) -> None:
        effects = self.client.take_heard()
        self.judge.hear(effects, self.client.state)
        epoch = self.client.state.numbers.epoch
        self.mail += [
            Request(epoch, sent.token, sent.items, sent.skips, sent.floor)
            for sent in effects
            if isinstance(sent, Send)
        ]
        if crashed:
            self.begin()
        self.judge.check(self.client.state, self.client.outbox.documents)

    def begin(self) -> None:
        """A new process."""
        self.client.begin()
        self.now = 0
        self.judge.restarted(self.client.state, self.client.take_heard())
        self.mail += [AskWatermark(), Fetch(ME)]
        if self.calm:
            self.client.light(-1)

    def restart(self) -> None:
        if self.coin(3):
            self.client.end()
            self.begin()
            self.judge.check(self.client.state, self.client.outbox.documents)

    # --- the application --------------------------------------------------------------------

    def plan(self) -> Versions:
        """The versions of the documents that the client has."""
        numbers = self.client.state.numbers
        return self.judge.versions.get((numbers.epoch, numbers.server_seq), {})

    def items(self) -> list[Item]:
        return [member for member in self.client.state.queue if isinstance(member, Item)]

    def write(self) -> None:
        entries = [self.some_write() for _ in range(1 + self.choose(3) // 2)]
        spare = sorted(self.judge.open)
        seqs = [None, *spare, ClientSeq(99)][self.choose(len(spare) + 1 + self.coin(20)) :][:1]
        stored, at = not self.coin(6), self.writes.clock()
        self.judge.trying(entries, stored)
        done = self.call("enqueue", lambda outbox: outbox.enqueue(entries, seqs, stored, at))
        if done.error is None:  # also for a write that was there already
            self.judge.open -= set(seqs)

    def some_write(self) -> WriteEntry:
        items = self.items()
        if items and self.coin(6):
            item = items[self.choose(len(items))]
            return self.writes.like(item, self.judge.notes[item.entry.entry_id].entry)
        return self.writes.one(self.plan())

    def take(self) -> None:
        taken = self.call("take", DurableOutbox.take).answer
        if taken is not None and taken not in self.judge.numbers:
            self.judge.took(taken)

    def give_up(self) -> None:
        seq = min(self.judge.open, default=ClientSeq(0))
        if self.call("give up", lambda outbox: outbox.give_up(seq)).error is None:
            self.judge.open.discard(seq)

    def some_entry(self) -> EntryId:
        items = self.items()
        parked = [item for item in items if isinstance(item.status, Parked)]
        some = parked if parked and self.coin(2) else items
        return some[self.choose(len(some))].entry.entry_id if some else EntryId("nobody")

    def cancel(self) -> None:
        name = self.some_entry()
        self.call("cancel", lambda outbox: outbox.cancel(name))

    def abandon(self) -> None:
        name = self.some_entry()
        item = self.client.state.queue.named(name)
        if item is not None and item.sent:
            self.judge.given_up.add(item.seq)
        self.call("abandon", lambda outbox: outbox.abandon(name))
        if item is not None and self.client.state.queue.named(name) is not None:
            self.judge.given_up.discard(item.seq)

    def resume(self) -> None:
        parked = [item for item in self.items() if isinstance(item.status, Parked)]
        name = parked[0].entry.entry_id if parked else self.some_entry()
        if self.call("resume", lambda outbox: outbox.resume(name)).error is None:
            self.judge.retries.pop(name, None)

    def read(self) -> None:
        entity = next((doubt.entity for doubt in self.client.state.doubts), ROWS[0])
        self.call("has read", lambda outbox: outbox.has_read(entity))
        self.judge.doubted.discard(entity)
        self.judge.doubted |= {doubt.entity for doubt in self.client.state.doubts}

    def consume(self) -> None:
        reports = self.client.state.reports
        upto = reports[self.choose(len(reports))].number if reports else self.choose(3)
        self.call("consume", lambda outbox: outbox.consume(upto))

    # --- workers and time -------------------------------------------------------------------

    def reserve(self) -> None:
        limit = 1 + self.choose(4)
        self.call("reserve", lambda outbox: outbox.reserve(limit, f"worker {limit}"))

    def tick(self) -> None:
        self.now += (1, 10, 40, 200)[self.choose(4)]
        now = Millis(self.now - 300 * self.coin(5))
        self.call("tick", lambda outbox: outbox.tick(now))

    def release(self) -> None:
        """The server was not reached, or so it seems to a worker."""
        token = max(0, self.client.state.numbers.token - self.choose(3))
        before = self.client.state
        held, starts = self.held_by_others(token), self.client.starts
        self.call("release", lambda outbox: outbox.release(token))
        self.check_fence(held, starts)
        leases = (m.status for m in before.queue if isinstance(m.status, InFlight))
        if starts == self.client.starts and all(lease.token != token for lease in leases):
            assert self.client.state == before

    def invent(self) -> None:
        """An answer about a write that was not sent, or that is long over."""
        names = [item.entry.entry_id for item in self.items() if not item.sent]
        over = [
            name for name, note in self.judge.notes.items() if note.seq not in self.judge.expected
        ]
        some = names + over[-2:]
        if some and self.coin(2):
            name = some[self.choose(len(some))]
            self.judge.unsent_answered.add(name)
            epoch, token = self.client.state.numbers.epoch, self.client.state.numbers.token
            results = (Result(name, (Refused("no"), Accepted(ServerSeq(1)))[self.choose(2)]),)
            self.call("settle invented", lambda outbox: outbox.settle(token, epoch, results))

    # --- the server and the network ---------------------------------------------------------

    def write_elsewhere(self) -> None:
        self.foreign += 1
        atom, change = foreign_change(self.choose, self.foreign)
        self.post(self.authority.write_elsewhere(ClientSeq(self.foreign), atom, change))

    def disaster(self) -> None:
        if not self.coin(2):
            return
        if self.choose(4) == 0:
            self.authority.forget()
            self.judge.forgotten = True
        else:
            back = self.choose(4)
            self.authority.restore(ServerSeq(max(0, self.authority.position()[1] - back)))
        self.judge.note_server()
        if self.coin(2):  # the client hears of it before anything else
            for reply in self.authority.handle(Fetch(ME)):
                self.deliver(reply)

    def post(self, replies: list[Reply]) -> None:
        self.judge.note_server()
        self.mail += replies

    def arrive(self) -> None:
        if self.mail:
            wide = min(self.reach, len(self.mail))
            message = self.mail.pop(0 if self.calm else self.choose(wide))
            if isinstance(message, Delta) and self.lags and self.coin(2):
                self.mail.append(message)  # acks come first, and stay alone for a while
            else:
                self.deliver(message)

    def lose(self) -> None:
        if self.mail:
            self.mail.pop(self.choose(len(self.mail)))

    def duplicate(self) -> None:
        if self.mail:
            self.mail.append(self.mail[self.choose(len(self.mail))])

    def ask(self) -> None:
        self.mail.append((Fetch(ME), AskWatermark())[self.choose(2)])

    def deliver(self, message: Message) -> None:
        here = self.client.state.numbers
        match message:
            case Request() | Fetch() | Pull() | AskWatermark():
                self.post(self.authority.handle(message))
            case Answer():
                self.answered(message)
            case Delta(epoch, server_seq, prev):
                missing = epoch == here.epoch and prev is not None and prev > here.server_seq
                if missing:
                    self.mail.append(Pull(ME, epoch, here.server_seq, server_seq))
                elif epoch <= here.epoch or self.coin(3):
                    self.call("delta", lambda outbox: outbox.process_delta(message))
                else:
                    self.mail.append(Fetch(ME))
            case Snapshot(epoch):
                kind = "new snapshot" if epoch > here.epoch else "snapshot"
                self.call(kind, lambda outbox: outbox.process_snapshot(message))
                if epoch > here.epoch:
                    self.mail.append(AskWatermark())
            case Watermark(upto=upto):
                self.judge.watermark = max(self.judge.watermark, upto)
                known = self.call("watermark", lambda outbox: outbox.process_watermark(message))
                if known.error is not None:
                    self.mail += [Fetch(ME), AskWatermark()]
            case _:
                assert_never(message)

    def answered(self, answer: Answer) -> None:
        """What a worker makes of an answer: what it leaves out is unknown."""
        if answer.stale or self.coin(12):
            self.call("release", lambda outbox: outbox.release(answer.token))
            self.mail.append(Fetch(ME))
            return
        results = [result for result in answer.results if not self.coin(10)]
        named = {result.entry_id for result in results}
        if self.authority.labels:
            results += [Result(name, Unknown()) for name in answer.asked if name not in named]
        if results and self.coin(3):
            results.append(results[self.choose(len(results))])
            results.reverse()
        for result in results:
            count = self.judge.retries.get(result.entry_id, 0)
            self.judge.retries[result.entry_id] = count + isinstance(result.outcome, Retry)
        kind = f"settle {type(results[0].outcome).__name__.lower()}" if results else "settle none"
        given = tuple(results)
        decided = {r.entry_id for r in given if isinstance(r.outcome, Accepted | Refused)}
        held, starts = self.held_by_others(answer.token), self.client.starts
        self.call(
            kind if len(results) < 2 else "settle",
            lambda outbox: outbox.settle(answer.token, answer.epoch, given),
        )
        self.check_fence([i for i in held if i.entry.entry_id not in decided], starts)

    def held_by_others(self, token: int) -> list[Item]:
        """What other leases hold."""
        return [
            i for i in self.items() if isinstance(i.status, InFlight) and i.status.token != token
        ]

    def check_fence(self, held: list[Item], starts: int) -> None:
        """What others hold they hold still, unless the process ended. [indefinite-fenced]"""
        assert starts != self.client.starts or all(item in self.items() for item in held)

    # --- a run ------------------------------------------------------------------------------

    def act(self) -> None:
        self.menu[self.choose(len(self.menu))](self)

    def quiesce(self) -> None:
        """No more writes; everything arrives. [queue-drains]: a bounded number of rounds."""
        self.calm = True
        self.client.light(-1)
        while self.judge.open:
            self.give_up()
        for _ in range(40):
            for _ in range(2000):
                self.arrive()
            assert not self.mail, "the network never falls silent"
            if self.drained():
                break
            self.round()
        assert self.drained(), f"left: {list(self.client.state.queue)}"
        self.judge.finish(self.client.state)
        self.client.compare_stored()

    def drained(self) -> bool:
        numbers = self.client.state.numbers
        here = numbers.epoch, numbers.server_seq
        return not len(self.client.state.queue) and here == self.authority.position()

    def round(self) -> None:
        """What a host does at its own interval."""
        for item in self.items():
            if isinstance(item.status, Parked):
                self.resume()
        while self.client.state.doubts:
            self.read()
        self.now += 300
        self.call("tick", lambda outbox: outbox.tick(Millis(self.now)))
        self.mail += [Fetch(ME), AskWatermark()]
        self.call("reserve", lambda outbox: outbox.reserve(100))
