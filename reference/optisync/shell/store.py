"""Where an outbox keeps its rows and documents: the interface, and what can go wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias

from rpds import HashTrieMap

from optisync.contracts.entry import Stamp
from optisync.errors import OptisyncError
from optisync.outbox.rows import Row
from optisync.values import AtomKey, ClientId
from optisync.view import Doc, Docs

StoredDocs: TypeAlias = tuple[tuple[AtomKey, Doc, Stamp | None], ...]
"""Documents with their versions: of a deleted one the version alone, beside ABSENT. With neither,
nothing is stored."""
if TYPE_CHECKING:
    Versions: TypeAlias = HashTrieMap[AtomKey, Stamp]
else:  # at run time it takes no arguments
    Versions = HashTrieMap


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A stored row that cannot be read. It is kept aside, never dropped and never used.

    `place` names it (table and key), `reason` says what is wrong, `content` is as much of it as
    can be shown.
    """

    place: str
    reason: str
    content: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a store holds: rows in an order that `outbox.state.with_row` takes, and documents.

    `versions`: of the documents, as far as known, and of deleted ones. `client`: whose store it
    is, where it is of one client.
    """

    rows: tuple[Row, ...]
    documents: Docs
    quarantined: tuple[Quarantined, ...] = ()
    versions: Versions = field(default_factory=lambda: HashTrieMap())
    client: ClientId | None = None


class Store(Protocol):
    """One client's durable memory. One live process owns it.

    `commit` is one transaction: all of it is durable when it returns, or a StoreError is raised
    and nothing of it is stored. `documents` are those that change.
    """

    def load(self) -> Loaded:
        """Everything stored."""
        ...

    def commit(self, rows: tuple[Row, ...], documents: StoredDocs = ()) -> None:
        """Store rows, in order, each under its key (`outbox.rows.key_of`), and documents."""
        ...

    def close(self) -> None:
        """Give the store up; closing twice is harmless."""
        ...


@dataclass(unsafe_hash=True)
class StoreError(OptisyncError):
    """The store cannot do what is asked; what it held before is unharmed."""

    code: ClassVar[str] = "store-failed"
    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(unsafe_hash=True)
class OtherClient(OptisyncError):
    """What belongs together is of two clients: each would take the other's writes for its own."""

    code: ClassVar[str] = "other-client"
    part: str
    client: ClientId
    outbox: ClientId

    def __str__(self) -> str:
        return (
            f"the {self.part} is of client {self.client!r}, its outbox of {self.outbox!r}: "
            "give both the same client id"
        )


class StoreHeld(StoreError):
    """Another live process owns the store; the reason names it."""

    code: ClassVar[str] = "store-held"


class StoreNewer(StoreError):
    """The store was written by a later version of this program."""

    code: ClassVar[str] = "store-newer"


class StoreForeign(StoreError):
    """The file is no store, or is damaged as a whole."""

    code: ClassVar[str] = "store-foreign"


class StoreReadOnly(StoreError):
    """The store cannot be written."""


class StoreDiskFull(StoreError):
    """There is no room for what is to be stored."""


class StoreLocked(StoreError):
    """Another program holds a lock on the database for too long."""
