"""Taking writes in: all or none, each once, with what it must wait for."""

from __future__ import annotations

from dataclasses import replace

from optisync.contracts.entry import WriteEntry, makes_row, mentions, same_write
from optisync.outbox.config import Config
from optisync.outbox.effects import Enqueued
from optisync.outbox.errors import (
    BaseUnknown,
    EntryIdReused,
    KeyReused,
    NumberNotOpen,
    NumberPassed,
    OutboxFull,
    ParentRejected,
    TemporaryIdReused,
)
from optisync.outbox.inputs import Enqueue
from optisync.outbox.rows import Acked, Hole, Item
from optisync.outbox.state import Outbox, known_as, lacks_base, renamed
from optisync.outbox.turn import Turn, unused
from optisync.values import ClientSeq
from optisync.view import Create, Upsert


def enqueue(config: Config, turn: Turn, given: Enqueue) -> Turn:
    """Every entry, or an error and none of them. [enqueue-all-or-none]"""
    numbers = turn.state.numbers
    following = numbers.counter + 1
    for index, entry in enumerate(given.entries):
        taken = given.seqs[index] if index < len(given.seqs) else None
        turn = _one(config, turn, entry, taken, ClientSeq(following), given)
        following += turn.state.queue.get(ClientSeq(following)) is not None
    if following == numbers.counter + 1:
        return turn
    return turn.numbered_first(replace(numbers, counter=ClientSeq(following - 1)))


def _one(
    config: Config,
    turn: Turn,
    entry: WriteEntry,
    taken: ClientSeq | None,
    following: ClientSeq,
    given: Enqueue,
) -> Turn:
    state = turn.state
    known = state.queue.keyed(entry.idempotency_key)
    if known is not None:  # [dedupe-by-key]: no room needed
        if not same_write(renamed(state, known.entry), renamed(state, entry)):
            raise KeyReused(entry.idempotency_key)  # [key-reused]
        if given.stored and not known.stored:
            turn = turn.put(replace(known, stored=True))
        if taken is not None:
            turn = turn.put(unused(config, state, _open(state, taken)))
        return turn.with_effect(Enqueued(entry.entry_id, known.seq, again=True))
    if state.queue.named(entry.entry_id) is not None:
        raise EntryIdReused(entry.entry_id)  # [entry-id-reused]
    if makes_row(entry) and _is_taken(state, entry.entity.id):
        raise TemporaryIdReused(entry.entity.id)  # [temporary-id-reused]
    made = _made_by(state, entry)
    entry = _with_known_ids(state, entry)
    if state.queue.items >= config.capacity:
        raise OutboxFull(config.capacity)  # [outbox-full]
    seq = following if taken is None else _open(state, taken)
    makers = base_makers(state, entry, seq)
    if lacks_base(state, entry) and not makers:
        raise BaseUnknown(entry.entry_id)  # [base-unknown]
    waits_for = tuple(sorted({*_named_by(state, entry), *made, *makers}))
    if _passed(state, entry, seq, waits_for):
        raise NumberPassed(seq)  # [number-passed]
    # [fifo-by-number]: `at` is kept for people
    item = Item(seq, entry, waits_for, stored=given.stored, enqueued_at=given.at)
    return turn.put(item).with_effect(Enqueued(entry.entry_id, seq))


def _open(state: Outbox, taken: ClientSeq) -> ClientSeq:
    """A number taken before and not used yet. [number-not-open]"""
    hole = state.queue.get(taken)
    if not isinstance(hole, Hole) or hole.status is not None:
        raise NumberNotOpen(taken)
    return taken


def _passed(
    state: Outbox, entry: WriteEntry, seq: ClientSeq, waits_for: tuple[ClientSeq, ...]
) -> bool:
    """Whether what must follow this number cannot wait for it, or what must precede has a later."""
    if seq > state.numbers.counter:
        return False
    later = (member for member in state.queue if isinstance(member, Item) and member.seq > seq)
    entity = known_as(state, entry.entity)
    fixed = any(
        known_as(state, member.entry.entity) == entity
        and (member.sent or lacks_base(state, member.entry))
        for member in later
    )
    return fixed or any(other > seq for other in waits_for)


def _with_known_ids(state: Outbox, entry: WriteEntry) -> WriteEntry:
    """The entry with temporary ids replaced that the server has given ids for. [ids-renamed]"""
    if not state.aliases:
        return entry
    if any(state.aliases.get(text, text) is None for text in mentions(entry)):
        raise ParentRejected(entry.entry_id)  # [parent-rejected]
    return renamed(state, entry)


def _named_by(state: Outbox, entry: WriteEntry) -> set[ClientSeq]:
    """Entries it depends on by name, while they are unsettled. [dependency-order]"""
    named = (state.queue.named(entry_id) for entry_id in entry.depends_on)
    return {i.seq for i in named if i is not None and not isinstance(i.status, Acked)}


def _made_by(state: Outbox, entry: WriteEntry) -> set[ClientSeq]:
    """The creates of the temporary ids it mentions. [dependency-order]"""
    if not state.queue.temporaries:
        return set()
    made = (state.queue.making(text) for text in mentions(entry))
    return {item.seq for item in made if item is not None}


def _is_taken(state: Outbox, temporary: str) -> bool:
    return temporary in state.aliases or state.queue.making(temporary) is not None


def base_makers(state: Outbox, entry: WriteEntry, seq: ClientSeq) -> set[ClientSeq]:
    """The earlier creates and upserts whose acceptance will bring the version it lacks."""
    if not lacks_base(state, entry):
        return set()
    entity = known_as(state, entry.entity)
    return {
        member.seq
        for member in state.queue
        if isinstance(member, Item)
        and member.seq < seq
        and known_as(state, member.entry.entity) == entity
        and isinstance(member.entry.change, Create | Upsert)
    }
