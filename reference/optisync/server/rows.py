"""An in-memory backend that answers requests: rows with versions, and no stream.

A row's version is the number of the accepted write that last touched it: never given twice, also
after a delete. What it decided under an idempotency key it decided for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count, islice
from typing import assert_never

from rpds import HashTrieMap

from optisync.contracts.entry import (
    Entity,
    EntityId,
    IdempotencyKey,
    Row,
    Stamp,
    WriteEntry,
    WriteEntryResult,
    Written,
    atom_of,
    makes_row,
    same_write,
)
from optisync.contracts.messages import Refused
from optisync.contracts.query import ChangesSpec, QuerySpec, ReadRow, Rows
from optisync.contracts.remote import (
    ChangesPullOp,
    Done,
    QueryOp,
    RemoteOp,
    RemoteOpResult,
    WriteOp,
    WriteResultData,
)
from optisync.errors import ChangeInapplicable
from optisync.machine import Step
from optisync.values import Epoch, Obj, ServerSeq, Version, same
from optisync.view import ABSENT, apply_change


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about a write, once."""

    entry: WriteEntry
    outcome: Written | Refused


@dataclass(frozen=True, slots=True)
class Backend:
    """The whole state. `rows` keeps what was deleted, absent, with its version."""

    epoch: Epoch = Epoch(1)
    newest: ServerSeq = ServerSeq(0)
    rows: HashTrieMap[Entity, ReadRow] = field(default_factory=lambda: HashTrieMap())
    verdicts: HashTrieMap[IdempotencyKey, Verdict] = field(default_factory=lambda: HashTrieMap())


def step(backend: Backend, ops: Sequence[RemoteOp]) -> Step[Backend, RemoteOpResult]:
    """Execute the operations of a request in order; the effects are their results."""
    results: list[RemoteOpResult] = []
    for op in ops:
        match op:
            case WriteOp():
                backend, data = _write(backend, op)
                results.append(Done(op.op_id, data))
            case QueryOp(op_id, query):
                results.append(Done(op_id, _query(backend, query)))
            case ChangesPullOp(op_id, changes):
                results.append(Done(op_id, _changes(backend, changes)))
            case _:
                assert_never(op)
    return Step(backend, tuple(results))


def _write(backend: Backend, op: WriteOp) -> tuple[Backend, WriteResultData]:
    results: list[WriteEntryResult] = []
    for entry in op.entries:  # [rows-each-alone]
        backend, outcome = _decide(backend, entry)
        if isinstance(outcome, Written) and op.options.get("returning") is not True:
            outcome = replace(outcome, row=None)  # [rows-returning]
        results.append(WriteEntryResult(entry.entry_id, outcome))
    return backend, WriteResultData(tuple(results))


def _decide(backend: Backend, entry: WriteEntry) -> tuple[Backend, Written | Refused]:
    known = backend.verdicts.get(entry.idempotency_key)
    if known is not None:  # [rows-decided-once]
        again = same_write(known.entry, entry)
        return backend, known.outcome if again else Refused("key-reused")
    backend, outcome = _execute(backend, entry)
    verdicts = backend.verdicts.insert(entry.idempotency_key, Verdict(entry, outcome))
    return replace(backend, verdicts=verdicts), outcome


def _execute(backend: Backend, entry: WriteEntry) -> tuple[Backend, Written | Refused]:
    found = _found(backend, entry.entity)
    # [rows-compare-and-set]
    if entry.base not in (None, Stamp(backend.epoch, found.version)):
        return backend, Refused("conflict")
    try:
        doc = apply_change(atom_of(entry.entity), found.row.doc, entry.change)
    except ChangeInapplicable as error:
        return backend, Refused(error.code)
    # [rows-versions-never-reused]
    entity, newest = entry.entity, ServerSeq(backend.newest + 1)
    if makes_row(entry):  # [rows-name-created]
        entity = _unused(backend, entity, newest)
    row = ReadRow(entity, Version(newest), Row(doc))
    ids = ((entry.entity.id, entity.id),) if makes_row(entry) else ()
    backend = replace(backend, newest=newest, rows=backend.rows.insert(entity, row))
    return backend, Written(row.version, None, ids, row.row)


def _found(backend: Backend, entity: Entity) -> ReadRow:
    return backend.rows.get(entity) or ReadRow(entity, Version(0), Row(ABSENT))


def _unused(backend: Backend, entity: Entity, number: int) -> Entity:
    ids = (Entity(entity.resource, EntityId(f"s{n}")) for n in count(number))
    return next(each for each in ids if each not in backend.rows)


def _query(backend: Backend, query: QuerySpec) -> Rows:
    present = (
        row
        for row in backend.rows.values()
        if row.entity.resource == query.resource and _matches(row.row, query.where)
    )
    ordered = sorted(present, key=lambda row: row.entity.id)
    return Rows(tuple(islice(ordered, query.limit)), backend.newest)


def _matches(row: Row, where: Obj) -> bool:
    doc = row.doc
    if doc is ABSENT or not isinstance(doc, Obj):
        return doc is not ABSENT and not where
    return all(name in doc and same(doc[name], value) for name, value in where.items())


def _changes(backend: Backend, changes: ChangesSpec) -> Rows:
    # [rows-changed-after]
    later = (
        row
        for row in backend.rows.values()
        if row.entity.resource == changes.resource and row.version > changes.after
    )
    ordered = sorted(later, key=lambda row: row.version)
    taken = tuple(islice(ordered, changes.limit))
    cut = len(taken) < len(ordered)
    at = taken[-1].version if taken else changes.after
    return Rows(taken, ServerSeq(at) if cut else backend.newest)
