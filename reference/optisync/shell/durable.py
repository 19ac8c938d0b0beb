"""An outbox over a store: stored first, then taken as the state, then told.

Methods are named as in seeds 001 and 004, where they name them; `settle` is their `commit`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optisync.contracts.entry import Entity, EntryId, Millis, WriteEntry
from optisync.contracts.messages import Delta, Snapshot
from optisync.machine import Step
from optisync.outbox.config import Config
from optisync.outbox.effects import Effect, Enqueued, Resync, Save, Send
from optisync.outbox.inputs import (
    Abandon,
    Cancel,
    Consume,
    Enqueue,
    GiveUp,
    HasRead,
    Input,
    Release,
    Reserve,
    Restart,
    Result,
    Resume,
    Settle,
    Take,
    Tick,
    Watermark,
)
from optisync.outbox.rows import Doubt, Item, Numbers, Report, Row
from optisync.outbox.state import Outbox, next_wake, start, status_name
from optisync.outbox.step import step
from optisync.shell.documents import Documents, changed, documents_after
from optisync.shell.given import sequence
from optisync.shell.store import OtherClient, Store, StoredDocs, StoreError, Versions
from optisync.shell.taking import input_given
from optisync.telling import KEPT_ERRORS, Life, Observers, Unsubscribe
from optisync.values import ClientSeq, Epoch
from optisync.view import Docs


@dataclass(frozen=True, slots=True)
class EntryStatus:
    """A number in the queue: its entry, if it has one, and where that stands."""

    seq: ClientSeq
    entry_id: EntryId | None
    entity: Entity | None
    status: str
    attempts: int


@dataclass(frozen=True, slots=True)
class OutboxStatus:
    """What people and diagnostics see. `next_wake`: when a tick can change what may be sent."""

    numbers: Numbers
    queue: tuple[EntryStatus, ...]
    doubts: tuple[Doubt, ...]
    reports: tuple[Report, ...]
    next_wake: Millis | None


class DurableOutbox:
    """One client's outbox and documents over a store, used by one thread.

    A call stores what it changes, then takes it as its state, then tells the effects; a StoreError
    leaves the state as it was, and the same call can be made again. A call made from a callback is
    carried out at once, and told after what is being told. `epoch`: where a first life begins.

    Construction begins a life over what is stored, and tells `observers` the verdicts that nobody
    consumed; who subscribes later finds them in `status().reports`. Raises OtherClient for a store
    that is not of `config.client`. A call that was interrupted ends the life: the next call begins
    another, without the direct writes and leases of the first. `errors` keeps the last KEPT_ERRORS
    exceptions of observers. `quarantined`: the rows that could not be read; with a document among
    them, a Resync is told.

    `point` is called at before-save and after-save, and before-NAME and after-NAME around the
    telling of an effect of class NAME: where a crash is of interest.

    >>> from optisync.contracts.entry import EntityId, IdempotencyKey, Resource
    >>> from optisync.shell.memory import MemoryStore
    >>> from optisync.values import ClientId
    >>> from optisync.view import Upsert
    >>> outbox = DurableOutbox(Config(ClientId("me")), MemoryStore())
    >>> todo = Entity(Resource("todos"), EntityId("t1"))
    >>> write = WriteEntry(EntryId("e1"), IdempotencyKey("k1"), todo, Upsert("tea"))
    >>> outbox.enqueue([write])
    (Enqueued(entry_id='e1', seq=1, again=False),)
    >>> [item.entry.entry_id for item in outbox.reserve(10).items]
    ['e1']
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        epoch: Epoch = Epoch(1),
        *observers: Callable[[Effect], None],
        point: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.errors: deque[Exception] = deque(maxlen=KEPT_ERRORS)
        self._config = config
        self._store = store
        self._epoch = epoch
        self._point = point
        self._observers: Observers[Effect] = Observers()
        for observer in observers:
            self._observers.subscribe(observer)
        self._life: Life[Outbox, Effect] = Life(start(epoch), self._tell)
        self._certain = False
        self._begin()
        self._life.tell()

    @property
    def state(self) -> Outbox:
        """What the outbox knows, all of it durable but the numbers of this life."""
        return self._life.state

    @property
    def documents(self) -> Docs:
        """The documents at the cursor, as stored."""
        return self._documents.docs

    @property
    def versions(self) -> Versions:
        """The versions of the documents, as stored, and of those that were deleted."""
        return self._documents.versions

    @property
    def config(self) -> Config:
        """What is fixed for its life."""
        return self._config

    def enqueue(
        self,
        entries: Sequence[WriteEntry],
        seqs: Sequence[ClientSeq | None] = (),
        stored: bool = True,
        at: Millis | None = None,
    ) -> tuple[Enqueued, ...]:
        """Take writes in, all or none; `at`: now by the wall clock unless given.

        Values are copied. What is no change raises PatchMalformed, what is no JSON ValueMalformed.
        """
        now = Millis(time.time_ns() // 1_000_000) if at is None else at
        given = Enqueue(sequence(entries, "entries"), sequence(seqs, "seqs"), stored, now)
        return tuple(effect for effect in self.run(given) if isinstance(effect, Enqueued))

    def reserve(self, limit: int, owner: str = "") -> Send | None:
        """Up to `limit` writes to send now, under a lease; None: there is nothing to send."""
        return next((e for e in self.run(Reserve(limit, owner)) if isinstance(e, Send)), None)

    def settle(self, token: int, epoch: Epoch, results: Sequence[Result]) -> None:
        """What the server answered in `epoch` to the request sent under `token`."""
        self.run(Settle(token, epoch, sequence(results, "results")))

    def release(self, token: int) -> None:
        """What was reserved could not be delivered."""
        self.run(Release(token))

    def process_delta(self, delta: Delta) -> None:
        """Apply and settle what a delta says, in one transaction.

        Deltas come in the order in which a coordinator applies them; gaps are its affair.
        Raises EpochAhead, ChangeInapplicable.
        """
        self.run(delta)

    def process_snapshot(self, snapshot: Snapshot) -> None:
        """Take a snapshot's documents and outcomes; one from behind the cursor has no effect."""
        self.run(snapshot)

    def process_watermark(self, watermark: Watermark) -> None:
        """How far the server has decided this client's numbers. Raises EpochAhead."""
        self.run(watermark)

    def cancel(self, entry_id: EntryId) -> None:
        """Take a write back that was never sent."""
        self.run(Cancel(entry_id))

    def abandon(self, entry_id: EntryId) -> None:
        """Give up waiting for a write that was sent."""
        self.run(Abandon(entry_id))

    def resume(self, entry_id: EntryId) -> None:
        """Try a parked write again."""
        self.run(Resume(entry_id))

    def has_read(self, entity: Entity) -> None:
        """The entity was read from the server."""
        self.run(HasRead(entity))

    def consume(self, upto: int) -> None:
        """The application has taken in the reports up to this number."""
        self.run(Consume(upto))

    def take(self) -> ClientSeq:
        """A number for a write to come, durable before it is given out."""
        self.run(Take())
        return self.state.numbers.counter

    def give_up(self, seq: ClientSeq) -> None:
        """A number that was taken will not be used."""
        self.run(GiveUp(seq))

    def tick(self, now: Millis) -> None:
        """Monotonic milliseconds since this life began."""
        self.run(Tick(now))

    def status(self) -> OutboxStatus:
        """Where everything stands."""
        state = self.state
        queue = tuple(
            EntryStatus(m.seq, m.entry.entry_id, m.entry.entity, status_name(m), m.attempts)
            if isinstance(m, Item)
            else EntryStatus(m.seq, None, None, status_name(m), 0)
            for m in state.queue
        )
        return OutboxStatus(state.numbers, queue, state.doubts, state.reports, next_wake(state))

    def on_effect(self, callback: Callable[[Effect], None]) -> Unsubscribe:
        """Called with each effect once it is durable, in order; the result ends that."""
        return self._observers.subscribe(callback)

    def close(self) -> None:
        """Give the store up."""
        self._store.close()

    def run(self, given: Input) -> tuple[Effect, ...]:
        """Any input; the effects, which are durable and told. Raises what the outbox refuses with,
        StoreError, ChangeInapplicable for a delta that does not apply, and InputMalformed,
        ValueMalformed or PatchMalformed for what is not of the type that is promised."""
        given = input_given(given)
        if not self._certain:
            self._begin()
        done = step(self._config, self.state, given)
        if done.error is not None:
            raise done.error
        client, rows = self._config.client, _saved(done)
        documents = documents_after(self._documents, client, self.state, rows, given)
        effects = self._take_in(done, documents, changed(self._documents, documents, given))
        self._life.tell()
        return effects

    def _begin(self) -> None:
        loaded = self._store.load()
        if loaded.client not in (None, self._config.client):
            raise OtherClient("store", loaded.client, self._config.client)
        self._life.begin(start(self._epoch, loaded.rows))
        self._documents = Documents(loaded.documents, loaded.versions)
        self.quarantined = loaded.quarantined
        self._take_in(step(self._config, self.state, Restart()), self._documents)
        if any(row.place.startswith("documents ") for row in self.quarantined):
            self._life.add([Resync()])

    def _take_in(
        self, done: Step[Outbox, Effect], documents: Documents, stored: StoredDocs = ()
    ) -> tuple[Effect, ...]:
        """Store a step, then let it be the state, then line its effects up to be told."""
        rows = _saved(done)
        if rows or stored:
            self._point("before-save")
            certain, self._certain = self._certain, False  # until it is known what is stored
            try:
                self._store.commit(rows, stored)  # [store-failure-refuses]
            except StoreError:
                self._certain = certain
                raise
            self._point("after-save")
        told = tuple(effect for effect in done.effects if not isinstance(effect, Save))
        self._life.take(Step(done.state, told))
        self._documents, self._certain = documents, True
        return told

    def _tell(self, effect: Effect) -> None:
        name = type(effect).__name__
        self._point(f"before-{name}")
        self._observers.tell(effect, self.errors)
        self._point(f"after-{name}")


def _saved(done: Step[Outbox, Effect]) -> tuple[Row, ...]:
    return tuple(row for effect in done.effects if isinstance(effect, Save) for row in effect.rows)
