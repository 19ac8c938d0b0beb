"""The facade under callers without types, interruptions and callbacks that call back."""

from collections.abc import Callable
from typing import cast

import pytest
from tests.reference.coordinating import FIRST, ME, SECOND, A, at, delta
from typeguard import suppress_type_checks

from optisync.contracts.messages import Snapshot
from optisync.coordinator.config import Config, Limits
from optisync.coordinator.effects import Effect, Resync
from optisync.coordinator.facade import OptimisticSyncCoordinator
from optisync.errors import LimitTooSmall, OptisyncError, PatchMalformed, ValueMalformed
from optisync.patch import Add, Copy, Patch
from optisync.telling import KEPT_ERRORS
from optisync.values import AtomKey, ClientSeq, Json, Obj, ServerSeq
from optisync.view import Change, Create, Upsert

Changes = dict[AtomKey, Patch | Change]


def started(limits: Limits | None = None) -> OptimisticSyncCoordinator:
    sync = OptimisticSyncCoordinator(Config(ME, limits=limits or Limits()))
    sync.on_apply_delta(lambda _: None)
    return sync


def write(sync: OptimisticSyncCoordinator) -> ClientSeq:
    number = sync.generate_client_seq()
    sync.register_pending_mutation(number, {A: ()})
    return number


def interrupts(*_: object) -> None:
    raise KeyboardInterrupt


def test_an_interrupted_port_has_failed_and_the_coordinator_goes_on() -> None:
    """[failed-apply-resyncs] [port-busy]"""
    sync = OptimisticSyncCoordinator(Config(ME))
    told: list[Effect] = []
    sync.on_event(told.append)
    leave = sync.on_apply_delta(interrupts)
    with pytest.raises(KeyboardInterrupt):
        sync.process_server_delta(delta(0, 1))
    assert (sync.state.port, sync.state.confirmed) == (None, at(0))
    leave()
    sync.on_apply_delta(lambda _: None)
    sync.tick()
    assert told == [Resync()]
    sync.process_server_delta(delta(0, 1))
    assert sync.state.confirmed == at(1)


def test_an_interrupted_observer_keeps_no_delta_in_the_port() -> None:
    """[failed-apply-resyncs] [calls-from-callbacks-wait]"""
    sync = started()
    write(sync)

    def once() -> None:
        sync.mark_sent(FIRST)
        sync.reject_mutation(FIRST)
        interrupts()

    leave = sync.on_state_change(once)
    sync.process_server_delta(delta(1, 2))
    with pytest.raises(KeyboardInterrupt):
        sync.process_server_delta(delta(0, 1))
    assert (sync.state.port, sync.state.confirmed) == (None, at(1))
    leave()
    order: list[tuple[int, int]] = []
    sync.on_state_change(
        lambda: order.append((len(sync.state.pending), sync.state.confirmed.server_seq))
    )
    sync.process_server_delta(delta(1, 2))
    assert order == [(0, 1), (0, 2)]


WRONG: list[tuple[object, type[OptisyncError], str]] = [
    ({"a": [{"op": "add", "path": "/x", "value": 1}]}, PatchMalformed, "/a"),
    ({"a": ({"op": "add", "path": "/x", "value": 1},)}, PatchMalformed, "/a/0"),
    ({"a": (Add(("x",), 1), Add(cast(tuple[str], "/x"), 1))}, PatchMalformed, "/a/1/path"),
    ({"a": (Add(cast(tuple[str], (1,)), 1),)}, PatchMalformed, "/a/0/path"),
    ({"a": (Copy(("x",), cast(tuple[str], "/y")),)}, PatchMalformed, "/a/0/from"),
    ({"a": (Add(("x",), cast(Json, {"k": {1, 2}})),)}, ValueMalformed, "/a/0/value/k"),
    ({"a": Create(cast(Json, float("nan")))}, ValueMalformed, "/a"),
    ({"a": Upsert(1, cast(Patch, [Add(("x",), 1)]))}, PatchMalformed, "/a"),
    ({"a": None}, PatchMalformed, "/a"),
    ({"": ()}, PatchMalformed, ""),
    ({3: ()}, PatchMalformed, ""),
    (None, PatchMalformed, ""),
]


