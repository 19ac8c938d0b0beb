"""The reference authority, rule by rule."""

from __future__ import annotations

from dataclasses import replace

from optisync.contracts.messages import (
    Accepted,
    Ack,
    Delta,
    Head,
    Outcome,
    Refused,
    Reject,
    Snapshot,
)
from optisync.patch import Add, Replace
from optisync.server.state import Server, documents, start, version_of
from optisync.server.step import (
    Base,
    Beat,
    Broadcast,
    Compact,
    Effect,
    Elsewhere,
    EpochChanged,
    Fetch,
    Forget,
    Input,
    NoSuchPosition,
    Pull,
    Restore,
    Send,
    Submit,
    TooOld,
    step,
)
from optisync.values import AtomKey, ClientId, ClientSeq, Epoch, Obj, ServerSeq, Version
from optisync.view import Change, Create, Delete, Update

ME = ClientId("me")
A, B = AtomKey("a"), AtomKey("b")
ONE, TWO = Epoch(1), Epoch(2)


def run(server: Server, *inputs: Input) -> tuple[Server, tuple[Effect, ...]]:
    """The state after all inputs, and the effects of the last one; none may be refused."""
    effects: tuple[Effect, ...] = ()
    for given in inputs:
        done = step(server, given)
        assert done.error is None, done.error
        server, effects = done.state, done.effects
    return server, effects


def write(
    seq: int, atom: AtomKey, change: Change | None = None, base: int | None = None, floor: int = 1
) -> Submit:
    """Mutation `seq` of ME: sets the document to `seq`, or makes `change`."""
    bases = () if base is None else (Base(atom, ONE, Version(base)),)
    change = Update((Replace((), seq),)) if change is None else change
    return Submit(ME, ONE, ClientSeq(seq), ((atom, change),), bases, ClientSeq(floor))


def fresh() -> Server:
    return start(docs=Obj({"a": 0, "b": 0}))


def verdicts(effects: tuple[Effect, ...]) -> list[Ack | Reject]:
    return [e.message for e in effects if isinstance(e.message, Ack | Reject)]


def deltas(effects: tuple[Effect, ...]) -> list[Delta]:
    return [e.message for e in effects if isinstance(e.message, Delta)]


def test_an_accepted_mutation_is_acked_and_its_delta_names_it() -> None:
    """[one-total-order] [every-accepted-mutation-is-covered]"""
    server, effects = run(fresh(), write(1, A), write(2, B))
    ack, delta = effects
    assert ack == Send(ME, Ack(ONE, ClientSeq(2), ServerSeq(2), Version(2)))
    assert isinstance(delta, Broadcast) and isinstance(delta.message, Delta)
    assert (delta.message.prev, delta.message.server_seq) == (1, 2)
    assert [label.seq for label in delta.message.settles] == [2]
    assert documents(server) == Obj({"a": 1, "b": 2})


def test_numbers_of_other_streams_leave_holes_that_prev_bridges() -> None:
    """[one-total-order]"""
    _, effects = run(fresh(), write(1, A), Elsewhere(), Elsewhere(), write(2, B))
    assert [(d.prev, d.server_seq) for d in deltas(effects)] == [(1, 4)]


def test_a_mutation_without_visible_change_still_gets_a_delta() -> None:
    """[every-accepted-mutation-is-covered]"""
    _, effects = run(fresh(), Submit(ME, ONE, ClientSeq(1), ()))
    assert [(d.changes, len(d.settles)) for d in deltas(effects)] == [((), 1)]


def test_a_repeated_submission_gets_its_verdict_and_no_second_effect() -> None:
    """[submit-once]"""
    append = Update((Add(("x", "-"), 1),))
    server = start(docs=Obj({"a": Obj({"x": ()})}))
    server, first = run(server, write(1, A, append))
    again, effects = run(server, write(1, A, append))
    assert again == server
    assert verdicts(effects) == verdicts(first) and deltas(effects) == []
    refused, _ = run(server, write(2, B))
    assert verdicts(run(refused, write(2, B))[1]) == [
        Reject(ONE, ClientSeq(2), "change-inapplicable")
    ]


def test_a_request_of_another_epoch_is_not_executed() -> None:
    """[request-epoch]"""
    server, _ = run(fresh(), Restore(ServerSeq(0)))
    for given in (write(1, A), Pull(ME, ONE, ServerSeq(0), ServerSeq(1))):
        done = step(server, given)
        assert done.error == EpochChanged(TWO) and done.state is server


def test_below_the_floor_nothing_is_executed() -> None:
    """[below-floor-refused]"""
    server, _ = run(fresh(), write(3, A, floor=3))
    done = step(server, write(2, B))
    assert done.error == TooOld(ClientSeq(3)) and done.state is server
    assert step(fresh(), write(2, B, floor=3)).error == TooOld(ClientSeq(3))


def test_a_floor_never_goes_back() -> None:
    """[below-floor-refused]"""
    server, _ = run(fresh(), Fetch(ME, ClientSeq(4)), Fetch(ME, ClientSeq(2)))
    assert step(server, write(3, A)).error == TooOld(ClientSeq(4))


def test_a_write_based_on_another_version_is_a_conflict() -> None:
    """[compare-and-set]"""
    server, _ = run(fresh(), write(1, A))
    assert verdicts(run(server, write(2, A, base=0))[1]) == [Reject(ONE, ClientSeq(2), "conflict")]
    assert isinstance(verdicts(run(server, write(2, A, base=1))[1])[0], Ack)


