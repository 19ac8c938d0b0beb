"""The queue: members by number, in the order of their numbers, found by any of their names."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from rpds import HashTrieMap

from optisync.contracts.entry import EntryId, IdempotencyKey, makes_row
from optisync.outbox.rows import Hole, Item, Member
from optisync.values import ClientSeq


@dataclass(frozen=True, slots=True)
class Queue:
    """Immutable. `names` finds an item by entry id, `keys` by idempotency key, `temporaries` by
    the temporary id it creates, `children` the items that wait for a number. They follow from the
    members and spare a walk through the queue.
    """

    order: tuple[ClientSeq, ...] = ()
    members: HashTrieMap[ClientSeq, Member] = field(default_factory=lambda: HashTrieMap())
    names: HashTrieMap[str, ClientSeq] = field(default_factory=lambda: HashTrieMap(), compare=False)
    keys: HashTrieMap[str, ClientSeq] = field(default_factory=lambda: HashTrieMap(), compare=False)
    temporaries: HashTrieMap[str, ClientSeq] = field(
        default_factory=lambda: HashTrieMap(), compare=False
    )
    children: HashTrieMap[ClientSeq, tuple[ClientSeq, ...]] = field(
        default_factory=lambda: HashTrieMap(), compare=False
    )

    def __iter__(self) -> Iterator[Member]:
        members = self.members
        return (members[seq] for seq in self.order)

    def __len__(self) -> int:
        return len(self.order)

    @property
    def items(self) -> int:
        """How many writes are in the queue; numbers without one do not count."""
        return len(self.names)

    def get(self, seq: ClientSeq) -> Member | None:
        """The member with this number."""
        return self.members.get(seq)

    def named(self, entry_id: EntryId) -> Item | None:
        """The item of this entry."""
        return self._item(self.names.get(entry_id))

    def keyed(self, key: IdempotencyKey) -> Item | None:
        """The item with this idempotency key."""
        return self._item(self.keys.get(key))

    def making(self, temporary: str) -> Item | None:
        """The item that creates the row with this temporary id."""
        return self._item(self.temporaries.get(temporary))

    def waiting_for(self, seq: ClientSeq) -> tuple[Item, ...]:
        """The items that must not be sent before this number is settled."""
        found = (self.members[child] for child in sorted(self.children.get(seq, ())))
        return tuple(member for member in found if isinstance(member, Item))

    def put(self, member: Member) -> Queue:
        """The queue with this member in its place; it replaces the one with its number."""
        old = self.members.get(member.seq)
        order = self.order
        if old is None:
            at = bisect_left(order, member.seq)
            order = (*order[:at], member.seq, *order[at:])
        members = self.members.insert(member.seq, member)
        if isinstance(member, Item):
            if isinstance(old, Item):
                return replace(self, members=members)
            entry, temporaries = member.entry, self.temporaries
            if makes_row(entry):
                temporaries = temporaries.insert(entry.entity.id, member.seq)
            names = self.names.insert(entry.entry_id, member.seq)
            keys = self.keys.insert(entry.idempotency_key, member.seq)
            children = self.children
            for parent in member.after:
                children = children.insert(parent, (*children.get(parent, ()), member.seq))
            return Queue(order, members, names, keys, temporaries, children)
        return replace(self._forget(old), order=order, members=members)

    def drop(self, seq: ClientSeq) -> Queue:
        """The queue without this number."""
        old = self.members.get(seq)
        if old is None:
            return self
        at = bisect_left(self.order, seq)
        order = self.order[:at] + self.order[at + 1 :]
        return replace(self._forget(old), order=order, members=self.members.remove(seq))

    def _forget(self, old: Member | None) -> Queue:
        if not isinstance(old, Item):
            return self
        entry, temporaries, children = old.entry, self.temporaries, self.children
        if makes_row(entry):
            temporaries = temporaries.discard(entry.entity.id)
        for parent in old.after:
            rest = tuple(child for child in children[parent] if child != old.seq)
            children = children.insert(parent, rest) if rest else children.remove(parent)
        names, keys = self.names.remove(entry.entry_id), self.keys.remove(entry.idempotency_key)
        return replace(self, names=names, keys=keys, temporaries=temporaries, children=children)

    def _item(self, seq: ClientSeq | None) -> Item | None:
        member = None if seq is None else self.members.get(seq)
        return None if isinstance(member, Hole) else member
