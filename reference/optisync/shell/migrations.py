"""The tables of the SQLite store, version by version.

A new store is made by running all steps, an older one by running those it lacks: there is one
description of the tables, and both ways end in the same one. A step that was released is never
edited; the next version is a new step at the end.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Final, cast

from optisync.shell.store import StoreError, StoreForeign, StoreNewer
from optisync.values import ClientId

APPLICATION_ID: Final = 0x6F707469  # "opti": tells a store from any other SQLite file

# 1: what was sent waits in `members`; `attempts` counts failures of any kind.
_FIRST = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT)",
    "CREATE TABLE numbers (id INTEGER PRIMARY KEY, epoch INTEGER, server_seq INTEGER,"
    " counter INTEGER, token INTEGER, reported INTEGER, watermark INTEGER)",
    "CREATE TABLE members (seq INTEGER PRIMARY KEY, status TEXT, resource TEXT, entity_id TEXT,"
    " enqueued_at_ms INTEGER, entry_id TEXT, idempotency_key TEXT, change TEXT,"
    " planned_epoch INTEGER, planned_version INTEGER, temporary INTEGER, depends_on TEXT,"
    " client_time_ms INTEGER, waits_for TEXT, base_epoch INTEGER, base_version INTEGER,"
    " sent INTEGER, told INTEGER, attempts INTEGER, not_before_ms INTEGER, token INTEGER,"
    " owner TEXT, until_ms INTEGER, server_seq INTEGER, version INTEGER)",
    "CREATE TABLE versions (resource TEXT, entity_id TEXT, epoch INTEGER, version INTEGER,"
    " PRIMARY KEY (resource, entity_id))",
    "CREATE TABLE aliases (temporary TEXT PRIMARY KEY, id TEXT)",
    "CREATE TABLE reports (number INTEGER PRIMARY KEY, seq INTEGER, entry_id TEXT, verdict TEXT,"
    " code TEXT, server_seq INTEGER, version INTEGER, ids TEXT)",
    "CREATE TABLE documents (atom TEXT PRIMARY KEY, content TEXT)",
)

# 2: abandoned writes are remembered; `attempts` counts answers, `delays` all failures; an entry
# remembers its first lease, an own version on what its chain began; rows that cannot be read are
# kept aside. Of an older row the chain is not known: it begins with the version itself.
_SECOND = (
    "CREATE TABLE doubts (place INTEGER PRIMARY KEY, seq INTEGER UNIQUE, entry_id TEXT,"
    " resource TEXT, entity_id TEXT)",
    "ALTER TABLE members ADD COLUMN delays INTEGER",
    "UPDATE members SET delays = attempts",
    "ALTER TABLE members RENAME COLUMN sent TO first_lease",
    "ALTER TABLE versions ADD COLUMN since_epoch INTEGER",
    "ALTER TABLE versions ADD COLUMN since_version INTEGER",
    "UPDATE versions SET since_epoch = epoch, since_version = version",
    "CREATE TABLE quarantine (id INTEGER PRIMARY KEY, place TEXT, reason TEXT, content TEXT)",
)

# 3: a document has its version, a deleted one the version alone. Of an older row none is known.
_THIRD = (
    "ALTER TABLE documents ADD COLUMN epoch INTEGER",
    "ALTER TABLE documents ADD COLUMN version INTEGER",
)

STEPS: Final = (_FIRST, _SECOND, _THIRD)
VERSION: Final = len(STEPS)


def prepare(connection: sqlite3.Connection, path: str, client: ClientId, key: str) -> None:
    """Make a new file a store of this client, or bring its older store to this version.

    All of it or nothing. Raises StoreForeign for anything but a store of this client, StoreNewer,
    and the errors of SQLite itself.
    """
    version = _version(connection, path)
    if version:
        _check(connection, path, version)
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StoreError(path, f"SQLite offers no write-ahead log here, only {mode!r}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")  # where a plain one stops at the drive (macOS)
    connection.execute("BEGIN IMMEDIATE")
    for step in STEPS[version:]:
        for statement in step:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    if not version:
        connection.executemany("INSERT INTO meta VALUES (?, ?)", [("client", client), ("key", key)])
    _check_owner(connection, path, client, key)
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection, path: str) -> int:
    """The version of the store in the file; 0 for an empty file."""
    application = _pragma(connection, "application_id")
    version = _pragma(connection, "user_version")
    if application != APPLICATION_ID:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application or version or tables:
            raise StoreForeign(path, "this is another program's database; name another file")
    if version > VERSION:
        raise StoreNewer(
            path,
            f"written by a later version of this program (its tables are version {version}, "
            f"known here is {VERSION}): update the program",
        )
    return version


def _check(connection: sqlite3.Connection, path: str, version: int) -> None:
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise StoreForeign(path, f"damaged: {found}; restore it from a copy")
    with closing(sqlite3.connect(":memory:")) as model:
        for step in STEPS[:version]:
            for statement in step:
                model.execute(statement)
        wanted = _columns(model)
    tables = {table for table, _, _ in wanted}
    odd = wanted ^ {column for column in _columns(connection) if column[0] in tables}
    if odd:
        table, name, _ = min(odd)
        raise StoreForeign(path, f"column {name!r} of table {table!r} is not as it was made")


def _columns(connection: sqlite3.Connection) -> set[tuple[str, str, int]]:
    found = connection.execute(
        "SELECT m.name, c.name, c.pk FROM sqlite_master m, pragma_table_info(m.name) c"
        " WHERE m.type = 'table'"
    )
    return set(cast(list[tuple[str, str, int]], found.fetchall()))


def _check_owner(connection: sqlite3.Connection, path: str, client: ClientId, key: str) -> None:
    found = dict(connection.execute("SELECT name, value FROM meta").fetchall())
    if found != {"client": client, "key": key}:
        raise StoreForeign(
            path,
            f"the store of {found.get('client')!r}/{found.get('key')!r}, not {client!r}/{key!r}",
        )


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return cast(int, value)
