"""Rows to be stored, and a store file to be damaged."""

from pathlib import Path

from hypothesis import strategies as st

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    IdempotencyKey,
    Millis,
    Resource,
    Stamp,
    WriteEntry,
)
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
)
from optisync.patch import Add, Copy, Move, Op, Remove, Replace, Test
from optisync.shell.sqlite import SqliteStore
from optisync.values import (
    MAX_INT,
    AtomKey,
    ClientId,
    ClientSeq,
    Epoch,
    Json,
    Obj,
    ServerSeq,
    Version,
    freeze,
)
from optisync.view import ABSENT, Change, Create, Delete, Doc, Update, Upsert

ME = ClientId("me")
ONE = Epoch(1)
NUMBERS = Numbers(ONE, ServerSeq(7), ClientSeq(1000), 3, 1000, ClientSeq(2))
"""With it every row below is plausible: no number in them is above its counters."""


def entry(name: str, change: Change | None = None, row: str = "") -> WriteEntry:
    return WriteEntry(
        EntryId(name),
        IdempotencyKey(f"key of {name}"),
        Entity(Resource("todos"), EntityId(row or f"row of {name}")),
        Upsert(Obj({"title": name})) if change is None else change,
    )


def item(seq: int) -> Item:
    return Item(ClientSeq(seq), entry(f"e{seq}"))


def opened(path: Path, client: ClientId = ME) -> SqliteStore:
    return SqliteStore(path, client, busy_ms=20)


# Text with what SQL, JSON and C take for special, but no lone surrogate: no UTF-8 can carry it.
_text = st.text(st.characters(codec="utf-8"), max_size=5) | st.sampled_from(
    ["", "\0", "a\0b", "'", '"', "ä", "\N{GRINNING FACE}", "NULL", "1", "[]", "null"]
)
_natural = st.integers(0, MAX_INT)
_seq = st.integers(1, 6).map(ClientSeq)
_millis = _natural.map(Millis)
_leaf: st.SearchStrategy[object] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-MAX_INT, MAX_INT),
    st.floats(allow_nan=False, allow_infinity=False),
    _text,
)


def _nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(inner, max_size=2) | st.dictionaries(_text, inner, max_size=2)


_json: st.SearchStrategy[Json] = st.recursive(_leaf, _nested, max_leaves=4).map(freeze)
_path = st.lists(_text, max_size=2).map(tuple)
_op: st.SearchStrategy[Op] = st.one_of(
    st.builds(Add, _path, _json),
    st.builds(Remove, _path),
    st.builds(Replace, _path, _json),
    st.builds(Move, _path, _path),
    st.builds(Copy, _path, _path),
    st.builds(Test, _path, _json),
)
_patch = st.lists(_op, max_size=3).map(tuple)
_change: st.SearchStrategy[Change] = st.one_of(
    st.builds(Create, _json),
    st.builds(Update, _patch),
    st.builds(Upsert, _json, st.none() | _patch),
    st.just(Delete()),
)
_entity = st.builds(Entity, _text.map(Resource), _text.map(EntityId))
_version = st.integers(0, MAX_INT).map(Version)
_stamp = st.builds(Stamp, _natural.map(Epoch), _version)
_server_seq = _natural.map(ServerSeq)
_queued = st.builds(Queued, _millis)
_in_flight = st.builds(InFlight, _natural, _text, _millis)
_acked = st.builds(Acked, _server_seq, st.none() | _version)
_ids = st.lists(st.tuples(_text, _text), max_size=2).map(tuple)
_verdict = st.one_of(
    st.builds(Accepted, _server_seq, st.none() | _version, _ids),
    st.builds(Refused, _text),
    st.just(InDoubt()),
)


@st.composite
def _item(draw: st.DrawFn) -> Item:
    seq = draw(_seq)
    written = WriteEntry(
        EntryId(f"{seq} {draw(_text)}"),
        IdempotencyKey(f"{seq} {draw(_text)}"),
        draw(_entity),
        draw(_change),
        draw(st.none() | _stamp),
        draw(st.booleans()),
        draw(st.lists(_text.map(EntryId), max_size=2).map(tuple)),
        Millis(draw(st.integers(-MAX_INT, MAX_INT))),
    )
    return Item(
        seq,
        written,
        draw(st.lists(_seq, max_size=2).map(tuple)),
        draw(st.one_of(_queued, _in_flight, _acked, st.just(Parked()))),
        draw(st.none() | _stamp),
        draw(_natural),
        draw(st.booleans()),
        draw(_natural),
        draw(_natural),
        enqueued_at=Millis(draw(st.integers(-MAX_INT, MAX_INT))),
    )


ROWS: st.SearchStrategy[Row] = st.one_of(
    _item(),
    st.builds(Hole, _seq, st.none() | _queued | _in_flight, st.none() | _entity, st.booleans()),
    st.builds(Gone, _seq),
    st.builds(OwnVersion, _entity, _stamp, _stamp),
    st.builds(Alias, _text, st.none() | _text),
    st.builds(Doubt, _seq, _text.map(EntryId), _entity),
    st.builds(DoubtLifted, _seq),
    st.builds(Report, st.integers(1, 4), _seq, _text.map(EntryId), _verdict),
    st.builds(Consumed, st.integers(0, 4)),
    st.builds(
        Numbers,
        _natural.map(Epoch),
        _server_seq,
        st.integers(6, MAX_INT).map(ClientSeq),
        _natural,
        st.integers(4, MAX_INT),
        st.none() | _natural.map(ClientSeq),
    ),
)
_doc: st.SearchStrategy[Doc] = _json | st.just(ABSENT)
DOCUMENTS = st.lists(st.tuples(_text.map(AtomKey), _doc, st.none() | _stamp), max_size=3).map(tuple)
