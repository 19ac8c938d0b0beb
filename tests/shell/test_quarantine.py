"""A row that cannot be read is put aside and reported; everything else is there."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.shell.samples import ME, NUMBERS, ONE, entry, item, opened

from optisync.contracts.entry import Entity, EntityId, EntryId, Millis, Resource, Stamp
from optisync.contracts.messages import Accepted, Refused
from optisync.outbox.config import Config, Mode
from optisync.outbox.effects import Effect, Resync, Told
from optisync.outbox.rows import (
    Acked,
    Alias,
    Doubt,
    Hole,
    InFlight,
    OwnVersion,
    Queued,
    Report,
    Row,
)
from optisync.shell.durable import DurableOutbox
from optisync.shell.store import Loaded, StoredDocs, StoreForeign
from optisync.values import AtomKey, ClientSeq, Obj, ServerSeq, Version
from optisync.view import ABSENT, Create

PLANNED = replace(item(2), entry=replace(item(2).entry, base=Stamp(ONE, Version(3))))
LEASED = replace(item(3), status=InFlight(3, "worker", Millis(9)))
ACKED = replace(item(4), status=Acked(ServerSeq(9)))
ROW = Entity(Resource("todos"), EntityId("t"))
STAMP = Stamp(ONE, Version(3))
ROWS: tuple[Row, ...] = (
    NUMBERS,
    item(1),
    PLANNED,
    LEASED,
    ACKED,
    Hole(ClientSeq(5), Queued()),
    OwnVersion(ROW, STAMP, STAMP),
    Alias("t", "17"),
    Doubt(ClientSeq(6), EntryId("e6"), ROW),
    Report(1, ClientSeq(7), EntryId("e7"), Accepted(ServerSeq(5), None, (("t", "17"),))),
    Report(2, ClientSeq(8), EntryId("e8"), Refused("no")),
)
DOCUMENTS: StoredDocs = (
    (AtomKey("a"), 1, STAMP),
    (AtomKey("b"), Obj({"x": 2}), STAMP),
    (AtomKey("c"), ABSENT, STAMP),
)


def damaged(path: Path, statement: str) -> Path:
    store = opened(path)
    store.commit(ROWS, DOCUMENTS)
    store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        assert other.execute(statement).rowcount == 1
    return path


def loaded_twice(path: Path, again: bool = False) -> Loaded:
    """What is loaded, and loaded once more, in the next session if `again`."""
    store = opened(path)
    first = store.load()
    if again:
        store.close()
        store = opened(path)
    assert sorted(store.load().rows, key=repr) == sorted(first.rows, key=repr)
    assert store.load().quarantined == first.quarantined
    store.close()
    return first


DAMAGES = [
    ("members 1", "UPDATE members SET status = 'sleeping' WHERE seq = 1", "sleeping"),
    ("members 1", "UPDATE members SET status = NULL WHERE seq = 1", "status"),
    ("members 1", "UPDATE members SET change = '{\"create\":' WHERE seq = 1", "change"),
    ("members 1", "UPDATE members SET change = '{\"make\":1}' WHERE seq = 1", "create"),
    ("members 1", 'UPDATE members SET change = \'[{"op":"sort"}]\' WHERE seq = 1', "/change/0"),
    ("members 1", "UPDATE members SET change = NULL WHERE seq = 1", "change"),
    ("members 1", "UPDATE members SET change = x'00ff' WHERE seq = 1", "change"),
    ("members 1", "UPDATE members SET entity_id = CAST(x'ff' AS TEXT) WHERE seq = 1", "UTF-8"),
    ("members 1", "UPDATE members SET attempts = 'many' WHERE seq = 1", "attempts"),
    ("members 1", "UPDATE members SET attempts = -1 WHERE seq = 1", "attempts"),
    ("members 1", "UPDATE members SET attempts = 0.5 WHERE seq = 1", "attempts"),
    ("members 1", "UPDATE members SET temporary = 2 WHERE seq = 1", "temporary"),
    ("members 1", "UPDATE members SET told = 'false' WHERE seq = 1", "told"),
    ("members 1", "UPDATE members SET depends_on = '[1]' WHERE seq = 1", "str"),
    ("members 1", "UPDATE members SET waits_for = '1,2' WHERE seq = 1", "array"),
    ("members 1", "UPDATE members SET not_before_ms = NULL WHERE seq = 1", "not_before_ms"),
    ("members 2", "UPDATE members SET planned_epoch = NULL WHERE seq = 2", "epoch"),
    ("members 2", "UPDATE members SET entry_id = 'e1' WHERE seq = 2", "entry id"),
    ("members 2", "UPDATE members SET idempotency_key = 'key of e1' WHERE seq = 2", "key"),
    ("members 3", "UPDATE members SET owner = x'07' WHERE seq = 3", "owner"),
    ("members 3", "UPDATE members SET server_seq = 7 WHERE seq = 3", "server_seq"),
    ("members 4", "UPDATE members SET server_seq = 'x' WHERE seq = 4", "server_seq"),
    ("members 5", "UPDATE members SET status = 'queued' WHERE seq = 5", "resource"),
    ("members 9999", "UPDATE members SET seq = 9999 WHERE seq = 2", "never given out"),
    ("members -2", "UPDATE members SET seq = -2 WHERE seq = 2", "seq"),
    ("versions 'todos'", "UPDATE versions SET version = NULL", "version"),
    ("aliases 't'", "UPDATE aliases SET id = x'3137'", "id"),
    ("doubts 1", "UPDATE doubts SET seq = NULL", "seq"),
    ("reports 1", "UPDATE reports SET verdict = 'perhaps' WHERE number = 1", "perhaps"),
    ("reports 1", "UPDATE reports SET ids = '[[\"t\"]]' WHERE number = 1", "length 2"),
    ("reports 2", "UPDATE reports SET code = NULL WHERE number = 2", "code"),
    ("reports 9999", "UPDATE reports SET number = 9999 WHERE number = 2", "never told"),
    ("documents 'a'", "UPDATE documents SET content = 'nil' WHERE atom = 'a'", "content"),
    ("documents None", "UPDATE documents SET atom = NULL WHERE atom = 'a'", "atom"),
    ("documents 'a'", "UPDATE documents SET epoch = NULL WHERE atom = 'a'", "its epoch"),
    ("documents 'a'", "UPDATE documents SET version = NULL WHERE atom = 'a'", "its version"),
    ("documents 'a'", "UPDATE documents SET version = 'x' WHERE atom = 'a'", "version"),
    ("documents 'a'", "UPDATE documents SET epoch = -1 WHERE atom = 'a'", "epoch"),
    ("documents 'a'", "UPDATE documents SET epoch = 0.5 WHERE atom = 'a'", "epoch"),
    (
        "documents 'a'",
        "UPDATE documents SET content = NULL, epoch = NULL, version = NULL WHERE atom = 'a'",
        "neither",
    ),
]


@pytest.mark.parametrize(("place", "statement", "reason"), DAMAGES)
def test_one_damaged_row(tmp_path: Path, place: str, statement: str, reason: str) -> None:
    loaded = loaded_twice(damaged(tmp_path / "outbox.db", statement))
    (aside,) = loaded.quarantined
    assert aside.place == place
    assert reason in aside.reason
    table, _, key = place.partition(" ")
    if table == "documents":
        assert set(loaded.rows) == set(ROWS)
        assert dict(loaded.documents) == {"b": Obj({"x": 2})}
        assert dict(loaded.versions) == {"b": STAMP, "c": STAMP}
        return
    assert dict(loaded.documents) == {"a": 1, "b": Obj({"x": 2})}
    assert dict(loaded.versions) == {"a": STAMP, "b": STAMP, "c": STAMP}
    lost = set(ROWS) - set(loaded.rows)
    left = set(loaded.rows) - set(ROWS)
    assert len(lost) == 1
    if table == "members" and key in "12345":  # its number was given out, and is not forgotten
        (hole,) = left
        assert isinstance(hole, Hole)
        assert hole.seq == int(key)
        assert hole.status is None
    else:
        assert left == set()


def test_the_content_put_aside_is_readable(tmp_path: Path) -> None:
    statement = "UPDATE members SET entity_id = CAST(x'6162ff' AS TEXT) WHERE seq = 1"
    (aside,) = loaded_twice(damaged(tmp_path / "outbox.db", statement), again=True).quarantined
    assert '"entry_id": "e1"' in aside.content
    assert "title" in aside.content
    assert '"entity_id": "ab' in aside.content


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE numbers SET counter = 'many'",
        "UPDATE numbers SET epoch = NULL",
        "UPDATE numbers SET id = 1",
        "DELETE FROM numbers",
    ],
)
def test_without_its_numbers_a_store_is_not_used(tmp_path: Path, statement: str) -> None:
    store = opened(damaged(tmp_path / "outbox.db", statement))
    for _ in range(2):
        with pytest.raises(StoreForeign, match="numbers"):
            store.load()
    store.close()


def lived(
    path: Path, statement: str, mode: Mode = Mode.ENTITY
) -> tuple[DurableOutbox, list[Effect]]:
    """The outbox over a damaged store, and what it told when it began."""
    told: list[Effect] = []
    return DurableOutbox(Config(ME, mode), opened(damaged(path, statement)), ONE, told.append), told


def test_a_lost_document_asks_for_a_snapshot(tmp_path: Path) -> None:
    statement = "UPDATE documents SET content = 'nil' WHERE atom = 'a'"
    outbox, told = lived(tmp_path / "outbox.db", statement)
    assert told[-1] == Resync()
    assert outbox.quarantined
    outbox.close()


def test_a_lost_write_asks_for_no_snapshot(tmp_path: Path) -> None:
    outbox, told = lived(tmp_path / "outbox.db", "UPDATE members SET told = 2 WHERE seq = 1")
    assert {type(effect) for effect in told} == {Told}
    outbox.close()


def test_the_number_of_a_lost_write_is_skipped_where_numbers_are_in_order(tmp_path: Path) -> None:
    statement = "UPDATE members SET told = 2 WHERE seq = 3"
    outbox, _ = lived(tmp_path / "outbox.db", statement, Mode.ORDERED)
    send = outbox.reserve(9)
    assert send is not None
    assert send.skips == ((3, 3), (5, 5))
    outbox.close()


def test_what_needs_a_lost_create_is_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    parent = replace(entry("parent", Create(1), "t"), temporary=True)
    child = entry("child", Create(Obj({"of": "t"})))
    outbox = DurableOutbox(Config(ME), opened(path), ONE)
    outbox.enqueue([parent, child, entry("other")])
    outbox.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE members SET change = '?' WHERE seq = 1")
    told: list[Effect] = []
    outbox = DurableOutbox(Config(ME), opened(path), ONE, told.append)
    verdicts = [(e.report.entry_id, e.report.verdict) for e in told if isinstance(e, Told)]
    assert verdicts == [("child", Refused("parent-rejected"))]
    send = outbox.reserve(9)
    assert send is not None
    assert [sent.entry.entry_id for sent in send.items] == ["other"]
    outbox.close()
