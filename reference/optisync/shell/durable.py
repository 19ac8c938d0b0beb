"""The outbox over a store: each call is one step, saved before anything of it is seen."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from optisync.contracts.entry import Entity, EntryId, Millis, WriteEntry
from optisync.contracts.messages import Delta, Snapshot
from optisync.outbox.config import Config
from optisync.outbox.effects import Effect, Enqueued, Save, Send
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
from optisync.outbox.state import Outbox, start
from optisync.outbox.step import step
from optisync.shell.store import Store
from optisync.values import AtomKey, ClientSeq, Epoch
from optisync.view import ABSENT, Doc, Docs, apply_changes

Observer = Callable[[Effect], None]


def _nothing(point: str) -> None:
    """No test looks."""


class DurableOutbox:
    """One life of an outbox (seeds 001 and 004; their `commit` is `settle`). One thread.

    Every method raises OptisyncError when the machine refuses, StoreError when the store cannot
    save; the state is then the one before. Observers hear every effect but Save, once it is
    durable; what they raise is collected in `errors`. A call made by an observer takes effect at
    once, and its effects are told after those being told. `point` is called around each save and
    each telling, so that a test can end the process there.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        epoch: Epoch,
        *observers: Observer,
        point: Callable[[str], None] = _nothing,
    ) -> None:
        loaded = store.load()
        self.state: Outbox = start(epoch, loaded.rows)
        self.documents: Docs = loaded.documents
        self.quarantined = loaded.quarantined
        self.errors: list[Exception] = []
        self._config = config
        self._store = store
        self._point = point
        self._observers = list(observers)
        self._untold: deque[Effect] = deque()
        self._telling = False
        self._give(Restart())

    def on_effect(self, observer: Observer) -> Callable[[], None]:
        """Hear every effect from now on; the answer ends that."""
        self._observers.append(observer)

        def unsubscribe() -> None:
            if observer in self._observers:
                self._observers.remove(observer)

        return unsubscribe

    def take(self) -> ClientSeq:
        """The next number, for a write to come."""
        self._give(Take())
        return self.state.numbers.counter

    def give_up(self, seq: ClientSeq) -> None:
        """A number that was taken will not be used."""
        self._give(GiveUp(seq))

    def enqueue(
        self,
        entries: Sequence[WriteEntry],
        seqs: Sequence[ClientSeq | None] = (),
        stored: bool = True,
        at: Millis = Millis(0),
    ) -> tuple[Enqueued, ...]:
        """Queue writes, all or none; durable when this returns, unless they are direct."""
        given = Enqueue(tuple(entries), tuple(seqs), stored, at)
        return tuple(effect for effect in self._give(given) if isinstance(effect, Enqueued))

    def reserve(self, limit: int, owner: str = "") -> Send | None:
        """What may be sent now, under a new lease; None: nothing."""
        sent = self._give(Reserve(limit, owner))
        return next((effect for effect in sent if isinstance(effect, Send)), None)

    def settle(self, token: int, epoch: Epoch, results: Sequence[Result]) -> None:
        """The server's answer to what was sent under a lease."""
        self._give(Settle(token, epoch, tuple(results)))

    def release(self, token: int) -> None:
        """What was reserved could not be delivered."""
        self._give(Release(token))

    def process_delta(self, delta: Delta) -> None:
        """Apply a delta that is next on the stream; raises ChangeInapplicable if it does not."""
        known = delta.epoch, delta.server_seq
        here = self.state.numbers.epoch, self.state.numbers.server_seq
        documents = apply_changes(self.documents, delta.changes) if known > here else self.documents
        touched = tuple((atom, documents.get(atom, ABSENT)) for atom, _ in delta.changes)
        self._give(delta, documents, touched if documents is not self.documents else ())

    def process_snapshot(self, snapshot: Snapshot) -> None:
        """Take a snapshot's documents, unless it is older than they are."""
        here = self.state.numbers.epoch, self.state.numbers.server_seq
        if (snapshot.epoch, snapshot.server_seq) < here:
            return
        gone = ((AtomKey(a), ABSENT) for a in self.documents if a not in snapshot.docs)
        put = ((AtomKey(atom), doc) for atom, doc in snapshot.docs.items())
        self._give(snapshot, snapshot.docs, (*gone, *put))

    def process_watermark(self, watermark: Watermark) -> None:
        """The server decided numbers up to here."""
        self._give(watermark)

    def cancel(self, entry_id: EntryId) -> None:
        """Take back a write that was never sent."""
        self._give(Cancel(entry_id))

    def abandon(self, entry_id: EntryId) -> None:
        """Give up waiting for a write that was sent."""
        self._give(Abandon(entry_id))

    def resume(self, entry_id: EntryId) -> None:
        """Try a parked write again."""
        self._give(Resume(entry_id))

    def has_read(self, entity: Entity) -> None:
        """The entity was read from the server."""
        self._give(HasRead(entity))

    def consume(self, upto: int) -> None:
        """Reports up to this number were taken in."""
        self._give(Consume(upto))

    def tick(self, now: Millis) -> None:
        """Monotonic milliseconds since this life began."""
        self._give(Tick(now))

    def _give(
        self,
        given: Input,
        documents: Docs | None = None,
        touched: tuple[tuple[AtomKey, Doc], ...] = (),
    ) -> tuple[Effect, ...]:
        """One step: decide, save, take the new state, tell. [saved-before-effects]"""
        done = step(self._config, self.state, given)
        if done.error is not None:
            raise done.error
        rows = next((effect.rows for effect in done.effects if isinstance(effect, Save)), ())
        if rows or touched:
            self._point("before-save")
            self._store.commit(rows, touched)  # [store-failure-refuses]
            self._point("after-save")
        self.state = done.state
        self.documents = self.documents if documents is None else documents
        self._untold.extend(effect for effect in done.effects if not isinstance(effect, Save))
        self._tell()
        return done.effects

    def _tell(self) -> None:
        if self._telling:
            return
        self._telling = True
        try:
            while self._untold:
                effect = self._untold.popleft()
                name = type(effect).__name__
                self._point(f"before-{name}")
                for observer in tuple(self._observers):
                    try:
                        observer(effect)
                    except Exception as error:  # observers are isolated from each other and from us
                        self.errors.append(error)
                self._point(f"after-{name}")
        finally:
            self._telling = False
