"""Transition classes of the host's answer: what a delta or a snapshot did when it was applied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from optisync.contracts.messages import Accepted, Delta, Outcome, Refused, Snapshot
from optisync.coordinator.config import Config
from optisync.coordinator.effects import Diag, DiagCode, Effect, Resumed, Suspended
from optisync.coordinator.state import Coordinator, Pending, Verdict, find
from optisync.machine import Step
from optisync.values import ClientSeq

Done: TypeAlias = Step[Coordinator, Effect]


def known_of(state: Coordinator, seq: ClientSeq) -> Verdict | None:
    """The verdict remembered about a mutation."""
    return next((told.verdict for told in state.told if told.seq == seq), None)


def applied(config: Config, before: Coordinator, ok: bool, done: Done) -> Iterator[str]:
    """The classes of an answer, but for what it makes of the deltas held back."""
    match before.port:
        case Delta() if not ok:
            yield "applied:delta-failed"
        case Snapshot() if not ok:
            yield "applied:snapshot-failed"
        case Delta():
            yield "applied:delta"
            yield from _labels(config, before, before.port)
            yield from _covered(config, before, before.port, done.state)
            yield from _strategy(before, done)
        case Snapshot():
            yield from _loaded(before, before.port, done.state)
        case None:
            return


def _labels(config: Config, before: Coordinator, delta: Delta) -> Iterator[str]:
    for label in delta.settles:
        yield f"label:{_label(before, label.seq) if label.client == config.client else 'foreign'}"


def _label(before: Coordinator, seq: ClientSeq) -> str:
    entry, known = find(before, seq), known_of(before, seq)
    if entry is not None:
        if entry.acked is not None:
            return "after-ack"
        return "settles" if known is None else "after-restore"
    match known:
        case None:
            return "unknown"
        case Verdict.CONFIRMED:
            return "repeat"
        case Verdict.REJECTED:
            return "contradictory"
        case Verdict.IN_DOUBT:
            return "late"


def _covered(
    config: Config, before: Coordinator, delta: Delta, after: Coordinator
) -> Iterator[str]:
    mine = {label.seq for label in delta.settles if label.client == config.client}
    if any(p.seq not in mine and find(after, p.seq) is None for p in before.pending):
        yield "delta:covers"


def _strategy(before: Coordinator, done: Done) -> Iterator[str]:
    for entry in done.state.pending:
        was = find(before, entry.seq)
        if was is not None and was.changes != entry.changes:
            yield "strategy:replaces"
    for effect in done.effects:
        match effect:
            case Suspended():
                yield "strategy:suspends"
            case Resumed():
                yield "strategy:resumes"
            case Diag(DiagCode.REPLACE_SENT):
                yield "strategy:replace-sent"
            case Diag(DiagCode.STRATEGY_RAISED):
                yield "strategy:raised"
            case _:
                pass


def _loaded(before: Coordinator, snapshot: Snapshot, after: Coordinator) -> Iterator[str]:
    reborn = snapshot.epoch > before.confirmed.epoch
    yield "applied:new-epoch" if reborn else "applied:snapshot"
    if before.broken and not after.broken:
        yield "snapshot:mends"
    if reborn and before.buffer:
        yield "snapshot:drops-buffer"
    outcomes = {outcome.seq: outcome for outcome in snapshot.outcomes}
    for entry in before.pending:
        yield f"snapshot:{_outcome(entry, snapshot, reborn, outcomes.get(entry.seq))}"
        kept = find(after, entry.seq)
        if kept is not None and entry.withheld and not kept.withheld:
            yield "snapshot:outcome-lifts"
        if reborn and entry.acked is not None:
            yield "snapshot:ack-returns"


def _outcome(entry: Pending, snapshot: Snapshot, reborn: bool, outcome: Outcome | None) -> str:
    acked = None if reborn else entry.acked
    match None if outcome is None else outcome.verdict:
        case Accepted(at):
            return "outcome-covered" if at <= snapshot.server_seq else "outcome-above"
        case Refused():
            return "outcome-refused" if acked is None else "outcome-contradictory"
        case None:
            if acked is not None and acked <= snapshot.server_seq:
                return "acked-covered"
            if snapshot.client_known or not reborn:
                return "keeps-pending"
            return "in-doubt" if entry.sent else "unsent-stays"


def drained(before: Coordinator, done: Done) -> Iterator[str]:
    """The classes of what an answer makes of the deltas held back."""
    after = done.state
    if after.port is not None:
        yield "drain:next"
    elif after.buffer:
        yield "drain:gap"
    if after.confirmed.epoch > before.confirmed.epoch:
        return
    dropped = [d for d in before.buffer if d not in after.buffer and d != after.port]
    for delta in dropped:
        overtaken = delta.server_seq <= after.confirmed.server_seq
        yield "drain:duplicate" if overtaken else "drain:overlap"
