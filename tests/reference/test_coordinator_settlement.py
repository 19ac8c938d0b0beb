"""Verdicts, conflicts and snapshots: one test for each rule of the coordinator's text."""

import pytest
from tests.reference.coordinating import (
    FIRST,
    ME,
    ONE,
    OTHER,
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

from optisync.contracts.messages import (
    Ack,
    Delta,
    Label,
    Outcome,
    Refused,
    Reject,
)
from optisync.coordinator.config import Config, Limits, Variant
from optisync.coordinator.effects import (
    Acked,
    Apply,
    Changed,
    Diag,
    DiagCode,
    InDoubt,
    Load,
    Redo,
    Rejected,
    Resumed,
    StoreCounter,
    Suspended,
    Undo,
)
from optisync.coordinator.inputs import Abandon, Applied, Generate, Input, Register, Sent, Tick
from optisync.coordinator.state import Pending
from optisync.coordinator.strategy import (
    Decision,
    Keep,
    Replace,
    Strategy,
    client_wins,
    rebase,
    server_wins,
)
from optisync.values import ClientSeq, ServerSeq


def writers(number: int, config: Config | None = None) -> Life:
    life = Life() if config is None else Life(config)
    for _ in range(number):
        life.write()
    return life


def test_a_full_queue_takes_nothing_and_drops_nothing() -> None:
    """[queue-full] [refusal-changes-nothing]"""
    life = writers(2, Config(ME, limits=Limits(pending=2)))
    life.give(Generate())
    assert life.refused(Register(THIRD, ())) == "queue-full"
    life.give(Reject(ONE, FIRST, "no"), Register(THIRD, ()))
    assert life.pending == [SECOND, THIRD]


def test_what_is_not_pending_cannot_be_sent_or_abandoned() -> None:
    """[unknown-mutation] [already-accepted]"""
    life = writers(2)
    life.give(Reject(ONE, FIRST, "no"), ack(SECOND, 3))
    assert life.refused(Sent(FIRST)) == "unknown-mutation"
    assert life.refused(Abandon(FIRST)) == "unknown-mutation"
    assert life.refused(Abandon(SECOND)) == "already-accepted"


def test_an_ack_says_at_which_position() -> None:
    """[ack-without-position]"""
    assert writers(1).refused(Ack(ONE, FIRST, None)) == "ack-without-position"
    literal = writers(1, Config(ME, Variant.SEED_LITERAL))
    assert literal.give(Ack(ONE, FIRST, None)) == (Undo(FIRST), Acked(FIRST), Changed())


def test_a_delta_settles_what_it_names_in_the_step_that_applies_it() -> None:
    """[label-settles] [foreign-label-ignored] [empty-delta-settles]"""
    life = writers(2)
    theirs = Delta(ONE, ServerSeq(1), ServerSeq(0), (), (Label(OTHER, FIRST),))
    assert life.arrive(theirs)[-1] == Changed()
    assert life.pending == [FIRST, SECOND]
    effects = life.arrive(delta(1, 2, (), SECOND))
    assert effects == (Redo(FIRST, ()), Acked(SECOND), Changed())
    assert (life.pending, life.state.confirmed) == ([FIRST], at(2))


def test_an_acked_mutation_is_shown_until_it_is_covered() -> None:
    """[ack-keeps-overlay] [covered-ack-retires] [ack-individual]"""
    life = writers(3)
    assert life.give(ack(SECOND, 2)) == (Acked(SECOND), Changed())
    life.arrive(delta(0, 1))
    assert life.pending == [FIRST, SECOND, THIRD]
    life.arrive(delta(1, 2))
    assert life.pending == [FIRST, THIRD]
    effects = life.give(ack(FIRST, 2))
    assert effects == (Undo(THIRD), Undo(FIRST), Redo(THIRD, ()), Acked(FIRST), Changed())


def test_a_verdict_is_told_once() -> None:
    """[told-once] [settled-once] [first-verdict-stands]"""
    life = writers(1)
    assert Acked(FIRST) in life.give(ack(FIRST, 1))
    assert life.give(ack(FIRST, 1)) == ()
    wrong = Diag(DiagCode.CONTRADICTORY_VERDICT, FIRST)
    assert life.give(ack(FIRST, 2)) == life.give(Reject(ONE, FIRST, "no")) == (wrong,)
    assert life.arrive(delta(0, 1, (), FIRST)) == (Changed(),)
    assert life.give(ack(FIRST, 1)) == ()


def test_a_verdict_about_nothing_known_is_a_diagnostic() -> None:
    """[unknown-verdict-diagnosed]"""
    life = writers(1)
    before = life.state.pending
    for verdict in (ack(THIRD, 0), Reject(ONE, THIRD, "no")):
        assert life.give(verdict) == (Diag(DiagCode.UNKNOWN_MUTATION, THIRD),)
    assert life.state.pending == before


def test_rejecting_takes_out_one_and_leaves_the_others_in_place() -> None:
    """[rollback-is-removal] [plan-equals-fold]"""
    life = writers(3)
    assert life.give(Reject(ONE, SECOND, "no")) == (
        Undo(THIRD), Undo(SECOND), Redo(THIRD, ()), Rejected(SECOND, "no"), Changed(),
    )  # fmt: skip
    assert life.pending == [FIRST, THIRD]


def test_abandoning_is_in_doubt_and_a_later_verdict_is_late() -> None:
    """[abandoned-is-in-doubt] [first-verdict-stands]"""
    life = writers(1)
    assert life.give(Abandon(FIRST)) == (Undo(FIRST), InDoubt(FIRST), Changed())
    assert life.give(ack(FIRST, 0)) == (Diag(DiagCode.LATE_VERDICT, FIRST),)


@pytest.mark.parametrize("strategy", [client_wins, server_wins, rebase])
def test_no_strategy_alters_a_delta(strategy: Strategy) -> None:
    """[delta-verbatim]"""
    life = Life(Config(ME, strategy=strategy))
    life.write(adds(A, "x", 1), sent=False)
    theirs = delta(0, 1, adds(A, "x", 2))
    assert life.give(theirs)[-1] == Apply(theirs)
    assert life.state.port == theirs


def test_server_wins_withholds_what_conflicts_until_settlement() -> None:
    """[strategy-decides-each] [conflict-is-overlap]"""
    life = Life(Config(ME, strategy=server_wins))
    life.write(adds(A, "x"))
    life.write(adds(A, "y"))
    effects = life.arrive(delta(0, 1, adds(A, "x", 2)))
    assert effects == (Redo(SECOND, adds(A, "y")), Suspended(FIRST), Changed())
    life.arrive(delta(1, 2, adds(B, "z")))
    assert [p.withheld for p in life.state.pending] == [True, False]
    assert Resumed(FIRST) in life.give(ack(FIRST, 3))


def test_rebase_takes_conflicting_operations_out_of_what_was_not_sent() -> None:
    """[strategy-decides-each] [replace-only-unsent]"""
    life = Life(Config(ME, strategy=rebase))
    life.write(adds(A, "x"))
    life.write((*adds(A, "x"), *adds(B, "y")), sent=False)
    life.arrive(delta(0, 1, adds(A, "x", 2)))
    assert [p.changes for p in life.state.pending] == [adds(A, "x"), adds(B, "y")]


def replace_all(theirs: Delta, undecided: tuple[Pending, ...]) -> tuple[Decision, ...]:
    del theirs
    return tuple(Replace(()) for _ in undecided)


def test_what_was_sent_is_not_replaced() -> None:
    """[replace-only-unsent]"""
    life = Life(Config(ME, strategy=replace_all))
    life.write(adds(A, "x"), sent=True)
    assert Diag(DiagCode.REPLACE_SENT, FIRST) in life.arrive(delta(0, 1))
    assert life.state.pending[0].changes == adds(A, "x")


def raises(theirs: Delta, undecided: tuple[Pending, ...]) -> tuple[Decision, ...]:
    raise RuntimeError


def too_many(theirs: Delta, undecided: tuple[Pending, ...]) -> tuple[Decision, ...]:
    del theirs, undecided
    return (Replace(()), Keep(), Keep())


@pytest.mark.parametrize("strategy", [raises, too_many])
def test_a_strategy_with_a_bug_changes_nothing(strategy: Strategy) -> None:
    """[strategy-raises-keeps]"""
    life = Life(Config(ME, strategy=strategy))
    life.write(adds(A, "x"), sent=False)
    before = life.state.pending
    assert Diag(DiagCode.STRATEGY_RAISED) in life.arrive(delta(0, 1))
    assert (life.state.pending, life.state.confirmed) == (before, at(1))


def test_an_old_snapshot_does_nothing() -> None:
    """[snapshot-never-goes-back]"""
    life = Life()
    life.give(snapshot(2, epoch=TWO), Applied(True))
    before = life.state
    for old in (snapshot(1, epoch=TWO), snapshot(9)):
        assert life.give(old) == ()
        assert life.state == before
    same = snapshot(2, epoch=TWO)
    assert life.give(same) == (Load(same),)


def test_a_snapshot_settles_what_it_has_outcomes_for_and_keeps_the_rest() -> None:
    """[snapshot-outcomes-settle] [snapshot-keeps-pending]"""
    life = writers(4)
    refused = Outcome(SECOND, Refused("no"))
    given = snapshot(5, accepted(FIRST, 5), refused, accepted(THIRD, 6))
    effects = life.give(given, Applied(True))
    assert [e for e in effects if not isinstance(e, Redo)] == [
        Acked(FIRST), Rejected(SECOND, "no"), Acked(THIRD), Changed(),
    ]  # fmt: skip
    assert [(p.seq, p.acked) for p in life.state.pending] == [(3, 6), (4, None)]


def test_an_ack_dies_with_its_epoch() -> None:
    """[dead-epoch-ack-returns]"""
    life = writers(1)
    life.give(ack(FIRST, 3), snapshot(3, epoch=TWO), Applied(True))
    assert [(p.seq, p.acked) for p in life.state.pending] == [(1, None)]
    assert life.arrive(Delta(TWO, ServerSeq(4), ServerSeq(3)))[-1] == Changed()
    assert life.pending == [FIRST]


def test_a_server_that_forgot_the_client_leaves_what_was_sent_in_doubt() -> None:
    """[client-unknown-in-doubt]"""
    life = Life()
    life.write(sent=True)
    life.write(sent=False)
    life.write(sent=True)
    effects = life.give(snapshot(5, epoch=TWO, known=False), Applied(True))
    assert [e for e in effects if isinstance(e, InDoubt)] == [InDoubt(FIRST), InDoubt(THIRD)]
    assert life.pending == [SECOND]


def test_effects_come_in_their_order() -> None:
    """[callback-order] [one-change]"""
    life = Life(Config(ME, strategy=server_wins, limits=Limits(block=1)))
    assert life.give(Generate()) == (StoreCounter(FIRST),)
    life.give(Register(FIRST, adds(A, "x")))
    for member in ("x", "y", "z", "w"):
        life.write(adds(A, member))
    held = delta(1, 2)
    life.give(held, ack(THIRD, 2))
    life.give(Abandon(SECOND))
    labels = tuple(Label(ME, ClientSeq(n)) for n in (9, 5, 4, 3))
    first = Delta(ONE, ServerSeq(1), ServerSeq(0), adds(A, "x"), labels)
    assert life.give(first)[-1] == Apply(first)
    assert life.give(Applied(True)) == (
        Acked(ClientSeq(4)),
        Acked(ClientSeq(5)),
        Suspended(FIRST),
        Diag(DiagCode.UNKNOWN_MUTATION, ClientSeq(9)),
        Changed(),
        Apply(held),
    )


def test_a_change_is_told_once_and_only_if_there_is_one() -> None:
    """[one-change]"""
    life = writers(2)
    quiet: list[Input] = [ack(THIRD, 0), Tick(), delta(4, 5), Sent(FIRST)]
    assert [Changed() in life.give(given) for given in quiet] == [False] * 4
    life.write(sent=False)
    for given in (Sent(THIRD), ack(FIRST, 6), Reject(ONE, SECOND, "no")):
        assert life.give(given).count(Changed()) == 1
    life.give(delta(0, 4))
    assert life.give(Applied(True)).count(Changed()) == 1
    assert life.state.port is not None
    assert life.give(Applied(True)).count(Changed()) == 1
