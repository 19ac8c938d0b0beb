"""Operations and results as JSON, the way out; the names are those of seed 004."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from optisync.contracts.entry import Row, Unknown, WriteEntry, WriteEntryResult, Written
from optisync.contracts.messages import Refused
from optisync.contracts.query import ChangesSpec, QuerySpec, ReadRow, Rows
from optisync.contracts.remote import (
    ChangesPullOp,
    Done,
    Failed,
    QueryOp,
    RemoteError,
    RemoteOp,
    RemoteOpResult,
    WriteOp,
    WriteResultData,
    kind_of,
)
from optisync.patch import patch_to_json
from optisync.values import Json, Obj
from optisync.view import ABSENT, Change, Create, Delete, Update, Upsert


def ops_to_json(ops: Iterable[RemoteOp]) -> Obj:
    """A request."""
    return Obj({"ops": tuple(_op(op) for op in ops)})


def _op(op: RemoteOp) -> Obj:
    told = {"opId": op.op_id, "kind": kind_of(op).value}
    match op:
        case WriteOp(_, resource, entries, options):
            told_entries = tuple(entry_to_json(entry) for entry in entries)
            asked: dict[str, Json] = {"resource": resource, "entries": told_entries}
            return Obj({**told, "write": Obj({**asked, "options": options})})
        case QueryOp(_, QuerySpec(resource, where, limit)):
            query = {"resource": resource, "where": where, **_given(limit=limit)}
            return Obj({**told, "query": Obj(query)})
        case ChangesPullOp(_, ChangesSpec(resource, after, limit)):
            pull = {"resource": resource, "after": after, **_given(limit=limit)}
            return Obj({**told, "pull": Obj(pull)})
        case _:
            assert_never(op)


def entry_to_json(entry: WriteEntry) -> Obj:
    """An entry on the wire: whole, but for its resource, which is its operation's. [entry-whole]

    What it depends on is settled before it is sent, and means nothing to a backend.
    """
    meta: dict[str, Json] = {"idempotencyKey": entry.idempotency_key}
    meta["clientTimeMs"] = entry.client_time_ms
    told: dict[str, Json] = {"action": type(entry.change).__name__.lower()}
    told |= {"entryId": entry.entry_id, "entityId": entry.entity.id, **_content(entry.change)}
    if entry.base is not None:
        told |= {"baseEpoch": entry.base.epoch, "baseVersion": entry.base.version}
    return Obj({**told, "temporary": entry.temporary, "meta": Obj(meta)})


def _content(change: Change) -> dict[str, Json]:
    match change:
        case Create(value) | Upsert(value, None):
            return {"value": value}
        case Upsert(value, patch) if patch is not None:  # [domain-options-travel]
            return {"value": value, "patch": patch_to_json(patch)}
        case Update(patch):
            return {"patch": patch_to_json(patch)}
        case Delete() | Upsert():
            return {}


def results_to_json(results: Iterable[RemoteOpResult]) -> Obj:
    """An answer."""
    return Obj({"results": tuple(_result(result) for result in results)})


def _result(result: RemoteOpResult) -> Obj:
    match result:
        case Done(op_id, data):
            return Obj({"opId": op_id, "ok": True, "data": _data(data)})
        case Failed(op_id, error):
            return Obj({"opId": op_id, "ok": False, "error": error_to_json(error)})
        case _:
            assert_never(result)


def _data(data: WriteResultData | Rows) -> Obj:
    match data:
        case WriteResultData(results):
            return Obj({"results": tuple(entry_result_to_json(each) for each in results)})
        case Rows(rows, cursor):
            told = {"rows": tuple(_read_row(row) for row in rows)}
            return Obj({**told, **_given(cursor=cursor)})
        case _:
            assert_never(data)


def entry_result_to_json(result: WriteEntryResult) -> Obj:
    """What became of one entry."""
    return Obj({"entryId": result.entry_id, **outcome_to_json(result.outcome)})


def outcome_to_json(outcome: Written | Refused | Unknown) -> Obj:
    """An outcome, without saying whose."""
    match outcome:
        case Written(version, server_seq, ids, row):
            told = _given(version=version, serverSeq=server_seq)
            if ids:
                told["ids"] = Obj(ids)
            if row is not None:
                told["row"] = _row(row)
            return Obj({"ok": True, **told})
        case Refused(code):
            return Obj({"ok": False, "error": error_to_json(RemoteError(code, definite=True))})
        case Unknown(after):
            error = RemoteError("unknown", definite=False, after=after)
            return Obj({"ok": False, "error": error_to_json(error)})
        case _:
            assert_never(outcome)


def error_to_json(error: RemoteError) -> Obj:
    """An error of an entry or of an operation."""
    told: dict[str, Json] = {"code": error.code, "definite": error.definite}
    return Obj({**told, **_given(retryAfterMs=error.after)})


def _row(row: Row) -> Obj:
    return Obj({"absent": True}) if row.doc is ABSENT else Obj({"doc": row.doc})


def _read_row(row: ReadRow) -> Obj:
    return Obj({"entityId": row.entity.id, "version": row.version, **_row(row.row)})


def _given(**numbers: int | None) -> dict[str, Json]:
    return {name: number for name, number in numbers.items() if number is not None}
