"""Persistence over an outbox: an entry is stored, and its verdict told whenever it comes.

The outbox hears everything first: what it has taken in is durable when the pipeline shows it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from optisync.contracts.entry import EntryId, WriteEntry, Written
from optisync.contracts.messages import Accepted, Delta, Refused, Snapshot
from optisync.errors import OptisyncError
from optisync.outbox.config import Mode
from optisync.outbox.effects import Diag, DiagCode, Effect
from optisync.outbox.effects import Told as Reported
from optisync.outbox.errors import OutboxFull
from optisync.outbox.rows import Acked, Item, Report
from optisync.outbox.rows import InDoubt as Doubted
from optisync.outbox.state import known_as
from optisync.pipeline.effects import Told, Withdraw
from optisync.pipeline.inputs import Enqueued, Failed, InDoubt
from optisync.pipeline.pending import Place
from optisync.pipeline.state import Pipeline
from optisync.pipeline.turn import entry_id_of
from optisync.shell.attaching import Attached, NotAttached
from optisync.shell.durable import DurableOutbox
from optisync.shell.enqueueing_restart import restarted, ticket_of
from optisync.shell.mutation_pipeline import MutationPipeline
from optisync.shell.mutation_pipeline_ports import PersistRefused, PersistRequest, PersistResult
from optisync.shell.mutation_pipeline_running import Asked
from optisync.shell.store import OtherClient, StoreError
from optisync.values import ClientSeq


class OutboxOrdered(OptisyncError):
    """In mode `ordered` a number may wait for a watermark that no pipeline hears of."""

    code: ClassVar[str] = "outbox-ordered"

    def __str__(self) -> str:
        return "a pipeline persists over an outbox of mode `entity`, not `ordered`"


class OutboxPersistence(Attached):
    """Stores entries in an outbox of mode `entity` that no one else enqueues to.

    A life begins with the state that this one gives, the outbox giving the numbers; `attach` then
    tells what was decided in earlier lives and not heard:

    >>> from optisync.contracts.entry import Entity, EntityId, Resource
    >>> from optisync.outbox.config import Config as OutboxConfig
    >>> from optisync.pipeline.config import Config
    >>> from optisync.pipeline.events import Write
    >>> from optisync.shell.memory import MemoryStore
    >>> from optisync.values import ClientId
    >>> from optisync.view import Create
    >>> import asyncio
    >>> me = ClientId("me")
    >>> async def life(store: MemoryStore) -> list[str]:
    ...     outbox = DurableOutbox(OutboxConfig(me), store)
    ...     persistence = OutboxPersistence(outbox)
    ...     state = persistence.state()
    ...     pipeline = MutationPipeline(Config(me), persistence, numbers=outbox, state=state)
    ...     persistence.attach(pipeline)
    ...     shown = list(pipeline.view)
    ...     todo = Entity(Resource("todo"), EntityId(f"t{len(shown)}"))
    ...     await pipeline.await_ticket(pipeline.dispatch(Write(todo, Create(1))), "optimistic")
    ...     return shown
    >>> store = MemoryStore()
    >>> asyncio.run(life(store)), asyncio.run(life(store))
    ([], ['todo/t0'])

    Enqueueing blocks the loop for as long as the store takes. The server's deltas and snapshots
    are given to `process_delta` and `process_snapshot` here.
    """

    def __init__(self, outbox: DurableOutbox) -> None:
        """Raises OutboxOrdered."""
        if outbox.config.mode is Mode.ORDERED:
            raise OutboxOrdered
        self._outbox = outbox
        self._held: deque[Effect] = deque()
        self._holding = False

    def state(self) -> Pipeline:
        """What a life begins with: documents with their versions, numbers, every stored write.

        The write with the number n, whose entry id is `client/n` in every life, has the ticket n
        now, whatever it had when it was dispatched.
        """
        return restarted(self._outbox.state, self._outbox.documents, self._outbox.versions)

    def attach(self, pipeline: MutationPipeline) -> None:
        """Tell this pipeline verdicts, those first that were not heard in earlier lives.

        What is told of a write of an earlier life comes under its number: `Told(n)` is about the
        entry `client/n`. If it is shown still, `pipeline.state.pending.get(n)` has it. Of the
        others an application knows by what it noted after it dispatched them: the numbers of a
        ticket are `pipeline.state.tickets[ticket].undecided`.

        Raises AttachedBefore, and OtherClient for a pipeline that is not of the outbox's client;
        whatever needs the pipeline before raises NotAttached.
        """
        theirs, ours = pipeline.config.client, self._outbox.config.client
        if theirs != ours:
            raise OtherClient("pipeline", theirs, ours)
        self._belong_to(pipeline)
        self._outbox.on_effect(self._heard)
        pipeline.on_asked(self._asked)
        for report in self._outbox.state.reports:
            ticket = ticket_of(report)
            code = None if ticket.refused is None else ticket.refused[1]
            pipeline.afterwards(Told(report.seq, ticket.status, code), self._consumed(report))

    async def persist(self, request: PersistRequest) -> PersistResult:
        """Enqueued, durably; what the outbox refuses fails alone, unless it has no room at all."""
        if self._owner is None:
            raise PersistRefused(NotAttached.code)
        try:
            self._outbox.enqueue(request.entries, request.seqs)
            stored = request.entries
        except (OutboxFull, StoreError) as refusal:
            self._give_up(*request.seqs)
            return Failed(refusal.code)
        except OptisyncError:
            entries = zip(request.entries, request.seqs, strict=True)
            stored = tuple(entry for entry, seq in entries if self._enqueued(entry, seq))
        return Enqueued(tuple(entry.entry_id for entry in stored))

    def _enqueued(self, entry: WriteEntry, seq: ClientSeq) -> bool:
        try:
            self._outbox.enqueue([entry], [seq])
        except OptisyncError as refusal:
            self._give_up(seq)
            self._pipeline.decided(entry.entry_id, Refused(refusal.code))
            return False
        return True

    def _give_up(self, *seqs: ClientSeq) -> None:
        for seq in seqs:
            self._tried(partial(self._outbox.give_up, seq))

    def process_delta(self, delta: Delta) -> None:
        """What the stream says, in order. Raises as the outbox does: then nobody has taken it."""
        self._relay(partial(self._outbox.process_delta, delta), delta)

    def process_snapshot(self, snapshot: Snapshot) -> None:
        """All documents anew, and outcomes. Raises as the outbox does."""
        self._relay(partial(self._outbox.process_snapshot, snapshot), snapshot)

    def abandon(self, entry_id: EntryId) -> None:
        """Give up on a write that was sent. Raises as the outbox does."""
        pipeline = self._pipeline
        self._outbox.abandon(entry_id)
        pipeline.decided(entry_id, InDoubt())  # also where its verdict was told before

    def _relay(self, store: Callable[[], None], given: Delta | Snapshot) -> None:
        """To the outbox, then to the pipeline; verdicts wait until both have the documents."""
        self._accept_again()
        pipeline, self._holding = self._pipeline, True
        try:
            store()
            pipeline.run(given)
        finally:
            self._holding = False
            while self._held:
                self._heard(self._held.popleft())

    def _accept_again(self) -> None:
        """What a restore undid and the server has accepted anew: a verdict is told only once, but
        the pipeline must know where the documents will hold it."""
        outbox, pipeline = self._outbox.state, self._pipeline
        for mutation in pipeline.state.pending:
            ticket = pipeline.state.tickets.get(mutation.ticket)
            told = ticket is None or mutation.seq not in ticket.undecided
            if mutation.status is not Place.UNKNOWN or not told:
                continue
            entry_id = entry_id_of(pipeline.config, mutation.seq)
            known = pipeline.state.aliases
            ids = tuple((t, id) for t, id in outbox.aliases.items() if id and known.get(t) != id)
            match outbox.queue.get(mutation.seq):
                case Item(status=Acked(server_seq, version)):
                    pipeline.decided(entry_id, Written(version, server_seq, ids))
                case None:  # the documents hold it
                    own = outbox.versions.get(known_as(outbox, mutation.write.entity))
                    version = None if own is None else own.stamp.version
                    at = outbox.numbers.server_seq
                    pipeline.decided(entry_id, Written(version, at, ids))
                case _:
                    pass

    def _heard(self, effect: Effect) -> None:
        if self._holding:
            self._held.append(effect)
            return
        match effect:
            case Reported(report):
                self._pipeline.decided(report.entry_id, _verdict(report))
                self._pipeline.afterwards(self._consumed(report))
            case Diag(DiagCode.CONTRADICTORY_VERDICT, entry_id):
                # Refused in a new epoch after it was told as accepted: no verdict, but it is gone.
                if self._outbox.state.queue.named(entry_id) is None:
                    self._pipeline.decided(entry_id, Refused(effect.code.value))
            case _:
                pass

    def _asked(self, asked: Asked) -> None:
        if isinstance(asked, Withdraw):
            self._tried(partial(self._outbox.cancel, asked.entry_id))

    def _consumed(self, report: Report) -> Callable[[], None]:
        return lambda: self._outbox.consume(report.number)

    def _tried(self, call: Callable[[], None]) -> None:
        """A refusal changes nothing: what was sent stays, an open number ends with this life."""
        try:
            call()
        except OptisyncError as refusal:
            self._pipeline.errors.append(refusal)


def _verdict(report: Report) -> Written | Refused | InDoubt:
    match report.verdict:
        case Accepted(server_seq, version, ids):
            return Written(version, server_seq, ids)
        case Refused():
            return report.verdict
        case Doubted():
            return InDoubt()
