"""The pipeline machine on an event loop: inputs are stepped at once, effects performed in order."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future, Task
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from typing import TypeAlias

from optisync.contracts.entry import Millis
from optisync.errors import OptisyncError
from optisync.pipeline.config import Config
from optisync.pipeline.effects import (
    Answered,
    Changed,
    Diag,
    Effect,
    Persist,
    Resync,
    Schedule,
    Stale,
    Told,
    Withdraw,
)
from optisync.pipeline.inputs import (
    Await,
    Dispatch,
    Drain,
    Failed,
    Input,
    NoAnswer,
    Persisted,
    Revert,
    Tick,
)
from optisync.pipeline.state import Pipeline, TicketStatus
from optisync.pipeline.step import step
from optisync.shell.mutation_pipeline_given import input_given
from optisync.shell.mutation_pipeline_ports import (
    LoopClosed,
    Numbers,
    Persistence,
    PersistRefused,
    PersistResult,
)
from optisync.telling import KEPT_ERRORS, Life, Observers
from optisync.values import ClientSeq

Asked: TypeAlias = Diag | Stale | Resync | Withdraw
"""What somebody should do, or may want to know."""


class Running:
    """The part of a MutationPipeline that its callers do not see."""

    def __init__(
        self,
        config: Config,
        persistence: Persistence,
        numbers: Numbers,
        state: Pipeline,
        loop: AbstractEventLoop,
    ) -> None:
        self.errors: deque[Exception] = deque(maxlen=KEPT_ERRORS)
        self.diagnostics: deque[Diag] = deque(maxlen=KEPT_ERRORS)
        self._config = config
        self._persistence = persistence
        self._numbers = numbers
        self._loop = loop
        self._change: Observers[None] = Observers()
        self._operation: Observers[Told] = Observers()
        self._asked: Observers[Asked] = Observers()
        self._life: Life[Pipeline, Effect | Callable[[], None]] = Life(state, self._perform)
        self._requests: set[Task[None]] = set()
        self._unused: set[ClientSeq] = set()  # numbers that no request has carried yet
        self._wait_numbers = count(1)
        self._waits: dict[int, dict[Future[Answered], None]] = {}

    @property
    def state(self) -> Pipeline:
        """What the pipeline knows."""
        return self._life.state

    def run(self, given: Input) -> None:
        """Any input, values copied. Raises what the pipeline refuses it with, and InputMalformed,
        PatchMalformed or ValueMalformed for what is not of the type that is promised."""
        self._take_in(given)
        self._perform_all()

    def afterwards(self, *due: Told | Callable[[], None]) -> None:
        """Once everything has been told that is to be told now: tell this too, or do it.

        For a host that has verdicts of an earlier life, or keeps verdicts until they are told.
        """
        self._life.add(due)
        self._perform_all()

    def _take_in(self, given: Input) -> None:
        self._life.take(step(self._config, self.state, input_given(given)))

    def _register(
        self, writes: int, asked: Callable[[tuple[ClientSeq, ...]], Dispatch | Revert]
    ) -> int:
        """Writes under numbers of their own, or an error and the numbers given up; the ticket."""
        if self._loop.is_closed():
            raise LoopClosed
        try:
            with self._life.held():  # a callback may dispatch too
                return self._numbered(writes, asked)
        finally:
            self._perform_all()

    def _numbered(
        self, writes: int, asked: Callable[[tuple[ClientSeq, ...]], Dispatch | Revert]
    ) -> int:
        seqs: list[ClientSeq] = []
        try:
            for _ in range(writes):
                seqs.append(self._numbers.take())
            given = asked(tuple(seqs))
            self._take_in(given)
            self._unused.update(seqs)
            return self.state.begun if given.ticket is None else given.ticket
        except BaseException:
            self._give_up(seqs)
            raise

    def _perform_all(self) -> None:
        try:
            self._life.tell()
        except BaseException:  # a callback was interrupted
            if not self._loop.is_closed():
                self._loop.call_soon(self._perform_all)
            raise

    def _perform(self, effect: Effect | Callable[[], None]) -> None:
        match effect:
            case Changed():
                self._change.tell(None, self.errors)
            case Told(status=status):
                if status is TicketStatus.FAILED:
                    self._give_up_dropped()
                self._operation.tell(effect, self.errors)
            case Answered(wait):
                for future in self._waits.pop(wait, ()):
                    if not future.done() and not self._loop.is_closed():
                        future.set_result(effect)
            case Diag() | Stale() | Resync() | Withdraw():
                self.diagnostics += (effect,) if isinstance(effect, Diag) else ()
                self._asked.tell(effect, self.errors)
            case Persist():
                self._hand_over(effect)
            case Schedule():
                self._loop.call_soon(self.run, Drain())
            case _:
                try:
                    effect()
                except Exception as error:
                    self.errors.append(error)

    def _hand_over(self, request: Persist) -> None:
        self._unused.difference_update(request.seqs)
        if self._loop.is_closed():
            self._take_in(Persisted(request.handle, Failed(LoopClosed.code)))
            return
        task = self._loop.create_task(self._persist(request))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _persist(self, request: Persist) -> None:
        """Ask persistence; whatever comes out of it is an answer. [unknown-keeps]"""
        outcome: PersistResult = NoAnswer()
        try:
            outcome = await self._persistence.persist(request)
        except PersistRefused as refusal:
            outcome = Failed(refusal.reason)
        except Exception as error:
            self.errors.append(error)
        finally:  # also when it is cancelled or interrupted
            self._answered(request.handle, outcome)

    def _answered(self, handle: int, outcome: PersistResult) -> None:
        try:
            self._take_in(Persisted(handle, outcome))
        except Exception as error:  # of a persistence without types: that was no answer
            self.errors.append(error)
            self._take_in(Persisted(handle, NoAnswer()))
        self._perform_all()

    def _wait(self, asked: Await, future: Future[Answered]) -> dict[Future[Answered], None]:
        """Among those who will hear; who wait for the same without an end are one wait."""
        given = input_given(asked)
        known = self.state.tickets.get(asked.ticket)
        for wait in () if known is None or asked.timeout is not None else known.waits:
            if (wait.mode, wait.until) == (asked.mode, None) and wait.number in self._waits:
                self._waits[wait.number][future] = None
                return self._waits[wait.number]
        self._waits[asked.wait] = waiting = {future: None}
        try:
            self._life.take(step(self._config, self.state, given))
        except OptisyncError:
            del self._waits[asked.wait]
            raise
        self._perform_all()
        return waiting

    def _tick(self) -> None:
        self.run(Tick(Millis(int(self._loop.time() * 1000))))

    def _give_up_dropped(self) -> None:
        """Writes that ended before they were handed over leave numbers that nobody will use."""
        self._give_up([seq for seq in self._unused if seq not in self.state.pending.members])

    def _give_up(self, seqs: Sequence[ClientSeq]) -> None:
        self._unused.difference_update(seqs)
        for seq in sorted(seqs):
            try:
                self._numbers.give_up(seq)
            except OptisyncError as error:  # it stays open as long as this life
                self.errors.append(error)
