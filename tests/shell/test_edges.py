"""Where a comparison is off by one, or by a type."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.shell.samples import ME, ONE, entry, opened

from optisync.contracts.entry import Millis
from optisync.contracts.messages import Snapshot
from optisync.outbox.config import Config, Mode
from optisync.shell.durable import DurableOutbox
from optisync.shell.memory import MemoryStore
from optisync.values import Obj, ServerSeq


def test_a_snapshot_at_the_cursor_brings_its_documents() -> None:
    store = MemoryStore()
    outbox = DurableOutbox(Config(ME), store, ONE)
    outbox.process_snapshot(Snapshot(ONE, ServerSeq(0), Obj({"a": 1})))
    assert dict(store.load().documents) == {"a": 1}


def test_true_instead_of_one_is_stored() -> None:
    store = MemoryStore()
    outbox = DurableOutbox(Config(ME), store, ONE)
    outbox.process_snapshot(Snapshot(ONE, ServerSeq(1), Obj({"a": 1})))
    outbox.process_snapshot(Snapshot(ONE, ServerSeq(2), Obj({"a": True})))
    assert store.load().documents["a"] is True


def test_the_last_number_given_out_is_not_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    outbox = DurableOutbox(Config(ME, Mode.ORDERED), opened(path), ONE)
    outbox.enqueue([entry("e1"), entry("e2")])
    outbox.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE members SET change = '?' WHERE seq = 2")
    again = DurableOutbox(Config(ME, Mode.ORDERED), opened(path), ONE)
    send = again.reserve(9)
    assert send is not None
    assert send.skips == ((2, 2),)
    again.close()


def test_the_next_wake_is_the_first_time_that_matters() -> None:
    outbox = DurableOutbox(Config(ME, lease_ms=500, delay_ms=1000), MemoryStore(), ONE)
    woken = [outbox.status().next_wake]
    outbox.enqueue([entry("e1"), entry("e2")])
    assert outbox.reserve(1) is not None
    woken.append(outbox.status().next_wake)  # the end of its lease
    outbox.tick(Millis(100))
    send = outbox.reserve(1)
    assert send is not None
    outbox.release(send.token)
    woken.append(outbox.status().next_wake)  # still that: the pause is longer
    outbox.tick(Millis(500))
    woken.append(outbox.status().next_wake)  # the end of the pause
    outbox.tick(Millis(1100))
    woken.append(outbox.status().next_wake)
    assert woken == [None, 500, 500, 1100, None]
