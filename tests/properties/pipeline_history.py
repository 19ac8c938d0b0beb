"""What was dispatched, handed over and told in a run, and what the server made of it."""

from dataclasses import dataclass, field, replace

from tests.properties.pipeline_backends import RowAuthority, StreamAuthority

from optisync.contracts.entry import (
    Entity,
    EntityId,
    Stamp,
    atom_of,
)
from optisync.contracts.messages import Ids
from optisync.pipeline.effects import Answer
from optisync.pipeline.events import Context, Kind, Write
from optisync.pipeline.inputs import Await
from optisync.pipeline.state import Pipeline, TicketStatus
from optisync.values import AtomKey, ClientSeq, Json, Obj
from optisync.view import Change, changes_to_json

VERDICTS = (TicketStatus.CONFIRMED, TicketStatus.FAILED, TicketStatus.IN_DOUBT)


@dataclass
class Note:
    """A write. `seen`: the version of its row when it was dispatched. `origin`: whose it is.

    `codes`: why it may be refused. `parents`: the writes whose failure takes it along.
    """

    seq: ClientSeq
    ticket: int
    write: Write
    seen: Stamp | None
    origin: str
    optimistic: bool
    parents: frozenset[ClientSeq]
    codes: set[str] = field(default_factory=set)
    handed: bool = False
    told: bool = False


@dataclass(frozen=True)
class Queued:
    """An event as the segments see it."""

    seqs: tuple[ClientSeq, ...]
    key: tuple[str, str, str, str | None, str | None]
    kind: Kind
    entities: frozenset[Entity]
    after: frozenset[ClientSeq]
    context: Context


@dataclass
class History:
    """The writes of a run. `durable`: the documents are those of a position of the server."""

    authority: RowAuthority | StreamAuthority
    notes: dict[ClientSeq, Note] = field(default_factory=dict)
    alive: set[ClientSeq] = field(default_factory=set)
    doubtful: set[ClientSeq] = field(default_factory=set)
    ended: set[ClientSeq] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)
    origins: dict[int, set[ClientSeq]] = field(default_factory=dict)
    restored: bool = False
    window: list[Queued] = field(default_factory=list)
    segments: list[list[Queued]] = field(default_factory=list)
    actions: dict[tuple[str, str], str] = field(default_factory=dict)
    told: dict[int, list[TicketStatus]] = field(default_factory=dict)
    waits: dict[int, Await] = field(default_factory=dict)
    answered: dict[int, Answer] = field(default_factory=dict)
    until: dict[int, int] = field(default_factory=dict)
    executed: int = 0
    durable: bool = False
    made: dict[AtomKey, Stamp] = field(default_factory=dict)

    def dispatched(self, notes: list[Note], queued: Queued) -> None:
        for note in notes:
            assert note.seq not in self.notes
            self.notes[note.seq] = note
            self.alive.add(note.seq)
            if note.origin not in ("undo", "redo"):
                for number in numbers_in(note.write.change):
                    self.origins.setdefault(number, set()).add(note.seq)
        self.window.append(queued)

    def in_window(self, context: Context, first: ClientSeq) -> Context:
        """[action-of-window]: named after the first write that asks."""
        if context.action_id is not None:
            return context
        action = self.actions.setdefault((context.scope, context.origin), f"me/{first}")
        return replace(context, action_id=action)

    def drained(self) -> None:
        """[segments-are-runs] [kinds-split] [segment-has-entity-once]: by the text."""
        for event in self.window:
            run = self.segments[-1] if self.segments and self.segments[-1] else []
            fits = bool(run) and run[0] in self.window and run[0].key == event.key
            fits = fits and run[0].kind is event.kind is not Kind.PATCHES
            for other in run if fits else ():
                apart = other.entities.isdisjoint(event.entities)
                fits = fits and apart and not event.after & set(other.seqs)
            if fits:
                run.append(event)
            else:
                self.segments.append([event])
        self.window, self.actions = [], {}

    def name(self, ids: Ids) -> None:
        """The server gave rows their ids; after a restore it may give others."""
        for temporary, real in ids:
            before = self.names.get(temporary, temporary)
            old = {name for name, known in self.names.items() if known == before} | {before}
            self.names |= dict.fromkeys({*old, temporary} - {real}, real)

    def known(self, entity: Entity) -> Entity:
        return Entity(entity.resource, EntityId(self.names.get(entity.id, entity.id)))

    def began(self, state: Pipeline) -> None:
        """A new life: what was stored is there, what was not has ended."""
        self.alive &= set(state.pending.members)
        self.ended |= {n.seq for n in self.notes.values() if not n.told} - self.alive
        self.window, self.segments, self.told, self.answered = [], [], {}, {}
        self.waits, self.actions = {}, {}
        for note in self.notes.values():
            note.ticket = int(note.seq) if note.seq in self.alive else -1
        for seq in self.alive:  # a ticket of this life: what it was told before is forgotten
            self.told[int(seq)] = [state.tickets[int(seq)].status]
            self.notes[seq].told = self.told[int(seq)][0] in VERDICTS

    def came_to_nothing(self, seq: ClientSeq) -> bool:
        return bool(self.codes(seq)) or seq in self.doubtful

    def codes(self, seq: ClientSeq) -> set[str]:
        """Why it is refused, if it is."""
        said = self.authority.refused.get(seq)
        return self.notes[seq].codes | ({said} if said is not None else set())

    def covered(self, seq: ClientSeq, state: Pipeline) -> bool:
        """Whether the documents have what the server made of this write."""
        at = self.authority.accepted.get(state.epoch, {}).get(seq)
        if at is None:
            return False
        if isinstance(self.authority, StreamAuthority):
            return at <= state.server_seq
        stamp = state.versions.get(atom_of(self.known(self.notes[seq].write.entity)))
        return stamp is not None and stamp.version >= at


def numbers_in(change: Change) -> set[int]:
    """Every number above 0 that a change writes: what it is known by."""
    found: set[int] = set()
    rest: list[Json] = [changes_to_json(((AtomKey("a"), change),))]
    while rest:
        match rest.pop():
            case Obj() as members:
                rest += members.values()
            case tuple() as items:
                rest += items
            case int() as number if number > 0 and number is not True:
                found.add(number)
            case _:
                pass
    return found
