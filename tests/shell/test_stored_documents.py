"""What an outbox stores of documents: each with its version, and of a deleted one the version."""

from pathlib import Path

import pytest
from tests.shell.samples import ME, ONE, entry, opened

from optisync.contracts.entry import Stamp
from optisync.contracts.messages import Delta, Snapshot
from optisync.outbox.config import Config
from optisync.outbox.rows import Row
from optisync.shell.durable import DurableOutbox
from optisync.shell.memory import MemoryStore
from optisync.shell.store import OtherClient, StoredDocs
from optisync.values import AtomKey, ClientId, Json, Obj, ServerSeq, Version
from optisync.view import Create, Delete, Upsert

A, B = AtomKey("a"), AtomKey("b")
CONFIG = Config(ME)


def changed(value: Json) -> Delta:
    return Delta(ONE, ServerSeq(4), ServerSeq(3), ((A, Upsert(value)),))


def test_the_store_of_another_client_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    store = opened(path)
    DurableOutbox(CONFIG, store, ONE).enqueue([entry("e1")])
    with pytest.raises(OtherClient, match="store is of client 'me', its outbox of 'you'"):
        DurableOutbox(Config(ClientId("you")), store, ONE)
    store.close()
    again = DurableOutbox(CONFIG, opened(path), ONE)
    assert [member.seq for member in again.state.queue] == [1]
    again.close()


def test_versions_are_stored_and_told_apart_from_documents() -> None:
    store = MemoryStore()
    outbox = DurableOutbox(CONFIG, store, ONE)
    one, two = Stamp(ONE, Version(1)), Stamp(ONE, Version(2))
    outbox.process_delta(Delta(ONE, ServerSeq(1), ServerSeq(0), ((A, Create(1)), (B, Create(2)))))
    outbox.process_delta(Delta(ONE, ServerSeq(2), ServerSeq(1), ((A, Delete()),)))
    assert dict(outbox.versions) == dict(store.load().versions) == {A: two, B: one}
    kept = outbox.documents
    outbox.process_snapshot(Snapshot(ONE, ServerSeq(2), kept, versions=((B, Version(2)),)))
    assert dict(outbox.versions) == dict(store.load().versions) == {B: two}
    assert dict(DurableOutbox(CONFIG, store, ONE).documents) == {"b": 2}
    gone = AtomKey("gone")  # deleted before, says the snapshot
    outbox.process_snapshot(Snapshot(ONE, ServerSeq(2), kept, versions=((gone, Version(1)),)))
    assert dict(outbox.versions) == dict(store.load().versions) == {gone: one}
    outbox.process_snapshot(Snapshot(ONE, ServerSeq(2), kept))
    assert dict(outbox.versions) == dict(store.load().versions) == {}


def test_a_delta_stores_what_it_changes_and_nothing_else() -> None:
    written: list[StoredDocs] = []

    class Noting(MemoryStore):
        def commit(self, rows: tuple[Row, ...], documents: StoredDocs = ()) -> None:
            written.append(documents)
            super().commit(rows, documents)

    outbox = DurableOutbox(CONFIG, Noting(), ONE)
    outbox.process_snapshot(Snapshot(ONE, ServerSeq(3), Obj({"a": 1, "b": 2})))
    outbox.process_delta(changed(3))
    outbox.process_delta(changed(5))  # a duplicate
    assert written[1:] == [((A, 3, Stamp(ONE, Version(4))),)]
