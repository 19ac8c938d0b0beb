"""Corners of the normative text that no case reaches, held against the reference."""

from dataclasses import replace

from optisync.contracts.messages import Ack, Delta, Head, Reject, Snapshot
from optisync.coordinator.config import Config
from optisync.coordinator.effects import Acked, Apply, Diag, DiagCode, Effect, InDoubt, Resync
from optisync.coordinator.inputs import Abandon, Applied, Generate, Input, Register, Tick
from optisync.coordinator.state import Coordinator, Pending, Position, start
from optisync.coordinator.step import step
from optisync.coordinator.strategy import Decision
from optisync.server.state import start as start_server
from optisync.server.step import Submit, TooOld
from optisync.server.step import step as serve
from optisync.values import ClientId, ClientSeq, Epoch, Obj, ServerSeq

CONFIG = Config(ClientId("me"))
ONE, TWO = Epoch(1), Epoch(2)
FIRST = ClientSeq(1)


def fresh() -> Coordinator:
    return start(Position(ONE, ServerSeq(0)))


def run(state: Coordinator, *inputs: Input) -> tuple[Coordinator, tuple[Effect, ...]]:
    """The state after all inputs, and the effects of the last."""
    effects: tuple[Effect, ...] = ()
    for given in inputs:
        done = step(CONFIG, state, given)
        assert done.error is None
        state, effects = done.state, done.effects
    return state, effects


def reborn() -> Coordinator:
    """A mutation was acked in epoch 1; a snapshot of epoch 2 without an outcome was loaded."""
    snapshot = Snapshot(TWO, ServerSeq(0), Obj())
    registered, _ = run(fresh(), Generate(), Register(FIRST, ()))
    acked, effects = run(registered, Ack(ONE, FIRST, ServerSeq(1)))
    assert Acked(FIRST) in effects
    state, _ = run(acked, Head(TWO, ServerSeq(0)), snapshot, Applied(True))
    assert [p.acked for p in state.pending] == [None]
    return state


def test_a_rejection_after_the_death_of_its_ack_removes_and_is_diagnosed() -> None:
    """[first-verdict-stands]"""
    state, effects = run(reborn(), Reject(TWO, FIRST, "no"))
    assert state.pending == ()
    assert Diag(DiagCode.CONTRADICTORY_VERDICT, FIRST) in effects


def test_abandoning_after_the_death_of_its_ack_tells_no_second_verdict() -> None:
    """[abandoned-is-in-doubt]"""
    state, effects = run(reborn(), Abandon(FIRST))
    assert state.pending == ()
    assert InDoubt(FIRST) not in effects
    assert Diag(DiagCode.CONTRADICTORY_VERDICT, FIRST) in effects


def test_a_failed_delta_resyncs_at_once_and_a_failed_resync_at_the_interval() -> None:
    """[failed-apply-resyncs]"""
    delta = Delta(ONE, ServerSeq(1), ServerSeq(0))
    handed, effects = run(fresh(), delta)
    assert effects == (Apply(delta),)
    failed, effects = run(handed, Applied(False))
    assert effects == (Diag(DiagCode.APPLY_FAILED), Resync())
    snapshot = Snapshot(ONE, ServerSeq(1), Obj())
    again, effects = run(failed, snapshot, Applied(False))
    assert effects == (Diag(DiagCode.APPLY_FAILED),)
    _, effects = run(again, Tick())
    assert effects == (Resync(),)


def test_a_resync_takes_the_place_of_a_request() -> None:
    """[one-request]"""
    gap = Delta(ONE, ServerSeq(5), ServerSeq(3))
    waiting, effects = run(fresh(), gap)
    assert len(effects) == 1
    state, effects = run(waiting, Head(TWO, ServerSeq(0)))
    assert effects == (Resync(),)
    assert state.requested is None


def forgetful(delta: Delta, undecided: tuple[Pending, ...]) -> tuple[Decision, ...]:
    del delta, undecided
    return ()


def test_a_strategy_that_forgets_a_mutation_changes_nothing() -> None:
    """[strategy-raises-keeps]"""
    config = replace(CONFIG, strategy=forgetful)
    state, _ = run(fresh(), Generate(), Register(FIRST, ()), Delta(ONE, ServerSeq(1), ServerSeq(0)))
    done = step(config, state, Applied(True))
    assert done.state.pending == state.pending
    assert Diag(DiagCode.STRATEGY_RAISED) in done.effects


def test_a_request_below_the_floor_that_it_declares_is_not_executed() -> None:
    """[below-floor-refused]"""
    server = start_server(ONE, Obj({"a": 1}))
    done = serve(server, Submit(ClientId("me"), ONE, FIRST, (), floor=ClientSeq(2)))
    assert isinstance(done.error, TooOld)
    assert done.state is server
