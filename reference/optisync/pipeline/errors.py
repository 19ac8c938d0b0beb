"""Why a pipeline refuses an input, and its state is the one it was in. [pipeline-error-codes]"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from optisync.errors import OptisyncError
from optisync.values import Epoch


@dataclass(unsafe_hash=True)
class EventMalformed(OptisyncError):
    """The event says nothing that could be written. `where` is a place in it."""

    code: ClassVar[str] = "event-malformed"
    where: str
    reason: str

    def __str__(self) -> str:
        return f"malformed event at {self.where}: {self.reason}"


@dataclass(unsafe_hash=True)
class NumberOrder(OptisyncError):
    """The numbers are not one for each write, each above all earlier ones."""

    code: ClassVar[str] = "number-order"
    writes: int
    above: int

    def __str__(self) -> str:
        return f"{self.writes} ascending numbers above {self.above} are needed"


@dataclass(unsafe_hash=True)
class PipelineFull(OptisyncError):
    """No room for this event; none was dropped to make room."""

    code: ClassVar[str] = "pipeline-full"
    capacity: int

    def __str__(self) -> str:
        return f"at most {self.capacity} writes may be pending"


@dataclass(unsafe_hash=True)
class ParentRejected(OptisyncError):
    """The event mentions a temporary id whose create came to nothing."""

    code: ClassVar[str] = "parent-rejected"
    temporary: str

    def __str__(self) -> str:
        return f"the create of the temporary id {self.temporary!r} came to nothing"


@dataclass(unsafe_hash=True)
class TemporaryIdReused(OptisyncError):
    """A temporary id stands for another create."""

    code: ClassVar[str] = "temporary-id-reused"
    temporary: str

    def __str__(self) -> str:
        return f"the temporary id {self.temporary!r} is that of another create"


@dataclass(unsafe_hash=True)
class UnknownTicket(OptisyncError):
    """No such ticket, or one whose verdict is no longer remembered."""

    code: ClassVar[str] = "unknown-ticket"
    ticket: int

    def __str__(self) -> str:
        return f"there is no ticket {self.ticket}"


@dataclass(unsafe_hash=True)
class TicketUsed(OptisyncError):
    """The ticket belongs to an event already."""

    code: ClassVar[str] = "ticket-used"
    ticket: int

    def __str__(self) -> str:
        return f"the ticket {self.ticket} belongs to an event already"


@dataclass(unsafe_hash=True)
class AlreadySent(OptisyncError):
    """The write was handed over: nobody can say that it will not be executed."""

    code: ClassVar[str] = "already-sent"
    ticket: int

    def __str__(self) -> str:
        return f"the write of ticket {self.ticket} was handed over"


@dataclass(unsafe_hash=True)
class AlreadyDecided(OptisyncError):
    """The write has its verdict."""

    code: ClassVar[str] = "already-decided"
    ticket: int

    def __str__(self) -> str:
        return f"the write of ticket {self.ticket} has its verdict"


@dataclass(unsafe_hash=True)
class NotUnknown(OptisyncError):
    """Only a write whose outcome is unknown can be abandoned."""

    code: ClassVar[str] = "not-unknown"
    ticket: int

    def __str__(self) -> str:
        return f"the outcome of ticket {self.ticket} is not unknown"


@dataclass(unsafe_hash=True)
class NothingToRevert(OptisyncError):
    """The stack of this scope is empty."""

    code: ClassVar[str] = "nothing-to-revert"
    scope: str

    def __str__(self) -> str:
        return f"there is nothing to undo or redo in the scope {self.scope!r}"


@dataclass(unsafe_hash=True)
class RevertInapplicable(OptisyncError):
    """What is shown now cannot be taken back to what was before; nothing was registered."""

    code: ClassVar[str] = "revert-inapplicable"
    atom: str

    def __str__(self) -> str:
        return f"the change of {self.atom!r} cannot be taken back from what is shown now"


@dataclass(unsafe_hash=True)
class EpochAhead(OptisyncError):
    """A delta of an epoch whose snapshot has not come."""

    code: ClassVar[str] = "epoch-ahead"
    epoch: Epoch

    def __str__(self) -> str:
        return f"the documents of epoch {self.epoch} begin with a snapshot"
