"""Pending writes: in the order of their numbers, found by entity and by the id they make."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypeAlias

from rpds import HashTrieMap, HashTrieSet

from optisync.contracts.entry import Entity, Stamp, atom_of
from optisync.pipeline.events import Write
from optisync.values import ClientSeq, ServerSeq, Version
from optisync.view import Overlay


class Place(Enum):
    """Where a write is, before its verdict.

    WAITING: not handed over yet. PERSISTING: handed over, no answer yet. ENQUEUED: stored by
    somebody who will tell the verdict. UNKNOWN: nobody knows whether it was executed.
    """

    WAITING = "waiting"
    PERSISTING = "persisting"
    ENQUEUED = "enqueued"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server has it. The documents will at `server_seq`; None: when the row was read again."""

    server_seq: ServerSeq | None
    version: Version | None = None


Status: TypeAlias = Place | Accepted


@dataclass(frozen=True, slots=True)
class Mutation:
    """A pending write: shown until it is rejected, given up, or covered by the documents.

    `base`: the version the plan saw, raised by own writes since. `makers`: the writes that make
    the rows whose temporary ids it mentions. `needs`: those whose values it restores. `optimistic`
    False: it is not shown.
    """

    seq: ClientSeq
    ticket: int
    write: Write
    base: Stamp | None = None
    optimistic: bool = True
    makers: tuple[ClientSeq, ...] = ()
    needs: tuple[ClientSeq, ...] = ()
    status: Status = Place.WAITING


@dataclass(frozen=True, slots=True)
class Pending:
    """Immutable. `entities`, `makers` (by the temporary id they make) and `children` (those that
    name a number among their makers and needs) and `accepted` follow from the members and spare a
    walk through them.
    """

    members: HashTrieMap[ClientSeq, Mutation] = field(default_factory=lambda: HashTrieMap())
    entities: HashTrieMap[Entity, tuple[ClientSeq, ...]] = field(
        default_factory=lambda: HashTrieMap(), compare=False
    )
    makers: HashTrieMap[str, ClientSeq] = field(
        default_factory=lambda: HashTrieMap(), compare=False
    )
    children: HashTrieMap[ClientSeq, tuple[ClientSeq, ...]] = field(
        default_factory=lambda: HashTrieMap(), compare=False
    )
    accepted: HashTrieSet[ClientSeq] = field(default_factory=lambda: HashTrieSet(), compare=False)

    def __iter__(self) -> Iterator[Mutation]:
        members = self.members
        return (members[seq] for seq in sorted(members))

    def __len__(self) -> int:
        return len(self.members)

    def get(self, seq: ClientSeq) -> Mutation | None:
        """The pending write with this number."""
        return self.members.get(seq)

    def of(self, entity: Entity) -> tuple[Mutation, ...]:
        """The pending writes of an entity, in order."""
        return tuple(self.members[seq] for seq in self.entities.get(entity, ()))

    def making(self, temporary: str) -> Mutation | None:
        """The pending write that makes the row with this temporary id."""
        seq = self.makers.get(temporary)
        return None if seq is None else self.members[seq]

    def depending_on(self, seq: ClientSeq) -> tuple[Mutation, ...]:
        """The pending writes that name this number, in order."""
        return tuple(self.members[child] for child in self.children.get(seq, ()))

    def put(self, mutation: Mutation) -> Pending:
        """With this write in its place; it replaces the one with its number."""
        seq, old = mutation.seq, self.members.get(mutation.seq)
        if old is None or old.write is not mutation.write:
            rest = self if old is None else self.drop(seq)
            return rest._indexed(mutation).put(mutation)
        accepted = self.accepted
        if isinstance(mutation.status, Accepted) != isinstance(old.status, Accepted):
            now = isinstance(mutation.status, Accepted)
            accepted = accepted.insert(seq) if now else accepted.discard(seq)
        return replace(self, members=self.members.insert(seq, mutation), accepted=accepted)

    def drop(self, seq: ClientSeq) -> Pending:
        """Without this number, and every other as it is."""
        old = self.members[seq]
        entity, entities, children = old.write.entity, self.entities, self.children
        others = tuple(other for other in entities[entity] if other != seq)
        entities = entities.insert(entity, others) if others else entities.remove(entity)
        for parent in {*old.makers, *old.needs}:
            left = tuple(other for other in children[parent] if other != seq)
            children = children.insert(parent, left) if left else children.remove(parent)
        makers = self.makers.discard(entity.id) if old.write.temporary else self.makers
        members = self.members.remove(seq)
        return Pending(members, entities, makers, children, self.accepted.discard(seq))

    def _indexed(self, mutation: Mutation) -> Pending:
        seq, entity = mutation.seq, mutation.write.entity
        makers, children = self.makers, self.children
        seqs = tuple(sorted({*self.entities.get(entity, ()), seq}))
        if mutation.write.temporary:
            makers = makers.insert(entity.id, seq)
        for parent in {*mutation.makers, *mutation.needs}:
            children = children.insert(parent, tuple(sorted({*children.get(parent, ()), seq})))
        entities = self.entities.insert(entity, seqs)
        bare = replace(mutation, status=Place.WAITING)
        return Pending(self.members.insert(seq, bare), entities, makers, children, self.accepted)


def overlay(mutation: Mutation) -> Overlay:
    """What a pending write shows: its own change, whatever else is pending. [own-change-only]"""
    changes = ((atom_of(mutation.write.entity), mutation.write.change),)
    return Overlay(mutation.seq, changes if mutation.optimistic else ())
