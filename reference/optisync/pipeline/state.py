"""What a pipeline knows. Nothing here can be derived from anything else here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from rpds import HashTrieMap, HashTrieSet

from optisync.contracts.entry import (
    Entity,
    EntityId,
    Millis,
    Stamp,
    atom_of,
    mentioned,
    renamed_change,
)
from optisync.pipeline.events import Context, Kind, Write
from optisync.pipeline.pending import Accepted, Mutation, Pending, overlay
from optisync.values import AtomKey, ClientSeq, Epoch, Obj, ServerSeq
from optisync.view import Change, Create, Docs, Folded, fold

NO_DOCS: Final = Obj()


class TicketStatus(Enum):
    """How far the write of a ticket has come. It never goes back; the last three are verdicts."""

    PENDING = "pending"
    ENQUEUED = "enqueued"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    IN_DOUBT = "in-doubt"


class Mode(Enum):
    """What a wait is for. OPTIMISTIC: stored by somebody who will see to it. STRICT: a verdict."""

    OPTIMISTIC = "optimistic"
    STRICT = "strict"


class OnTimeout(Enum):
    """How a wait ends when its time is over: as timed out, or as enqueued if it is."""

    REJECT = "reject"
    RESOLVE_ENQUEUED = "resolve-enqueued"


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody waits for a ticket, until a time of this life at the latest."""

    number: int
    mode: Mode
    until: Millis | None
    on_timeout: OnTimeout


@dataclass(frozen=True, slots=True)
class Ticket:
    """A promise about one event. `first`: the number of its first write, None before there is one.

    `undecided`: its writes without a verdict. `refused`: the refused one with the lowest number,
    and why. `doubt`: one is in doubt. `waits`: who waits for it.
    """

    first: ClientSeq | None = None
    undecided: tuple[ClientSeq, ...] = ()
    status: TicketStatus = TicketStatus.PENDING
    refused: tuple[ClientSeq, str] | None = None
    doubt: bool = False
    waits: tuple[Wait, ...] = ()


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """A dispatched event that waits for the next drain. `after`: the writes it depends on."""

    seqs: tuple[ClientSeq, ...]
    entities: tuple[Entity, ...]
    after: tuple[ClientSeq, ...]
    kind: Kind
    context: Context
    persist_key: str | None


@dataclass(frozen=True, slots=True)
class Segment:
    """Writes that are persisted together, under the context of the first event."""

    seqs: tuple[ClientSeq, ...]
    context: Context
    persist_key: str | None


@dataclass(frozen=True, slots=True)
class Member:
    """A write that can be taken back. `inverse`: how, once the documents hold it."""

    write: Write
    inverse: Change | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """What one action wrote: undone and redone as a whole."""

    action_id: str
    seqs: tuple[ClientSeq, ...]


