"""The coordinator as an object with callbacks: what only the facade can keep."""

from collections.abc import Callable

import pytest
from tests.reference.coordinating import FIRST, ME, ONE, SECOND, A, B, adds, at, delta

from optisync.contracts.messages import Delta, Snapshot
from optisync.coordinator.config import Config
from optisync.coordinator.effects import Acked, Diag, DiagCode, Effect, Rejected, Resync
from optisync.coordinator.errors import AlreadyAccepted, PortMissing, PortTaken, UnknownMutation
from optisync.coordinator.facade import OptimisticSyncCoordinator
from optisync.patch import Add
from optisync.values import ClientSeq, Obj, ServerSeq
from optisync.view import Update


def connected() -> tuple[OptimisticSyncCoordinator, list[Delta | Snapshot]]:
    """A coordinator whose port keeps what it was handed."""
    sync, applied = OptimisticSyncCoordinator(Config(ME)), list[Delta | Snapshot]()
    sync.on_apply_delta(applied.append)
    return sync, applied


def write(sync: OptimisticSyncCoordinator, member: str = "x") -> ClientSeq:
    number = sync.generate_client_seq()
    sync.register_pending_mutation(number, dict(adds(A, member)))
    return number


def fails(*_: object) -> None:
    raise ValueError("an observer with a bug")


def test_an_observer_that_throws_keeps_nobody_from_being_called() -> None:
    """[observers-isolated]"""
    sync, _ = connected()
    told: list[Effect] = []
    changes: list[int] = []
    sync.on_event(fails)
    sync.on_event(told.append)
    sync.on_state_change(fails)
    sync.on_state_change(lambda: changes.append(len(sync.state.pending)))
    number = write(sync)
    sync.confirm_mutation(number, ServerSeq(0))
    assert (told, changes, sync.state.pending) == ([Acked(FIRST)], [1, 0], ())
    assert [str(error) for error in sync.errors] == ["an observer with a bug"] * 3


def test_a_number_is_covered_by_what_was_stored() -> None:
    """[client-seq-durable] [client-seq-grows]"""
    stored, given = [ClientSeq(0)], list[ClientSeq]()
    for _ in range(3):
        sync = OptimisticSyncCoordinator(
            Config(ME), counter=stored[-1], store_counter=stored.append
        )
        for _ in range(40):
            given.append(sync.generate_client_seq())
            assert given[-1] <= stored[-1]
    assert given == sorted(set(given))
    assert len(stored) == 7


def test_a_port_that_throws_makes_it_resync() -> None:
    """[failed-apply-resyncs]"""
    sync = OptimisticSyncCoordinator(Config(ME))
    told: list[Effect] = []
    sync.on_event(told.append)
    sync.on_apply_delta(fails)
    sync.process_server_delta(delta(0, 1))
    assert told == [Diag(DiagCode.APPLY_FAILED), Resync()]
    assert (sync.state.confirmed, sync.state.port) == (at(0), None)


def test_a_call_from_a_callback_takes_effect_after_the_step() -> None:
    """[calls-from-callbacks-wait] [port-busy]"""
    sync = OptimisticSyncCoordinator(Config(ME))
    seen: list[tuple[list[int], int]] = []

    def port(_: Delta | Snapshot) -> None:
        if sync.state.generated == 1:
            assert sync.generate_client_seq() == 2
            sync.register_pending_mutation(SECOND, {})
            sync.process_server_delta(delta(1, 2))
            seen.append(([p.seq for p in sync.state.pending], sync.state.confirmed.server_seq))

    sync.on_apply_delta(port)
    write(sync)
    sync.process_server_delta(delta(0, 1, (), FIRST))
    assert seen == [([1], 0)]
    assert [p.seq for p in sync.state.pending] == [2]
    assert sync.state.confirmed == at(2)


def test_what_a_callback_causes_is_told_after_what_it_was_told() -> None:
    """[calls-from-callbacks-wait] [callback-order]"""
    sync, _ = connected()
    told: list[Effect | int] = []
    sync.on_event(lambda effect: sync.reject_mutation(SECOND) if effect == Acked(FIRST) else None)
    sync.on_event(told.append)
    sync.on_state_change(lambda: told.append(len(sync.state.pending)))
    write(sync)
    write(sync)
    sync.confirm_mutation(FIRST, ServerSeq(0))
    assert told == [1, 2, Acked(FIRST), 1, Rejected(SECOND, "rejected"), 0]


def test_a_call_from_a_callback_that_is_refused_is_collected() -> None:
    """[calls-from-callbacks-wait]"""
    sync, _ = connected()
    sync.on_state_change(lambda: sync.mark_sent(ClientSeq(9)))
    write(sync)
    assert list(sync.errors) == [UnknownMutation(ClientSeq(9))]


def test_pending_patches_are_by_atom_and_in_order() -> None:
    """[pending-patches]"""
    sync, _ = connected()
    sync.register_pending_mutation(sync.generate_client_seq(), dict((*adds(B, "x"), *adds(A, "x"))))
    sync.register_pending_mutation(sync.generate_client_seq(), {A: (Add(("y",), 1),)})
    x, y = Update((Add(("x",), 0),)), Update((Add(("y",), 1),))
    assert sync.get_pending_patches() == {A: (x, y), B: (x,)}
    sync.reject_mutation(FIRST)
    assert sync.get_pending_patches() == {A: (y,)}


@pytest.mark.parametrize("message", [delta(0, 1), Snapshot(ONE, ServerSeq(1), Obj())])
def test_nothing_is_taken_while_nobody_applies_it(message: Delta | Snapshot) -> None:
    """[port-missing]"""
    sync = OptimisticSyncCoordinator(Config(ME))
    before = sync.state
    with pytest.raises(PortMissing, match="on_apply_delta"):
        sync.process_message(message)
    assert sync.state is before
    leave = sync.on_apply_delta(lambda _: None)
    leave()
    with pytest.raises(PortMissing):
        sync.process_message(message)


def test_a_port_has_one_consumer_at_a_time() -> None:
    """[port-taken]"""
    sync, applied = connected()
    with pytest.raises(PortTaken):
        sync.on_apply_delta(fails)
    first = sync.on_rollback(lambda _: None)
    with pytest.raises(PortTaken):
        sync.on_rollback(fails)
    first()
    sync.on_rollback(lambda _: None)
    sync.process_server_delta(delta(0, 1))
    assert applied == [delta(0, 1)]


def test_a_refusal_reaches_its_caller() -> None:
    """[refusal-changes-nothing] [error-codes]"""
    sync, _ = connected()
    sync.confirm_mutation(write(sync), ServerSeq(5))
    before = sync.state
    refused: list[tuple[Callable[[ClientSeq], None], ClientSeq, type[Exception]]] = [
        (sync.abandon_mutation, FIRST, AlreadyAccepted),
        (sync.mark_sent, SECOND, UnknownMutation),
    ]
    for call, number, error in refused:
        with pytest.raises(error):
            call(number)
        assert sync.state is before
