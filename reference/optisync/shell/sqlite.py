"""A store in one SQLite file: what `commit` returned from is there after a crash or power loss.

WAL with synchronous=FULL: a commit is flushed to the disk before it returns. Of a commit that
raised nothing is stored; only where the flush itself failed, and the machine loses power before
the next commit, may the disk hold it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Final, cast

from rpds import HashTrieMap

from optisync.contracts.entry import Stamp
from optisync.outbox.rows import Hole, Item, Numbers, Report, Row
from optisync.shell.codec import write
from optisync.shell.decoding import Unreadable
from optisync.shell.migrations import prepare
from optisync.shell.ownerlock import OwnerLock, identity
from optisync.shell.readable import writes_of
from optisync.shell.reading import TABLES, read_document, trace
from optisync.shell.store import (
    Loaded,
    Quarantined,
    StoredDocs,
    StoreDiskFull,
    StoreError,
    StoreForeign,
    StoreLocked,
    StoreReadOnly,
)
from optisync.values import AtomKey, ClientId, Json, Obj
from optisync.view import ABSENT

_KINDS: Final[dict[int, type[StoreError]]] = {
    sqlite3.SQLITE_BUSY: StoreLocked,
    sqlite3.SQLITE_CORRUPT: StoreForeign,
    sqlite3.SQLITE_FULL: StoreDiskFull,
    sqlite3.SQLITE_LOCKED: StoreLocked,
    sqlite3.SQLITE_NOTADB: StoreForeign,
    sqlite3.SQLITE_READONLY: StoreReadOnly,
}


class SqliteStore:
    """The store of one client in the file `path`, owned by this object until `close`.

    `client` and `key` are given by the host, the same in every session: a file that holds another
    client's store, or another store of this client, is refused. `busy_ms`: how long to wait while
    another program writes. Used by one thread.

    Raises StoreHeld, StoreNewer, StoreForeign, StoreReadOnly, StoreDiskFull, StoreLocked, and
    StoreError for the rest, here and in every method.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        client: ClientId,
        key: str = "outbox",
        *,
        busy_ms: int = 5_000,
    ) -> None:
        self.path = os.path.realpath(path)
        self._client = client
        with ExitStack() as unless_open:
            self._lock = OwnerLock(self.path)
            unless_open.callback(self._lock.release)
            self._connection = _connected(self.path, busy_ms)
            unless_open.callback(self._connection.close)
            with self._typed():
                prepare(self._connection, self.path, client, key)
            self._identity = self._files()
            unless_open.pop_all()

    def load(self) -> Loaded:
        """Everything stored; rows that cannot be read are moved to the table `quarantine`."""
        with self._typed():
            self._connection.execute("BEGIN IMMEDIATE")
            loaded = _Loading(self._connection, self.path).load()
            self._connection.execute("COMMIT")
            return replace(loaded, client=self._client)

    def commit(self, rows: tuple[Row, ...], documents: StoredDocs = ()) -> None:
        """Store rows, in order, and documents, in one durable transaction."""
        with self._typed():
            writes = writes_of(rows, documents)
            if self._files() != self._identity or not self._lock.in_place:
                raise StoreError(self.path, "the file, or its lock, is no longer in its place")
            run = self._connection.cursor()
            run.execute("BEGIN IMMEDIATE")
            for statement, group in groupby(writes, itemgetter(0)):
                run.executemany(statement, [columns for _, columns in group])
            run.execute("COMMIT")

    def close(self) -> None:
        """Let another process have the store; closing twice is harmless."""
        try:
            self._connection.close()
        finally:
            self._lock.release()

    @contextmanager
    def _typed(self) -> Generator[None]:
        """Every failure as a StoreError, with nothing left of what was begun."""
        try:
            yield
        except sqlite3.Error as error:
            self._undo()
            raise _of_sqlite(self.path, error) from error
        except (Unreadable, ValueError, TypeError, OverflowError) as error:
            self._undo()
            raise StoreError(self.path, f"this cannot be stored: {error}") from error
        except BaseException:
            self._undo()
            raise

    def _files(self) -> tuple[object, object]:
        """Which files these are: SQLite would go on writing into those that were taken away."""
        return identity(self.path), identity(f"{self.path}-wal")

    def _undo(self) -> None:
        with suppress(sqlite3.Error):  # closed, or undone by SQLite already
            self._connection.execute("ROLLBACK")


