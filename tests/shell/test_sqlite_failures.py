"""What goes wrong below the store: a typed error, nothing half done, and on once it is mended."""

import os
import resource
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.shell.samples import ME, NUMBERS, ONE, entry, item, opened

from optisync.outbox.config import Config
from optisync.outbox.rows import Item, Row
from optisync.shell.durable import DurableOutbox
from optisync.shell.sqlite import SqliteStore
from optisync.shell.store import StoreDiskFull, StoreError, StoreLocked, StoreReadOnly
from optisync.values import AtomKey, ClientSeq
from optisync.view import Create

NOBODY = 65534
BEFORE: tuple[Row, ...] = (NUMBERS, item(1))
LARGE = Item(ClientSeq(2), entry("large", Create("x" * 400_000)))
"""More than the room that is left in the tests below."""


def used(path: Path) -> SqliteStore:
    store = opened(path)
    store.commit(BEFORE)
    return store


def refused(store: SqliteStore, kind: type[StoreError]) -> StoreError:
    """A commit of several rows and a document fails, and nothing of it is stored."""
    with pytest.raises(StoreError) as caught:
        store.commit((item(3), LARGE, item(4)), ((AtomKey("a"), 1, None),))
    assert type(caught.value) is kind
    assert "outbox.db" in str(caught.value)
    return caught.value


def goes_on(store: SqliteStore, path: Path) -> None:
    """What was refused can be stored now, by the same process, and is there in the next."""
    assert store.load().rows == BEFORE
    store.commit((LARGE, item(3)), ((AtomKey("a"), 1, None),))
    store.close()
    again = opened(path)
    assert again.load().rows == (*BEFORE, LARGE, item(3))
    assert dict(again.load().documents) == {"a": 1}
    again.close()


def test_the_database_may_not_grow(tmp_path: Path) -> None:
    class Bounded(SqliteStore):
        def bound(self, pages: int) -> None:
            self._connection.execute(f"PRAGMA max_page_count = {pages}")

    path = tmp_path / "outbox.db"
    store = Bounded(path, ME)
    store.commit(BEFORE)
    store.bound(30)
    refused(store, StoreDiskFull)
    store.bound(1_000_000)
    goes_on(store, path)


def test_no_file_may_grow(tmp_path: Path) -> None:
    store = used(tmp_path / "outbox.db")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, hard))  # within the write of the log
    try:
        refused(store, StoreError)
        assert store.load().rows == BEFORE
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    goes_on(store, tmp_path / "outbox.db")


def test_an_outbox_goes_on_once_there_is_room(small_disk: Path) -> None:
    outbox = DurableOutbox(Config(ME), opened(small_disk / "outbox.db"), ONE)
    outbox.enqueue([entry("e1")])
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 1_200_000)
    before = outbox.state
    for _ in range(2):
        with pytest.raises(StoreDiskFull):
            outbox.enqueue([entry("e2"), LARGE.entry, entry("e3")])
        assert outbox.state is before
    send = outbox.reserve(9)  # what is small still goes out, and makes room
    assert send is not None
    assert [item.entry.entry_id for item in send.items] == ["e1"]
    filler.unlink()
    outbox.enqueue([entry("e2"), LARGE.entry, entry("e3")])
    outbox.close()
    again = DurableOutbox(Config(ME), opened(small_disk / "outbox.db"), ONE)
    assert [each.entry_id for each in again.status().queue] == ["e1", "e2", "large", "e3"]
    again.close()


def test_the_disk_is_full(small_disk: Path) -> None:
    store = used(small_disk / "outbox.db")
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 1_200_000)
    refused(store, StoreDiskFull)
    assert store.load().rows == BEFORE
    filler.unlink()
    goes_on(store, small_disk / "outbox.db")


def test_there_is_no_room_for_a_store(small_disk: Path) -> None:
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(b"x" * 4096)
    with pytest.raises(StoreDiskFull):
        opened(small_disk / "outbox.db")
    filler.unlink()
    goes_on(used(small_disk / "outbox.db"), small_disk / "outbox.db")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for the store, not for what the tests commit on top."""
    mounted = subprocess.run(
        ("mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", tmp_path),
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a file system can be mounted by root only")
    try:
        yield tmp_path
    finally:
        subprocess.run(("umount", "-l", tmp_path), check=True)


def test_another_program_writes(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    store = used(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused(store, StoreLocked)
        with pytest.raises(StoreLocked):
            store.load()
        other.execute("ROLLBACK")
    goes_on(store, path)


def test_another_program_writes_while_the_store_opens(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    used(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLocked):
            opened(path)
    goes_on(opened(path), path)


@pytest.mark.parametrize("what", ["the file", "the directory", "the lock"])
def test_read_only(what: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "outbox.db"
        used(path).close()
        lock = Path(f"{path}.lock")
        modes = {path: 0o666, lock: 0o666, path.parent: 0o777}
        modes[{"the file": path, "the directory": path.parent, "the lock": lock}[what]] &= ~0o222
        for each, mode in modes.items():
            each.chmod(mode)
        with unprivileged(), pytest.raises(StoreReadOnly) as caught:
            opened(path)
        assert str(path) in str(caught.value)
        path.parent.chmod(0o777)
        path.chmod(0o666)
        lock.chmod(0o666)
        with unprivileged():
            goes_on(opened(path), path)


@contextmanager
def unprivileged() -> Generator[None]:
    """As a user whom permissions bind."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


def test_the_directory_is_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "here" / "outbox.db"
    path.parent.mkdir()
    store = used(path)
    path.parent.rename(tmp_path / "there")
    assert "place" in str(refused(store, StoreError))
    (tmp_path / "there").rename(path.parent)
    goes_on(store, path)


@pytest.mark.parametrize("what", ["outbox.db", "outbox.db.lock"])
def test_a_file_is_replaced(tmp_path: Path, what: str) -> None:
    store = used(tmp_path / "outbox.db")
    shutil.copy(tmp_path / what, tmp_path / "copy")
    (tmp_path / "copy").rename(tmp_path / what)
    refused(store, StoreError)
    store.close()


def test_the_directory_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "here" / "outbox.db"
    path.parent.mkdir()
    store = used(path)
    shutil.rmtree(path.parent)
    refused(store, StoreError)
    store.close()
    with pytest.raises(StoreError):
        opened(path)
    path.parent.mkdir()
    again = opened(path)
    assert again.load().rows == ()
    again.close()


def test_what_cannot_be_stored_stores_nothing(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    store = used(path)
    for odd in (entry("\ud800"), entry("e", Create("\ud800"))):
        with pytest.raises(StoreError, match="cannot be stored"):
            store.commit((item(3), Item(ClientSeq(2), odd), item(4)))
    with pytest.raises(StoreError, match="cannot be stored"):
        store.commit((item(3), Item(ClientSeq(2**63), entry("e"))))
    goes_on(store, path)


def test_a_closed_store(tmp_path: Path) -> None:
    store = used(tmp_path / "outbox.db")
    store.close()
    store.close()
    with pytest.raises(StoreError):
        store.commit(BEFORE)
    with pytest.raises(StoreError):
        store.load()
