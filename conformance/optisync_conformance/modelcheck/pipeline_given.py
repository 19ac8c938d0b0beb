"""What goes into the pipeline and comes out of it, as records of the model."""

from __future__ import annotations

from functools import lru_cache
from typing import assert_never

from optisync.contracts.entry import (
    Entity,
    EntityId,
    Row,
    Unknown,
    WriteEntry,
    WriteEntryResult,
    Written,
)
from optisync.contracts.messages import Accepted, Delta, Label, Refused, Snapshot
from optisync.contracts.messages import Outcome as SnapshotOutcome
from optisync.patch import Add, Op, Remove, Replace
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
from optisync.pipeline.events import Event, Patches, Write
from optisync.pipeline.inputs import (
    Abandon,
    Await,
    Begin,
    Cancel,
    Confirmed,
    Decided,
    Dispatch,
    Drain,
    Enqueued,
    Failed,
    Fetched,
    FetchedRow,
    Hydrate,
    InDoubt,
    Input,
    NoAnswer,
    Outcome,
    Persisted,
    Revert,
    Tick,
)
from optisync.view import ABSENT, Change, Create, Delete, Update

from .outbox import NotMapped, number, only, record, stamp
from .pipeline import (
    Fields,
    change,
    changes,
    context,
    doc,
    docs,
    entity,
    entity_at,
    ids,
    name,
    text,
    write,
)
from .values import Plain, Value, of


@lru_cache(maxsize=4096)
def encode_input(given: Input) -> Value:
    """The input as the model's record."""
    match given:
        case Begin() | Drain():
            return record(type(given).__name__.lower(), {})
        case Dispatch():
            return record("dispatch", _dispatch(given))
        case Persisted(handle, outcome):
            return record("persisted", {"handle": handle, "outcome": _outcome(outcome)})
        case Decided(entry_id, verdict, epoch):
            said: Fields = {"verdict": _verdict(verdict), "epoch": number(epoch)}
            return record("decided", {"id": name(entry_id), **said})
        case Fetched(rows):
            return record("fetched", {"rows": tuple(map(_row, rows))})
        case Hydrate(rows):
            return record("hydrate", {"rows": tuple(map(_row, rows))})
        case Await(wait, ticket, mode, timeout, on_timeout):
            until: Fields = {"timeout": number(timeout), "on_timeout": on_timeout.value}
            return record("await", {"wait": wait, "ticket": ticket, "mode": mode.value, **until})
        case Cancel(ticket):
            return record("cancel", {"ticket": ticket})
        case Abandon(ticket):
            return record("abandon", {"ticket": ticket})
        case Revert(direction, seqs, scope, persist_key, ticket):
            what: Fields = {"direction": direction.value, "seqs": seqs, "scope": scope}
            where: Fields = {"persist_key": text(persist_key), "ticket": number(ticket)}
            return record("revert", {**what, **where})
        case Tick(now):
            return record("tick", {"now": now})
        case Delta() | Snapshot():
            return _streamed(given)
        case _:
            assert_never(given)


def _dispatch(given: Dispatch) -> Fields:
    shown: Fields = {"optimistic": given.optimistic, "ticket": number(given.ticket)}
    where: Fields = {"context": context(given.context), "persist_key": text(given.persist_key)}
    return {"event": _event(given.event), "seqs": given.seqs, **shown, **where}


def _event(event: Event) -> Plain:
    match event:
        case Write():
            return {"kind": "write", "write": write(event)}
        case Patches(resource, patch):
            rows = ((op.path[0], row_change(op)) for op in patch)
            return {
                "kind": "patches",
                "rows": tuple(
                    {"entity": entity(Entity(resource, EntityId(row))), "change": change(made)}
                    for row, made in rows
                ),
            }
        case _:
            assert_never(event)


def row_change(op: Op) -> Change:
    """What one operation of a patch over rows does to its row. Raises `NotMapped`."""
    match op:
        case Add((_,), value):
            return Create(value)
        case Remove((_,)):
            return Delete()
        case Replace((_, *rest), value):
            return Update((Replace(tuple(rest), value),))
        case _:
            raise NotMapped(f"{op} is no operation of the model")


def _row(read: FetchedRow) -> Plain:
    about: Fields = {"entity": entity(read.entity), "version": number(read.version)}
    return {**about, "doc": doc(read.row.doc)}