class _Loading:
    """One look at everything stored; what cannot be read is put aside."""

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        self._connection = connection
        self._path = path
        self._numbers: Numbers | None = None
        self._rows: list[Row] = []
        self._names: set[tuple[str, str]] = set()

    def load(self) -> Loaded:
        for table in TABLES:
            for rowid, columns in self._stored(table.name, table.key):
                try:
                    self._rows.append(self._plausible(table.read(columns)))
                except Unreadable as why:
                    self._put_aside(table.name, table.key, rowid, columns, str(why))
        documents: list[tuple[AtomKey, Json]] = []
        versions: list[tuple[AtomKey, Stamp]] = []
        for rowid, columns in self._stored("documents", "atom"):
            try:
                atom, doc, stamp = read_document(columns)
            except Unreadable as why:
                self._put_aside("documents", "atom", rowid, columns, str(why))
                continue
            documents += [] if doc is ABSENT else [(atom, doc)]
            versions += [] if stamp is None else [(atom, stamp)]
        found = self._connection.execute("SELECT place, reason, content FROM quarantine")
        aside = tuple(Quarantined(*map(str, row)) for row in found.fetchall())
        return Loaded(tuple(self._rows), Obj(documents), aside, HashTrieMap(versions))

    def _stored(self, table: str, key: str) -> list[tuple[int, dict[str, object]]]:
        found = self._connection.execute(f"SELECT rowid, * FROM {table} ORDER BY {key}")
        names = [str(column[0]) for column in found.description[1:]]
        rows = cast(list[tuple[int, object]], found.fetchall())
        return [(rowid, dict(zip(names, columns, strict=True))) for rowid, *columns in rows]

    def _plausible(self, row: Row) -> Row:
        """The row, if it goes with the others. Raises Unreadable, and StoreForeign without numbers:
        some number would be given out twice."""
        if isinstance(row, Numbers):
            self._numbers = row
        elif self._numbers is None:
            raise StoreForeign(self._path, "its numbers are gone; restore it from a copy")
        elif isinstance(row, Item | Hole) and row.seq > self._numbers.counter:
            raise Unreadable("a number that was never given out")
        elif isinstance(row, Report) and row.number > self._numbers.reported:
            raise Unreadable("a report that was never told")
        if isinstance(row, Item):
            names = {("entry", row.entry.entry_id), ("key", row.entry.idempotency_key)}
            if not names.isdisjoint(self._names):
                raise Unreadable("another write has its entry id or idempotency key")
            self._names |= names
        return row

    def _put_aside(
        self, table: str, key: str, rowid: int, columns: dict[str, object], why: str
    ) -> None:
        if table == "numbers":
            raise StoreForeign(
                self._path, f"its numbers are damaged ({why}); restore it from a copy"
            )
        content = json.dumps(
            {name: v for name, v in columns.items() if v is not None}, default=repr
        )
        self._connection.execute(
            "INSERT INTO quarantine (place, reason, content) VALUES (?, ?, ?)",
            (f"{table} {columns[key]!r}".encode(errors="replace").decode(), why, content),
        )
        self._connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (rowid,))
        if table == "members" and self._numbers and 0 < rowid <= self._numbers.counter:
            hole = trace(rowid, columns)  # the number was given out: the server may wait for it
            self._connection.execute(*write(hole))
            self._rows.append(hole)


def _connected(path: str, busy_ms: int) -> sqlite3.Connection:
    effective = os.access in os.supports_effective_ids
    if os.path.exists(path) and not os.access(path, os.W_OK, effective_ids=effective):
        # SQLite would open it, and leave files beside it that cannot be written either
        raise StoreReadOnly(path, "the file may not be written")
    try:
        connection = sqlite3.connect(path, timeout=busy_ms / 1000, isolation_level=None)
    except sqlite3.Error as error:
        raise _of_sqlite(path, error) from error
    connection.text_factory = _text
    return connection


def _text(stored: bytes) -> str:
    """Text as it is; bytes that are none show in it, and `reading` finds them."""
    return stored.decode(errors="surrogateescape")


def _of_sqlite(path: str, error: sqlite3.Error) -> StoreError:
    code: int = getattr(error, "sqlite_errorcode", 0)  # the module's own errors have none
    return _KINDS.get(code & 0xFF, StoreError)(path, str(error))
