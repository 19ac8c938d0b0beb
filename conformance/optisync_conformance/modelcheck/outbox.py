"""The outbox as a model: how its Python values are written in ``models/Outbox.tla``.

The mapping, in full. Numbers, booleans and names are themselves; a frozen dataclass is the record
of its fields, an input, effect, row, status or verdict with a field ``kind`` more; a tuple is a
sequence; numbers that an entry waits for are a set; a missing number is -1, a missing stamp has
both its numbers -1, a missing id is "". What the outbox holds is written as the rows it stores.

A change is ``[kind, n, refs]``: what it does, a number that stands for its content, and the texts
in it that may be ids; a deletion has the number 0 and no texts. There is one resource, so an
entity is its id. What only passes through (documents, changes of a delta, owners, times for
people) has one fixed value; another value is refused, so the encoding is injective and nothing can
go astray on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, TypeAlias, assert_never

from optisync.contracts.entry import Entity, EntityId, Resource, Stamp, WriteEntry
from optisync.contracts.messages import Accepted, Ids, Refused
from optisync.outbox.config import Config
from optisync.outbox.effects import (
    Diag,
    Effect,
    Enqueued,
    ParkedEntry,
    Resync,
    Save,
    Send,
    Told,
)
from optisync.outbox.rows import (
    Acked,
    Alias,
    Consumed,
    Doubt,
    DoubtLifted,
    Gone,
    Hole,
    InDoubt,
    InFlight,
    Item,
    Numbers,
    OwnVersion,
    Parked,
    Queued,
    Report,
    Row,
    Status,
    Verdict,
)
from optisync.outbox.state import Outbox
from optisync.patch import Replace
from optisync.values import Json, Obj
from optisync.view import Change, Create, Delete, Update, Upsert

from .values import Plain, Value, of

NONE: Final = -1
NO_STAMP: Final[Plain] = {"epoch": NONE, "version": NONE}
RESOURCE: Final = Resource("r")

#: The ordered effects of a step, and the code of its error or "".
Out: TypeAlias = tuple[tuple[Effect, ...], str]
Fields: TypeAlias = Mapping[str, Plain]


class NotMapped(ValueError):
    """A value that the mapping gives no meaning to."""


def only(fixed: bool, what: object) -> None:
    """Raises `NotMapped` unless what the model leaves out has its fixed value."""
    if not fixed:
        raise NotMapped(f"{what} carries something that the model leaves out")


def entity_of(name: str) -> Entity:
    """The entity with this id."""
    return Entity(RESOURCE, EntityId(name))


def change_of(kind: str, n: int, refs: tuple[str, ...]) -> Change:
    """The change that the model writes ``[kind, n, refs]``. Raises `NotMapped`."""
    value = Obj({"n": n, "refs": refs})
    match kind:
        case "create":
            return Create(value)
        case "upsert":
            return Upsert(value)
        case "update":
            return Update((Replace(("n",), n), Replace(("refs",), refs)))
        case "delete" if not n and not refs:
            return Delete()
        case _:
            raise NotMapped(f"no change is a {kind} of {n} and {refs}")


def parts_of(change: Change) -> tuple[str, int, tuple[str, ...]]:
    """The kind, number and texts of a change that `change_of` gives. Raises `NotMapped`."""
    n, refs = 0, list[str]()
    for value in _written(change):
        match value:
            case int():
                n = value
            case tuple():
                refs = [text for text in value if isinstance(text, str)]
            case _:
                pass
    parts = (type(change).__name__.lower(), n, tuple(refs))
    if change != change_of(*parts):
        raise NotMapped(f"{change} is not a change of the model")
    return parts


def _written(change: Change) -> list[Json]:
    match change:
        case Create(value) | Upsert(value):
            return list(value.values()) if isinstance(value, Obj) else []
        case Update(patch):
            return [op.value for op in patch if isinstance(op, Replace)]
        case Delete():
            return []


def number(given: int | None) -> int:
    """A number, or the model's None."""
    return NONE if given is None else given


def stamp(given: Stamp | None) -> Plain:
    """A stamp, or the model's NoStamp."""
    return NO_STAMP if given is None else {"epoch": given.epoch, "version": given.version}


def record(kind: str, fields: Fields) -> Value:
    """A record with a kind."""
    return of({"kind": kind, **fields})


def name_of(entity: Entity) -> str:
    """The id of an entity of the one resource."""
    only(entity.resource == RESOURCE and entity.id != "", entity)
    return entity.id


def pairs(ids: Ids) -> Plain:
    """Temporary ids and the ids they got, each temporary id once."""
    only(len(dict(ids)) == len(ids), ids)
    return tuple({"temporary": temporary, "id": real} for temporary, real in ids)


def encode_config(config: Config) -> Value:
    """The configuration as the model's record."""
    return of(
        {
            "client": config.client,
            "mode": config.mode.value,
            "capacity": config.capacity,
            "lease_ms": config.lease_ms,
            "max_attempts": config.max_attempts,
            "delay_ms": config.delay_ms,
            "max_delay_ms": config.max_delay_ms,
        }
    )


