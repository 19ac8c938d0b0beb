"""One rule of the outbox each, by the shortest scripts that show it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.reference.outboxing import (
    ME,
    ONE,
    TWO,
    B,
    Life,
    accepted,
    delta,
    entry,
    settled,
    snapshot,
)

from optisync.contracts.entry import Entity, EntityId, EntryId, Resource, WriteEntry
from optisync.contracts.messages import Outcome, Refused
from optisync.errors import OptisyncError
from optisync.outbox.config import Config, Mode
from optisync.outbox.effects import Effect, Resync, Send, Told
from optisync.outbox.errors import NumberPassed, OutboxFull, TemporaryIdReused, WatermarkAhead
from optisync.outbox.inputs import (
    Enqueue,
    Input,
    Refusal,
    Release,
    Reserve,
    Restart,
    Take,
    Watermark,
)
from optisync.outbox.rows import Acked, InFlight, Item, Queued
from optisync.outbox.state import overlays
from optisync.outbox.step import step
from optisync.values import ClientSeq, Obj, ServerSeq
from optisync.view import Create


def sent(effects: tuple[Effect, ...]) -> list[str]:
    return [item.entry.entry_id for e in effects if isinstance(e, Send) for item in e.items]


def refused(life: Life, given: Input) -> OptisyncError | None:
    done = step(life.config, life.state, given)
    assert done.error is None or done.state is life.state
    return done.error


def create(name: str, resource: str = "notes") -> WriteEntry:
    tmp = Entity(Resource(resource), EntityId("tmp"))
    return replace(entry(name, tmp, Create(Obj()), base=None), temporary=True)


def item(life: Life, name: str) -> Item:
    found = life.state.queue.named(EntryId(name))
    assert found is not None
    return found


def test_a_batch_that_does_not_fit_is_refused_whole() -> None:
    """[enqueue-all-or-none] [outbox-full]"""
    life = Life(Config(ME, capacity=2))
    three = Enqueue((entry("x"), entry("y", B), entry("z")))
    assert isinstance(refused(life, three), OutboxFull)
    life.give(Enqueue((entry("x"), entry("x"), entry("y", B))))  # a duplicate needs no room


def test_a_number_comes_too_late_for_what_was_sent() -> None:
    """[number-passed]"""
    life = Life()
    life.give(Take())
    life.send(entry("x"))
    late = Enqueue((entry("y"),), (ClientSeq(1),))
    assert isinstance(refused(life, late), NumberPassed)
    life.give(Enqueue((entry("y", B),), (ClientSeq(1),)))


def test_a_temporary_id_stands_for_one_row_in_all_resources() -> None:
    """[temporary-id-reused]"""
    life = Life()
    life.give(Enqueue((create("x"),)))
    assert isinstance(refused(life, Enqueue((create("y", "tags"),))), TemporaryIdReused)


def test_the_floor_is_the_lowest_number_in_the_queue() -> None:
    """[floor-below-undecided]"""
    life = Life()
    life.give(Enqueue((entry("x"), entry("y", B))), Reserve(1))
    (send,) = [e for e in life.give(Reserve(9)) if isinstance(e, Send)]
    assert (send.floor, sent((send,))) == (1, ["y"])


def test_a_direct_write_waits_its_turn_and_ends_with_its_process() -> None:
    """[direct-write-is-gated] [lease-ends-at-restart]"""
    life = Life()
    life.give(Enqueue((entry("x"),)), Enqueue((entry("y"),), stored=False))
    assert sent(life.give(Reserve(9))) == ["x"]
    life.give(Restart())
    assert [m.status for m in life.state.queue] == [Queued()]
    assert life.state.numbers.counter == 2


def test_an_answer_ends_the_pause_after_failed_deliveries() -> None:
    """[back-off-resets] [unreachable-backs-off]"""
    life = Life()
    life.give(Enqueue((entry("x"), entry("y", B))), Reserve(1), Reserve(1), Release(2))
    assert sent(life.give(Reserve(9))) == []
    life.give(settled("x", Refused("no")))
    assert sent(life.give(Reserve(9))) == ["y"]


def test_an_outcome_settles_the_entry_it_names() -> None:
    """[outcome-settles-entry] [settle-by-entry-id]"""
    life = Life()
    life.send(entry("x"), entry("y", B))
    outcomes = Outcome(ClientSeq(1), accepted(1, 1)), Outcome(ClientSeq(2), Refused("no"))
    told = [e.report.entry_id for e in life.give(snapshot(1, *outcomes)) if isinstance(e, Told)]
    assert told == ["x", "y"]
    assert len(life.state.queue) == 0


def test_results_of_another_epoch_settle_nothing() -> None:
    """[dead-epoch-ignored] [higher-epoch-asks-snapshot]"""
    life = Life()
    life.send(entry("x"))
    before = life.state
    assert life.give(settled("x", accepted(1), epoch=TWO)) == (Resync(),)
    assert life.state == before
    life.give(snapshot(0, epoch=TWO), Reserve(9))
    again = life.state
    assert life.give(settled("x", accepted(1), epoch=ONE), delta(1, 1, epoch=ONE)) == ()
    assert life.state == again


def test_a_new_epoch_queues_what_was_acked_or_in_flight() -> None:
    """[dead-epoch-ack-queued] [epoch-ends-leases]"""
    life = Life()
    life.send(entry("x"), entry("y", B))
    life.give(settled("x", accepted(5, 5)))
    assert isinstance(item(life, "x").status, Acked)
    assert isinstance(item(life, "y").status, InFlight)
    life.give(snapshot(0, epoch=TWO))
    assert [m.status for m in life.state.queue] == [Queued(), Queued()]
    assert item(life, "x").told


def test_an_unknown_client_leaves_what_was_sent_in_doubt() -> None:
    """[unknown-client-in-doubt]"""
    life = Life()
    life.send(entry("x"))
    life.give(Enqueue((entry("y", B),)), snapshot(0, epoch=TWO, known=False))
    assert [m.seq for m in life.state.queue] == [2]
    assert [doubt.entry_id for doubt in life.state.doubts] == ["x"]


@pytest.mark.parametrize(("named", "left"), [(None, ["x", "y"]), ((), []), (("y",), [])])
def test_a_watermark_hides_and_settles_only_what_it_says(
    named: tuple[str, ...] | None, left: list[str]
) -> None:
    """[watermark-retires-overlays] [watermark-is-no-verdict] [watermark-ahead]"""
    life = Life(Config(ME, Mode.ORDERED))
    life.send(entry("x"), entry("y", B))
    refusals = None if named is None else tuple(Refusal(ClientSeq(2), "no") for _ in named)
    said = Watermark(ONE, ServerSeq(1), ClientSeq(2), refusals)
    assert isinstance(refused(life, said), WatermarkAhead)
    told = [e for e in life.give(delta(1), said) if isinstance(e, Told)]
    assert overlays(life.state) == ()
    assert [m.entry.entry_id for m in life.state.queue if isinstance(m, Item)] == left
    verdicts = [isinstance(e.report.verdict, Refused) for e in told]
    assert verdicts == ([] if named is None else [False, bool(named)])
