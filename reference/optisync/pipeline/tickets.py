"""Tickets: how far the write of an event has come, and who waits to hear it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from optisync.contracts.entry import Millis
from optisync.pipeline.effects import Answer, Answered, Told
from optisync.pipeline.errors import UnknownTicket
from optisync.pipeline.inputs import Await
from optisync.pipeline.pending import Place, Status
from optisync.pipeline.state import Mode, OnTimeout, Ticket, TicketStatus, Wait
from optisync.pipeline.turn import Turn

_VERDICTS = {
    TicketStatus.CONFIRMED: Answer.CONFIRMED,
    TicketStatus.FAILED: Answer.FAILED,
    TicketStatus.IN_DOUBT: Answer.IN_DOUBT,
}


def begin(turn: Turn) -> Turn:
    """A ticket for an event to come."""
    number = turn.state.begun + 1
    tickets = turn.state.tickets.insert(number, Ticket())
    return replace(turn, state=replace(turn.state, begun=number, tickets=tickets))


def wait(turn: Turn, given: Await) -> Turn:
    """Somebody waits; if what he waits for is known already he is answered now. [late-await]"""
    ticket = turn.state.tickets.get(given.ticket)
    if ticket is None:
        raise UnknownTicket(given.ticket)  # [unknown-ticket]
    until = None if given.timeout is None else Millis(turn.state.now + given.timeout)
    added = Wait(given.wait, given.mode, until, given.on_timeout)
    turn = _put(turn, given.ticket, replace(ticket, waits=(*ticket.waits, added)))
    return time_out(_answer(turn, given.ticket), turn.state.now)


def tell(turn: Turn) -> Turn:
    """Tell of every ticket that moved in this step, in the order of dispatch. [told-in-order]"""
    moved = [(t.first or 0, n) for n in turn.touched if (t := turn.state.tickets.get(n))]
    for _, number in sorted(moved):
        ticket = turn.state.tickets.get(number)
        if ticket is None:  # forgotten for the sake of one before it
            continue
        status = status_after(ticket, _statuses(turn, ticket))
        if status is not ticket.status:
            turn = _put(turn, number, replace(ticket, status=status))
            code = None if ticket.refused is None else ticket.refused[1]
            failed = status is TicketStatus.FAILED
            turn = turn.with_effect(Told(number, status, code if failed else None))
        turn = _answer(turn, number)
        if status in _VERDICTS and status is not ticket.status:
            turn = _remembered(turn, number)
    return turn


def status_after(ticket: Ticket, statuses: Iterable[Status]) -> TicketStatus:
    """How far a ticket is, given where its undecided writes are. [ticket-status]"""
    if ticket.first is None:
        return TicketStatus.PENDING
    if ticket.undecided:
        stored = all(status is Place.ENQUEUED for status in statuses)
        return TicketStatus.ENQUEUED if stored else ticket.status
    if ticket.refused is not None:
        return TicketStatus.FAILED
    return TicketStatus.IN_DOUBT if ticket.doubt else TicketStatus.CONFIRMED


def answer_to(status: TicketStatus, mode: Mode, unknown: bool) -> Answer | None:
    """What a wait hears of a ticket; None: it goes on waiting. [await-modes]"""
    if status in _VERDICTS:
        return _VERDICTS[status]
    if unknown:  # [unknown-ends-wait]
        return Answer.OUTCOME_UNKNOWN
    if mode is Mode.OPTIMISTIC and status is TicketStatus.ENQUEUED:
        return Answer.ENQUEUED
    return None


def time_out(turn: Turn, now: Millis) -> Turn:
    """End the waits whose time is over; the writes go on. [timeout-ends-wait]"""
    turn = replace(turn, state=replace(turn.state, now=max(now, turn.state.now)))
    now = turn.state.now
    for number in sorted(turn.state.awaited):
        ticket = turn.state.tickets[number]
        over = [w for w in ticket.waits if w.until is not None and w.until <= now]
        if not over:
            continue
        left = tuple(w for w in ticket.waits if w not in over)
        turn = _put(turn, number, replace(ticket, waits=left))
        for ended in over:
            turn = turn.with_effect(Answered(ended.number, _timed_out(ticket.status, ended)))
    return turn


def _timed_out(status: TicketStatus, ended: Wait) -> Answer:
    enqueued = status is TicketStatus.ENQUEUED
    match ended.on_timeout:
        case OnTimeout.RESOLVE_ENQUEUED if enqueued:
            return Answer.ENQUEUED
        case OnTimeout.REJECT | OnTimeout.RESOLVE_ENQUEUED:
            return Answer.TIMED_OUT
        case _:
            assert_never(ended.on_timeout)


def _answer(turn: Turn, number: int) -> Turn:
    """Answer those who wait for a ticket and need wait no longer."""
    ticket = turn.state.tickets[number]
    unknown = Place.UNKNOWN in _statuses(turn, ticket)
    left: list[Wait] = []
    for waiting in ticket.waits:
        answer = answer_to(ticket.status, waiting.mode, unknown)
        if answer is None:
            left.append(waiting)
            continue
        code = ticket.refused[1] if answer is Answer.FAILED and ticket.refused else None
        turn = turn.with_effect(Answered(waiting.number, answer, code))
    return _put(turn, number, replace(ticket, waits=tuple(left)))


def _statuses(turn: Turn, ticket: Ticket) -> tuple[Status, ...]:
    members = turn.state.pending.members
    return tuple(members[seq].status for seq in ticket.undecided)


def _put(turn: Turn, number: int, ticket: Ticket) -> Turn:
    awaited = turn.state.awaited
    awaited = awaited.insert(number) if ticket.waits else awaited.discard(number)
    tickets = turn.state.tickets.insert(number, ticket)
    return replace(turn, state=replace(turn.state, tickets=tickets, awaited=awaited))


def _remembered(turn: Turn, number: int) -> Turn:
    """Keep the verdict for a late await; the oldest beyond the limit goes. [verdict-remembered]"""
    decided, tickets = (*turn.state.decided, number), turn.state.tickets
    for forgotten in decided[: -turn.config.remembered]:
        tickets = tickets.discard(forgotten)
    decided = decided[-turn.config.remembered :]
    return replace(turn, state=replace(turn.state, decided=decided, tickets=tickets))
