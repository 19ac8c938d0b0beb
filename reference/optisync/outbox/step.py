"""The rules of the outbox: one input, the next state, the effects in order.

Whatever changes is saved first, in one transaction; only then is anything sent or told. Handlers
raise to refuse: the state is then the one before. A name in brackets is the requirement of
`specs/outbox.md`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from optisync.contracts.messages import Delta, Refused, Snapshot
from optisync.errors import OptisyncError
from optisync.machine import Step
from optisync.outbox.config import Config
from optisync.outbox.effects import Effect, Told
from optisync.outbox.enqueue import enqueue
from optisync.outbox.errors import (
    AlreadyAccepted,
    AlreadySent,
    NeverSent,
    NotParked,
    NumberNotOpen,
    UnknownEntry,
)
from optisync.outbox.inputs import (
    Abandon,
    Cancel,
    Consume,
    Enqueue,
    GiveUp,
    HasRead,
    Input,
    Release,
    Reserve,
    Restart,
    Resume,
    Settle,
    Take,
    Tick,
    Watermark,
)
from optisync.outbox.lease import expire, release, reserve
from optisync.outbox.rows import (
    Acked,
    Consumed,
    DoubtLifted,
    Hole,
    InFlight,
    Item,
    Parked,
    Queued,
)
from optisync.outbox.settlement import (
    cover,
    delta_applied,
    lose,
    lost,
    refuse,
    settle,
    snapshot_applied,
    stranded,
    watermark_passed,
)
from optisync.outbox.state import Outbox, known_as, reborn
from optisync.outbox.turn import Turn, stored_row, unused
from optisync.values import ClientSeq


def step(config: Config, before: Outbox, given: Input) -> Step[Outbox, Effect]:
    """The next state and the ordered effects; or the identical state and one error."""
    try:
        return _transition(config, Turn(before), given).done()
    except OptisyncError as refusal:  # [outbox-refusal-changes-nothing]
        return Step(before, (), refusal)


def _transition(config: Config, turn: Turn, given: Input) -> Turn:
    state = turn.state
    match given:
        case Take():
            return _take(turn)
        case GiveUp(seq):
            return _give_up(config, turn, seq)
        case Enqueue():
            return enqueue(config, turn, given)
        case Reserve(limit, owner):
            return reserve(config, turn, limit, owner)
        case Settle():
            return settle(config, turn, given)
        case Release(token):
            return release(config, turn, token)
        case Delta():
            return cover(config, delta_applied(config, turn, given))
        case Snapshot():
            return cover(config, snapshot_applied(config, turn, given))
        case Watermark():
            return cover(config, watermark_passed(config, turn, given))
        case Cancel() | Abandon() | Resume():
            return _asked(config, turn, given)
        case HasRead(entity):  # [doubt-lifted-by-read]
            same = (d for d in state.doubts if known_as(state, d.entity) == known_as(state, entity))
            lifted = (DoubtLifted(d.seq) for d in same)
            return turn.put(*lifted)
        case Consume(upto):  # [report-kept-until-consumed]
            told = any(report.number <= upto for report in state.reports)
            return turn.put(Consumed(upto)) if told else turn
        case Tick(now):
            return expire(replace(turn, state=replace(state, now=max(state.now, now))))
        case Restart():
            return _restart(config, turn)
        case _:
            assert_never(given)


def _take(turn: Turn) -> Turn:
    # [number-durable]
    numbers = turn.state.numbers
    number = ClientSeq(numbers.counter + 1)
    return turn.numbered(replace(numbers, counter=number)).put(Hole(number))


def _give_up(config: Config, turn: Turn, seq: ClientSeq) -> Turn:
    hole = turn.state.queue.get(seq)
    if not isinstance(hole, Hole) or hole.status is not None:
        raise NumberNotOpen(seq)  # [number-not-open]
    return turn.put(unused(config, turn.state, seq))


def _asked(config: Config, turn: Turn, given: Cancel | Abandon | Resume) -> Turn:
    """What the application may ask for an entry in the queue."""
    item = turn.state.queue.named(given.entry_id)
    if item is None:
        raise UnknownEntry(given.entry_id)  # [unknown-entry]
    if isinstance(item.status, Acked):
        raise AlreadyAccepted(given.entry_id)
    match given:
        case Resume():  # [parked-resumes]
            if not isinstance(item.status, Parked):
                raise NotParked(given.entry_id)
            return turn.put(replace(item, status=Queued(), attempts=0, delays=0))
        case Cancel():  # [cancel-only-unsent]
            if item.sent:
                raise AlreadySent(given.entry_id)
            return refuse(config, turn, item, Refused("cancelled"))
        case Abandon():  # [abandoned-sent-in-doubt]
            if not item.sent:
                raise NeverSent(given.entry_id)
            return lose(config, turn, item)
        case _:
            assert_never(given)


def _restart(config: Config, turn: Turn) -> Turn:
    """No worker, lease, back-off or open number outlives a process; verdicts are told again."""
    turn = replace(turn, state=reborn(turn.state))
    # [report-kept-until-consumed]
    turn = turn.with_effect(*(Told(report) for report in turn.state.reports))
    direct = (m for m in turn.state.queue if isinstance(m, Item) and not m.stored)
    turn = turn.put(*map(stored_row, direct))  # [direct-write-is-gated]
    for member in turn.state.queue:
        match member:
            case Hole(status=None):
                turn = lost(config, turn, member)
            case Item(status=InFlight() | Queued()):  # [lease-ends-at-restart]
                again = replace(member, status=Queued(), delays=0)
                turn = turn if again == member else turn.put(again)
            case Hole(status=InFlight()):
                turn = turn.put(replace(member, status=Queued()))
            case _:
                pass
    return stranded(config, turn)
