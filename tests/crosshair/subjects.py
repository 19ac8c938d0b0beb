"""What CrossHair confirms: bounded statements about the coordinator's own code, on integers.

A subject takes integers and booleans, builds the real inputs from them, calls the real function,
and says in `post` what must come out. CrossHair goes through every path and asks a solver for a
counterexample on each; `pre` bounds the queues, everything else is unbounded. Each subject is
listed in `confirmed.py`.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from optisync.contracts.messages import (
    Accepted,
    Ack,
    Delta,
    Head,
    Label,
    Outcome,
    Refused,
    Reject,
    Snapshot,
)
from optisync.coordinator.config import Config, Limits
from optisync.coordinator.effects import (
    Acked,
    Apply,
    Diag,
    DiagCode,
    InDoubt,
    Rejected,
    Request,
    StoreCounter,
    VerdictEffect,
)
from optisync.coordinator.errors import ClientSeqOrder, DeltaMalformed
from optisync.coordinator.inputs import Abandon, Applied, Generate, Register, Tick
from optisync.coordinator.sequence import Place, place, predecessor
from optisync.coordinator.settlement import Turn, tell
from optisync.coordinator.state import Coordinator, Pending, Position, Told, Verdict
from optisync.coordinator.step import step
from optisync.values import ClientId, ClientSeq, Epoch, Obj, ServerSeq

ME, OTHER = ClientId("me"), ClientId("other")
CONFIG = Config(ME, limits=Limits(pending=2, buffer=2, verdicts=2, block=2))


def place_is_a_decision(confirmed: int, prev: int, seq: int) -> Place:
    """Each case exactly when its definition holds, and no fifth.

    [duplicate-delta-ignored] [next-delta-applies] [gap-buffers] [overlap-resyncs]

    pre: 0 <= prev < seq and 0 <= confirmed
    post: (__return__ is Place.DUPLICATE) == (seq <= confirmed)
    post: (__return__ is Place.NEXT) == (prev == confirmed)
    post: (__return__ is Place.GAP) == (confirmed < prev)
    post: (__return__ is Place.OVERLAP) == (prev < confirmed < seq)
    """
    return place(ServerSeq(confirmed), ServerSeq(prev), ServerSeq(seq))


def place_after_applying(confirmed: int, prev: int, seq: int) -> Place:
    """What was applied is a duplicate afterwards.

    pre: 0 <= prev < seq and 0 <= confirmed
    pre: place(confirmed, prev, seq) is Place.NEXT
    post: __return__ is Place.DUPLICATE
    """
    return place(ServerSeq(seq), ServerSeq(prev), ServerSeq(seq))


def predecessor_is_below(seq: int, prev: int, named: bool, dense: bool) -> int | None:
    """A predecessor is below its delta and not below 0; None: the delta was refused.

    [delta-malformed]

    post: __return__ is None or 0 <= __return__ < seq
    post: (__return__ is None) == (not (0 <= prev < seq) if named else not (dense and seq > 0))
    """
    delta = Delta(Epoch(1), ServerSeq(seq), ServerSeq(prev) if named else None)
    try:
        return predecessor(delta, dense)
    except DeltaMalformed:
        return None


def registration_order(registered: int, generated: int, seq: int, full: bool) -> int:
    """Refused unless above the last registered and generated; then unless there is room.

    [client-seq-order] [queue-full]

    pre: 0 <= registered <= generated
    post: (__return__ == 1) == (not registered < seq <= generated)
    post: (__return__ == 2) == (registered < seq <= generated and full)
    """
    queue = tuple(Pending(ClientSeq(n), ()) for n in (-2, -1))
    state = Coordinator(
        Position(Epoch(1), ServerSeq(0)),
        Position(Epoch(1), ServerSeq(0)),
        ClientSeq(generated),
        ClientSeq(generated),
        ClientSeq(registered),
        queue if full else queue[:1],
    )
    done = step(CONFIG, state, Register(ClientSeq(seq), ()))
    if done.error is not None:
        return 1 if isinstance(done.error, ClientSeqOrder) else 2
    return 0 if done.state.pending[-1].seq == seq else 3


def verdict_of(kind: int, seq: int) -> VerdictEffect:
    """One of the three verdicts."""
    if kind == 0:
        return Acked(ClientSeq(seq))
    return Rejected(ClientSeq(seq), "no") if kind == 1 else InDoubt(ClientSeq(seq))


KINDS = (Verdict.CONFIRMED, Verdict.REJECTED, Verdict.IN_DOUBT)


def the_first_verdict_stands(first: int, other: int, seq: int, given: int, kind: int) -> int:
    """Two mutations have a verdict: a third is told; theirs again is silence or a diagnostic.

    [told-once] [first-verdict-stands]

    pre: 0 <= first <= 2 and 0 <= kind <= 2 and 1 <= seq and seq < other and 1 <= given
    post: (__return__ == 0) == (given == seq and first == kind or given == other and kind == 0)
    post: (__return__ == 1) == (given != seq and given != other)
    """
    told = (Told(ClientSeq(seq), KINDS[first]), Told(ClientSeq(other), Verdict.CONFIRMED))
    state = replace(EMPTY, told=told)
    turn = tell(CONFIG, Turn(state), verdict_of(kind, given))
    if turn.verdicts:
        return 1 if turn.verdicts[0].seq == given and not turn.diags else 9
    if turn.state is not state:
        return 9
    if not turn.diags:
        return 0
    late = (given == seq and first == 2) == (turn.diags[0].code is DiagCode.LATE_VERDICT)
    return 2 if late else 9


def ack_settles(at: int, confirmed: int, before: int, sent: bool) -> int:
    """An ack keeps the mutation until covered; a repeated one is silent, another a diagnostic.

    [ack-keeps-overlay] [covered-ack-retires]

    `before`: the position of an earlier ack, 0 for none.

    pre: 0 <= confirmed and 0 <= at and (before == 0 or confirmed < before)
    post: (__return__ == 0) == (before == 0 and at <= confirmed)
    post: (__return__ == 1) == (before == 0 and at > confirmed)
    post: (__return__ == 2) == (before == at != 0)
    post: (__return__ == 3) == (before != 0 and before != at)
    """
    acked = ServerSeq(before) if before else None
    told = (Told(ClientSeq(1), Verdict.CONFIRMED),) if before else ()
    state = queue(confirmed, (Pending(ClientSeq(1), (), None, sent, False, acked),), told)
    done = step(CONFIG, state, Ack(Epoch(1), ClientSeq(1), ServerSeq(at)))
    if any(isinstance(effect, Diag) for effect in done.effects):
        return 3 if done.state.pending == state.pending else 9
    if not done.state.pending:
        return 0
    if done.state.pending == state.pending:
        return 2
    return 1 if done.state.pending[0].acked == at else 9


def reject_removes_exactly_one(first: int, second: int, given: int, acked: int) -> bool:
    """Rejecting takes out the mutation named and no other, and none that was accepted.

    [rollback-is-removal]

    pre: 1 <= first < second and 0 <= acked and given >= 1
    post: __return__
    """
    state = queue(0, entries(2, first, second, acked, 0), told_of(2, first, second, acked, 0))
    done = step(CONFIG, state, Reject(Epoch(1), ClientSeq(given), "no"))
    left = [p.seq for p in done.state.pending]
    if given == first and not acked:
        return left == [second]
    return left == ([first] if given == second else [first, second])


EMPTY = Coordinator(Position(Epoch(1), ServerSeq(0)), Position(Epoch(1), ServerSeq(0)))


def queue(confirmed: int, pending: tuple[Pending, ...], told: tuple[Told, ...] = ()) -> Coordinator:
    """A coordinator of epoch 1 at `confirmed` that has generated enough numbers."""
    at = Position(Epoch(1), ServerSeq(confirmed))
    last = pending[-1].seq if pending else ClientSeq(0)
    return replace(
        EMPTY, confirmed=at, heard=at, registered=last, generated=last, reserved=last,
        pending=pending, told=told,
    )  # fmt: skip


def entries(n: int, first: int, second: int, one: int, two: int) -> tuple[Pending, ...]:
    """Up to two mutations with the positions of their acks, 0 for none."""
    both = ((first, one), (second, two))
    return tuple(
        Pending(ClientSeq(seq), (), acked=ServerSeq(at) if at else None) for seq, at in both[:n]
    )


def told_of(n: int, first: int, second: int, one: int, two: int) -> tuple[Told, ...]:
    """What was told about `entries`."""
    both = ((first, one), (second, two))
    return tuple(Told(ClientSeq(seq), Verdict.CONFIRMED) for seq, at in both[:n] if at)


def holds(state: Coordinator) -> bool:
    """The inductive invariant of the step."""
    confirmed, pending = state.confirmed.server_seq, state.pending
    seqs = [p.seq for p in pending]
    told = [t.seq for t in state.told]
    held = [delta.server_seq for delta in state.buffer]
    return (
        0 <= state.registered <= state.generated <= state.reserved
        and rising([ClientSeq(0), *seqs])
        and (not seqs or seqs[-1] <= state.registered)
        and len(seqs) <= CONFIG.limits.pending
        and all(p.acked is None or p.acked > confirmed for p in pending)
        and all(p.acked is None or p.seq in told for p in pending)
        and state.heard >= state.confirmed
        and rising(told)
        and rising([confirmed, *held])
        and len(held) <= CONFIG.limits.buffer
        and (not held or state.port is not None or predecessor(state.buffer[0], False) > confirmed)
    )


def rising(numbers: Sequence[int]) -> bool:
    """Each number is above the one before."""
    return all(a < b for a, b in pairwise(numbers))


def waiting(count: int, prev: int, seq: int) -> tuple[Delta, ...]:
    """Up to one delta held back."""
    return (Delta(Epoch(1), ServerSeq(seq), ServerSeq(prev)),)[:count]


def base(c: int, n: int, s1: int, s2: int, a1: int, a2: int, heard: int) -> Coordinator:
    """A coordinator made of integers."""
    state = queue(c, entries(n, s1, s2, a1, a2), told_of(n, s1, s2, a1, a2))
    return replace(state, heard=Position(Epoch(1), ServerSeq(heard)))


def invariant_under_generate(reserved: int, generated: int, registered: int) -> bool:
    """pre: 0 <= registered <= generated <= reserved
    post: __return__
    """
    state = replace(
        EMPTY, reserved=ClientSeq(reserved), generated=ClientSeq(generated),
        registered=ClientSeq(registered),
    )  # fmt: skip
    done = step(CONFIG, state, Generate())
    stored = [e.upto for e in done.effects if isinstance(e, StoreCounter)]
    durable = stored[-1] if stored else reserved
    return holds(done.state) and registered < done.state.generated <= durable


def invariant_under_register(n: int, s1: int, s2: int, spare: int, seq: int) -> bool:
    """pre: 0 <= n <= 2 and 1 <= s1 < s2 and 0 <= spare
    post: __return__
    """
    state = base(0, n, s1, s2, 0, 0, 0)
    top = ClientSeq(state.registered + spare)
    state = replace(state, generated=top, reserved=top)
    done = step(CONFIG, state, Register(ClientSeq(seq), ()))
    return holds(done.state) and (done.error is not None or done.state.registered == seq)


def invariant_under_abandon(n: int, s1: int, s2: int, a1: int, a2: int, seq: int) -> bool:
    """pre: 0 <= n <= 2 and 1 <= s1 < s2 and 0 <= a1 and 0 <= a2
    post: __return__
    """
    return holds(step(CONFIG, base(0, n, s1, s2, a1, a2, 0), Abandon(ClientSeq(seq))).state)


def invariant_under_ack(c: int, s1: int, s2: int, a1: int, a2: int, seq: int, at: int) -> bool:
    """pre: 0 <= c and 1 <= s1 < s2 and 0 <= at and 1 <= seq
    pre: (a1 == 0 or a1 > c) and (a2 == 0 or a2 > c)
    post: __return__
    """
    given = Ack(Epoch(1), ClientSeq(seq), ServerSeq(at))
    return holds(step(CONFIG, base(c, 2, s1, s2, a1, a2, c), given).state)


def invariant_under_reject(s1: int, s2: int, a1: int, a2: int, seq: int) -> bool:
    """pre: 1 <= s1 < s2 and 0 <= a1 and 0 <= a2 and 1 <= seq
    post: __return__
    """
    given = Reject(Epoch(1), ClientSeq(seq), "no")
    return holds(step(CONFIG, base(0, 2, s1, s2, a1, a2, 0), given).state)


def invariant_under_head(c: int, heard: int, epoch: int, seq: int) -> bool:
    """pre: 0 <= c <= heard and 0 <= seq
    post: __return__
    """
    given = Head(Epoch(epoch), ServerSeq(seq))
    return holds(step(CONFIG, base(c, 0, 0, 0, 0, 0, heard), given).state)


def invariant_under_tick(c: int, heard: int, asked: int, held: int, p: int, d: int) -> bool:
    """pre: 0 <= c <= heard and 0 <= held <= 1 and c < p < d <= heard
    post: __return__
    """
    state = base(c, 0, 0, 0, 0, 0, heard)
    requested = ServerSeq(asked) if asked else None
    state = replace(state, requested=requested, buffer=waiting(held, p, d))
    done = step(CONFIG, state, Tick())
    missing = held == 1 or heard > c
    return holds(done.state) and (missing == any(isinstance(e, Request) for e in done.effects))


def invariant_under_delta(c: int, held: int, p: int, d: int, prev: int, seq: int) -> bool:
    """pre: 0 <= c < p < d and 0 <= held <= 1 and 0 <= prev < seq
    post: __return__
    """
    state = replace(base(c, 0, 0, 0, 0, 0, d), buffer=waiting(held, p, d))
    done = step(CONFIG, state, Delta(Epoch(1), ServerSeq(seq), ServerSeq(prev)))
    handed = any(isinstance(effect, Apply) for effect in done.effects)
    return holds(done.state) and handed == (prev == c)


def invariant_under_applied(
    c: int, s1: int, s2: int, a1: int, a2: int, seq: int, label: int, mine: bool, ok: bool
) -> bool:
    """pre: 0 <= c < seq and 1 <= s1 < s2 and 1 <= label
    pre: (a1 == 0 or a1 > c) and (a2 == 0 or a2 > c)
    post: __return__
    """
    settles = (Label(ME if mine else OTHER, ClientSeq(label)),)
    port = Delta(Epoch(1), ServerSeq(seq), ServerSeq(c), (), settles)
    state = replace(base(c, 2, s1, s2, a1, a2, seq), port=port)
    done = step(CONFIG, state, Applied(ok))
    return holds(done.state) and done.state.confirmed.server_seq == (seq if ok else c)


def invariant_under_loaded(
    c: int, s1: int, a1: int, epoch: int, seq: int, outcome: int, at: int, known: bool
) -> bool:
    """pre: 0 <= c and 0 <= seq and 1 <= s1 and 1 <= epoch <= 2 and 0 <= outcome <= 2 and 1 <= at
    pre: (a1 == 0 or a1 > c) and (epoch == 2 or seq >= c)
    post: __return__
    """
    verdict = Accepted(ServerSeq(at)) if outcome == 1 else Refused("no")
    outcomes = (Outcome(ClientSeq(s1), verdict),) if outcome else ()
    port = Snapshot(Epoch(epoch), ServerSeq(seq), Obj(), outcomes, known)
    state = replace(base(c, 1, s1, 0, a1, 0, max(c, a1)), port=port)
    done = step(CONFIG, state, Applied(True))
    undecided = [p.seq for p in done.state.pending if p.acked is None]
    returned = epoch == 1 or outcome != 0 or not known or undecided == [s1]
    return (
        returned
        and holds(done.state)
        and done.state.confirmed == Position(Epoch(epoch), ServerSeq(seq))
    )


def planted_ack_drops(at: int, confirmed: int) -> bool:
    """A planted bug: an ack from far ahead retires at once.

    pre: 0 <= confirmed and 1 <= at
    post: __return__ == (at <= confirmed)
    """
    state = queue(confirmed, entries(1, 1, 0, 0, 0))
    far = at > confirmed + 1_000_000
    given = Ack(Epoch(1), ClientSeq(1), ServerSeq(confirmed if far else at))
    return not step(CONFIG, state, given).state.pending


def planted_invariant(c: int, s1: int, s2: int, at: int) -> bool:
    """A planted bug: the second mutation's ack overtakes what covers it, by exactly 5.

    pre: 0 <= c and 1 <= s1 < s2 and c < at
    post: __return__
    """
    done = step(CONFIG, base(c, 2, s1, s2, 0, 0, c), Ack(Epoch(1), ClientSeq(s2), ServerSeq(at)))
    moved = Position(Epoch(1), ServerSeq(at)) if at == c + 5 else done.state.confirmed
    return holds(replace(done.state, confirmed=moved))


def planted_off_by_one(confirmed: int, prev: int, seq: int) -> Place:
    """A planted bug: the gap begins one too late.

    pre: 0 <= prev < seq and 0 <= confirmed
    post: (__return__ is Place.NEXT) == (prev == confirmed)
    """
    near = prev == confirmed + 1 and seq == prev + 7
    return Place.NEXT if near else place(ServerSeq(confirmed), ServerSeq(prev), ServerSeq(seq))
