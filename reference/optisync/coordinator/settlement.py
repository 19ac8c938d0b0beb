"""Settlement: verdicts are told once; applying a delta and retiring what it settles is one step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from optisync.contracts.messages import Accepted, Delta, Outcome, Refused, Snapshot
from optisync.coordinator.config import Config
from optisync.coordinator.effects import (
    Acked,
    Diag,
    DiagCode,
    InDoubt,
    Rejected,
    VerdictEffect,
)
from optisync.coordinator.state import (
    Coordinator,
    Pending,
    Position,
    Told,
    Verdict,
    find,
    updated,
)
from optisync.coordinator.strategy import Decision, Keep, Replace, Withhold
from optisync.values import ClientSeq


@dataclass(frozen=True, slots=True)
class Turn:
    """A step in the making: the state so far, and what there is to tell about it."""

    state: Coordinator
    verdicts: tuple[VerdictEffect, ...] = ()
    diags: tuple[Diag, ...] = ()

    def at(self, state: Coordinator) -> Turn:
        """This turn with another state."""
        return replace(self, state=state)

    def diagnosed(self, code: DiagCode, seq: ClientSeq | None = None) -> Turn:
        """This turn with one more diagnostic."""
        return replace(self, diags=(*self.diags, Diag(code, seq)))


def tell(config: Config, turn: Turn, effect: VerdictEffect) -> Turn:
    """Give out a verdict, unless one was given: the first stands. [told-once] [settled-once]"""
    state, verdict = turn.state, _verdict(effect)
    known = _known(state, effect.seq)
    if known is verdict:
        return turn
    if known is not None:  # [first-verdict-stands]
        late = known is Verdict.IN_DOUBT
        code = DiagCode.LATE_VERDICT if late else DiagCode.CONTRADICTORY_VERDICT
        return turn.diagnosed(code, effect.seq)
    told = sorted((*state.told, Told(effect.seq, verdict)), key=lambda entry: entry.seq)
    oldest = len(told) - config.limits.verdicts
    pending = {p.seq for p in state.pending}
    kept = tuple(t for i, t in enumerate(told) if i >= oldest or t.seq in pending)
    return replace(turn, state=replace(state, told=kept), verdicts=(*turn.verdicts, effect))


def judge(config: Config, turn: Turn, effect: VerdictEffect) -> Turn:
    """A verdict from the server about any mutation: told, repeated, contradictory or unknown."""
    pending = find(turn.state, effect.seq) is not None
    if not pending and _known(turn.state, effect.seq) is None:  # [unknown-verdict-diagnosed]
        return turn.diagnosed(DiagCode.UNKNOWN_MUTATION, effect.seq)
    return tell(config, turn, effect)


def commit(config: Config, turn: Turn) -> Turn:
    """The host applied what it was handed: numbers and settlements follow in the same step."""
    port = turn.state.port
    turn = turn.at(replace(turn.state, port=None))
    match port:
        case Delta():
            return _commit_delta(config, turn, port)
        case Snapshot():
            return _commit_snapshot(config, turn, port)
        case None:
            return turn
        case _:
            assert_never(port)


def _commit_delta(config: Config, turn: Turn, delta: Delta) -> Turn:
    # [label-settles] [foreign-label-ignored] [empty-delta-settles] [acked-data-once]
    mine = [label for label in delta.settles if label.client == config.client]
    for label in mine:
        turn = judge(config, turn, Acked(label.seq, label.version, label.ids))
    labelled = {label.seq for label in mine}
    confirmed = Position(delta.epoch, delta.server_seq)
    left = tuple(
        p for p in turn.state.pending if p.seq not in labelled and not _covered(p, confirmed)
    )
    return _resolve(config, turn.at(replace(turn.state, confirmed=confirmed, pending=left)), delta)


def _covered(pending: Pending, confirmed: Position) -> bool:
    return pending.acked is not None and pending.acked <= confirmed.server_seq


def _resolve(config: Config, turn: Turn, delta: Delta) -> Turn:
    """Let the strategy decide for each mutation the server has not decided."""
    undecided = tuple(p for p in turn.state.pending if p.acked is None)
    try:
        decided = tuple(zip(undecided, config.strategy(delta, undecided), strict=True))
    except Exception:  # [strategy-raises-keeps]: foreign code, nothing narrower is known
        return turn.diagnosed(DiagCode.STRATEGY_RAISED)
    for pending, decision in decided:
        turn = _decide(turn, pending, decision)
    return turn


def _decide(turn: Turn, pending: Pending, decision: Decision) -> Turn:
    # [strategy-decides-each]
    match decision:
        case Keep() if not pending.withheld:
            return turn
        case Keep():
            return turn.at(updated(turn.state, replace(pending, withheld=False)))
        case Withhold():
            return turn.at(updated(turn.state, replace(pending, withheld=True)))
        case Replace() if pending.sent:  # [replace-only-unsent]
            return turn.diagnosed(DiagCode.REPLACE_SENT, pending.seq)
        case Replace(changes):
            return turn.at(updated(turn.state, replace(pending, changes=changes, withheld=False)))
        case _:
            assert_never(decision)


def _commit_snapshot(config: Config, turn: Turn, snapshot: Snapshot) -> Turn:
    state = turn.state
    confirmed = Position(snapshot.epoch, snapshot.server_seq)
    reborn = confirmed.epoch > state.confirmed.epoch
    forgotten = reborn and not snapshot.client_known
    outcomes = {outcome.seq: outcome for outcome in snapshot.outcomes}
    left: list[Pending] = []
    for pending in state.pending:
        # [dead-epoch-ack-returns]
        entry = replace(pending, acked=None) if reborn else pending
        turn, kept = _outcome(config, turn, entry, outcomes.get(entry.seq), forgotten)
        left += [kept] if kept is not None and not _covered(kept, confirmed) else []
    state = replace(
        turn.state,
        confirmed=confirmed,
        heard=max(state.heard, confirmed, *_accepted(snapshot)),
        pending=tuple(left),
        buffer=() if reborn else state.buffer,
        requested=None if reborn else state.requested,
        broken=False,
    )
    return turn.at(state)


def _accepted(snapshot: Snapshot) -> list[Position]:
    """The positions that a snapshot's outcomes name. [ack-reveals-gap]"""
    return [
        Position(snapshot.epoch, outcome.verdict.server_seq)
        for outcome in snapshot.outcomes
        if isinstance(outcome.verdict, Accepted)
    ]


