"""Whatever is committed, the memory store and the SQLite store hold the same, reopened or not."""

from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.shell.samples import DOCUMENTS, ME, NUMBERS, ROWS, opened

from optisync.contracts.entry import Entity, EntityId, EntryId, Resource
from optisync.outbox.rows import Doubt, DoubtLifted, Row, key_of
from optisync.shell.memory import MemoryStore
from optisync.shell.store import Loaded, Store, StoredDocs
from optisync.values import ClientSeq, Obj

Commit = tuple[tuple[Row, ...], StoredDocs]
COMMITS = st.lists(st.tuples(st.lists(ROWS, max_size=4).map(tuple), DOCUMENTS), max_size=4)
NAMES = count()


def held(store: Store) -> tuple[dict[object, Row], list[Row], object, object]:
    """Rows by key, the rows whose order a state keeps, documents, versions."""
    loaded = store.load()
    assert loaded.quarantined == ()
    rows: dict[object, Row] = {key_of(row): row for row in loaded.rows}
    assert len(rows) == len(loaded.rows)
    doubts: list[Row] = [row for row in loaded.rows if isinstance(row, Doubt)]
    return rows, doubts, loaded.documents, loaded.versions


FIXTURE = HealthCheck.function_scoped_fixture  # each example makes a file of its own


@settings(max_examples=25, suppress_health_check=[FIXTURE])
@given(commits=COMMITS)
def test_equal_loads_after_the_same_commits(tmp_path: Path, commits: list[Commit]) -> None:
    agree(tmp_path / f"{next(NAMES)}.db", commits)


@pytest.mark.slow
@settings(max_examples=300, suppress_health_check=[FIXTURE])
@given(commits=COMMITS)
def test_equal_loads_after_many_commits(tmp_path: Path, commits: list[Commit]) -> None:
    agree(tmp_path / f"{next(NAMES)}.db", commits)


def agree(path: Path, commits: list[Commit]) -> None:
    memory, sqlite = MemoryStore(), opened(path)
    for rows, documents in [((NUMBERS,), ()), *commits]:
        memory.commit(rows, documents)
        sqlite.commit(rows, documents)
    try:
        assert held(sqlite) == held(memory)
        sqlite.close()
        sqlite = opened(path)
        assert held(sqlite) == held(memory)
    finally:
        sqlite.close()


def test_doubts_are_kept_in_the_order_in_which_they_came_up(tmp_path: Path) -> None:
    entity = Entity(Resource("todos"), EntityId("t"))
    first, second, third = (Doubt(ClientSeq(n), EntryId(f"e{n}"), entity) for n in (3, 1, 2))
    memory, sqlite = MemoryStore(), opened(tmp_path / "outbox.db")
    for store in (memory, sqlite):
        store.commit((NUMBERS, first, second, third))
        store.commit((DoubtLifted(first.seq),))
        store.commit((first,))
    wanted = Loaded((NUMBERS, second, third, first), Obj())
    assert memory.load() == wanted
    assert sqlite.load() == replace(wanted, client=ME)
    sqlite.close()


def test_a_store_that_was_never_used_is_empty(tmp_path: Path) -> None:
    store = opened(tmp_path / "outbox.db")
    assert MemoryStore().load() == Loaded((), Obj())
    assert store.load() == Loaded((), Obj(), client=ME)
    store.close()