def encode_state(state: Outbox) -> Value:
    """The state as the model's record."""
    aliases = (Alias(temporary, real) for temporary, real in state.aliases.items())
    return of(
        {
            "numbers": encode_row(state.numbers),
            "queue": tuple(encode_row(member) for member in state.queue),
            "versions": frozenset(encode_row(row) for row in state.versions.values()),
            "aliases": frozenset(encode_row(row) for row in aliases),
            "doubts": tuple(encode_row(row) for row in state.doubts),
            "reports": tuple(encode_row(row) for row in state.reports),
            "now": state.now,
            "failures": state.failures,
            "wait_until": state.wait_until,
        }
    )


@lru_cache(maxsize=4096)
def encode_entry(entry: WriteEntry) -> Value:
    """A write as the model's record."""
    only(entry.client_time_ms == 0, entry)
    kind, n, refs = parts_of(entry.change)
    return of(
        {
            "id": entry.entry_id,
            "key": entry.idempotency_key,
            "entity": name_of(entry.entity),
            "change": {"kind": kind, "n": n, "refs": refs},
            "base": stamp(entry.base),
            "temporary": entry.temporary,
            "depends": entry.depends_on,
        }
    )


def _status(status: Status) -> Value:
    match status:
        case Queued(not_before):
            return record("queued", {"not_before": not_before})
        case InFlight(token, owner, until):
            only(not owner, status)
            return record("in-flight", {"token": token, "until": until})
        case Acked(server_seq, version):
            return record("acked", {"server_seq": server_seq, "version": number(version)})
        case Parked():
            return record("parked", {})
        case _:
            assert_never(status)


def encode_verdict(verdict: Verdict) -> Value:
    """A verdict as the model's record."""
    match verdict:
        case Accepted(server_seq, version, ids):
            at: Fields = {"server_seq": server_seq, "version": number(version)}
            return record("accepted", {**at, "ids": pairs(ids)})
        case Refused(code):
            return record("refused", {"code": code})
        case InDoubt():
            return record("in-doubt", {})
        case _:
            assert_never(verdict)


@lru_cache(maxsize=4096)
def encode_row(row: Row) -> Value:
    """A stored row as the model's record."""
    match row:
        case Item():
            return _item(row)
        case Hole(seq, status, entity, temporary):
            held = record("open", {}) if status is None else _status(status)
            name = "" if entity is None else name_of(entity)
            lost: Fields = {"entity": name, "temporary": temporary}
            return record("hole", {"seq": seq, "status": held, **lost})
        case Gone(seq):
            return record("gone", {"seq": seq})
        case OwnVersion(entity, known, since):
            fixed: Fields = {"stamp": stamp(known), "since": stamp(since)}
            return record("version", {"entity": name_of(entity), **fixed})
        case Alias(temporary, real):
            only(real != "", row)
            return record("alias", {"temporary": temporary, "id": real or ""})
        case Doubt(seq, entry_id, entity):
            return record("doubt", {"seq": seq, "id": entry_id, "entity": name_of(entity)})
        case DoubtLifted(seq):
            return record("doubt-lifted", {"seq": seq})
        case Report():
            return _report(row)
        case Consumed(upto):
            return record("consumed", {"upto": upto})
        case Numbers():
            return _numbers(row)
        case _:
            assert_never(row)


def _item(item: Item) -> Value:
    only(item.enqueued_at == 0 and list(item.after) == sorted(set(item.after)), item)
    return record(
        "item",
        {
            "seq": item.seq,
            "entry": encode_entry(item.entry),
            "after": frozenset(item.after),
            "status": _status(item.status),
            "base": stamp(item.base),
            "first": item.first,
            "told": item.told,
            "attempts": item.attempts,
            "delays": item.delays,
            "stored": item.stored,
        },
    )


def _report(report: Report) -> Value:
    told: Fields = {"number": report.number, "seq": report.seq, "id": report.entry_id}
    return record("report", {**told, "verdict": encode_verdict(report.verdict)})


def _numbers(numbers: Numbers) -> Value:
    return record(
        "numbers",
        {
            "epoch": numbers.epoch,
            "server_seq": numbers.server_seq,
            "counter": numbers.counter,
            "token": numbers.token,
            "reported": numbers.reported,
            "watermark": number(numbers.watermark),
        },
    )


@lru_cache(maxsize=4096)
def encode_effect(effect: Effect) -> Value:
    """The effect as the model's record."""
    match effect:
        case Save(rows):
            return record("save", {"rows": tuple(encode_row(row) for row in rows)})
        case Enqueued(entry_id, seq, again):
            return record("enqueued", {"id": entry_id, "seq": seq, "again": again})
        case Send(token, items, skips, floor):
            ranges = tuple({"first": first, "last": last} for first, last in skips)
            sent: Fields = {"items": tuple(encode_row(item) for item in items), "skips": ranges}
            return record("send", {"token": token, "floor": floor, **sent})
        case Told(report):
            return record("told", {"report": encode_row(report)})
        case ParkedEntry(entry_id):
            return record("parked", {"id": entry_id})
        case Resync():
            return record("resync", {})
        case Diag(code, entry_id):
            return record("diag", {"code": code.value, "id": entry_id})
        case _:
            assert_never(effect)
