"""From queued events to segments, and from segments to requests that may be persisted now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rpds import HashTrieMap

from optisync.contracts.entry import IdempotencyKey, WriteEntry
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Persist
from optisync.pipeline.events import Kind
from optisync.pipeline.pending import Accepted, Mutation, Pending, Place
from optisync.pipeline.state import QueuedEvent, Segment
from optisync.pipeline.turn import Turn, entry_id_of
from optisync.values import ClientSeq
from optisync.view import Create


def drain(turn: Turn) -> Turn:
    """Close the window: every queued event goes into a segment. [segments-are-runs]

    Of events as they were dispatched: nothing that came since has a say. [batching-deterministic]
    """
    state = turn.state
    segments = tuple(
        Segment(_seqs(run), run[0].context, run[0].persist_key) for run in runs(state.queue)
    )
    waiting = (*state.waiting, *segments)
    return replace(turn, state=replace(state, queue=(), window=HashTrieMap(), waiting=waiting))


def runs(events: Sequence[QueuedEvent]) -> tuple[tuple[QueuedEvent, ...], ...]:
    """Maximal runs of consecutive events that may share a segment; nothing is moved or left out."""
    found: list[list[QueuedEvent]] = []
    for event in events:
        if found and joins(found[-1], event):
            found[-1].append(event)
        else:
            found.append([event])
    return tuple(map(tuple, found))


def joins(run: Sequence[QueuedEvent], event: QueuedEvent) -> bool:
    """Whether an event belongs to the run before it. Another kind splits. [kinds-split]

    So does a write that must wait for one of the run: a request is one message, whose entries
    carry versions and ids that are known when it leaves. [segment-has-entity-once]
    """
    first = run[0]
    if key_of(first) != key_of(event) or first.kind is not event.kind:
        return False
    if event.kind is Kind.PATCHES:
        return False
    entities = {entity for other in run for entity in other.entities}
    numbers = {seq for other in run for seq in other.seqs}
    return entities.isdisjoint(event.entities) and numbers.isdisjoint(event.after)


def key_of(event: QueuedEvent) -> tuple[str, str, str, str | None, str | None]:
    """What the events of a segment have in common: compared member by member, never joined."""
    context = event.context
    resource = event.entities[0].resource
    return resource, context.scope, context.origin, context.action_id, event.persist_key


def hand_over(turn: Turn) -> Turn:
    """Hand every segment over that nothing holds back, in order. [order-per-entity]"""
    kept: list[Segment] = []
    for segment in turn.state.waiting:
        turn, rest = _go(turn, segment)
        if rest:
            kept.append(segment if rest == segment.seqs else replace(segment, seqs=rest))
    return replace(turn, state=replace(turn.state, waiting=tuple(kept)))


def _go(turn: Turn, segment: Segment) -> tuple[Turn, tuple[ClientSeq, ...]]:
    """Hand a segment over, or not; the numbers that stay.

    What was cancelled or rejected meanwhile is left out: it has split its run all the same. Two
    names of one row may turn out to be in one segment: the later write then stays behind.
    """
    pending, mates = turn.state.pending, frozenset(segment.seqs)
    live = [mutation for seq in segment.seqs if (mutation := pending.get(seq)) is not None]
    if any(held_back(pending, mutation, mates) for mutation in live):
        return turn, tuple(mutation.seq for mutation in live)
    free = [mutation for mutation in live if not held_back(pending, mutation)]
    rest = tuple(mutation.seq for mutation in live if mutation not in free)
    return (_handed(turn, segment, free) if free else turn), rest


def held_back(
    pending: Pending, mutation: Mutation, mates: frozenset[ClientSeq] = frozenset()
) -> bool:
    """Whether a write must wait for another: of its entity, or one that it depends on.

    Also for one whose outcome is unknown: it may still be executed. `mates` do not count.
    """
    undelivered = (Place.WAITING, Place.PERSISTING, Place.UNKNOWN)
    for seq in pending.entities[mutation.write.entity]:
        if seq >= mutation.seq:
            break
        if seq not in mates and pending.members[seq].status in undelivered:
            return True
    for maker in map(pending.get, mutation.makers):  # [child-after-parent]
        if maker is not None and (maker.status in undelivered or _is_nameless(maker)):
            return True
    needs = (pending.get(seq) for seq in mutation.needs)  # [undo-waits]
    return any(need is not None and not isinstance(need.status, Accepted) for need in needs)


def _is_nameless(maker: Mutation) -> bool:
    """Whether the server has it, and may still say by which id."""
    return isinstance(maker.status, Accepted) and maker.write.temporary


def _handed(turn: Turn, segment: Segment, live: list[Mutation]) -> Turn:
    for mutation in live:
        turn = turn.put(replace(mutation, status=Place.PERSISTING))
    seqs = tuple(mutation.seq for mutation in live)
    handed = turn.state.handed.insert(seqs[0], seqs)
    turn = replace(turn, state=replace(turn.state, handed=handed))
    entries = tuple(_entry(turn.config, turn.state.pending, m, segment) for m in live)
    return turn.with_effect(Persist(seqs[0], entries, seqs, segment.context, segment.persist_key))


def _entry(config: Config, pending: Pending, mutation: Mutation, segment: Segment) -> WriteEntry:
    """The entry of a write: its own change, under an id that it has in every life. [entry-ids]"""
    entry_id, write = entry_id_of(config, mutation.seq), mutation.write
    named = ((seq, pending.get(seq)) for seq in mutation.makers)
    enqueued = (seq for seq, maker in named if maker and maker.status is Place.ENQUEUED)
    makers = tuple(entry_id_of(config, seq) for seq in enqueued)
    return WriteEntry(
        entry_id,
        IdempotencyKey(entry_id),
        write.entity,
        write.change,
        None if isinstance(write.change, Create) else mutation.base,
        write.temporary,
        makers,
        segment.context.timestamp,
    )


def _seqs(run: Sequence[QueuedEvent]) -> tuple[ClientSeq, ...]:
    return tuple(seq for event in run for seq in event.seqs)
