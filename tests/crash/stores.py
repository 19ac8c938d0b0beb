"""What a child may keep its rows in: the real store, and stores with a planted fault."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.crash.wire import CLIENT

from optisync.outbox.rows import Gone, InFlight, Item, Numbers, Report, Row
from optisync.shell.memory import MemoryStore
from optisync.shell.sqlite import SqliteStore
from optisync.shell.store import Loaded, Store, StoredDocs
from optisync.values import ClientSeq


class Faulty:
    """A real store that is told, or tells, something else than it should."""

    def __init__(self, path: Path) -> None:
        self._store = SqliteStore(path, CLIENT)

    def load(self) -> Loaded:
        return self._store.load()

    def commit(self, rows: tuple[Row, ...], documents: StoredDocs = ()) -> None:
        self._store.commit(tuple(row for row in map(self.kept, rows) if row), documents)

    def kept(self, row: Row) -> Row | None:
        """What is stored in the place of a row."""
        return row

    def close(self) -> None:
        self._store.close()


class Late(Faulty):
    """Stores each transaction only when the next one comes: effects before the save."""

    _waiting: tuple[tuple[Row, ...], StoredDocs] = (), ()

    def commit(self, rows: tuple[Row, ...], documents: StoredDocs = ()) -> None:
        super().commit(*self._waiting)
        self._waiting = rows, documents


class CounterForgotten(Faulty):
    """The next number follows from the queue, not from what was given out."""

    def load(self) -> Loaded:
        loaded = self._store.load()
        seqs = [row.seq for row in loaded.rows if isinstance(row, Item)]
        last = ClientSeq(max(seqs, default=0))
        rows = (replace(r, counter=last) if isinstance(r, Numbers) else r for r in loaded.rows)
        return replace(loaded, rows=tuple(rows))


class ReportsForgotten(Faulty):
    """Verdicts are told, never stored."""

    def kept(self, row: Row) -> Row | None:
        return None if isinstance(row, Report) else row


class SettledKept(Faulty):
    """What is settled leaves the memory, not the file."""

    def kept(self, row: Row) -> Row | None:
        return None if isinstance(row, Gone) else row


class RequeuedLast(Faulty):
    """What was in flight is queued again at the end, under a new number."""

    def load(self) -> Loaded:
        loaded = self._store.load()
        numbers = next((row for row in loaded.rows if isinstance(row, Numbers)), None)
        if numbers is None:
            return loaded
        counter = numbers.counter
        rows: list[Row] = []
        gone: list[Row] = []
        for row in loaded.rows:
            if isinstance(row, Item) and isinstance(row.status, InFlight):
                counter = ClientSeq(counter + 1)
                gone.append(Gone(row.seq))
                row = replace(row, seq=counter)
            if not isinstance(row, Numbers):
                rows.append(row)
        numbers = replace(numbers, counter=counter)
        self.commit((numbers, *gone, *rows))
        return self._store.load()


class InFlightForgotten(Faulty):
    """What was handed to a worker is not loaded: the worker has it, does it not."""

    def load(self) -> Loaded:
        loaded = self._store.load()
        lost = (r for r in loaded.rows if isinstance(r, Item) and isinstance(r.status, InFlight))
        seqs = {row.seq for row in lost}
        rows = (r for r in loaded.rows if not isinstance(r, Item) or r.seq not in seqs)
        return replace(loaded, rows=tuple(rows))


def _memory(_: Path) -> Store:
    return MemoryStore()


def _sqlite(path: Path) -> Store:
    return SqliteStore(path, CLIENT)


STORES: Final[dict[str, Callable[[Path], Store]]] = {
    "sqlite": _sqlite,
    "memory": _memory,
    "late": Late,
    "counter-forgotten": CounterForgotten,
    "reports-forgotten": ReportsForgotten,
    "settled-kept": SettledKept,
    "requeued-last": RequeuedLast,
    "in-flight-forgotten": InFlightForgotten,
}
