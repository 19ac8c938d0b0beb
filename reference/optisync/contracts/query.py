"""Reads: what is asked of a backend, and the rows that answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from optisync.contracts.entry import Entity, Millis, Resource, Row
from optisync.values import Obj, ServerSeq, Version


@dataclass(frozen=True, slots=True)
class QuerySpec:
    """The present rows of a resource whose members equal those of `where`, in the order of ids.

    Without `where` every row; `limit` bounds how many, None does not.
    """

    resource: Resource
    where: Obj = field(default_factory=Obj)
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class ChangesSpec:
    """The rows of a resource that changed after a position, deleted ones too, oldest first."""

    resource: Resource
    after: ServerSeq = ServerSeq(0)
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class ReadRow:
    """An entity as a read found it, in a version. A deleted one is absent and has a version."""

    entity: Entity
    version: Version
    row: Row


@dataclass(frozen=True, slots=True)
class Rows:
    """The answer to a read. `cursor`: the position that the next changes are asked after."""

    rows: tuple[ReadRow, ...]
    cursor: ServerSeq | None = None


@dataclass(frozen=True, slots=True)
class ReadFailed:
    """Why a read gave no rows: the backend's own words, `unreachable`, or `wire-malformed`."""

    code: str
    definite: bool = False
    after: Millis | None = None
