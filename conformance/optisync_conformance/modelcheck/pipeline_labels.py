"""Short names of the pipeline's inputs, for edges and paths."""

from __future__ import annotations

from typing import assert_never

from optisync.contracts.entry import Row, Unknown, Written, atom_of
from optisync.contracts.messages import Accepted, Delta, Ids, Refused, Snapshot
from optisync.pipeline.events import Patches, Write
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
from optisync.values import Epoch, Version

from .pipeline_inputs import change_word, doc_word, patch_word


def label(given: Input) -> str:
    """A short name of an input, different for different inputs of one alphabet.

    >>> from optisync.pipeline.inputs import Persisted, NoAnswer
    >>> label(Drain()), label(Persisted(1, NoAnswer()))
    ('drain', 'persisted #1 unknown')
    """
    match given:
        case Begin() | Drain():
            return type(given).__name__.lower()
        case Dispatch():
            return _dispatch(given)
        case Persisted(handle, outcome):
            return f"persisted #{handle} {_outcome(outcome)}"
        case Decided(entry_id, verdict, epoch):
            return f"decided {entry_id} {_word(verdict)}{_epoch(epoch)}"
        case Fetched(rows) | Hydrate(rows):
            return f"{type(given).__name__.lower()} {_rows(rows)}"
        case Await():
            return _await(given)
        case Cancel(ticket) | Abandon(ticket):
            return f"{type(given).__name__.lower()} {ticket}"
        case Revert(direction, seqs, scope):
            under = "" if given.ticket is None else f" ticket {given.ticket}"
            return f"{direction.value} {_numbers(seqs)} {scope}{under}"
        case Tick(now):
            return f"tick {now}"
        case Delta() | Snapshot():
            return _streamed(given)
        case _:
            assert_never(given)


def _numbers(seqs: tuple[int, ...]) -> str:
    return ",".join(map(str, seqs)) or "-"


def _dispatch(given: Dispatch) -> str:
    match given.event:
        case Write(entity, change, temporary):
            new = " temporary" if temporary else ""
            what = f"{change_word(change)} of {atom_of(entity)}{new}"
        case Patches(resource, patch):
            what = f"patches of {resource}{patch_word(patch)}"
        case _:
            assert_never(given.event)
    context = given.context
    where = (context.scope, context.origin, context.action_id or "", given.persist_key or "")
    ticket = "" if given.ticket is None else f" ticket {given.ticket}"
    kept = {"default", "user", ""}
    more = "".join(f" {text}" for text in where if text not in kept)
    label_ = "" if context.label is None else f" '{context.label}'"
    shown = "" if given.optimistic else " unseen"
    return f"dispatch {_numbers(given.seqs)} {what}{more}{label_}{ticket}{shown}"


def _await(given: Await) -> str:
    until = "" if given.timeout is None else f" {given.timeout} ms {given.on_timeout.value}"
    return f"await {given.wait} of {given.ticket} {given.mode.value}{until}"


def _outcome(outcome: Outcome) -> str:
    match outcome:
        case Confirmed(results, epoch):
            told = " ".join(f"{r.entry_id}:{_word(r.outcome)}" for r in results)
            return f"answered {told}{_epoch(epoch)}"
        case Enqueued(entry_ids):
            return f"enqueued {' '.join(entry_ids)}"
        case Failed(code):
            return code
        case NoAnswer():
            return "unknown"
        case _:
            assert_never(outcome)


def _epoch(epoch: Epoch | None) -> str:
    return "" if epoch is None else f" e{epoch}"


def _rows(rows: tuple[FetchedRow, ...]) -> str:
    return " ".join(f"{atom_of(r.entity)}={_row(r.row)}{_version(r.version)}" for r in rows)


def _row(row: Row) -> str:
    return doc_word(row.doc)


def _version(version: Version | None) -> str:
    return "" if version is None else f" v{version}"


def _ids(ids: Ids) -> str:
    return "".join(f" {temporary}={real}" for temporary, real in ids)


def _word(said: Written | Refused | Unknown | InDoubt | Accepted) -> str:
    match said:
        case Written(version, server_seq, ids, row):
            at = "" if server_seq is None else f" @{server_seq}"
            held = "" if row is None else f" ={_row(row)}"
            return f"ok{at}{_version(version)}{_ids(ids)}{held}"
        case Accepted(server_seq, version, ids):
            return f"@{server_seq}{_version(version)}{_ids(ids)}"
        case Refused(code):
            return code
        case Unknown():
            return "unknown"
        case InDoubt():
            return "in doubt"
        case _:
            assert_never(said)


def _streamed(given: Delta | Snapshot) -> str:
    match given:
        case Delta(epoch, server_seq, changes=changes, settles=settles):
            what = "".join(f" {atom} {change_word(change)}" for atom, change in changes)
            named = "".join(
                f" {each.client}:{each.seq}{_version(each.version)}{_ids(each.ids)}"
                for each in settles
            )
            return f"delta e{epoch} @{server_seq}{what}{named}"
        case Snapshot(epoch, server_seq, docs, outcomes, known, versions):
            held = "".join(f" {atom}={doc_word(docs[atom])}" for atom in docs)
            told = "".join(f" {o.seq}:{_word(o.verdict)}" for o in outcomes)
            stamps = "".join(f" {atom}{_version(version)}" for atom, version in versions)
            more = f"{stamps}{'' if known else ' unknown'}"
            return f"snapshot e{epoch} @{server_seq}{held}{told}{more}"
        case _:
            assert_never(given)