def test_versions_are_not_reused_after_delete_and_create() -> None:
    """[compare-and-set]"""
    server, _ = run(fresh(), write(1, A, Delete()))
    assert version_of(server, A) == 1
    server, _ = run(server, write(2, A, Create(5)))
    assert version_of(server, A) == 2


def test_versions_survive_compaction() -> None:
    """[compare-and-set]"""
    server, _ = run(fresh(), write(1, A), write(2, B), write(3, B), Compact(ServerSeq(2)))
    assert [version_of(server, atom) for atom in (A, B, AtomKey("c"))] == [1, 3, 0]
    assert isinstance(verdicts(run(server, write(4, A, base=1))[1])[0], Ack)
    assert verdicts(run(server, write(4, B, base=2))[1]) == [Reject(ONE, ClientSeq(4), "conflict")]


def test_what_does_not_apply_is_refused_for_good_and_takes_no_number() -> None:
    """[rejected-is-definite]"""
    server, effects = run(fresh(), write(1, A, Create(1)))
    assert verdicts(effects) == [Reject(ONE, ClientSeq(1), "change-inapplicable")]
    assert deltas(effects) == [] and documents(server) == documents(fresh())
    assert verdicts(run(server, write(2, A))[1])[0] == Ack(
        ONE, ClientSeq(2), ServerSeq(1), Version(1)
    )


def test_a_pull_brings_exactly_what_was_asked() -> None:
    """[too-old-pull-gets-snapshot]"""
    server, _ = run(fresh(), write(1, A), write(2, A), write(3, A))
    _, effects = run(server, Pull(ME, ONE, ServerSeq(1), ServerSeq(2)))
    assert [d.server_seq for d in deltas(effects)] == [2]


def test_what_was_compacted_comes_as_a_snapshot_and_never_in_part() -> None:
    """[too-old-pull-gets-snapshot]"""
    server, _ = run(fresh(), write(1, A), write(2, A), write(3, A), Compact(ServerSeq(2)))
    _, effects = run(server, Pull(ME, ONE, ServerSeq(1), ServerSeq(3)))
    (sent,) = effects
    assert isinstance(sent.message, Snapshot) and sent.message.server_seq == 3
    assert [
        d.server_seq for d in deltas(run(server, Pull(ME, ONE, ServerSeq(2), ServerSeq(3)))[1])
    ] == [3]


def test_a_snapshot_has_the_outcomes_from_the_floor_on() -> None:
    """[snapshot-has-outcomes]"""
    server, _ = run(fresh(), write(1, A), write(2, A, Create(0)), write(3, B))
    _, (sent,) = run(server, Fetch(ME, ClientSeq(2)))
    assert isinstance(sent.message, Snapshot)
    assert sent.message.outcomes == (
        Outcome(ClientSeq(2), Refused("change-inapplicable")),
        Outcome(ClientSeq(3), Accepted(ServerSeq(2), Version(2))),
    )
    assert sent.message.client_known


def test_a_client_that_was_forgotten_is_told_so() -> None:
    """[snapshot-has-outcomes]"""
    server, _ = run(fresh(), write(1, A), Forget(ME))
    _, (sent,) = run(server, Fetch(ME))
    assert isinstance(sent.message, Snapshot)
    assert sent.message.outcomes == () and not sent.message.client_known


def test_what_a_forgotten_client_sent_before_is_not_executed_again() -> None:
    """[forgotten-client-new-epoch]"""
    server, _ = run(fresh(), write(1, A), Forget(ME))
    done = step(server, write(1, A))
    assert done.error == EpochChanged(TWO) and done.state is server


def test_a_forgotten_client_is_told_until_it_speaks_of_the_new_epoch() -> None:
    """[forgotten-client-new-epoch]"""
    server, _ = run(fresh(), write(1, A), Forget(ME), Fetch(ME))
    new = replace(write(2, B), epoch=TWO)
    for inputs, known in ((), False), ((new,), True):
        _, (sent,) = run(server, *inputs, Fetch(ME))
        assert isinstance(sent.message, Snapshot) and sent.message.client_known is known


def test_a_version_of_another_epoch_is_a_conflict() -> None:
    """[compare-and-set]"""
    server, _ = run(fresh(), write(1, A), Restore(ServerSeq(0)), replace(write(2, A), epoch=TWO))
    assert version_of(server, A) == 1
    stale = replace(write(3, A, base=1), epoch=TWO)
    assert verdicts(run(server, stale)[1]) == [Reject(TWO, ClientSeq(3), "conflict")]


def test_a_restore_takes_verdicts_back_with_the_documents() -> None:
    """[table-restored-with-documents]"""
    server, _ = run(fresh(), write(1, A), write(2, B), Restore(ServerSeq(1)))
    assert server.epoch == TWO and documents(server) == Obj({"a": 1, "b": 0})
    assert [row.seq for row in server.table] == [1]
    again = Submit(ME, TWO, ClientSeq(2), ((B, Update((Replace((), 2),))),))
    server, _ = run(server, again)
    assert documents(server) == Obj({"a": 1, "b": 2})


def test_positions_the_server_does_not_have_cannot_be_restored_or_compacted() -> None:
    server, _ = run(fresh(), write(1, A), write(2, A), Compact(ServerSeq(1)))
    for given in (Restore(ServerSeq(0)), Restore(ServerSeq(3)), Compact(ServerSeq(3))):
        done = step(server, given)
        assert done.error == NoSuchPosition(ServerSeq(1), ServerSeq(2)) and done.state is server


def test_a_beat_repeats_the_newest_position_of_this_stream() -> None:
    """[head-repeated]"""
    _, effects = run(fresh(), write(1, A), Elsewhere(), Beat())
    assert effects == (Broadcast(Head(ONE, ServerSeq(1))),)
