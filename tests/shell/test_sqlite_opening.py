"""Which files a store opens, what it makes of older ones, and who may have it."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.shell.samples import ME, NUMBERS, item, opened

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
from optisync.contracts.messages import Accepted, Delta, Refused
from optisync.outbox.config import Config
from optisync.outbox.rows import (
    Acked,
    Alias,
    Doubt,
    Hole,
    InFlight,
    Item,
    Numbers,
    OwnVersion,
    Parked,
    Queued,
    Report,
)
from optisync.patch import Replace
from optisync.shell.durable import DurableOutbox
from optisync.shell.migrations import STEPS, VERSION
from optisync.shell.sqlite import SqliteStore
from optisync.shell.store import (
    Loaded,
    Quarantined,
    StoreError,
    StoreForeign,
    StoreHeld,
    StoreNewer,
)
from optisync.values import AtomKey, ClientId, ClientSeq, Epoch, Obj, ServerSeq, Version
from optisync.view import Change, Create, Delete, Update, Upsert

FIXTURES = Path(__file__).parents[1] / "data" / "outbox-store"


def change(path: Path, *statements: str) -> None:
    """What another program does to the file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        for statement in statements:
            other.execute(statement)


def shape(path: Path) -> list[object]:
    with closing(sqlite3.connect(path)) as file:
        pragmas = ("application_id", "user_version")
        tables = file.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        return [*(file.execute(f"PRAGMA {name}").fetchone() for name in pragmas), *tables]


def made(path: Path, version: int) -> Path:
    with closing(sqlite3.connect(path)) as old:
        old.executescript((FIXTURES / f"v{version}.sql").read_text(encoding="utf-8"))
    return path


def test_there_is_a_fixture_of_every_earlier_version() -> None:
    assert [f"v{n}.sql" for n in range(1, VERSION)] == sorted(p.name for p in FIXTURES.iterdir())


@pytest.mark.parametrize("version", range(1, VERSION))
def test_a_released_step_was_not_edited(tmp_path: Path, version: int) -> None:
    with closing(sqlite3.connect(tmp_path / "steps.db")) as file:
        for step in STEPS[:version]:
            for statement in step:
                file.execute(statement)
        file.commit()
    made(tmp_path / "old.db", version)
    assert shape(tmp_path / "steps.db")[2:] == shape(tmp_path / "old.db")[2:]


@pytest.mark.parametrize("version", range(1, VERSION))
def test_an_older_store_is_brought_to_the_tables_of_a_new_one(tmp_path: Path, version: int) -> None:
    opened(made(tmp_path / "old.db", version)).close()
    opened(tmp_path / "new.db").close()
    assert shape(tmp_path / "old.db") == shape(tmp_path / "new.db")


@pytest.mark.parametrize("version", range(1, VERSION))
def test_nothing_is_lost_on_the_way_from_an_older_version(tmp_path: Path, version: int) -> None:
    for _ in range(2):
        path = tmp_path / "old.db"
        store = opened(path if path.exists() else made(path, version))
        assert store.load() == OF_VERSION[version]
        store.close()


def test_documents_of_an_older_store_get_their_versions_with_what_comes(tmp_path: Path) -> None:
    path = made(tmp_path / "old.db", 2)
    outbox = DurableOutbox(Config(ME), opened(path))
    assert dict(outbox.versions) == {}
    changes = ((AtomKey("todos/17"), Upsert(1)), (AtomKey("todos/18"), Delete()))
    outbox.process_delta(Delta(Epoch(2), ServerSeq(41), ServerSeq(40), changes))
    outbox.close()
    store = opened(path)
    assert dict(store.load().documents) == {"todos/17": 1}
    assert dict(store.load().versions) == {"todos/17": stamp(41), "todos/18": stamp(41)}
    store.close()


def written(seq: int, row: str, change: Change) -> WriteEntry:
    entity = Entity(Resource("todos"), EntityId(row))
    time = Millis({3: 900, 5: 1900, 6: 2900, 7: 3900}[seq])
    key = IdempotencyKey(f"k{seq}")
    return WriteEntry(EntryId(f"e{seq}"), key, entity, change, client_time_ms=time)


def stamp(version: int) -> Stamp:
    return Stamp(Epoch(2), Version(version))


