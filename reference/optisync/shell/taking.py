"""The inputs of an outbox as callers without types may give them: checked field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from operator import attrgetter, is_
from typing import Final, cast

from optisync.contracts.entry import Entity, Stamp, WriteEntry
from optisync.contracts.messages import Accepted, Delta, Label, Outcome, Refused, Snapshot
from optisync.outbox.inputs import (
    Abandon,
    Cancel,
    Consume,
    Enqueue,
    GiveUp,
    HasRead,
    Input,
    Refusal,
    Release,
    Reserve,
    Restart,
    Result,
    Resume,
    Retry,
    Settle,
    Take,
    Tick,
    Unknown,
    Watermark,
)
from optisync.shell.given import (
    Check,
    InputMalformed,
    a_tuple,
    anything,
    changes_of_delta,
    docs_given,
    each,
    entry_given,
    flag,
    maybe,
    natural,
    one_of,
    pair,
    text,
    versioned,
    whole,
    wrong,
)
from optisync.values import MAX_INT

FIELDS: Final[dict[type, Mapping[str, Check]]] = {}
"""What each field of a class must be."""


def _a(*classes: type) -> Check:
    return one_of(*classes, fields=FIELDS)


_RESULT = _a(Accepted, Refused, Retry, Unknown)
FIELDS.update(
    {
        Entity: {"resource": text, "id": text},
        Stamp: {"epoch": natural, "version": whole},
        WriteEntry: {
            "entry_id": text,
            "idempotency_key": text,
            "entity": _a(Entity),
            "change": anything,
            "base": maybe(_a(Stamp)),
            "temporary": flag,
            "depends_on": each(text),
            "client_time_ms": whole,
        },
        Accepted: {"server_seq": natural, "version": maybe(whole), "ids": each(pair)},
        Refused: {"code": text},
        Retry: {"after": whole},
        Unknown: {},
        Result: {"entry_id": text, "outcome": _RESULT},
        Label: {"client": text, "seq": natural, "version": maybe(whole), "ids": each(pair)},
        Outcome: {"seq": natural, "verdict": _a(Accepted, Refused)},
        Refusal: {"seq": natural, "code": text},
    }
)
INPUTS: Final[dict[type, Mapping[str, Check]]] = {
    Take: {},
    GiveUp: {"seq": whole},
    Enqueue: {"entries": a_tuple, "seqs": each(maybe(whole)), "stored": flag, "at": whole},
    Reserve: {"limit": whole, "owner": text},
    Settle: {"token": whole, "epoch": natural, "results": each(_a(Result))},
    Release: {"token": whole},
    Delta: {
        "epoch": natural,
        "server_seq": natural,
        "prev": maybe(natural),
        "changes": anything,
        "settles": each(_a(Label)),
    },
    Snapshot: {
        "epoch": natural,
        "server_seq": natural,
        "docs": anything,
        "outcomes": each(_a(Outcome)),
        "client_known": flag,
        "versions": each(versioned),
    },
    Watermark: {
        "epoch": natural,
        "server_seq": natural,
        "upto": natural,
        "refused": maybe(each(_a(Refusal))),
    },
    Cancel: {"entry_id": text},
    Abandon: {"entry_id": text},
    Resume: {"entry_id": text},
    HasRead: {"entity": _a(Entity)},
    Consume: {"upto": whole},
    Tick: {"now": whole},
    Restart: {},
}
"""The same for the inputs themselves."""


def input_given(raw: object) -> Input:
    """The input with its values frozen and every field checked.

    Raises InputMalformed, ValueMalformed for what is no JSON, PatchMalformed for what is no change.
    """
    name = type(raw).__name__
    if type(raw) not in INPUTS:
        raise wrong("input", "an input of an outbox", raw)
    if not _is_usual(raw):
        for field, check in INPUTS[type(raw)].items():
            check(getattr(raw, field), f"{name}.{field}")
    match raw:
        case Enqueue(entries, seqs):
            if len(seqs) > len(entries):
                why = f"{len(seqs)} numbers for {len(entries)} entries"
                raise InputMalformed("Enqueue.seqs", why)
            sound = tuple(map(_entry, range(len(entries)), entries))
            return raw if all(map(is_, sound, entries)) else replace(raw, entries=sound)
        case Delta(changes=changes):
            return replace(raw, changes=changes_of_delta(changes, "Delta.changes"))
        case Snapshot(docs=docs):
            return replace(raw, docs=docs_given(docs, "Snapshot.docs"))
        case _:
            return cast(Input, raw)


def _is_usual(raw: object) -> bool:
    """Whether it is an Enqueue as most are."""
    return (
        type(raw) is Enqueue
        and (type(raw.entries), raw.seqs, type(raw.stored), type(raw.at)) == _USUAL
        and 0 <= raw.at <= MAX_INT
    )


def _entry(index: int, raw: WriteEntry) -> WriteEntry:
    if not _is_sound(raw):
        _ENTRY(raw, f"Enqueue.entries[{index}]")
    return entry_given(raw)


def _is_sound(entry: object) -> bool:
    """Whether a look is enough: of most entries it is, and the way of the others is long."""
    if not isinstance(entry, WriteEntry) or tuple(map(type, _PARTS(entry))) != _KINDS:
        return False
    entity = entry.entity
    given = (entry.entry_id, entry.idempotency_key, entity.resource, entity.id)
    names = cast(tuple[object, ...], given)
    return (
        all(isinstance(name, str) and name.isascii() for name in names)
        and (entry.base is None or _is_sound_stamp(entry.base))
        and not entry.depends_on
        and -MAX_INT <= entry.client_time_ms <= MAX_INT
    )


def _is_sound_stamp(stamp: object) -> bool:
    if not isinstance(stamp, Stamp) or (type(stamp.epoch), type(stamp.version)) != (int, int):
        return False
    return 0 <= stamp.epoch <= MAX_INT and -MAX_INT <= stamp.version <= MAX_INT


_USUAL: Final = (tuple, (), bool, int)
_ENTRY: Final = _a(WriteEntry)
_PARTS: Final = attrgetter("entity", "temporary", "depends_on", "client_time_ms")
_KINDS: Final = (Entity, bool, tuple, int)
