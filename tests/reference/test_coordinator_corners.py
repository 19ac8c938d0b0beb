"""Snapshots, ended epochs and guards: corners of the coordinator's rules."""

from tests.reference.coordinating import (
    FIRST,
    ME,
    SECOND,
    THIRD,
    TWO,
    A,
    B,
    Life,
    accepted,
    ack,
    adds,
    at,
    delta,
    snapshot,
)

from optisync import patch
from optisync.contracts.messages import Outcome, Refused, Reject
from optisync.coordinator.config import Config
from optisync.coordinator.effects import (
    Acked,
    Changed,
    Diag,
    DiagCode,
    InDoubt,
    Redo,
    Rejected,
    Request,
    Resync,
)
from optisync.coordinator.inputs import Abandon, Applied, Input, Tick
from optisync.coordinator.strategy import rebase, server_wins
from optisync.values import ClientSeq, Epoch, ServerSeq
from optisync.view import Update


def writers(number: int) -> Life:
    life = Life()
    for _ in range(number):
        life.write()
    return life


def test_what_an_outcome_settles_is_not_in_doubt() -> None:
    """[client-unknown-in-doubt] [snapshot-outcomes-settle]"""
    life = writers(3)
    life.give(ack(THIRD, 9))
    given = snapshot(5, accepted(SECOND, 6), epoch=TWO, known=False)
    effects = life.give(given, Applied(True))
    assert effects == (
        Redo(SECOND, ()),
        InDoubt(FIRST),
        Acked(SECOND),
        Diag(DiagCode.CONTRADICTORY_VERDICT, THIRD),
        Changed(),
    )
    assert life.pending == [SECOND]


def test_a_server_that_forgot_the_client_before_this_epoch_is_old_news() -> None:
    """[client-unknown-in-doubt] [snapshot-keeps-pending]"""
    life = writers(1)
    again = snapshot(5, epoch=TWO, known=False)
    assert InDoubt(FIRST) in life.give(again, Applied(True))
    life.write()
    assert life.give(again, Applied(True)) == (Redo(SECOND, ()), Changed())
    assert life.give(ack(SECOND, 6, TWO)) == (Acked(SECOND), Changed())


def test_what_a_snapshot_says_was_accepted_is_asked_for() -> None:
    """[ack-reveals-gap] [snapshot-outcomes-settle]"""
    life = writers(1)
    life.give(snapshot(4, accepted(FIRST, 6), accepted(ClientSeq(7), 8)), Applied(True))
    assert life.state.heard == at(8)
    assert life.give(Tick()) == (Request(ServerSeq(4), ServerSeq(8)),)


def test_a_snapshot_is_a_change_wherever_it_stands() -> None:
    """[one-change]"""
    life = Life()
    assert life.give(snapshot(0), Applied(True)) == (Changed(),)
    assert Changed() not in life.give(snapshot(0), Applied(False))


def test_a_snapshot_that_was_asked_for_and_failed_is_asked_for_at_the_next_tick() -> None:
    """[failed-apply-resyncs] [one-request]"""
    failed = Diag(DiagCode.APPLY_FAILED)
    life = Life()
    assert life.give(snapshot(3), Applied(False)) == (failed, Resync())
    assert life.give(snapshot(3), Applied(False)) == (failed,)
    assert life.give(Tick()) == (Resync(),)


def test_a_delta_held_back_that_overlaps_the_snapshot_asks_for_another() -> None:
    """[overlap-resyncs] [one-request]"""
    life = Life()
    life.give(delta(1, 3), snapshot(2), Applied(False))
    assert life.give(snapshot(2), Applied(True)) == (Changed(), Resync())
    assert life.give(Tick()) == (Resync(),)


def test_what_died_with_its_epoch_ends_with_a_diagnostic() -> None:
    """[first-verdict-stands] [dead-epoch-ack-returns] [abandoned-is-in-doubt]"""
    endings: tuple[tuple[Input, ...], ...] = (
        (Reject(TWO, FIRST, "no"),),
        (Abandon(FIRST),),
        (snapshot(3, Outcome(FIRST, Refused("no")), epoch=TWO), Applied(True)),
        (snapshot(3, epoch=Epoch(3), known=False), Applied(True)),
    )
    for ending in endings:
        life = writers(1)
        life.give(ack(FIRST, 3), snapshot(2, epoch=TWO), Applied(True))
        effects = life.give(*ending)
        assert Diag(DiagCode.CONTRADICTORY_VERDICT, FIRST) in effects
        assert not any(isinstance(effect, Rejected | InDoubt) for effect in effects)
        assert life.pending == []


def test_rebase_takes_a_write_away_together_with_its_guard() -> None:
    """[strategy-decides-each]"""
    guarded: patch.Patch = (patch.Test(("x",), 1), patch.Add(("y",), 2))
    for theirs, left in (("y", ((A, Update(guarded[:1])),)), ("x", ())):
        life = Life(Config(ME, strategy=rebase))
        life.write(((A, Update(guarded)), *adds(B, "z")), sent=False)
        life.arrive(delta(0, 1, adds(A, theirs, 9)))
        assert life.state.pending[0].changes == (*left, *adds(B, "z"))


def test_a_snapshot_does_not_ask_the_strategy() -> None:
    """[strategy-decides-each]"""
    life = Life(Config(ME, strategy=server_wins))
    life.write(adds(A, "x"))
    life.arrive(delta(0, 1, adds(A, "x", 2)))
    life.write(adds(A, "x"))
    life.give(snapshot(5), Applied(True))
    assert [p.withheld for p in life.state.pending] == [True, False]
