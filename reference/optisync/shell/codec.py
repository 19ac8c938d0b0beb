"""The rows of an outbox as statements for the SQLite store; `reading` is the way back."""

from __future__ import annotations

from typing import Final, TypeAlias, TypeVar, assert_never

import msgspec

from optisync.contracts.entry import EntryId, Stamp
from optisync.contracts.messages import Accepted, Refused
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
from optisync.shell.decoding import change_of, json_of, list_of
from optisync.shell.plain import is_plain, is_plain_change
from optisync.values import AtomKey, ClientSeq, Json, same
from optisync.view import ABSENT, Change, Doc, Upsert, changes_to_json

Column: TypeAlias = str | int | None
Columns: TypeAlias = tuple[Column, ...]
Write: TypeAlias = tuple[str, Columns]
"""A statement and its parameters."""

Listed = TypeVar("Listed", tuple[EntryId, ...], tuple[ClientSeq, ...], tuple[tuple[str, str], ...])

_JSON: Final = msgspec.json.Encoder(enc_hook=dict)
_HERE: Final = AtomKey("change")


INSERTS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {}
"""The table and columns of each statement that stores a row."""


def _insert(table: str, columns: str) -> str:
    names = tuple(columns.split())
    marks = ", ".join("?" for _ in names)
    statement = f"INSERT OR REPLACE INTO {table} ({', '.join(names)}) VALUES ({marks})"
    INSERTS[statement] = table, names
    return statement


_ITEM: Final = _insert(
    "members",
    "seq status not_before_ms token owner until_ms server_seq version"
    " resource entity_id enqueued_at_ms entry_id idempotency_key change planned_epoch"
    " planned_version temporary depends_on client_time_ms waits_for base_epoch base_version"
    " first_lease told attempts delays",
)
_HOLE: Final = _insert(
    "members", "seq resource entity_id temporary status not_before_ms token owner until_ms"
)
_VERSION: Final = _insert("versions", "resource entity_id epoch version since_epoch since_version")
_ALIAS: Final = _insert("aliases", "temporary id")
_DOUBT: Final = _insert("doubts", "seq entry_id resource entity_id")
_REPORT: Final = _insert("reports", "number seq entry_id verdict code server_seq version ids")
_NUMBERS: Final = _insert("numbers", "epoch server_seq counter token reported watermark id")
_DOCUMENT: Final = _insert("documents", "atom content epoch version")


def write(row: Row) -> Write:
    """What stores a row under its key. Raises ValueError, TypeError, RecursionError and Unreadable
    for values that would not be read back; of its columns `readable` finds that."""
    match row:
        case Item():
            return _ITEM, (row.seq, *_status(row.status), *_entry(row))
        case Hole():
            return _HOLE, _hole(row)
        case Gone(seq):
            return "DELETE FROM members WHERE seq = ?", (seq,)
        case OwnVersion(entity, stamp, since):
            return _VERSION, (entity.resource, entity.id, *_stamp(stamp), *_stamp(since))
        case Alias(temporary, real):
            return _ALIAS, (temporary, real)
        case Doubt(seq, entry_id, entity):
            return _DOUBT, (seq, entry_id, entity.resource, entity.id)
        case DoubtLifted(seq):
            return "DELETE FROM doubts WHERE seq = ?", (seq,)
        case Report(number, seq, entry_id, verdict):
            return _REPORT, (number, seq, entry_id, *_verdict(verdict))
        case Consumed(upto):
            return "DELETE FROM reports WHERE number <= ?", (upto,)
        case Numbers():
            known = (row.epoch, row.server_seq, row.counter, row.token, row.reported)
            return _NUMBERS, (*known, row.watermark, 0)
        case _:
            assert_never(row)


def write_document(atom: AtomKey, doc: Doc, stamp: Stamp | None) -> Write:
    """What stores a document and its version, or removes one that has left none."""
    if doc is ABSENT and stamp is None:
        return "DELETE FROM documents WHERE atom = ?", (atom,)
    return _DOCUMENT, (atom, None if doc is ABSENT else _document_text(doc), *_stamp(stamp))


def _status(status: Status) -> Columns:
    match status:
        case Queued(not_before):
            return "queued", not_before, None, None, None, None, None
        case InFlight(token, owner, until):
            return "in-flight", None, token, owner, until, None, None
        case Acked(server_seq, version):
            return "acked", None, None, None, None, server_seq, version
        case Parked():
            return "parked", None, None, None, None, None, None
        case _:
            assert_never(status)


def _hole(hole: Hole) -> Columns:
    entity = hole.entity
    known = (None, None) if entity is None else (entity.resource, entity.id)
    if entity is not None and None in known:
        raise ValueError("an entity without its name")
    what = (hole.seq, *known, _flag(hole.temporary))
    match hole.status:
        case None:
            return *what, "open", None, None, None, None
        case Queued(not_before):
            return *what, "skip", not_before, None, None, None
        case InFlight(token, owner, until):
            return *what, "skipping", None, token, owner, until
        case _:
            assert_never(hole.status)


def _entry(item: Item) -> Columns:
    entry = item.entry
    return (
        entry.entity.resource,
        entry.entity.id,
        item.enqueued_at,
        entry.entry_id,
        entry.idempotency_key,
        _change_text(entry.change),
        *_stamp(entry.base),
        _flag(entry.temporary),
        _list(entry.depends_on, tuple[EntryId, ...]),
        entry.client_time_ms,
        _list(item.after, tuple[ClientSeq, ...]),
        *_stamp(item.base),
        item.first,
        _flag(item.told),
        item.attempts,
        item.delays,
    )


def _flag(value: bool) -> int:
    if value not in (True, False):
        raise ValueError(f"{value!r} is neither True nor False")
    return int(value)


def _list(items: Listed, shape: type[Listed]) -> str | None:
    if items == ():
        return None
    written = text(items)
    if list_of(written, shape) != items:
        raise ValueError("a list that would be read back as another")
    return written


def _change_text(change: Change) -> str:
    if isinstance(change, Upsert) and change.patch is None and is_plain(change.value):
        return _JSON.encode({"upsert": change.value}).decode()  # most are, and it is faster
    written = text(changes_to_json(((_HERE, change),))[_HERE])
    if not is_plain_change(change) and change_of(written) != change:
        raise ValueError("a change that would be read back as another")
    return written


def _document_text(doc: Json) -> str:
    written = text(doc)
    if not is_plain(doc) and not same(json_of(written, "content"), doc):
        raise ValueError("a document that would be read back as another")
    return written


def _stamp(stamp: Stamp | None) -> tuple[int | None, int | None]:
    return (None, None) if stamp is None else (stamp.epoch, stamp.version)


def _verdict(verdict: Verdict) -> Columns:
    match verdict:
        case Accepted(server_seq, version, ids):
            return "accepted", None, server_seq, version, _list(ids, tuple[tuple[str, str], ...])
        case Refused(code):
            return "refused", code, None, None, None
        case InDoubt():
            return "in-doubt", None, None, None, None
        case _:
            assert_never(verdict)


def text(value: Json) -> str:
    """JSON text of a value."""
    return _JSON.encode(value).decode()