def _verdict(said: Written | Refused | Unknown | InDoubt | Accepted) -> Plain:
    none: Fields = {"version": -1, "server_seq": -1, "ids": (), "code": ""}
    row: Fields = {"row": {"told": False, "doc": doc(ABSENT)}}
    match said:
        case Written(version, server_seq, named, written):
            at: Fields = {"version": number(version), "server_seq": number(server_seq)}
            row = {"row": _written_row(written)}
            return {**none, **at, "kind": "written", "ids": ids(named), **row}
        case Accepted(server_seq, version, named):
            at = {"version": number(version), "server_seq": server_seq}
            return {**none, **at, "kind": "accepted", "ids": ids(named), **row}
        case Refused(code):
            return {**none, "kind": "refused", "code": text(code), **row}
        case Unknown(after):
            only(after is None, said)
            return {**none, "kind": "unknown", **row}
        case InDoubt():
            return {**none, "kind": "in-doubt", **row}
        case _:
            assert_never(said)


def _written_row(row: Row | None) -> Plain:
    return {"told": row is not None, "doc": doc(ABSENT if row is None else row.doc)}


def _result(result: WriteEntryResult) -> Plain:
    return {"id": name(result.entry_id), "outcome": _verdict(result.outcome)}


def _outcome(outcome: Outcome) -> Plain:
    none: Fields = {"results": (), "ids": (), "epoch": -1, "code": ""}
    match outcome:
        case Confirmed(results, epoch):
            told: Fields = {"results": tuple(map(_result, results)), "epoch": number(epoch)}
            return {**none, "kind": "confirmed", **told}
        case Enqueued(entry_ids):
            return {**none, "kind": "enqueued", "ids": tuple(map(name, entry_ids))}
        case Failed(code):
            return {**none, "kind": "failed", "code": text(code)}
        case NoAnswer():
            return {**none, "kind": "no-answer"}
        case _:
            assert_never(outcome)


def _streamed(given: Delta | Snapshot) -> Value:
    at: Fields = {"epoch": given.epoch, "server_seq": given.server_seq}
    match given:
        case Delta(prev=prev, changes=made, settles=settles):
            only(prev is None, given)
            labels = tuple(map(_label, settles))
            return record("delta", {**at, "changes": changes(made), "settles": labels})
        case Snapshot(docs=found, outcomes=outcomes, client_known=known, versions=versions):
            only(len({o.seq for o in outcomes}) == len(outcomes), given)
            only(len(dict(versions)) == len(versions), given)
            stamps = frozenset(of({"entity": entity_at(a), "version": v}) for a, v in versions)
            decided: Fields = {"outcomes": tuple(map(_told, outcomes)), "client_known": known}
            return record("snapshot", {**at, "docs": docs(found), "versions": stamps, **decided})
        case _:
            assert_never(given)


def _label(label: Label) -> Plain:
    more: Fields = {"version": number(label.version), "ids": ids(label.ids)}
    return {"client": label.client, "seq": label.seq, **more}


def _told(outcome: SnapshotOutcome) -> Plain:
    return {"seq": outcome.seq, "verdict": _verdict(outcome.verdict)}


@lru_cache(maxsize=4096)
def encode_effect(effect: Effect) -> Value:
    """The effect as the model's record."""
    match effect:
        case Changed() | Resync() | Schedule():
            return record(type(effect).__name__.lower(), {})
        case Told(ticket, status, code):
            what: Fields = {"ticket": ticket, "status": status.value}
            return record("told", {**what, "code": text(code)})
        case Answered(wait, answer, code):
            return record("answered", {"wait": wait, "answer": answer.value, "code": text(code)})
        case Diag(code, entry_id):
            return record("diag", {"code": code.value, "id": name(entry_id)})
        case Stale(about):
            return record("stale", {"entity": entity(about)})
        case Withdraw(entry_id):
            return record("withdraw", {"id": name(entry_id)})
        case Persist(handle, entries, seqs, where, persist_key):
            sent: Fields = {"entries": tuple(map(_entry, entries)), "seqs": seqs}
            under: Fields = {"context": context(where), "persist_key": text(persist_key)}
            return record("persist", {"handle": handle, **sent, **under})
        case _:
            assert_never(effect)


def _entry(entry: WriteEntry) -> Plain:
    only(str(entry.entry_id) == str(entry.idempotency_key), entry)
    return {
        "id": name(entry.entry_id),
        "entity": entity(entry.entity),
        "change": change(entry.change),
        "base": stamp(entry.base),
        "temporary": entry.temporary,
        "depends": tuple(map(name, entry.depends_on)),
        "at": entry.client_time_ms,
    }