def _outcome(
    config: Config, turn: Turn, entry: Pending, outcome: Outcome | None, forgotten: bool
) -> tuple[Turn, Pending | None]:
    """What the snapshot's outcome makes of one pending mutation; None: it is gone."""
    verdict = None if outcome is None else outcome.verdict
    match verdict:
        case Accepted(server_seq, version, ids):  # [snapshot-outcomes-settle]
            kept = replace(entry, acked=server_seq, withheld=False)
            return tell(config, turn, Acked(entry.seq, version, ids)), kept
        case Refused() if entry.acked is not None:  # [first-verdict-stands]
            return turn.diagnosed(DiagCode.CONTRADICTORY_VERDICT, entry.seq), entry
        case Refused(code):
            return tell(config, turn, Rejected(entry.seq, code)), None
        case None if forgotten and entry.sent:  # [client-unknown-in-doubt]
            return tell(config, turn, InDoubt(entry.seq)), None
        case None:  # [snapshot-keeps-pending]
            return turn, entry
        case _:
            assert_never(verdict)


def _known(state: Coordinator, seq: ClientSeq) -> Verdict | None:
    return next((entry.verdict for entry in state.told if entry.seq == seq), None)


def _verdict(effect: VerdictEffect) -> Verdict:
    match effect:
        case Acked():
            return Verdict.CONFIRMED
        case Rejected():
            return Verdict.REJECTED
        case InDoubt():
            return Verdict.IN_DOUBT
        case _:
            assert_never(effect)
