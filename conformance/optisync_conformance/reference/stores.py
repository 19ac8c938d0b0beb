"""A store that fails, or dies, when the script wants it to."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from optisync.outbox.rows import Row
from optisync.shell.sqlite import SqliteStore
from optisync.shell.store import Loaded, Store, StoredDocs, StoreDiskFull
from optisync_conformance.reference.names import ME


class Crashed(BaseException):
    """The process died inside a save: no handler of the engine hears of it."""


class FailingStore:
    """Passes everything on to a real store, but for what a script planned."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._failures = 0
        self._saves_left: int | None = None
        self._before = False

    def fail(self, times: int) -> None:
        """The next saves fail."""
        self._failures += times

    def arm(self, nth: int, before: bool) -> None:
        """The process dies at the nth save from now on."""
        self._saves_left, self._before = nth, before

    def load(self) -> Loaded:
        """Everything stored."""
        return self._store.load()

    def commit(self, rows: tuple[Row, ...], documents: StoredDocs = ()) -> None:
        """Save, or do what was planned instead."""
        if self._failures:
            self._failures -= 1
            raise StoreDiskFull("the script's store", "no room is left, as planned")
        dies = self._is_due()
        if dies and self._before:
            raise Crashed
        self._store.commit(rows, documents)
        if dies:
            raise Crashed

    def _is_due(self) -> bool:
        if self._saves_left is None:
            return False
        self._saves_left -= 1
        due = self._saves_left == 0
        self._saves_left = None if due else self._saves_left
        return due

    def close(self) -> None:
        """Give the store back."""
        self._store.close()


@contextmanager
def sqlite_stores() -> Generator[Callable[[], Store]]:
    """Makes stores in files of their own, which are removed in the end.

    A script is one store: what `crash` leaves is read from the file again by `load`.
    """
    with tempfile.TemporaryDirectory(prefix="optisync-") as folder:
        numbers = count(1)
        yield lambda: SqliteStore(Path(folder) / f"{next(numbers)}.db", ME)
