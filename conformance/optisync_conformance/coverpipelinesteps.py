"""Inputs of the pipeline's small worlds as steps of protocol 1.

`m3` is the name of the write with number 3, and `e3` that of the event whose first write it is, if
that is not the write itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from optisync.contracts.entry import EntryId, Row, Unknown, WriteEntryResult, Written
from optisync.contracts.messages import Accepted, Delta, Ids, Label, Refused, Snapshot
from optisync.patch import patch_to_json
from optisync.pipeline.events import Context, Patches, Write
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
from optisync.pipeline.state import Pipeline
from optisync.values import Epoch
from optisync.view import ABSENT, changes_to_json
from optisync_conformance.modelcheck.pipeline_inputs import ME
from optisync_conformance.reference.host import thaw
from optisync_conformance.reference.outboxtelling import change_json


@dataclass(frozen=True, slots=True)
class Named:
    """A pipeline, and the names by which a script speaks of its tickets and requests.

    Both are in the order in which they came: a ticket is its place, a request its handle.
    """

    state: Pipeline
    tickets: tuple[str, ...] = ()
    requests: tuple[tuple[int, str], ...] = ()


def name_of(seq: int) -> str:
    """The name of a number."""
    return f"$m{seq}"


def _write(entry_id: EntryId) -> str:
    return name_of(int(entry_id.removeprefix(f"{ME}/")))


def _ticket(names: Named, number: int) -> str | None:
    """The name of a ticket; None if it is not begun."""
    return names.tickets[number - 1] if number <= len(names.tickets) else None


def step_of(given: Input, names: Named) -> dict[str, object] | None:
    """The input as a script says it here; None if it cannot."""
    match given:
        case Begin():
            return {"do": "begin", "m": f"$t{names.state.begun + 1}"}
        case Dispatch() | Revert():
            return _event(given, names)
        case Drain():
            return {"do": "drain"}
        case Persisted(handle, outcome):
            request = dict(names.requests).get(handle)
            answer = {"do": "persisted", "request": request, **_outcome(outcome)}
            return None if request is None else answer
        case Decided(entry_id, verdict, epoch):
            step: dict[str, object] = {"do": "decided", "m": _write(entry_id)}
            return {**step, **_verdict(verdict), **_epoch(epoch)}
        case Delta() | Snapshot():
            return {"epoch": given.epoch, "seq": given.server_seq, **_heard(given)}
        case Fetched(rows) | Hydrate(rows):
            return {"do": type(given).__name__.lower(), "rows": [_read(each) for each in rows]}
        case Await() | Cancel() | Abandon():
            return _asked(given, _ticket(names, given.ticket))
        case Tick(now):
            later = now - names.state.now
            return {"do": "tick", "ms": later} if later > 0 else None
        case _:
            assert_never(given)


def _event(given: Dispatch | Revert, names: Named) -> dict[str, object] | None:
    writes = [name_of(seq) for seq in given.seqs]
    key = {} if given.persist_key is None else {"persist_key": given.persist_key}
    if isinstance(given, Revert):
        told = {"do": given.direction.value, "m": f"$e{given.seqs[0]}", "writes": writes}
        return {**told, "scope": given.scope, **key}
    under = {} if given.ticket is None else {"ticket": _ticket(names, given.ticket)}
    if None in under.values():
        return None
    about = {"context": _context(given.context), "optimistic": given.optimistic, **key, **under}
    match given.event:
        case Write(entity, change, temporary):
            told = {"do": "dispatch", "m": writes[0]}
            what: dict[str, object] = {"resource": entity.resource, "entity": entity.id}
            what |= {"change": change_json(change), "temporary": temporary}
        case Patches(resource, patch):
            told = {"do": "patches", "m": f"$e{given.seqs[0]}", "writes": writes}
            what = {"resource": resource, "patch": thaw(patch_to_json(patch))}
        case _:
            assert_never(given.event)
    return {**told, **what, **about}


def _context(given: Context) -> dict[str, object]:
    told: dict[str, object] = {"scope": given.scope, "origin": given.origin}
    told |= {} if given.action_id is None else {"action": given.action_id}
    return told if given.label is None else {**told, "label": given.label}


def _outcome(given: Outcome) -> dict[str, object]:
    match given:
        case Confirmed(results, epoch):
            return {"results": [_result(each) for each in results], **_epoch(epoch)}
        case Enqueued(entry_ids):
            return {"enqueued": [_write(entry_id) for entry_id in entry_ids]}
        case Failed(code):
            return {"failed": code}
        case NoAnswer():
            return {"unknown": True}
        case _:
            assert_never(given)


def _result(given: WriteEntryResult) -> dict[str, object]:
    return {"m": _write(given.entry_id), **_verdict(given.outcome)}


def _verdict(given: Written | Refused | Unknown | InDoubt) -> dict[str, object]:
    match given:
        case Written(version, at, ids, row):
            told = {} if at is None else {"seq": at}
            held = {} if row is None else {"row": _row(row)}
            return {"ok": {**told, **_learnt(version, ids), **held}}
        case Refused(code):
            return {"rejected": code}
        case Unknown():
            return {"unknown": True}
        case InDoubt():
            return {"in_doubt": True}
        case _:
            assert_never(given)


def _learnt(version: int | None, ids: Ids) -> dict[str, object]:
    told: dict[str, object] = {} if version is None else {"version": version}
    return {**told, "ids": dict(ids)} if ids else told


def _epoch(epoch: Epoch | None) -> dict[str, object]:
    return {} if epoch is None else {"epoch": epoch}


def _row(row: Row) -> dict[str, object]:
    return {"absent": True} if row.doc is ABSENT else {"doc": thaw(row.doc)}


def _read(given: FetchedRow) -> dict[str, object]:
    about = {"resource": given.entity.resource, "entity": given.entity.id}
    return {**about, **_row(given.row), **_learnt(given.version, ())}


def _heard(given: Delta | Snapshot) -> dict[str, object]:
    match given:
        case Delta(changes=changes, settles=labels):
            told = {"do": "delta", "atoms": thaw(changes_to_json(changes))}
            return {**told, "settles": [_label(label) for label in labels]}
        case Snapshot(docs=docs, outcomes=outcomes, client_known=known, versions=versions):
            what = {name_of(each.seq): _decided(each.verdict) for each in outcomes}
            held = {"docs": thaw(docs), "versions": dict(versions)}
            return {"do": "snapshot", **held, "outcomes": what, "client_known": known}
        case _:
            assert_never(given)


def _label(label: Label) -> dict[str, object]:
    whose = {} if label.client == ME else {"client": "other"}
    return {"m": name_of(label.seq), **_learnt(label.version, label.ids), **whose}


def _decided(given: Accepted | Refused) -> dict[str, object]:
    if isinstance(given, Refused):
        return {"rejected": given.code}
    return {"ok": given.server_seq, **_learnt(given.version, given.ids)}


def _asked(given: Await | Cancel | Abandon, event: str | None) -> dict[str, object] | None:
    if event is None:
        return None
    if not isinstance(given, Await):
        return {"do": type(given).__name__.lower(), "m": event}
    told: dict[str, object] = {"do": "await", "w": f"$w{given.wait}", "m": event}
    told |= {"mode": given.mode.value, "on_timeout": given.on_timeout.value}
    return told if given.timeout is None else {**told, "timeout": given.timeout}