@pytest.mark.parametrize(("wrong", "error", "where"), WRONG)
def test_what_is_no_change_is_refused_where_it_is_given(
    wrong: object, error: type[OptisyncError], where: str
) -> None:
    """[refusal-changes-nothing]"""
    sync = started()
    number, before = sync.generate_client_seq(), sync.state
    with suppress_type_checks(), pytest.raises(error) as caught:
        sync.register_pending_mutation(number, cast(Changes, wrong))
    assert isinstance(caught.value, PatchMalformed | ValueMalformed)
    assert caught.value.where == where
    assert sync.state is before


def test_nobody_can_change_what_was_registered() -> None:
    """[values-copied]"""
    sync = started()
    value, info = {"k": [1]}, {"why": ["x"]}
    number = sync.generate_client_seq()
    with suppress_type_checks():
        changes: Changes = {A: (Add(("o",), cast(Json, value)),)}
        sync.register_pending_mutation(number, changes, cast(Json, info))
    value["k"].append(2)
    info["why"].clear()
    assert sync.get_pending_patches()[A][0] == sync.state.pending[0].changes[0][1]
    assert sync.state.pending[0].info == Obj({"why": ("x",)})
    assert "'k': (1,)" in repr(sync.get_pending_patches())


@pytest.mark.parametrize("name", ["pending", "buffer", "verdicts", "block"])
def test_a_limit_lets_something_through(name: str) -> None:
    with pytest.raises(LimitTooSmall, match=f"'{name}' must be an integer of at least 1, not 0"):
        Limits(**{name: 0})


def test_errors_are_kept_up_to_a_limit() -> None:
    """[observers-isolated]"""
    sync = started()
    numbers = iter(range(2 * KEPT_ERRORS))

    def complain() -> None:
        raise ValueError(next(numbers))

    sync.on_state_change(complain)
    write(sync)
    for _ in range(KEPT_ERRORS):
        sync.process_message(Snapshot(at(0).epoch, ServerSeq(0), Obj()))
    assert len(sync.errors) == KEPT_ERRORS
    assert str(sync.errors[-1]) == str(KEPT_ERRORS)


def test_a_call_from_a_callback_that_breaks_does_not_stop_those_behind_it() -> None:
    """[calls-from-callbacks-wait]"""
    sync = started()
    write(sync)
    leave: list[Callable[[], None]] = []

    def calls() -> None:
        leave.pop()()
        with suppress_type_checks():
            sync.confirm_mutation(FIRST, cast(ServerSeq, "x"))
        sync.reject_mutation(SECOND)

    leave.append(sync.on_state_change(calls))
    write(sync)
    assert [p.seq for p in sync.state.pending] == [FIRST]
    assert [type(error) for error in sync.errors] == [TypeError]


def test_a_store_that_calls_back_loses_nothing() -> None:
    """[client-seq-durable] [calls-from-callbacks-wait]"""
    taken: list[int] = []

    def store(upto: ClientSeq) -> None:
        if upto == SECOND and not taken:
            sync.register_pending_mutation(FIRST, {A: ()})
            taken.append(0)
            taken.append(sync.generate_client_seq())

    config = Config(ME, limits=Limits(block=1))
    sync = OptimisticSyncCoordinator(config, store_counter=store)
    assert [sync.generate_client_seq(), sync.generate_client_seq(), taken[-1]] == [1, 3, 2]
    assert [p.seq for p in sync.state.pending] == [FIRST]


def test_one_unsubscribed_before_its_turn_is_not_called() -> None:
    """[observers-isolated]"""
    sync = started()
    called: list[str] = []
    leave: list[Callable[[], None]] = []
    sync.on_state_change(lambda: leave.pop()())
    leave.append(sync.on_state_change(lambda: called.append("gone")))
    sync.on_state_change(lambda: called.append("still here"))
    write(sync)
    assert called == ["still here"]
