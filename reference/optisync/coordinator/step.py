"""The rules of the coordinator: one input, the next state, the effects in order.

Every step reads GUARD, TRANSITION, EFFECTS, OBSERVATION. Handlers only decide; what the decision
means for the documents (the plan), for observers and for the server follows from the two states
and is said once, in `plan`. A name in brackets is the requirement of `specs/coordinator.md`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from optisync.contracts.messages import Ack, Delta, Head, Reject, Snapshot
from optisync.coordinator import plan
from optisync.coordinator.config import Config, Variant
from optisync.coordinator.effects import Acked, Diag, DiagCode, Effect, InDoubt, Rejected
from optisync.coordinator.errors import (
    AckWithoutPosition,
    AlreadyAccepted,
    ClientSeqOrder,
    PortBusy,
    PortIdle,
    QueueFull,
    UnknownMutation,
)
from optisync.coordinator.inputs import Abandon, Applied, Generate, Input, Register, Sent, Tick
from optisync.coordinator.sequence import Place, place, predecessor
from optisync.coordinator.settlement import Turn, commit, judge, tell
from optisync.coordinator.state import Coordinator, Pending, Position, find, updated, without
from optisync.errors import OptisyncError
from optisync.machine import Step
from optisync.values import ClientSeq, ServerSeq


def step(config: Config, before: Coordinator, given: Input) -> Step[Coordinator, Effect]:
    """The next state and the ordered effects; or the identical state and one error."""
    # GUARD
    try:
        _guard(config, before, given)
    except OptisyncError as refusal:  # [refusal-changes-nothing]
        return Step(before, (), refusal)
    # TRANSITION
    turn = _transition(config, Turn(before), given)
    draining = plan.take_next(turn.state, config.dense)
    after, questions = plan.ask(before, turn.state, draining, again=isinstance(given, Tick))
    # EFFECTS: the documents first, then those who look at them, then the next delta
    documents = plan.counter(before, after) + plan.replan(before, turn.state, given)
    # OBSERVATION
    notices = plan.notices(before, turn, given)
    return Step(after, documents + notices + plan.hand_out(before, after) + questions)


def _guard(config: Config, state: Coordinator, given: Input) -> None:
    # [port-busy]: a number may be wanted at any time, everything else waits
    if state.port is not None and not isinstance(given, Applied | Generate):
        raise PortBusy
    match given:
        case Applied() if state.port is None:
            raise PortIdle  # [port-idle]
        case Register(seq) if not state.registered < seq <= state.generated:
            raise ClientSeqOrder(seq, state.registered, state.generated)  # [client-seq-order]
        case Register() if len(state.pending) >= config.limits.pending:
            raise QueueFull(config.limits.pending)  # [queue-full]
        case Sent(seq) | Abandon(seq) if find(state, seq) is None:
            raise UnknownMutation(seq)  # [unknown-mutation]
        case Abandon(seq) if (p := find(state, seq)) is not None and p.acked is not None:
            raise AlreadyAccepted(seq)  # [already-accepted]
        case Ack(seq=seq, server_seq=None) if config.variant is not Variant.SEED_LITERAL:
            raise AckWithoutPosition(seq)  # [ack-without-position]
        case Delta():
            predecessor(given, config.dense)  # [delta-malformed]
        case _:
            pass


def _transition(config: Config, turn: Turn, given: Input) -> Turn:
    state = turn.state
    match given:
        case Generate():
            return turn.at(_generate(config, state))
        case Register(seq, changes, info, sent):
            entry = Pending(seq, changes, info, sent)
            return turn.at(replace(state, registered=seq, pending=(*state.pending, entry)))
        case Sent(seq):
            return turn.at(_mark_sent(state, seq))
        case Abandon(seq):
            # [abandoned-is-in-doubt]
            return tell(config, turn.at(without(state, seq)), InDoubt(seq))
        case Applied(ok):
            return commit(config, turn) if ok else _apply_failed(turn)
        case Tick():
            return turn
        case Snapshot(epoch, server_seq):
            # [snapshot-never-goes-back]
            accepted = Position(epoch, server_seq) >= state.confirmed
            return turn.at(replace(state, port=given)) if accepted else turn
        case Ack() | Reject() | Delta() | Head():
            return _current_epoch(config, turn, given)
        case _:
            assert_never(given)


def _current_epoch(config: Config, turn: Turn, given: Ack | Reject | Delta | Head) -> Turn:
    """Messages that speak of one epoch: an older one is dead, a newer one must be fetched."""
    state = turn.state
    if given.epoch < state.confirmed.epoch:  # [lower-epoch-ignored]
        return turn
    seq = None if isinstance(given, Reject) else given.server_seq
    heard = max(state.heard, Position(given.epoch, ServerSeq(0) if seq is None else seq))
    turn = turn.at(replace(state, heard=heard))
    if given.epoch > state.confirmed.epoch:  # [higher-epoch-resyncs]
        return turn
    match given:
        case Ack():
            return _ack(config, turn, given)
        case Reject():
            return _reject(config, turn, given)
        case Delta():
            return turn.at(_buffer(config, turn.state, given))
        case Head():  # [head-reveals-gap]
            return turn
        case _:
            assert_never(given)


def _generate(config: Config, state: Coordinator) -> Coordinator:
    # [client-seq-grows] [client-seq-durable]
    number = ClientSeq(state.generated + 1)
    reserved = state.reserved
    if number > reserved:
        reserved = ClientSeq(reserved + config.limits.block)
    return replace(state, generated=number, reserved=reserved)


def _mark_sent(state: Coordinator, seq: ClientSeq) -> Coordinator:
    pending = find(state, seq)
    return state if pending is None else updated(state, replace(pending, sent=True))


def _ack(config: Config, turn: Turn, ack: Ack) -> Turn:
    state, verdict = turn.state, Acked(ack.seq, ack.version, ack.ids)
    pending = find(state, ack.seq)
    at = state.confirmed.server_seq if ack.server_seq is None else ack.server_seq
    if pending is None:
        return judge(config, turn, verdict)
    if pending.acked is not None:  # [first-verdict-stands]
        repeated = pending.acked == at
        return turn if repeated else turn.diagnosed(DiagCode.CONTRADICTORY_VERDICT, ack.seq)
    turn = tell(config, turn, verdict)
    if at <= state.confirmed.server_seq:  # [covered-ack-retires]
        return turn.at(without(turn.state, ack.seq))
    # [ack-keeps-overlay] [ack-individual]
    return turn.at(updated(turn.state, replace(pending, acked=at, withheld=False)))


def _reject(config: Config, turn: Turn, reject: Reject) -> Turn:
    pending = find(turn.state, reject.seq)
    if pending is None or pending.acked is not None:  # [first-verdict-stands]
        return judge(config, turn, Rejected(reject.seq, reject.code))
    # [rollback-is-removal]
    return tell(config, turn.at(without(turn.state, reject.seq)), Rejected(reject.seq, reject.code))


def _buffer(config: Config, state: Coordinator, delta: Delta) -> Coordinator:
    """Where a delta goes when it arrives: to the host, among those held back, or nowhere."""
    prev, confirmed = predecessor(delta, config.dense), state.confirmed.server_seq
    match place(confirmed, prev, delta.server_seq):
        case Place.NEXT:  # [next-delta-applies]
            return replace(state, port=delta)
        case Place.OVERLAP:  # [overlap-resyncs]
            return replace(state, broken=True)
        case Place.GAP if all(held.server_seq != delta.server_seq for held in state.buffer):
            held = sorted((*state.buffer, delta), key=lambda waiting: waiting.server_seq)
            nearest = tuple(held[: config.limits.buffer])  # [gap-buffer-bounded]
            return replace(state, buffer=nearest)
        case Place.GAP | Place.DUPLICATE:  # [duplicate-delta-ignored]
            return state


def _apply_failed(turn: Turn) -> Turn:
    # [failed-apply-resyncs]
    state = replace(turn.state, port=None, broken=True)
    return replace(turn, state=state, diags=(*turn.diags, Diag(DiagCode.APPLY_FAILED)))
