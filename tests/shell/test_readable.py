"""What a store commits it can read back; else the commit is refused, and nothing is changed."""

import math
from collections.abc import Iterator
from copy import copy
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.shell.samples import NUMBERS, ROWS, item, opened
from typeguard import suppress_type_checks

from optisync.contracts.entry import EntryId
from optisync.contracts.messages import Accepted
from optisync.outbox.rows import Consumed, DoubtLifted, Gone, Hole, Item, Numbers, Report, Row
from optisync.shell.sqlite import SqliteStore
from optisync.shell.store import StoreError
from optisync.values import MAX_DEPTH, AtomKey, ClientSeq, Epoch, Json, Obj, ServerSeq
from optisync.view import Create, Upsert

LAST = 2**63 - 1
FULL = Numbers(Epoch(1), counter=ClientSeq(LAST), reported=LAST)
"""With it no number is above its counters."""


def nested(levels: int) -> object:
    value: object = 0
    for _ in range(levels):
        value = (value,)
    return value


def an_object(of: object) -> Obj:
    return Obj(cast(dict[str, Json], of))


DEEP = nested(MAX_DEPTH + 1)
ODD: list[object] = [
    *(None, True, -1, 0, 1, 1.5, 1000.0, math.nan, 2**53, 2**63, "x", "", "\ud800", b"x"),
    *((), ("a",), (5,), ["a"], (("t", 7),), [["t", "r"]], {"x": 1}, {5: 1}, {1}),
    *(an_object({"x": [1]}), an_object({5: 1}), an_object({"x": math.nan}), DEEP),
]


def places(thing: object, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every field in a row, and the fields of what is in it."""
    if is_dataclass(thing) and not isinstance(thing, type):
        for field in fields(thing):
            if isinstance(thing, Item) and field.name == "stored":
                continue  # what is not is never committed
            yield (*before, field.name)
            yield from places(getattr(thing, field.name), (*before, field.name))


def put(thing: object, place: tuple[str, ...], value: object) -> object:
    """A copy with something else at a place."""
    made = copy(thing)
    name, *rest = place
    inner = put(getattr(thing, name), tuple(rest), value) if rest else value
    object.__setattr__(made, name, inner)
    return made


def follows_the_law(store: SqliteStore, row: Row) -> None:
    before = store.load()
    try:
        store.commit((row,))
    except StoreError as why:
        assert "this cannot be stored: " in str(why)
        assert store.load() == before
        return
    after = store.load()
    assert not after.quarantined, after.quarantined
    if not isinstance(row, Gone | DoubtLifted | Consumed):
        assert row in after.rows


def test_a_row_with_something_odd(tmp_path: Path) -> None:
    store = opened(tmp_path / "outbox.db")

    @settings(max_examples=100)
    @given(data=st.data())
    def follows(data: st.DataObject) -> None:
        row = data.draw(ROWS)
        place = data.draw(st.sampled_from(list(places(row))))
        odd = put(row, place, data.draw(st.sampled_from(ODD)))
        store.commit((FULL, Consumed(LAST)))
        store.commit(tuple(Gone(r.seq) for r in store.load().rows if isinstance(r, Item | Hole)))
        store.commit((FULL, row))  # what it looks like is known, and nothing else has its names
        if isinstance(row, Item):
            store.commit((Gone(row.seq),))
        with suppress_type_checks():
            follows_the_law(store, cast(Row, odd))

    follows()
    store.close()


HOLE = Hole(ClientSeq(1), None, item(1).entry.entity)
BAD_ROWS: list[tuple[str, Row]] = [
    ("member 1: ", cast(Row, put(item(1), ("enqueued_at",), 0.5))),
    ("member 1: ", cast(Row, put(item(1), ("entry", "entity", "id"), None))),
    ("member 1: ", cast(Row, put(item(1), ("entry", "change"), Upsert(cast(Json, DEEP))))),
    ("member 1: ", cast(Row, put(item(1), ("entry", "change"), Create(math.nan)))),
    ("member 1: ", cast(Row, put(item(1), ("entry", "depends_on"), "ab"))),
    ("member 1: ", cast(Row, put(item(1), ("status", "not_before"), -1))),
    ("member 1: ", cast(Row, put(item(1), ("entry", "depends_on"), (5,)))),
    ("member 1: ", cast(Row, put(item(1), ("told",), 1000))),
    ("member 1: ", cast(Row, put(HOLE, ("entity", "id"), None))),
    ("member 1: ", cast(Row, put(HOLE, ("temporary",), 7))),
    ("member 0: ", cast(Row, put(item(1), ("seq",), 0))),
    ("report 1: ", Report(1, ClientSeq(1), EntryId("e"), Accepted(ServerSeq(-1)))),
    ("report 1: ", Report(1, ClientSeq(0), EntryId("e"), Accepted(ServerSeq(1)))),
    ("numbers 0: ", cast(Row, put(NUMBERS, ("server_seq",), 5.5))),
    ("numbers 0: ", cast(Row, put(NUMBERS, ("watermark",), -1))),
]


@pytest.mark.parametrize(("place", "row"), BAD_ROWS)
def test_the_refusal_names_the_row(tmp_path: Path, place: str, row: Row) -> None:
    store = opened(tmp_path / "outbox.db")
    told = Report(1, ClientSeq(1), EntryId("e"), Accepted(ServerSeq(1)))
    store.commit((NUMBERS, item(1), item(2), HOLE, told))  # such kinds of columns were read
    before = store.load()
    with (
        suppress_type_checks(),
        pytest.raises(StoreError, match=f"this cannot be stored: {place}") as caught,
    ):
        store.commit((item(3), row, item(4)), ((AtomKey("a"), 1, None),))
    assert caught.value.code == "store-failed"
    assert store.load() == before
    store.close()


def test_a_kind_that_passed_is_looked_at_again(tmp_path: Path) -> None:
    store = opened(tmp_path / "outbox.db")
    store.commit((NUMBERS,))
    with suppress_type_checks():
        for time in (1000.0, 0.5):
            follows_the_law(store, cast(Row, put(item(1), ("enqueued_at",), time)))
    store.close()


@pytest.mark.parametrize("doc", [DEEP, 2**53, math.nan, "\ud800", [1], nested(20_000)])
def test_the_refusal_names_the_document(tmp_path: Path, doc: object) -> None:
    store = opened(tmp_path / "outbox.db")
    store.commit((NUMBERS,), ((AtomKey("a"), 1, None),))
    before = store.load()
    with (
        suppress_type_checks(),
        pytest.raises(StoreError, match="this cannot be stored: document 'b'"),
    ):
        store.commit((item(1),), ((AtomKey("a"), 2, None), (AtomKey("b"), cast(Json, doc), None)))
    assert store.load() == before
    store.close()
