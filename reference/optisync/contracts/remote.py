"""Remote operations (seed 004): what crosses to a backend. Transport and server alone know them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NewType, TypeAlias

from optisync.contracts.entry import Millis, Resource, WriteEntry, WriteEntryResult
from optisync.contracts.query import ChangesSpec, QuerySpec, Rows
from optisync.values import Obj

OpId = NewType("OpId", str)
TransportOptions: TypeAlias = Obj
"""What an op asks of the backend about its answer: `{"returning": true}`. Means nothing here."""


class RemoteOpKind(Enum):
    """The kinds of operations, by their names on the wire."""

    WRITE = "write"
    QUERY = "query"
    CHANGES_PULL = "changes.pull"


@dataclass(frozen=True, slots=True)
class WriteOp:
    """Writes to one resource, in order. `op_id` tells operations apart; entries have their own."""

    op_id: OpId
    resource: Resource
    entries: tuple[WriteEntry, ...]
    options: TransportOptions = field(default_factory=Obj)


@dataclass(frozen=True, slots=True)
class QueryOp:
    """A read of rows as they are."""

    op_id: OpId
    query: QuerySpec


@dataclass(frozen=True, slots=True)
class ChangesPullOp:
    """A read of rows that changed."""

    op_id: OpId
    changes: ChangesSpec


RemoteOp: TypeAlias = WriteOp | QueryOp | ChangesPullOp


@dataclass(frozen=True, slots=True)
class RemoteError:
    """Why something was not done. `definite`: nor will it ever be, under this idempotency key.

    `after`: come again no earlier than in so many milliseconds; only where it is not definite.
    """

    code: str
    definite: bool
    after: Millis | None = None


@dataclass(frozen=True, slots=True)
class WriteResultData:
    """Results of entries, in whatever order: they are aligned by `entry_id`."""

    results: tuple[WriteEntryResult, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """The operation was executed; its entries may be refused all the same."""

    op_id: OpId
    data: WriteResultData | Rows


@dataclass(frozen=True, slots=True)
class Failed:
    """The operation failed as a whole."""

    op_id: OpId
    error: RemoteError


RemoteOpResult: TypeAlias = Done | Failed


def kind_of(op: RemoteOp) -> RemoteOpKind:
    """The kind of an operation."""
    match op:
        case WriteOp():
            return RemoteOpKind.WRITE
        case QueryOp():
            return RemoteOpKind.QUERY
        case ChangesPullOp():
            return RemoteOpKind.CHANGES_PULL
