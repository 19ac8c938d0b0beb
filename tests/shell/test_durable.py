"""The outbox over a store: stored, then taken as the state, then told; or none of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from tests.shell.samples import ME, ONE, entry, opened
from typeguard import suppress_type_checks

from optisync.contracts.entry import EntryId, Millis, Stamp, WriteEntry
from optisync.contracts.messages import Accepted, Delta, Label, Refused, Snapshot
from optisync.errors import ChangeInapplicable, OptisyncError, ValueMalformed
from optisync.outbox.config import Config
from optisync.outbox.effects import Effect, Enqueued, Send, Told
from optisync.outbox.errors import EpochAhead, KeyReused, OutboxFull, UnknownEntry
from optisync.outbox.inputs import Restart, Result, Retry
from optisync.outbox.rows import Row
from optisync.patch import Add
from optisync.shell.durable import DurableOutbox
from optisync.shell.given import InputMalformed
from optisync.shell.memory import MemoryStore
from optisync.shell.store import StoredDocs, StoreDiskFull, StoreError
from optisync.values import AtomKey, ClientSeq, Epoch, Json, Obj, ServerSeq, Version
from optisync.view import Create, Delete, Update, Upsert

A, B = AtomKey("a"), AtomKey("b")
CONFIG = Config(ME, capacity=3)
FULL = StoreDiskFull("somewhere", "no room")


def over(store: MemoryStore, *observers: Callable[[Effect], None]) -> DurableOutbox:
    return DurableOutbox(CONFIG, store, ONE, *observers)


def accepted(name: str, server_seq: int) -> Result:
    return Result(EntryId(name), Accepted(ServerSeq(server_seq)))


def test_a_save_comes_before_each_effect_of_its_step() -> None:
    points: list[str] = []
    outbox = DurableOutbox(CONFIG, MemoryStore(), ONE, point=points.append)
    outbox.enqueue([entry("e1"), entry("e2")])
    save = ["before-save", "after-save"]
    assert points == [*save, *["before-Enqueued", "after-Enqueued"] * 2]
    points.clear()
    outbox.reserve(1)
    assert points == [*save, "before-Send", "after-Send"]
    points.clear()
    outbox.reserve(0)
    outbox.tick(Millis(5))
    outbox.consume(0)
    assert points == []


def test_what_a_call_answers_is_stored_already() -> None:
    store = MemoryStore()
    outbox = over(store)
    (first,) = outbox.enqueue([entry("e1")], at=Millis(77))
    assert first == Enqueued(EntryId("e1"), ClientSeq(1))
    assert over(store).state == outbox.state
    (item,) = outbox.state.queue
    assert getattr(item, "enqueued_at", None) == 77
    number = outbox.take()
    assert number == over(store).state.numbers.counter == 2


CALLS: list[Callable[[DurableOutbox], object]] = [
    lambda outbox: outbox.enqueue([entry("e3")]),
    lambda outbox: outbox.reserve(1),
    lambda outbox: outbox.settle(1, ONE, [accepted("e1", 9)]),
    lambda outbox: outbox.release(1),
    lambda outbox: outbox.process_delta(_delta(1)),
    lambda outbox: outbox.process_snapshot(Snapshot(ONE, ServerSeq(4), Obj({"a": 2}))),
    lambda outbox: outbox.cancel(EntryId("e2")),
    lambda outbox: outbox.abandon(EntryId("e1")),
    lambda outbox: outbox.take(),
    lambda outbox: outbox.tick(Millis(10**9)),
]


def _delta(server_seq: int, value: int = 1) -> Delta:
    changes = ((A, Upsert(value)),)
    label = Label(ME, ClientSeq(1))
    return Delta(ONE, ServerSeq(server_seq), ServerSeq(server_seq - 1), changes, (label,))


@pytest.mark.parametrize("call", CALLS)
def test_a_commit_that_fails_changes_and_tells_nothing(
    call: Callable[[DurableOutbox], object],
) -> None:
    store, told = MemoryStore(), list[Effect]()
    outbox = over(store, told.append)
    outbox.enqueue([entry("e1"), entry("e2")])
    outbox.reserve(1)
    told.clear()
    before, documents, kept = outbox.state, outbox.documents, store.load()
    store.failing = FULL
    for _ in range(2):
        with pytest.raises(StoreDiskFull):
            call(outbox)
        assert (outbox.state, outbox.documents) == (before, documents)
        assert store.load() == kept
        assert told == []
    store.failing = None
    call(outbox)
    assert outbox.state != before
    assert store.load() != kept


@pytest.mark.parametrize("call", CALLS)
def test_the_state_is_the_one_that_the_rows_make(call: Callable[[DurableOutbox], object]) -> None:
    store = MemoryStore()
    outbox = over(store)
    outbox.enqueue([entry("e1"), entry("e2")])
    outbox.reserve(1)
    call(outbox)
    outbox.run(Restart())
    again = over(store)
    assert (again.state, again.documents) == (outbox.state, outbox.documents)


def test_a_refusal_changes_nothing() -> None:
    store, told = MemoryStore(), list[Effect]()
    outbox = over(store, told.append)
    outbox.enqueue([entry("e1")])
    told.clear()
    before = outbox.state
    refused: list[tuple[type[OptisyncError], Callable[[], object]]] = [
        (OutboxFull, lambda: outbox.enqueue([entry(f"f{n}") for n in range(3)])),
        (KeyReused, lambda: outbox.enqueue([entry("e2"), entry("e1", Create(0))])),
        (UnknownEntry, lambda: outbox.cancel(EntryId("e9"))),
        (EpochAhead, lambda: outbox.process_delta(replace(_delta(1), epoch=Epoch(2)))),
    ]
    for kind, call in refused:
        with pytest.raises(kind):
            call()
        assert outbox.state is before
    assert told == []


def holding(value: object) -> list[WriteEntry]:
    """Entries of a caller without types."""
    given = cast(Json, value)
    return [
        entry("e1", Create(given)),
        entry("e2", Upsert(Obj({"list": given}))),
        replace(entry("e3", Update((Add(("x",), given),))), base=Stamp(ONE, Version(1))),
    ]


def test_only_frozen_json_in_write_entries_is_taken_in() -> None:
    outbox = over(MemoryStore())
    bad: list[object] = [
        float("nan"),
        2**53,
        "\ud800",
        {1: 2},
        ({"\ud800": 1},),
        Obj({"\ud800": 1}),
        {1},
    ]
    with suppress_type_checks():
        with pytest.raises(InputMalformed, match="WriteEntry"):
            outbox.enqueue([cast(WriteEntry, {"entry_id": "e1"})])
        for value in bad:
            for written in holding(value):
                with pytest.raises(ValueMalformed):
                    outbox.enqueue([entry("e0"), written])
    assert len(outbox.state.queue) == 0


def test_what_the_caller_changes_later_is_not_what_was_taken_in() -> None:
    """[content-copied]"""
    mine: list[object] = [1, "x"]
    outbox = over(MemoryStore())
    with suppress_type_checks():
        outbox.enqueue(holding(mine))
    mine.append("later")
    send = outbox.reserve(9)
    assert send is not None
    taken = (1, "x")
    assert [item.entry for item in send.items] == holding(taken)


def test_documents_and_settlement_are_one_transaction() -> None:
    store = MemoryStore()
    outbox = over(store)
    outbox.enqueue([entry("e1")])
    send = outbox.reserve(1)
    assert send is not None
    outbox.settle(send.token, ONE, [accepted("e1", 1)])
    outbox.process_delta(_delta(1))
    assert dict(outbox.documents) == {"a": 1}
    assert store.load().documents == outbox.documents
    assert outbox.status().queue == ()
    outbox.process_delta(_delta(1, value=5))  # a duplicate
    assert dict(outbox.documents) == {"a": 1}
    with pytest.raises(ChangeInapplicable):
        outbox.process_delta(Delta(ONE, ServerSeq(2), ServerSeq(1), ((A, Create(1)),)))
    assert outbox.state.numbers.server_seq == 1
    outbox.process_delta(Delta(ONE, ServerSeq(2), ServerSeq(1), ((A, Delete()), (B, Create(3)))))
    assert dict(store.load().documents) == {"b": 3}


def test_a_snapshot_replaces_the_documents_unless_it_is_old() -> None:
    store = MemoryStore()
    outbox = over(store)
    outbox.process_snapshot(Snapshot(ONE, ServerSeq(3), Obj({"a": 1, "b": 2})))
    outbox.process_snapshot(Snapshot(ONE, ServerSeq(2), Obj({"a": 0})))
    assert dict(store.load().documents) == {"a": 1, "b": 2}
    outbox.process_snapshot(Snapshot(Epoch(2), ServerSeq(1), Obj({"b": 2, "c": True})))
    assert dict(store.load().documents) == {"b": 2, "c": True}
    assert over(store).documents == outbox.documents
    outbox.process_delta(Delta(ONE, ServerSeq(9), ServerSeq(8), ((A, Create(1)),)))
    assert dict(outbox.documents) == {"b": 2, "c": True}


def test_verdicts_are_told_in_every_life_until_consumed() -> None:
    store = MemoryStore()
    outbox = over(store)
    outbox.enqueue([entry("e1"), entry("e2")])
    send = outbox.reserve(2)
    assert send is not None
    outbox.settle(send.token, ONE, [accepted("e1", 9), Result(EntryId("e2"), Refused("no"))])
    reports = outbox.status().reports
    assert [report.entry_id for report in reports] == ["e1", "e2"]
    told: list[Effect] = []
    again = over(store, told.append)
    assert told == [Told(report) for report in reports]
    again.consume(1)
    told.clear()
    over(store, told.append)
    assert told == [Told(reports[1])]


def test_calls_from_callbacks_are_carried_out_and_told_in_order() -> None:
    told, told_second = list[Effect](), list[Effect]()
    outbox = over(MemoryStore())

    def send_at_once(effect: Effect) -> None:
        told.append(effect)
        if isinstance(effect, Enqueued):
            outbox.reserve(1)
        if isinstance(effect, Send):
            results = [accepted(item.entry.entry_id, 9) for item in effect.items]
            outbox.settle(effect.token, ONE, results)

    outbox.on_effect(send_at_once)
    outbox.on_effect(told_second.append)
    outbox.enqueue([entry("e1"), entry("e2")])
    assert told == told_second
    assert [type(effect) for effect in told] == [Enqueued, Enqueued, Send, Send, Told, Told]
    assert outbox.state.numbers.reported == 2


def test_a_callback_that_raises_disturbs_nobody() -> None:
    told: list[Effect] = []

    def fails(_: Effect) -> None:
        raise LookupError("mine")

    outbox = over(MemoryStore(), fails, told.append)
    unsubscribe = outbox.on_effect(fails)
    outbox.enqueue([entry("e1")])
    assert len(told) == 1
    assert [str(error) for error in outbox.errors] == ["mine", "mine"]
    unsubscribe()
    outbox.enqueue([entry("e2")])
    assert len(outbox.errors) == 3


class Interrupted(BaseException):
    """Like KeyboardInterrupt, which pytest takes for its own."""


class Interrupting(MemoryStore):
    """Interrupts a commit, before or after it is stored."""

    when = ""

    def commit(self, rows: tuple[Row, ...], documents: StoredDocs = ()) -> None:
        if self.when == "before":
            raise Interrupted
        super().commit(rows, documents)
        if self.when == "after":
            raise Interrupted


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interrupted_commit_ends_a_life(when: str) -> None:
    store = Interrupting()
    outbox = over(store)
    outbox.enqueue([entry("e1")])
    store.when = when
    with pytest.raises(Interrupted):
        outbox.enqueue([entry("e2")])
    store.when = ""
    outbox.enqueue([entry("e3")])
    names = [status.entry_id for status in outbox.status().queue]
    assert names == (["e1", "e3"] if when == "before" else ["e1", "e2", "e3"])
    assert over(store).state == outbox.state


def test_what_an_ended_life_had_to_tell_is_not_told_by_the_next() -> None:
    def interrupts(_: Effect) -> None:
        raise Interrupted

    store, told = Interrupting(), list[Effect]()
    outbox = over(store)
    leave = outbox.on_effect(interrupts)
    with pytest.raises(Interrupted):
        outbox.enqueue([entry("e1"), entry("e2")])
    leave()
    outbox.on_effect(told.append)
    store.when = "after"
    with pytest.raises(Interrupted):
        outbox.reserve(1)
    store.when = ""
    outbox.reserve(1)
    assert [type(effect) for effect in told] == [Send]


def test_a_life_that_could_not_begin_is_begun_by_the_next_call() -> None:
    store = Interrupting()
    outbox = over(store)
    outbox.enqueue([entry("e1")])
    outbox.reserve(1)
    store.when = "after"
    with pytest.raises(Interrupted):
        outbox.take()
    store.when, store.failing = "", FULL
    for _ in range(2):
        with pytest.raises(StoreError):
            outbox.reserve(1)  # the lease of the old life cannot be ended yet
    store.failing = None
    send = outbox.reserve(1)
    assert send is not None
    assert send.items[0].entry.entry_id == "e1"


def test_status_says_where_everything_stands() -> None:
    outbox = over(MemoryStore())
    outbox.enqueue([entry("e1"), entry("e2")])
    outbox.take()
    send = outbox.reserve(1)
    assert send is not None
    outbox.settle(send.token, ONE, [Result(EntryId("e1"), Retry())])
    status = outbox.status()
    found = [(each.seq, each.entry_id, each.status, each.attempts) for each in status.queue]
    assert found == [(1, "e1", "queued", 1), (2, "e2", "queued", 0), (3, None, "open", 0)]
    assert status.next_wake == CONFIG.delay_ms
    assert status.numbers.counter == 3
    outbox.reserve(1)
    assert [each.status for each in outbox.status().queue] == ["queued", "in-flight", "open"]


def test_the_same_over_sqlite_through_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    outbox = DurableOutbox(CONFIG, opened(path), ONE)
    outbox.enqueue([entry("e1"), entry("e2")])
    outbox.process_snapshot(Snapshot(ONE, ServerSeq(3), Obj({"a": 1, "b": 2})))
    send = outbox.reserve(1)
    assert send is not None
    state, documents = outbox.state, outbox.documents
    outbox.close()
    again = DurableOutbox(CONFIG, opened(path), Epoch(7))
    assert again.documents == documents
    assert again.state.numbers == state.numbers
    assert [each.status for each in again.status().queue] == ["queued", "queued"]
    again.close()
