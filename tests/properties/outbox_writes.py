"""The writes of the random runs: of few rows, with temporary ids, dependencies, odd clocks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tests.properties.scripts import Choose

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    IdempotencyKey,
    Millis,
    Resource,
    Stamp,
    WriteEntry,
)
from optisync.outbox.rows import Item
from optisync.patch import Add
from optisync.values import AtomKey, Json, Obj
from optisync.view import Change, Create, Delete, Update, Upsert

ROWS = tuple(
    Entity(Resource(resource), EntityId(name)) for resource, name in ("ta", "tb", "tc", "ua", "ta")
)
TABLE = Resource("t")
Versions = Mapping[AtomKey, Stamp]


@dataclass
class Writes:
    """Makes entries. `plan`: the versions of the documents that the client sees."""

    choose: Choose
    fresh: int = 0
    temporaries: list[Entity] = field(default_factory=list)
    names: list[EntryId] = field(default_factory=list)

    def one(self, plan: Versions) -> WriteEntry:
        """A new write, under ids of its own."""
        self.fresh += 1
        entity, change, temporary = self.content()
        seen = plan.get(AtomKey(f"{entity.resource}/{entity.id}"))
        base = None if isinstance(change, Create) or self.choose(8) == 0 else seen
        name = EntryId(f"e{self.fresh}")
        known = self.names[-6:]
        after = (known[self.choose(len(known))],) if known and self.choose(4) == 0 else ()
        self.names.append(name)
        if temporary:
            self.temporaries.append(entity)
        return WriteEntry(
            name, IdempotencyKey(f"k{self.fresh}"), entity, change, base, temporary, after,
            self.clock(),
        )  # fmt: skip

    def content(self) -> tuple[Entity, Change, bool]:
        what, n = self.choose(12), self.fresh
        row = ROWS[self.choose(len(ROWS))]
        if what <= 1:
            return Entity(TABLE, EntityId(f"temp{n}")), Create(self.document()), True
        if what <= 4 and self.temporaries:
            row = self.temporaries[-1 - self.choose(min(3, len(self.temporaries)))]
            return row, (Delete() if self.choose(6) == 0 else Update((Add(("n",), n),))), False
        match what:
            case 5:
                return row, Update((Add(("ref",), self.mention()),)), False
            case 6:
                return row, Delete(), False
            case 7:
                return row, Create(self.document()), False
            case 8:
                return row, Upsert(self.document(), (Add(("n",), n),)), False
            case _:
                return row, Update((Add(("n",), n),)), False

    def document(self) -> Obj:
        plain = Obj({"n": self.fresh})
        return plain.put("refs", (self.mention(),)) if self.choose(3) == 0 else plain

    def mention(self) -> Json:
        return str(self.temporaries[-1].id) if self.temporaries else self.fresh

    def clock(self) -> Millis:
        """The wall clock jumps, and stands still. [fifo-by-number]"""
        return Millis((0, 0, 5, self.fresh, 1000 - self.fresh)[self.choose(5)])

    def like(self, item: Item, original: WriteEntry) -> WriteEntry:
        """A write that shares an id with one in the queue: its key, its entry id, or both."""
        self.fresh += 1
        name, key = EntryId(f"e{self.fresh}"), IdempotencyKey(f"k{self.fresh}")
        other = Upsert(Obj({"n": self.fresh}))
        makers: tuple[Callable[[], WriteEntry], ...] = (
            lambda: original,
            lambda: item.entry,
            lambda: replace(original, entry_id=name, base=None, client_time_ms=self.clock()),
            lambda: replace(original, change=other),
            lambda: replace(original, idempotency_key=key),
        )
        return makers[self.choose(len(makers))]()


def foreign_change(choose: Choose, n: int) -> tuple[AtomKey, Change]:
    """What another client writes."""
    row = ROWS[choose(len(ROWS))]
    what = choose(6)
    change: Change = Update((Add(("f",), n),))
    if what == 0:
        change = Delete()
    elif what == 1:
        change = Upsert(Obj({"n": n}))
    return AtomKey(f"{row.resource}/{row.id}"), change
