"""From an event to pending writes: each its own change, its version, what it waits for."""

from __future__ import annotations

from dataclasses import replace

from optisync.contracts.entry import mentioned
from optisync.pipeline.compose import writes_of
from optisync.pipeline.effects import Schedule
from optisync.pipeline.errors import (
    NumberOrder,
    ParentRejected,
    PipelineFull,
    TemporaryIdReused,
    TicketUsed,
    UnknownTicket,
)
from optisync.pipeline.events import USER, Context, Kind, Patches, Write
from optisync.pipeline.history import recorded
from optisync.pipeline.inputs import Dispatch, Revert
from optisync.pipeline.pending import Mutation
from optisync.pipeline.state import (
    Pipeline,
    QueuedEvent,
    Ticket,
    known_write,
    version_seen,
)
from optisync.pipeline.turn import Turn, entry_id_of
from optisync.values import ClientSeq
from optisync.view import Create


def dispatch(turn: Turn, given: Dispatch) -> Turn:
    """Show an event and queue it for the next drain, or refuse it alone. [bad-event-fails-alone]"""
    writes = writes_of(given.event)
    _check_numbers(turn.state, writes, given.seqs)
    turn, context = _with_action(turn, given.context, given.seqs[0])
    turn = register(turn, given, writes, context, kind_of(given.event, writes))
    return recorded(turn, given.seqs, context) if context.origin == USER else turn


def kind_of(event: Write | Patches, writes: tuple[Write, ...]) -> Kind:
    """With which events it may share a segment."""
    if isinstance(event, Patches):
        return Kind.PATCHES
    return Kind.CREATE if isinstance(writes[0].change, Create) else Kind.WRITE


def register(
    turn: Turn,
    given: Dispatch | Revert,
    writes: tuple[Write, ...],
    context: Context,
    kind: Kind,
    needs: tuple[tuple[ClientSeq, ...], ...] = (),
) -> Turn:
    """Number, ticket, overlay and place in the queue: all of them or none. [shown-at-dispatch]

    `needs`: for each write, the pending ones whose values it restores.
    """
    state = turn.state
    _check_numbers(state, writes, given.seqs)
    if len(state.pending) + len(writes) > turn.config.capacity:
        raise PipelineFull(turn.config.capacity)  # [pipeline-full]
    turn, ticket = _with_ticket(turn, given)
    optimistic = isinstance(given, Revert) or given.optimistic
    after: set[ClientSeq] = set()
    for index, (seq, write) in enumerate(zip(given.seqs, writes, strict=True)):
        mutation = _planned(turn.state, write, seq, ticket, optimistic)
        mutation = replace(mutation, needs=needs[index] if needs else ())
        after |= {*mutation.makers, *mutation.needs}
        turn = turn.put(mutation)
    entities = tuple(write.entity for write in writes)
    event = QueuedEvent(
        given.seqs, entities, tuple(sorted(after)), kind, context, given.persist_key
    )
    if not state.queue:  # [window-asks-for-drain]
        turn = turn.with_effect(Schedule())
    queue = (*state.queue, event)
    return replace(turn, state=replace(turn.state, queue=queue, numbered=given.seqs[-1]))


def _planned(
    state: Pipeline, write: Write, seq: ClientSeq, ticket: int, optimistic: bool
) -> Mutation:
    own = write.entity.id
    if write.temporary and (own in state.aliases or state.pending.making(own) is not None):
        raise TemporaryIdReused(own)  # [temporary-id-once]
    texts = mentioned(write.entity, write.change)
    dead = next((text for text in sorted(texts) if state.aliases.get(text, "") is None), None)
    if dead is not None:
        raise ParentRejected(dead)  # [child-of-rejected]
    makers = {made.seq for text in texts if (made := state.pending.making(text)) is not None}
    write = known_write(state, write)
    base = version_seen(state, write.entity)
    return Mutation(seq, ticket, write, base, optimistic, tuple(sorted(makers)))


def _check_numbers(state: Pipeline, writes: tuple[Write, ...], seqs: tuple[ClientSeq, ...]) -> None:
    ascending = all(low < high for low, high in zip((state.numbered, *seqs), seqs, strict=False))
    if len(seqs) != len(writes) or not ascending:
        raise NumberOrder(len(writes), state.numbered)  # [number-order]


def _with_ticket(turn: Turn, given: Dispatch | Revert) -> tuple[Turn, int]:
    state, number = turn.state, given.ticket
    if number is None:
        number = state.begun + 1
        state = replace(state, begun=number)
    elif number not in state.tickets:
        raise UnknownTicket(number)  # [unknown-ticket]
    elif state.tickets[number].first is not None:
        raise TicketUsed(number)  # [ticket-used]
    known = state.tickets.get(number) or Ticket()
    used = replace(known, first=given.seqs[0], undecided=given.seqs)
    tickets = state.tickets.insert(number, used)
    return replace(turn, state=replace(state, tickets=tickets)), number


def _with_action(turn: Turn, context: Context, first: ClientSeq) -> tuple[Turn, Context]:
    """The context with its action: one for each (scope, origin) of a window. [action-of-window]

    It is named after the first write that asks for it, so no other action has its name.
    """
    if context.action_id is not None:
        return turn, context
    source = context.scope, context.origin
    action = turn.state.window.get(source) or str(entry_id_of(turn.config, first))
    state = replace(turn.state, window=turn.state.window.insert(source, action))
    return replace(turn, state=state), replace(context, action_id=action)
