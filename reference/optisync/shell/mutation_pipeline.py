"""The mutation pipeline as an object on asyncio: the interface of seed 000.

What is dispatched before the loop runs again is one drain window. Requests to persistence run as
tasks of their own; nothing waits for them but who awaits a ticket.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import Callable, Iterable
from typing import Literal

from optisync.contracts.entry import EntryId, Millis, Written
from optisync.contracts.messages import Delta, Refused, Snapshot
from optisync.pipeline.compose import writes_of
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Answer, Told
from optisync.pipeline.events import Context, Event
from optisync.pipeline.inputs import (
    Abandon,
    Await,
    Begin,
    Cancel,
    Decided,
    Direction,
    Dispatch,
    Fetched,
    FetchedRow,
    Hydrate,
    InDoubt,
    Revert,
)
from optisync.pipeline.revert import inverses
from optisync.pipeline.state import Mode, OnTimeout, Pipeline, start, view
from optisync.shell.given import sequence
from optisync.shell.mutation_pipeline_given import (
    callback_given,
    event_given,
    name_given,
    scope_given,
    state_given,
)
from optisync.shell.mutation_pipeline_ports import (
    Numbers,
    NumbersOfOneLife,
    Persistence,
    result_of,
)
from optisync.shell.mutation_pipeline_running import Asked, Running
from optisync.telling import Unsubscribe
from optisync.values import ClientSeq, Epoch
from optisync.view import Docs


class MutationPipeline(Running):
    """One client's pipeline, used by the thread of one event loop: the running one unless given.

    `numbers` None: counted in memory, which is right for a client id that no earlier life used.
    `state`: as `pipeline.state.start` makes it; what an earlier life stored is shown at once.

    Tickets are of one life. Each write that an earlier life stored has a ticket of its own that is
    the number of the write, whatever its ticket was: an entry's id is `client/number`, and
    `state.pending` has the write. New tickets are above all of them.

    A call is carried out at once, or refused with an OptisyncError and nothing changed. So is a
    call made from a callback: what follows from it is told after what is being told. Callbacks that
    raise change nothing: `errors` keeps the last KEPT_ERRORS exceptions of them and of persistence,
    `diagnostics` as many diagnostics. What is no Exception (KeyboardInterrupt) ends the call it
    came up in, and the telling of one effect; the rest is told by the next call, or by the loop.
    """

    def __init__(
        self,
        config: Config,
        persistence: Persistence,
        *,
        numbers: Numbers | None = None,
        state: Pipeline | None = None,
        loop: AbstractEventLoop | None = None,
    ) -> None:
        state = start() if state is None else state_given(state)
        numbers = NumbersOfOneLife(state.numbered) if numbers is None else numbers
        loop = get_running_loop() if loop is None else loop
        super().__init__(config, persistence, numbers, state, loop)
        self._folded = state, view(state).view

    @property
    def config(self) -> Config:
        """What is fixed for its life."""
        return self._config

    @property
    def api(self) -> MutationPipeline:
        """Seed 000 has the calls of the application under this name."""
        return self

    @property
    def view(self) -> Docs:
        """What the application sees: the documents with every pending write."""
        before, shown = self._folded
        if before.docs is not self.state.docs or before.pending is not self.state.pending:
            shown = view(self.state).view
        self._folded = self.state, shown
        return shown

    def dispatch(
        self,
        event: Event,
        context: Context | None = None,
        *,
        persist_key: str | None = None,
        optimistic: bool = True,
        ticket: int | None = None,
    ) -> int:
        """Show an event, and persist it with its drain window. The result is its ticket.

        Raises EventMalformed, PipelineFull, ParentRejected, TemporaryIdReused, UnknownTicket,
        TicketUsed, LoopClosed, what `numbers` raises, and InputMalformed, PatchMalformed or
        ValueMalformed for what is not of the type that is promised. Values are copied.
        """
        event, context = event_given(event), Context() if context is None else context

        def asked(seqs: tuple[ClientSeq, ...]) -> Dispatch:
            return Dispatch(event, seqs, context, persist_key, optimistic, ticket)

        return self._register(len(writes_of(event)), asked)

    def begin_write(self) -> int:
        """A ticket for an event to come."""
        self._take_in(Begin())
        return self.state.begun

    async def await_ticket(
        self,
        ticket: int,
        mode: Literal["optimistic", "strict"] = "strict",
        timeout: Millis | None = None,
        on_timeout: Literal["reject", "resolve-enqueued"] = "reject",
    ) -> Answer:
        """Wait until the write is stored or confirmed (`optimistic`), or confirmed (`strict`).

        The result is CONFIRMED or ENQUEUED. Raises WriteFailed, WriteInDoubt, OutcomeUnknown,
        WaitTimedOut and UnknownTicket. The end of `timeout`, in milliseconds, ends the wait, not
        the write; so does a cancellation.
        """
        modes = name_given(Mode, mode, "mode"), name_given(OnTimeout, on_timeout, "on_timeout")
        self._tick()
        asked = Await(next(self._wait_numbers), ticket, modes[0], timeout, modes[1])
        future, timer = self._loop.create_future(), None
        waiting = self._wait(asked, future)
        if timeout is not None:
            # A millisecond later: the time of the loop is rounded down to whole ones.
            timer = self._loop.call_at((self.state.now + timeout + 1) / 1000, self._tick)
        try:
            return result_of(ticket, await future)
        finally:
            waiting.pop(future, None)
            if timer is not None:
                timer.cancel()

    def undo(
        self, scope: str = "default", *, persist_key: str | None = None, ticket: int | None = None
    ) -> int:
        """Take the last action of the user in a scope back, by new writes; their ticket.

        Raises NothingToRevert, RevertInapplicable, and as `dispatch` does.
        """
        return self._revert(Direction.UNDO, scope, persist_key, ticket)

    def redo(
        self, scope: str = "default", *, persist_key: str | None = None, ticket: int | None = None
    ) -> int:
        """Take the last undo back, as `undo` does."""
        return self._revert(Direction.REDO, scope, persist_key, ticket)

    def _revert(
        self, direction: Direction, scope: str, persist_key: str | None, ticket: int | None
    ) -> int:
        def asked(seqs: tuple[ClientSeq, ...]) -> Revert:
            return Revert(direction, seqs, scope, persist_key, ticket)

        scope = scope_given(scope)
        return self._register(len(inverses(self.state, direction, scope)), asked)

    def cancel(self, ticket: int) -> None:
        """Drop what was not handed over; ask for what is stored to be taken back.

        Raises UnknownTicket, AlreadyDecided, AlreadySent.
        """
        self.run(Cancel(ticket))

    def abandon(self, ticket: int) -> None:
        """Give up on an unknown outcome. Raises UnknownTicket, AlreadyDecided, NotUnknown."""
        self.run(Abandon(ticket))

    def hydrate(self, rows: Iterable[FetchedRow]) -> None:
        """Rows from a cache; they fill what is absent until a snapshot comes."""
        self.run(Hydrate(sequence(rows, "rows")))

    def fetched(self, rows: Iterable[FetchedRow]) -> None:
        """Rows read from a backend without a stream."""
        self.run(Fetched(sequence(rows, "rows")))

    def process_delta(self, delta: Delta) -> None:
        """What the stream says, in order. Raises EpochAhead, ChangeInapplicable."""
        self.run(delta)

    def process_snapshot(self, snapshot: Snapshot) -> None:
        """All documents anew, and outcomes; one from behind has no effect."""
        self.run(snapshot)

    def decided(
        self, entry_id: EntryId, verdict: Written | Refused | InDoubt, epoch: Epoch | None = None
    ) -> None:
        """A verdict that came after an entry was enqueued, or its outcome unknown."""
        self.run(Decided(entry_id, verdict, epoch))

    def on_change(self, callback: Callable[[], None]) -> Unsubscribe:
        """Called once after each step that changed the documents or what is pending."""
        callback = callback_given(callback)
        return self._change.subscribe(lambda _: callback())

    def on_operation(self, callback: Callable[[Told], None]) -> Unsubscribe:
        """Called when the write of a ticket has come further, after that can be seen."""
        return self._operation.subscribe(callback_given(callback))

    def on_asked(self, callback: Callable[[Asked], None]) -> Unsubscribe:
        """Called with what somebody should do: read a row, fetch a snapshot, take a write back."""
        return self._asked.subscribe(callback_given(callback))
