"""What is plugged into a mutation pipeline, and how its waits end when they end badly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias

from optisync.errors import OptisyncError
from optisync.pipeline.effects import Answer, Answered, Persist
from optisync.pipeline.inputs import Outcome
from optisync.values import ClientSeq

PersistRequest: TypeAlias = Persist
"""Entries, their numbers, context, handle and persist key (seed 001)."""

PersistResult: TypeAlias = Outcome
"""Confirmed (answered, entry by entry), Enqueued, Failed (none of it done), or NoAnswer."""


class Persistence(Protocol):
    """Carries entries to where they last. There is no default: whoever has a pipeline chooses."""

    async def persist(self, request: PersistRequest) -> PersistResult:
        """What became of a request.

        Raise PersistRefused if none of the entries was or will be executed. Anything else that
        comes out, a cancellation too, says that nobody knows: the writes stay, their outcome
        unknown, until `MutationPipeline.decided`, a delta or a snapshot tells it.
        """
        ...


class Numbers(Protocol):
    """Gives each write of one client its number, never the same twice in all its lives.

    A write's idempotency key is made of it: a number given twice is a write that the server takes
    for another's repetition. An outbox is one (`shell.durable.DurableOutbox`).
    """

    def take(self) -> ClientSeq:
        """A number above all earlier ones."""
        ...

    def give_up(self, seq: ClientSeq) -> None:
        """A number that was taken and that no entry will carry."""
        ...


class NumbersOfOneLife:
    """Numbers counted in memory, from the one after `used` on.

    Right for a client whose id no earlier life has used, and for nobody else.
    """

    def __init__(self, used: ClientSeq = ClientSeq(0)) -> None:
        self._used = used

    def take(self) -> ClientSeq:
        """The next one."""
        self._used = ClientSeq(self._used + 1)
        return self._used

    def give_up(self, seq: ClientSeq) -> None:
        """It is not given again."""


@dataclass(unsafe_hash=True)
class PersistRefused(OptisyncError):
    """None of the entries of a request was or will be executed: `reason`, a code."""

    code: ClassVar[str] = "persist-refused"
    reason: str

    def __str__(self) -> str:
        return f"not persisted: {self.reason}"


@dataclass(unsafe_hash=True)
class WriteFailed(OptisyncError):
    """The write of the ticket failed for good: `reason`, a code."""

    code: ClassVar[str] = "write-failed"
    ticket: int
    reason: str

    def __str__(self) -> str:
        return f"the write of ticket {self.ticket} failed: {self.reason}"


@dataclass(unsafe_hash=True)
class WriteInDoubt(OptisyncError):
    """Nobody will know whether the write of the ticket was executed."""

    code: ClassVar[str] = "in-doubt"
    ticket: int

    def __str__(self) -> str:
        return f"nobody will know whether the write of ticket {self.ticket} was executed"


@dataclass(unsafe_hash=True)
class WaitTimedOut(OptisyncError):
    """The time of the wait is over. The write goes on."""

    code: ClassVar[str] = "timed-out"
    ticket: int

    def __str__(self) -> str:
        return f"the wait for ticket {self.ticket} took too long; the write goes on"


@dataclass(unsafe_hash=True)
class OutcomeUnknown(OptisyncError):
    """Nobody knows now whether the write was executed. It stays shown until that is known."""

    code: ClassVar[str] = "outcome-unknown"
    ticket: int

    def __str__(self) -> str:
        return f"the outcome of ticket {self.ticket} is not known; the write stays"


@dataclass(unsafe_hash=True)
class LoopClosed(OptisyncError):
    """The event loop of the pipeline is closed: what is dispatched now would never be handed on."""

    code: ClassVar[str] = "loop-closed"

    def __str__(self) -> str:
        return "the event loop of the pipeline is closed"


def result_of(ticket: int, answered: Answered) -> Answer:
    """CONFIRMED or ENQUEUED; every other answer is raised."""
    match answered.answer:
        case Answer.CONFIRMED | Answer.ENQUEUED:
            return answered.answer
        case Answer.FAILED:
            raise WriteFailed(ticket, str(answered.code))
        case Answer.IN_DOUBT:
            raise WriteInDoubt(ticket)
        case Answer.TIMED_OUT:
            raise WaitTimedOut(ticket)
        case Answer.OUTCOME_UNKNOWN:
            raise OutcomeUnknown(ticket)