@dataclass(frozen=True, slots=True)
class Stacks:
    """What can be undone and redone in one scope, newest last."""

    undo: tuple[Unit, ...] = ()
    redo: tuple[Unit, ...] = ()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The whole state.

    `docs` are the confirmed documents at (epoch, server_seq), `versions` what is known of them;
    a version without a document is that of a deleted one. `loaded`: a snapshot has come;
    `hydrated`: documents that only a cache has spoken of; `doubted`: those that may lack an own
    write that was given up in doubt.
    `aliases`: the server's id for each temporary one, None if its create came to nothing.
    `window`: the action ids given in this drain window. `waiting`: segments not handed over yet,
    `handed`: requests without an answer, by their first number. `decided`: tickets with a verdict,
    oldest first; `awaited`: tickets somebody waits for.
    """

    docs: Docs = field(default_factory=Obj)
    epoch: Epoch = Epoch(1)
    server_seq: ServerSeq = ServerSeq(0)
    loaded: bool = False
    hydrated: HashTrieSet[AtomKey] = field(default_factory=lambda: HashTrieSet())
    doubted: HashTrieSet[AtomKey] = field(default_factory=lambda: HashTrieSet())
    versions: HashTrieMap[AtomKey, Stamp] = field(default_factory=lambda: HashTrieMap())
    aliases: HashTrieMap[str, str | None] = field(default_factory=lambda: HashTrieMap())
    pending: Pending = field(default_factory=Pending)
    numbered: ClientSeq = ClientSeq(0)
    queue: tuple[QueuedEvent, ...] = ()
    window: HashTrieMap[tuple[str, str], str] = field(default_factory=lambda: HashTrieMap())
    waiting: tuple[Segment, ...] = ()
    handed: HashTrieMap[int, tuple[ClientSeq, ...]] = field(default_factory=lambda: HashTrieMap())
    tickets: HashTrieMap[int, Ticket] = field(default_factory=lambda: HashTrieMap())
    begun: int = 0
    decided: tuple[int, ...] = ()
    awaited: HashTrieSet[int] = field(default_factory=lambda: HashTrieSet())
    now: Millis = Millis(0)
    members: HashTrieMap[ClientSeq, Member] = field(default_factory=lambda: HashTrieMap())
    history: HashTrieMap[str, Stacks] = field(default_factory=lambda: HashTrieMap())


def start(
    docs: Docs = NO_DOCS,
    epoch: Epoch = Epoch(1),
    server_seq: ServerSeq = ServerSeq(0),
    versions: Iterable[tuple[AtomKey, Stamp]] = (),
    numbered: ClientSeq = ClientSeq(0),
    stored: Iterable[Mutation] = (),
    aliases: Iterable[tuple[str, str | None]] = (),
    loaded: bool = False,
) -> Pipeline:
    """A new life: documents, numbers used up, names known, and the writes that somebody stored.

    `loaded`: the documents are, or follow from, a snapshot.

    Those are enqueued, or accepted and not covered. Each has a ticket of its own again, numbered
    as the write is; so that no ticket of this life has its number, `begun` starts behind them.
    """
    state = Pipeline(docs, epoch, server_seq, loaded, numbered=numbered, begun=numbered)
    state = replace(state, versions=HashTrieMap(versions), aliases=HashTrieMap(aliases))
    for mutation in stored:
        again = replace(mutation, ticket=int(mutation.seq))
        if isinstance(again.status, Accepted):
            ticket = Ticket(again.seq, (), TicketStatus.CONFIRMED)
            state = replace(state, decided=(*state.decided, again.ticket))
        else:
            ticket = Ticket(again.seq, (again.seq,), TicketStatus.ENQUEUED)
        tickets = state.tickets.insert(again.ticket, ticket)
        state = replace(state, pending=state.pending.put(again), tickets=tickets)
    return state


def view(state: Pipeline) -> Folded:
    """What the application sees: the documents with every pending write, in order."""
    return fold(state.docs, map(overlay, state.pending))


def known_write(state: Pipeline, write: Write) -> Write:
    """A write with temporary ids replaced by the server's. [ids-in-view]"""
    found = ((text, state.aliases.get(text)) for text in mentioned(write.entity, write.change))
    return renamed(write, {temporary: real for temporary, real in found if real is not None})


def renamed(write: Write, names: Mapping[str, str]) -> Write:
    """A write with every id replaced that is one of the names."""
    if not names:
        return write
    entity = Entity(write.entity.resource, EntityId(names.get(write.entity.id, write.entity.id)))
    temporary = write.temporary and entity == write.entity
    return Write(entity, renamed_change(write.change, names), temporary)


def known_entity(state: Pipeline, entity: Entity) -> Entity:
    """An entity by the name that the server knows, where it gave one."""
    real = state.aliases.get(entity.id)
    return entity if real is None else Entity(entity.resource, EntityId(real))


def version_seen(state: Pipeline, entity: Entity) -> Stamp | None:
    """The version on which a plan for this entity is made. [base-raised-by-own-only]

    That of the document, raised along own accepted writes that the view shows already.
    """
    stamp = state.versions.get(atom_of(entity))
    for mutation in state.pending.of(entity):
        status = mutation.status
        known = status.version if isinstance(status, Accepted) else None
        if known is not None and made_upon(stamp, mutation):
            stamp = Stamp(state.epoch, known)
    return stamp


def made_upon(seen: Stamp | None, mutation: Mutation) -> bool:
    """Whether a plan that saw this version was made upon the write: they saw the same.

    A create is made on no version; a plan that saw none beside it can only have seen the create.
    """
    return seen == mutation.base or (seen is None and isinstance(mutation.write.change, Create))
