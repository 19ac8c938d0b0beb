"""The inputs of a pipeline as callers without types may give them: checked, their values copied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from typing import Final, TypeVar, cast

from optisync.contracts.entry import Entity, Row, Unknown, WriteEntryResult, Written
from optisync.contracts.messages import Delta, Refused, Snapshot
from optisync.coordinator.given import value_given
from optisync.pipeline.events import Context, Event, Patches, Write
from optisync.pipeline.inputs import (
    Abandon,
    Await,
    Begin,
    Cancel,
    Confirmed,
    Decided,
    Direction,
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
    Persisted,
    Revert,
    Tick,
)
from optisync.pipeline.state import Mode, OnTimeout, Pipeline
from optisync.shell.given import (
    Check,
    anything,
    change_given,
    each,
    flag,
    maybe,
    natural,
    one_of,
    pair,
    text,
    whole,
    wrong,
)
from optisync.shell.plain import is_plain
from optisync.shell.taking import input_given as taken
from optisync.view import ABSENT, Update

Name = TypeVar("Name", bound=Enum)
Called = TypeVar("Called")
FIELDS: Final[dict[type, Mapping[str, Check]]] = {}
"""What each field of a class must be."""


def _a(*classes: type) -> Check:
    return one_of(*classes, fields=FIELDS)


_WRITES: Final[Mapping[str, Check]] = {
    "seqs": each(whole),
    "persist_key": maybe(text),
    "ticket": maybe(natural),
}
FIELDS.update(
    {
        Entity: {"resource": text, "id": text},
        Write: {"entity": _a(Entity), "change": anything, "temporary": flag},
        Patches: {"resource": text, "patch": anything},
        Context: {
            "scope": text,
            "origin": text,
            "action_id": maybe(text),
            "label": maybe(text),
            "timestamp": whole,
        },
        Row: {"doc": anything},
        Written: {
            "version": maybe(whole),
            "server_seq": maybe(natural),
            "ids": each(pair),
            "row": maybe(_a(Row)),
        },
        Refused: {"code": text},
        Unknown: {"after": maybe(whole)},
        InDoubt: {},
        WriteEntryResult: {"entry_id": text, "outcome": _a(Written, Refused, Unknown)},
        Confirmed: {"results": each(_a(WriteEntryResult)), "epoch": maybe(natural)},
        Enqueued: {"entry_ids": each(text)},
        Failed: {"code": text},
        NoAnswer: {},
        FetchedRow: {"entity": _a(Entity), "row": _a(Row), "version": maybe(whole)},
        Direction: {},
        Mode: {},
        OnTimeout: {},
        Begin: {},
        Dispatch: {
            **_WRITES,
            "event": _a(Write, Patches),
            "context": _a(Context),
            "optimistic": flag,
        },
        Drain: {},
        Persisted: {"handle": whole, "outcome": _a(Confirmed, Enqueued, Failed, NoAnswer)},
        Decided: {
            "entry_id": text,
            "verdict": _a(Written, Refused, InDoubt),
            "epoch": maybe(natural),
        },
        Fetched: {"rows": each(_a(FetchedRow))},
        Hydrate: {"rows": each(_a(FetchedRow))},
        Await: {
            "wait": whole,
            "ticket": natural,
            "mode": _a(Mode),
            "timeout": maybe(natural),
            "on_timeout": _a(OnTimeout),
        },
        Cancel: {"ticket": natural},
        Abandon: {"ticket": natural},
        Revert: {**_WRITES, "direction": _a(Direction), "scope": text},
        Tick: {"now": natural},
    }
)
_INPUTS: Final = (Begin, Dispatch, Drain, Persisted, Decided, Fetched, Hydrate, Await, Cancel)
_INPUT: Final = _a(*_INPUTS, Abandon, Revert, Tick)
_EVENT: Final = _a(Write, Patches)


def input_given(raw: Input) -> Input:
    """The input. Raises InputMalformed, PatchMalformed, ValueMalformed."""
    if isinstance(raw, Delta | Snapshot):
        return cast(Input, taken(raw))
    _INPUT(raw, "input")
    match raw:
        case Fetched(rows) | Hydrate(rows):
            return replace(raw, rows=tuple(replace(r, row=_row(r.row)) for r in rows))
        case Decided(_, Written(row=Row() as row) as written):
            return replace(raw, verdict=replace(written, row=_row(row)))
        case Persisted(_, Confirmed(results) as outcome):
            return replace(raw, outcome=replace(outcome, results=tuple(map(_result, results))))
        case _:
            return raw


def event_given(raw: Event) -> Event:
    """The event, its values frozen. Raises InputMalformed, PatchMalformed, ValueMalformed."""
    _EVENT(raw, "event")
    if isinstance(raw, Write):
        change = change_given(raw.change, "change")
        return raw if change is raw.change else replace(raw, change=change)
    update = cast(Update, change_given(Update(raw.patch), "patch"))
    return raw if update.patch is raw.patch else replace(raw, patch=update.patch)


def name_given(names: type[Name], raw: object, where: str) -> Name:
    """The member of this value. Raises InputMalformed."""
    found = next((name for name in names if name.value == raw or name is raw), None)
    if found is None:
        raise wrong(where, " or ".join(str(name.value) for name in names), raw)
    return found


def scope_given(raw: str) -> str:
    """A scope. Raises InputMalformed."""
    text(raw, "scope")
    return raw


def callback_given(raw: Called) -> Called:
    """A callback. Raises InputMalformed."""
    if not callable(raw):
        raise wrong("callback", "something to call", raw)
    return raw


def state_given(raw: Pipeline) -> Pipeline:
    """A state. Raises InputMalformed."""
    if not isinstance(cast(object, raw), Pipeline):
        raise wrong("state", "a state as `start` makes it", raw)
    return raw


def _result(result: WriteEntryResult) -> WriteEntryResult:
    outcome = result.outcome
    if not isinstance(outcome, Written) or outcome.row is None:
        return result
    return replace(result, outcome=replace(outcome, row=_row(outcome.row)))


def _row(row: Row) -> Row:
    doc = row.doc
    return row if doc is ABSENT or is_plain(doc) else Row(value_given(doc, "row"))