TEA = Obj({"title": "tea"})
CREATED = replace(written(3, "t1", Create(TEA)), temporary=True)
UPDATED = replace(
    written(5, "17", Update((Replace(("title",), "coffee"),))),
    base=stamp(3),
    depends_on=(EntryId("e3"),),
)
OF_VERSION_1 = Loaded(
    (
        Numbers(Epoch(2), ServerSeq(40), ClientSeq(9), 5, 3, ClientSeq(4)),
        Item(
            ClientSeq(3),
            CREATED,
            status=Acked(ServerSeq(44), Version(7)),
            first=1,
            told=True,
            enqueued_at=Millis(1000),
        ),
        Item(
            ClientSeq(5),
            UPDATED,
            (ClientSeq(3),),
            InFlight(5, "worker", Millis(30_000)),
            stamp(4),
            first=1,
            attempts=2,
            delays=2,
            enqueued_at=Millis(2000),
        ),
        Item(
            ClientSeq(6),
            written(6, "17", Delete()),
            status=Queued(Millis(250)),
            enqueued_at=Millis(3000),
        ),
        Item(
            ClientSeq(7),
            written(7, "18", Upsert(1)),
            status=Parked(),
            first=1,
            attempts=5,
            delays=5,
            enqueued_at=Millis(4000),
        ),
        Hole(ClientSeq(8)),
        Hole(ClientSeq(9), Queued()),
        OwnVersion(Entity(Resource("todos"), EntityId("17")), stamp(4), stamp(4)),
        Alias("t0", None),
        Alias("t1", "17"),
        Report(
            2, ClientSeq(3), EntryId("e3"), Accepted(ServerSeq(44), Version(7), (("t1", "17"),))
        ),
        Report(3, ClientSeq(2), EntryId("e2"), Refused("invalid")),
    ),
    Obj({"todos/17": TEA, "todos/18": None}),
    client=ME,
)
OF_VERSION_2 = Loaded(
    (
        Numbers(Epoch(2), ServerSeq(40), ClientSeq(9), 5, 3),
        Item(
            ClientSeq(5),
            replace(UPDATED, depends_on=()),
            status=Acked(ServerSeq(44), Version(7)),
            base=stamp(4),
            first=3,
            told=True,
            attempts=1,
            delays=2,
            enqueued_at=Millis(2000),
        ),
        Item(
            ClientSeq(6),
            written(6, "18", Upsert(1)),
            status=Queued(Millis(250)),
            enqueued_at=Millis(3000),
        ),
        OwnVersion(Entity(Resource("todos"), EntityId("17")), stamp(7), stamp(3)),
        Alias("t1", "17"),
        Doubt(ClientSeq(4), EntryId("e4"), Entity(Resource("todos"), EntityId("19"))),
        Report(3, ClientSeq(5), EntryId("e5"), Accepted(ServerSeq(44), Version(7))),
    ),
    Obj({"todos/17": TEA, "todos/18": None}),
    (Quarantined("reports 2", "Invalid value 'perhaps'", '{"number": 2}'),),
    client=ME,
)
OF_VERSION = {1: OF_VERSION_1, 2: OF_VERSION_2}


def test_a_migration_is_whole_or_absent(tmp_path: Path) -> None:
    path = made(tmp_path / "old.db", 1)
    change(path, "CREATE TABLE quarantine (mine)")  # the last step of the migration fails
    before = shape(path)
    with pytest.raises(StoreError):
        opened(path)
    assert shape(path) == before
    change(path, "DROP TABLE quarantine")
    store = opened(path)
    assert store.load() == OF_VERSION_1
    store.close()


def test_a_newer_store_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    opened(path).close()
    change(path, f"PRAGMA user_version = {VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(StoreNewer, match="update the program"):
        opened(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a letter\n" * 1000, "not a database"),
        (b"SQLite format 3\0" + b"\xff" * 5000, "not a database"),
    ],
)
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "outbox.db"
    path.write_bytes(content)
    with pytest.raises(StoreForeign, match=reason):
        opened(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE letters (text)", "PRAGMA user_version = 1", "PRAGMA application_id = 7"],
)
def test_another_programs_database(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "outbox.db"
    change(path, statement)
    before = path.read_bytes()
    with pytest.raises(StoreForeign, match="another program"):
        opened(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE members DROP COLUMN delays",
        "ALTER TABLE members ADD COLUMN colour",
        "DROP TABLE doubts",
        "ALTER TABLE reports RENAME COLUMN code TO why",
    ],
)
def test_tables_that_are_not_as_they_were_made(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "outbox.db"
    opened(path).close()
    change(path, statement)
    with pytest.raises(StoreForeign, match="not as it was made"):
        opened(path)


def test_tables_that_somebody_added_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    opened(path).close()
    change(path, "CREATE TABLE notes (text)", "CREATE INDEX mine ON members (status)", "ANALYZE")
    opened(path).close()


def test_a_damaged_page(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    store = opened(path)
    store.commit((NUMBERS, *map(item, range(1, 200))))
    store.close()
    content = bytearray(path.read_bytes())
    pages = range(4096, len(content), 4096)
    for page in pages[len(pages) // 2 :]:
        content[page : page + 64] = b"\xa5" * 64
    path.write_bytes(content)
    with pytest.raises(StoreForeign, match=r"damaged|malformed"):
        opened(path)


def test_a_truncated_file(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    store = opened(path)
    store.commit((NUMBERS, *map(item, range(1, 200))))
    store.close()
    os.truncate(path, 3 * 4096)
    with pytest.raises(StoreForeign):
        opened(path)


def test_the_store_of_another_client_or_another_key(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    opened(path).close()
    with pytest.raises(StoreForeign, match="somebody"):
        opened(path, ClientId("somebody"))
    with pytest.raises(StoreForeign, match="drafts"):
        SqliteStore(path, ME, "drafts")
    opened(path).close()


@pytest.mark.parametrize("name", ["", "nowhere/outbox.db"])
def test_a_place_for_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError):
        opened(tmp_path / name)


def test_a_store_has_one_owner_in_a_process(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    store = opened(path)
    (tmp_path / "link.db").symlink_to(path)
    for name in ("outbox.db", "link.db"):
        with pytest.raises(StoreHeld, match=f'"pid": {os.getpid()}'):
            opened(tmp_path / name)
    store.commit((NUMBERS, item(1)))
    store.close()
    opened(path).close()


HOLDER = """
import sys
from pathlib import Path
from optisync.shell.sqlite import SqliteStore
from optisync.values import ClientId
store = SqliteStore(Path(sys.argv[1]), ClientId("me"))
print("open", flush=True)
sys.stdin.read()
"""


def test_a_store_has_one_owner_until_its_process_ends(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    command = (sys.executable, "-c", HOLDER, path)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(StoreHeld) as caught:
            opened(path)
        assert f'"pid": {holder.pid}' in str(caught.value)
        assert '"host": ' in str(caught.value)
        assert '"since": ' in str(caught.value)
        holder.send_signal(signal.SIGKILL)
    opened(path).close()
