"""What a pipeline begins with when an outbox has been there before it."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from optisync.contracts.entry import mentions
from optisync.contracts.messages import Accepted, Refused
from optisync.outbox.lease import fixed
from optisync.outbox.rows import Acked, InDoubt, Item, Report
from optisync.outbox.state import Outbox
from optisync.pipeline.events import Write
from optisync.pipeline.pending import Accepted as AcceptedAt
from optisync.pipeline.pending import Mutation, Place, Status
from optisync.pipeline.state import Pipeline, Ticket, TicketStatus, known_write, start
from optisync.shell.store import Versions
from optisync.values import Version
from optisync.view import Docs


def restarted(outbox: Outbox, documents: Docs, versions: Versions) -> Pipeline:
    """The documents with every stored write over them, under the ids that the server gave.

    A write whose verdict was told in an earlier life has no ticket; one whose verdict is still in
    a report has a ticket that knows it.
    """
    items = [member for member in outbox.queue if isinstance(member, Item)]
    numbers = outbox.numbers
    state = start(
        documents,
        numbers.epoch,
        numbers.server_seq,
        versions.items(),
        numbered=numbers.counter,
        loaded=numbers.server_seq > 0,  # there may have been a snapshot: no cache may fill it
        stored=[stored_write(outbox, item) for item in items],
    )
    tickets = state.tickets
    for item in items:
        tickets = tickets.remove(item.seq) if item.told else tickets
    for report in outbox.reports:
        tickets = tickets.insert(report.seq, ticket_of(report))
    decided = tuple(int(report.seq) for report in outbox.reports)
    return replace(state, aliases=outbox.aliases, tickets=tickets, decided=decided)


def ticket_of(report: Report) -> Ticket:
    """The ticket of a write that has this verdict."""
    match report.verdict:
        case Accepted():
            return Ticket(report.seq, status=TicketStatus.CONFIRMED)
        case Refused(code):
            refused = report.seq, code
            return Ticket(report.seq, status=TicketStatus.FAILED, refused=refused)
        case InDoubt():
            return Ticket(report.seq, status=TicketStatus.IN_DOUBT, doubt=True)
        case _:
            assert_never(report.verdict)


def stored_write(outbox: Outbox, item: Item) -> Mutation:
    """A write in the queue as a pipeline shows it."""
    entry, known = item.entry, Pipeline(aliases=outbox.aliases)
    made = (outbox.queue.making(text) for text in mentions(entry))
    makers = sorted(m.seq for m in made if m is not None and m.seq < item.seq)
    temporary = entry.temporary and entry.entity.id not in outbox.aliases
    write = known_write(known, Write(entry.entity, entry.change, temporary))
    base = fixed(outbox, item, 1).base  # raised by own writes since it was planned
    return Mutation(item.seq, 0, write, base, makers=tuple(makers), status=_status(item))


def _status(item: Item) -> Status:
    if isinstance(item.status, Acked):
        at, version = item.status.server_seq, item.status.version
        return AcceptedAt(at, Version(at) if version is None else version)
    # Accepted in an epoch that is over, and to be sent again: what was told stands.
    return Place.UNKNOWN if item.told else Place.ENQUEUED
