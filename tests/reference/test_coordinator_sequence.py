"""Numbers and positions: one test for each rule of "Identity" and "Sequence"."""

import pytest
from tests.reference.coordinating import FIRST, ME, ONE, SECOND, TWO, Life, adds, at, delta
from tests.reference.coordinating import A as ATOM

from optisync.contracts.messages import Ack, Delta, Head, Message, Reject, Snapshot
from optisync.coordinator.config import Config, Limits
from optisync.coordinator.effects import Apply, Changed, Request, Resync, StoreCounter
from optisync.coordinator.inputs import Applied, Generate, Register, Tick
from optisync.coordinator.state import start
from optisync.values import ClientSeq, Epoch, Obj, ServerSeq


def request(after: int, upto: int) -> Request:
    return Request(ServerSeq(after), ServerSeq(upto))


def test_numbers_grow_whatever_becomes_of_them() -> None:
    """[client-seq-grows]"""
    life = Life()
    numbers: list[int] = []
    for _ in range(3):
        numbers.append(life.write())
        life.give(Reject(ONE, life.state.generated, "no"), Generate())
        numbers.append(life.state.generated)
    assert numbers == [1, 2, 3, 4, 5, 6]


def test_no_number_leaves_before_a_counter_above_it_is_stored() -> None:
    """[client-seq-durable]"""
    life, stored = Life(Config(ME, limits=Limits(block=2))), 0
    for _ in range(5):
        for effect in life.give(Generate()):
            assert isinstance(effect, StoreCounter)
            stored = effect.upto
        assert life.state.generated <= stored
    assert stored == 6
    next_life = Life(state=start(at(0), ClientSeq(stored)))
    next_life.give(Generate())
    assert next_life.state.generated == 7


def test_numbers_are_registered_in_order_and_once() -> None:
    """[client-seq-order]"""
    life = Life()
    life.give(Generate(), Generate(), Register(SECOND, ()))
    for number in (0, 1, 2, 3):
        assert life.refused(Register(ClientSeq(number), ())) == "client-seq-order"


def of_epoch(epoch: Epoch) -> list[Message]:
    seq = ServerSeq(1)
    return [
        Ack(epoch, FIRST, seq),
        Reject(epoch, FIRST, "no"),
        Delta(epoch, seq, ServerSeq(0)),
        Head(epoch, seq),
    ]


@pytest.mark.parametrize("message", of_epoch(Epoch(0)))
def test_an_old_epoch_is_dead(message: Message) -> None:
    """[lower-epoch-ignored]"""
    life = Life()
    life.write()
    before = life.state
    assert life.give(message) == ()
    assert life.state == before


@pytest.mark.parametrize("message", of_epoch(TWO))
def test_a_new_epoch_is_fetched(message: Message) -> None:
    """[higher-epoch-resyncs] [one-request]"""
    life = Life()
    life.write()
    assert life.give(message) == (Resync(),)
    assert (life.pending, life.state.confirmed, life.state.buffer) == ([FIRST], at(0), ())
    assert life.give(message) == ()
    assert life.give(Tick()) == (Resync(),)


def test_the_next_delta_is_applied_and_the_position_moves_with_it() -> None:
    """[next-delta-applies] [delta-verbatim]"""
    life, first = Life(), delta(0, 3, adds(ATOM, "x"))
    assert life.give(first) == (Apply(first),)
    assert life.state.confirmed == at(0)
    assert life.give(Applied(True)) == (Changed(),)
    assert life.state.confirmed == at(3)


def test_a_delta_that_is_there_already_does_nothing() -> None:
    """[duplicate-delta-ignored]"""
    life = Life()
    life.arrive(delta(0, 3))
    life.give(delta(5, 6))
    before = life.state
    for again in (delta(0, 3), delta(1, 2), delta(5, 6), delta(4, 6)):
        assert life.give(again) == ()
        assert life.state == before


def test_a_gap_holds_deltas_back_and_asks_for_exactly_what_is_missing() -> None:
    """[gap-buffers] [gap-requests] [one-request]"""
    life = Life()
    life.arrive(delta(0, 1))
    assert life.give(delta(5, 6)) == (request(1, 5),)
    assert life.give(delta(3, 4)) == ()
    assert (life.state.port, life.state.confirmed) == (None, at(1))
    assert life.give(Tick()) == (request(1, 3),)


def test_what_was_held_back_is_applied_in_order_one_step_each() -> None:
    """[drain-one-step-each] [gap-buffers]"""
    life = Life()
    second, third = delta(1, 2), delta(2, 3)
    life.give(third, second)
    first = delta(0, 1)
    assert life.give(first) == (Apply(first),)
    seen = [life.give(Applied(True)) for _ in range(3)]
    assert seen == [(Changed(), Apply(second)), (Changed(), Apply(third)), (Changed(),)]
    assert (life.state.confirmed, life.state.buffer) == (at(3), ())


def test_what_was_held_back_outlives_a_snapshot_of_its_epoch() -> None:
    """[gap-buffers]"""
    life, held = Life(), delta(3, 4)
    life.give(held, Snapshot(ONE, ServerSeq(3), Obj()))
    assert life.give(Applied(True)) == (Changed(), Apply(held))


def test_what_does_not_fit_is_fetched_again() -> None:
    """[gap-buffer-bounded]: the nearest stay, in whatever order they come"""
    life = Life(Config(ME, limits=Limits(buffer=2)))
    life.give(delta(8, 9), delta(2, 3), delta(5, 6))
    assert [held.server_seq for held in life.state.buffer] == [3, 6]


@pytest.mark.parametrize("held", [False, True])
def test_a_delta_that_overlaps_is_not_applied(held: bool) -> None:
    """[overlap-resyncs]: at once, or when the gap before it closes"""
    life = Life()
    if held:
        life.give(delta(2, 5))
        assert life.arrive(delta(0, 3)) == (Changed(), Resync())
    else:
        life.arrive(delta(0, 3))
        assert life.give(delta(2, 5)) == (Resync(),)
    assert (life.state.confirmed, life.state.port) == (at(3), None)


@pytest.mark.parametrize(
    "message", [Head(ONE, ServerSeq(4)), Ack(ONE, FIRST, ServerSeq(4))], ids=["head", "ack"]
)
def test_what_is_announced_is_asked_for_when_it_does_not_come(message: Message) -> None:
    """[head-reveals-gap] [ack-reveals-gap]"""
    life = Life()
    life.write()
    assert not any(isinstance(effect, Request) for effect in life.give(message))
    assert life.give(Tick()) == (request(0, 4),)
    assert life.arrive(delta(0, 4))[-1] == Changed()
    assert life.give(Tick()) == ()
