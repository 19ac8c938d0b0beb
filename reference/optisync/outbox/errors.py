"""Why an outbox refuses an input, and its state is the one it was in. [outbox-error-codes]"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from optisync.contracts.entry import EntryId, IdempotencyKey
from optisync.errors import OptisyncError
from optisync.values import ClientSeq, Epoch, ServerSeq


@dataclass(unsafe_hash=True)
class ModeUnknown(OptisyncError):
    """The configuration names no order in which writes go out."""

    code: ClassVar[str] = "mode-unknown"
    mode: object

    def __str__(self) -> str:
        return f"the mode must be Mode.ENTITY or Mode.ORDERED, not {self.mode!r}"


@dataclass(unsafe_hash=True)
class ClientUnnamed(OptisyncError):
    """The configuration gives the client no name."""

    code: ClassVar[str] = "client-unnamed"
    client: object

    def __str__(self) -> str:
        return f"the client must have a name, not {self.client!r}"


@dataclass(unsafe_hash=True)
class OutboxFull(OptisyncError):
    """No room for all of these entries; none was taken in, none dropped to make room."""

    code: ClassVar[str] = "outbox-full"
    capacity: int

    def __str__(self) -> str:
        return f"the queue holds at most {self.capacity} entries"


@dataclass(unsafe_hash=True)
class KeyReused(OptisyncError):
    """An idempotency key in the queue stands for another write."""

    code: ClassVar[str] = "key-reused"
    key: IdempotencyKey

    def __str__(self) -> str:
        return f"the idempotency key {self.key!r} stands for another write in the queue"


@dataclass(unsafe_hash=True)
class EntryIdReused(OptisyncError):
    """An entry id in the queue belongs to another entry."""

    code: ClassVar[str] = "entry-id-reused"
    entry_id: EntryId

    def __str__(self) -> str:
        return f"the entry id {self.entry_id!r} belongs to another entry in the queue"


@dataclass(unsafe_hash=True)
class BaseUnknown(OptisyncError):
    """An update or delete says no version, and no own write in the queue will give one."""

    code: ClassVar[str] = "base-unknown"
    entry_id: EntryId

    def __str__(self) -> str:
        return f"{self.entry_id!r} needs the version it was planned against; read the entity first"


@dataclass(unsafe_hash=True)
class ParentRejected(OptisyncError):
    """The entry mentions a temporary id whose create came to nothing."""

    code: ClassVar[str] = "parent-rejected"
    entry_id: EntryId

    def __str__(self) -> str:
        return f"{self.entry_id!r} mentions a temporary id that no row will ever have"


@dataclass(unsafe_hash=True)
class NumberNotOpen(OptisyncError):
    """The number was not given out, or carries a write, or was given up."""

    code: ClassVar[str] = "number-not-open"
    seq: ClientSeq

    def __str__(self) -> str:
        return f"the number {self.seq} is not open"


@dataclass(unsafe_hash=True)
class NumberPassed(OptisyncError):
    """A later number of the entity was sent, or the entry depends on a later number."""

    code: ClassVar[str] = "number-passed"
    seq: ClientSeq

    def __str__(self) -> str:
        return f"the number {self.seq} comes too late: what must follow it was sent, or precede it"


@dataclass(unsafe_hash=True)
class UnknownEntry(OptisyncError):
    """No entry with this id is in the queue."""

    code: ClassVar[str] = "unknown-entry"
    entry_id: EntryId

    def __str__(self) -> str:
        return f"no entry {self.entry_id!r} is in the queue"


@dataclass(unsafe_hash=True)
class AlreadySent(OptisyncError):
    """The entry was sent: nobody can say that the server will not execute it."""

    code: ClassVar[str] = "already-sent"
    entry_id: EntryId

    def __str__(self) -> str:
        return f"{self.entry_id!r} was sent; it can be abandoned, not cancelled"


@dataclass(unsafe_hash=True)
class NeverSent(OptisyncError):
    """The entry was never sent: its outcome is not in doubt."""

    code: ClassVar[str] = "never-sent"
    entry_id: EntryId

    def __str__(self) -> str:
        return f"{self.entry_id!r} was never sent; it can be cancelled"


@dataclass(unsafe_hash=True)
class AlreadyAccepted(OptisyncError):
    """The server accepted the entry: its outcome is not in doubt."""

    code: ClassVar[str] = "already-accepted"
    entry_id: EntryId

    def __str__(self) -> str:
        return f"the server accepted {self.entry_id!r}"


@dataclass(unsafe_hash=True)
class NotParked(OptisyncError):
    """Only a parked entry can be resumed."""

    code: ClassVar[str] = "not-parked"
    entry_id: EntryId

    def __str__(self) -> str:
        return f"{self.entry_id!r} is not parked"


@dataclass(unsafe_hash=True)
class EpochAhead(OptisyncError):
    """Documents of a later epoch begin with a snapshot, not with a delta or watermark."""

    code: ClassVar[str] = "epoch-ahead"
    current: Epoch

    def __str__(self) -> str:
        return f"the documents are in epoch {self.current}; a snapshot must come first"


@dataclass(unsafe_hash=True)
class WatermarkAhead(OptisyncError):
    """The documents have not reached the position of the watermark."""

    code: ClassVar[str] = "watermark-ahead"
    current: ServerSeq

    def __str__(self) -> str:
        return f"the documents are at {self.current}; what lies before the watermark comes first"


@dataclass(unsafe_hash=True)
class TemporaryIdReused(OptisyncError):
    """A temporary id stands for one row, in whatever resource, for the life of the store."""

    code: ClassVar[str] = "temporary-id-reused"
    temporary: str

    def __str__(self) -> str:
        return f"the temporary id {self.temporary!r} was given to another row"
