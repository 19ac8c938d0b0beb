"""The rules of the pipeline: one input, the next state, the effects in order.

What is shown changes first, then tickets are told, then persistence is asked. Handlers raise to
refuse: the state is then the one before. A name in brackets is the requirement of
`specs/pipeline.md`.
"""

from __future__ import annotations

from typing import Final, assert_never

from optisync.contracts.messages import Delta, Snapshot
from optisync.errors import OptisyncError
from optisync.machine import Step
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Effect, Withdraw
from optisync.pipeline.errors import AlreadyDecided, AlreadySent, NotUnknown, UnknownTicket
from optisync.pipeline.inputs import (
    Abandon,
    Await,
    Begin,
    Cancel,
    Decided,
    Dispatch,
    Drain,
    Fetched,
    Hydrate,
    Input,
    Persisted,
    Revert,
    Tick,
)
from optisync.pipeline.pending import Place
from optisync.pipeline.plan import dispatch
from optisync.pipeline.revert import revert
from optisync.pipeline.schedule import drain, hand_over
from optisync.pipeline.settlement import decided, lose, persisted, refuse
from optisync.pipeline.state import Pipeline, Ticket
from optisync.pipeline.stream import delta_applied, fetched, hydrate, snapshot_applied
from optisync.pipeline.tickets import begin, tell, time_out, wait
from optisync.pipeline.turn import Turn, entry_id_of

FREES_NOBODY: Final = (Begin, Dispatch, Revert, Await, Tick)
"""Inputs after which no write may go that might not go before."""


def step(config: Config, before: Pipeline, given: Input) -> Step[Pipeline, Effect]:
    """The next state and the ordered effects; or the identical state and one error."""
    try:
        turn = _transition(Turn(config, before, before), given)
        if not isinstance(given, FREES_NOBODY):
            turn = hand_over(turn)
        return tell(turn).done()
    except OptisyncError as refusal:  # [pipeline-refusal-changes-nothing]
        return Step(before, (), refusal)


def _transition(turn: Turn, given: Input) -> Turn:
    match given:
        case Begin():
            return begin(turn)
        case Dispatch():
            return dispatch(turn, given)
        case Drain():
            return drain(turn)
        case Persisted():
            return persisted(turn, given)
        case Decided():
            return decided(turn, given)
        case Delta():
            return delta_applied(turn, given)
        case Snapshot():
            return snapshot_applied(turn, given)
        case Fetched():
            return fetched(turn, given)
        case Hydrate():
            return hydrate(turn, given)
        case Await():
            return wait(turn, given)
        case Cancel(ticket):
            return _cancel(turn, ticket)
        case Abandon(ticket):
            return _abandon(turn, ticket)
        case Revert():
            return revert(turn, given)
        case Tick(now):
            return time_out(turn, now)
        case _:
            assert_never(given)


def _cancel(turn: Turn, number: int) -> Turn:
    # [cancel-while-waiting]
    undecided = [turn.state.pending.members[seq] for seq in _known(turn, number).undecided]
    if not undecided:
        raise AlreadyDecided(number)  # [already-decided]
    if any(m.status not in (Place.WAITING, Place.ENQUEUED) for m in undecided):
        raise AlreadySent(number)
    for mutation in undecided:
        if mutation.status is Place.ENQUEUED:
            turn = turn.with_effect(Withdraw(entry_id_of(turn.config, mutation.seq)))
        elif mutation.seq in turn.state.pending.members:
            turn = refuse(turn, mutation, "cancelled")
    return turn


def _abandon(turn: Turn, number: int) -> Turn:
    # [abandon-only-unknown]: also what was told as accepted in an epoch that is over
    ticket = _known(turn, number)
    unknown = [m for m in turn.state.pending if m.ticket == number and m.status is Place.UNKNOWN]
    if not unknown and not ticket.undecided:
        raise AlreadyDecided(number)  # [already-decided]
    if not unknown or not {*ticket.undecided} <= {mutation.seq for mutation in unknown}:
        raise NotUnknown(number)
    for mutation in unknown:
        turn = lose(turn, mutation)
    return turn


def _known(turn: Turn, number: int) -> Ticket:
    """The ticket of an event."""
    ticket = turn.state.tickets.get(number)
    if ticket is None:
        raise UnknownTicket(number)  # [unknown-ticket]
    return ticket
