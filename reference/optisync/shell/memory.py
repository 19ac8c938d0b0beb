"""A store that lives as long as its object: for tests, and for clients that need no more."""

from __future__ import annotations

from typing import TypeAlias, assert_never

from rpds import HashTrieMap

from optisync.contracts.entry import Entity
from optisync.outbox.rows import (
    Alias,
    Consumed,
    Doubt,
    DoubtLifted,
    Gone,
    Hole,
    Item,
    Numbers,
    OwnVersion,
    Report,
    Row,
    key_of,
)
from optisync.shell.store import Loaded, StoredDocs, StoreError, Versions
from optisync.values import Obj
from optisync.view import ABSENT, Docs

Rows: TypeAlias = dict[tuple[str, int | str | Entity], Row]


class MemoryStore:
    """Survives the outbox over it, not the process: a crash is a new outbox over the same store.

    `failing`: what every commit raises while it is set, with nothing stored.
    """

    def __init__(self) -> None:
        self.failing: StoreError | None = None
        self._rows: Rows = {}
        self._documents: Docs = Obj()
        self._versions: Versions = HashTrieMap()

    def load(self) -> Loaded:
        """Everything stored."""
        return Loaded(tuple(self._rows.values()), self._documents, versions=self._versions)

    def commit(self, rows: tuple[Row, ...], documents: StoredDocs = ()) -> None:
        """Store rows and documents; raises `failing` instead while it is set."""
        if self.failing is not None:
            raise self.failing
        for row in rows:
            _keep(self._rows, row)
        kept, versions = dict(self._documents), self._versions
        for atom, doc, stamp in documents:
            if doc is ABSENT:
                kept.pop(atom, None)
            else:
                kept[atom] = doc
            versions = versions.discard(atom) if stamp is None else versions.insert(atom, stamp)
        self._documents, self._versions = Obj(kept), versions

    def close(self) -> None:
        """Nothing to give up: the rows stay with the object."""


def _keep(rows: Rows, row: Row) -> None:
    match row:
        case Gone() | DoubtLifted():
            rows.pop(key_of(row), None)
        case Consumed(upto):
            told = [
                key
                for key, kept in rows.items()
                if isinstance(kept, Report) and kept.number <= upto
            ]
            for key in told:
                del rows[key]
        case Item() | Hole() | OwnVersion() | Alias() | Doubt() | Report() | Numbers():
            rows.pop(key_of(row), None)  # doubts are kept in the order in which they came up
            rows[key_of(row)] = row
        case _:
            assert_never(row)
