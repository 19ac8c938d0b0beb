"""The one write contract inside the client: what a write is, whoever carries it.

A write goes to one entity and carries its own change, never another unsettled write's effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NewType

from optisync.contracts.messages import Ids, Refused
from optisync.patch import Add, Patch, Replace, Test
from optisync.values import AtomKey, Epoch, Json, Obj, ServerSeq, Version, same
from optisync.view import ABSENT, Change, Create, Delete, Doc, Update, Upsert

EntryId = NewType("EntryId", str)
IdempotencyKey = NewType("IdempotencyKey", str)
Resource = NewType("Resource", str)
EntityId = NewType("EntityId", str)
Millis = NewType("Millis", int)


@dataclass(frozen=True, slots=True, order=True)
class Stamp:
    """A version of a document in its epoch: versions come again after a restore, epochs do not."""

    epoch: Epoch
    version: Version


@dataclass(frozen=True, slots=True)
class Entity:
    """What a write is about: one row of one resource."""

    resource: Resource
    id: EntityId


@dataclass(frozen=True, slots=True)
class WriteEntry:
    """One write (seed 004). `entry_id` aligns it with its result, whatever the order of results.

    `idempotency_key` lets the server recognise it when it is sent again. `base` is the version
    that the plan saw; None where there was none. `temporary`, of a create or upsert: the entity's
    id is the client's own, used for nothing else, until the server gives it another. `depends_on`:
    entries that must be settled before this one is sent. `client_time_ms` is for people: nothing
    is ordered by it.
    """

    entry_id: EntryId
    idempotency_key: IdempotencyKey
    entity: Entity
    change: Change
    base: Stamp | None = None
    temporary: bool = False
    depends_on: tuple[EntryId, ...] = ()
    client_time_ms: Millis = Millis(0)


@dataclass(frozen=True, slots=True)
class Row:
    """An entity as the server has it; ABSENT: there is none."""

    doc: Doc

    def __eq__(self, other: object) -> bool:  # Python's own takes true for 1
        if not isinstance(other, Row):
            return NotImplemented
        if self.doc is ABSENT or other.doc is ABSENT:
            return self.doc is other.doc
        return same(self.doc, other.doc)


@dataclass(frozen=True, slots=True)
class Written:
    """The server accepted a write.

    `server_seq`: its place on the stream, at which the documents will hold it; None from a backend
    that has no stream. `row`: the entity after the write; None where the answer does not carry it.
    """

    version: Version | None = None
    server_seq: ServerSeq | None = None
    ids: Ids = ()
    row: Row | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows whether the write was executed; it may be sent again, under the same key.

    `after`: the server answered "not now", and to come again no earlier than in so many
    milliseconds.
    """

    after: Millis | None = None


@dataclass(frozen=True, slots=True)
class WriteEntryResult:
    """What became of one write, by its `entry_id` (seed 004). Written and Refused are definite."""

    entry_id: EntryId
    outcome: Written | Refused | Unknown


def atom_of(entity: Entity) -> AtomKey:
    """The key of an entity among the documents: no two entities share one.

    >>> atom_of(Entity(Resource("a/b"), EntityId("c/d")))
    'a~1b/c/d'
    """
    resource = entity.resource.replace("~", "~0").replace("/", "~1")
    return AtomKey(f"{resource}/{entity.id}")


def same_write(left: WriteEntry, right: WriteEntry) -> bool:
    """Whether two entries write the same: what an idempotency key must stand for once."""
    return left.entity == right.entity and left.change == right.change


def makes_row(entry: WriteEntry) -> bool:
    """Whether the server will give the entity of this entry its id."""
    return entry.temporary and isinstance(entry.change, Create | Upsert)


def mentions(entry: WriteEntry) -> frozenset[str]:
    """Every text in an entry that may be an id: the entity's, and each string of its values."""
    return mentioned(entry.entity, entry.change)


def mentioned(entity: Entity, change: Change) -> frozenset[str]:
    """Every text in a write that may be an id: the entity's, and each string of its values."""
    found = {str(entity.id)}
    for value in _values(change):
        _collect(value, found)
    return frozenset(found)


def rename(entry: WriteEntry, ids: Ids) -> WriteEntry:
    """The entry with temporary ids replaced by the server's, wherever a whole string is one.

    Not the id that the entry itself makes: the server answers with that one's name.
    """
    own = entry.entity.id if makes_row(entry) else None
    names = {temporary: real for temporary, real in ids if temporary != own}
    if not names or not names.keys() & mentions(entry):
        return entry
    entity = Entity(entry.entity.resource, EntityId(names.get(entry.entity.id, entry.entity.id)))
    return replace(entry, entity=entity, change=renamed_change(entry.change, names))


def _values(change: Change) -> tuple[Json, ...]:
    match change:
        case Create(value) | Upsert(value, None):
            return (value,)
        case Upsert(value, patch) if patch is not None:
            return (value, *_patch_values(patch))
        case Update(patch):
            return _patch_values(patch)
        case Delete() | Upsert():
            return ()


def _patch_values(patch: Patch) -> tuple[Json, ...]:
    return tuple(op.value for op in patch if isinstance(op, Add | Replace | Test))


def _collect(value: Json, found: set[str]) -> None:
    match value:
        case str():
            found.add(value)
        case tuple():
            for item in value:
                _collect(item, found)
        case Obj():
            for member in value.values():
                _collect(member, found)
        case _:
            pass


def renamed_change(change: Change, names: Mapping[str, str]) -> Change:
    """The change with every whole string of its values replaced that is one of the names."""
    match change:
        case Create(value):
            return Create(_renamed(value, names))
        case Update(patch):
            return Update(_renamed_patch(patch, names))
        case Upsert(value, patch):
            renamed = None if patch is None else _renamed_patch(patch, names)
            return Upsert(_renamed(value, names), renamed)
        case Delete():
            return change


def _renamed_patch(patch: Patch, names: Mapping[str, str]) -> Patch:
    return tuple(
        replace(op, value=_renamed(op.value, names)) if isinstance(op, Add | Replace | Test) else op
        for op in patch
    )


def _renamed(value: Json, names: Mapping[str, str]) -> Json:
    match value:
        case str():
            return names.get(value, value)
        case tuple():
            return tuple(_renamed(item, names) for item in value)
        case Obj():
            return Obj({key: _renamed(member, names) for key, member in value.items()})
        case _:
            return value
