"""What the random runs dispatch: few rows, temporary ids, patches, contexts that nearly agree."""

from dataclasses import dataclass, field

from tests.properties.pipeline_backends import FIRST_DOC, NOTES, ROWS
from tests.properties.scripts import Choose

from optisync.contracts.entry import Entity, EntityId, Millis
from optisync.patch import Add, Copy, Move, Op, Patch, Remove, Replace
from optisync.pipeline.events import USER, Context, Event, Patches, Write
from optisync.values import Json, Obj
from optisync.view import Change, Create, Delete, Update, Upsert

SCOPES = ("default", "left")


@dataclass
class Events:
    """Makes events. Every value it writes is its own: no two events write the same number."""

    choose: Choose
    fresh: int = 0
    temporaries: list[Entity] = field(default_factory=list)

    def one(self) -> Event:
        self.fresh += 1
        what = self.choose(14)
        if what <= 1:
            made = Entity(NOTES, EntityId(f"temp{self.fresh}"))
            return Write(made, Create(self.document()), temporary=True)
        if what <= 3:
            return Patches(NOTES, self.rows_patch())
        row = ROWS[self.choose(len(ROWS))]
        if what <= 7 and self.temporaries:
            row = self.some_temporary()
        return Write(row, self.change())

    def some_temporary(self) -> Entity:
        return self.temporaries[-1 - self.choose(min(3, len(self.temporaries)))]

    def change(self) -> Change:
        match self.choose(10):
            case 0:
                return Delete()
            case 1:
                return Create(self.document())
            case 2:
                return Upsert(self.document())
            case 3:
                return Upsert(self.document(), (Replace(("n",), self.fresh),))
            case 4:
                return Update((Copy(("n",), ("m",)),))
            case 5:
                return Update((Add(("ref",), self.mention()), Replace(("n",), self.fresh)))
            case 6:
                return Update((Replace(("m",), self.fresh),))
            case _:
                return Update((Replace(("n",), self.fresh),))

    def document(self) -> Obj:
        plain = FIRST_DOC.put("n", self.fresh)
        return plain.put("refs", (self.mention(),)) if self.choose(3) == 0 else plain

    def mention(self) -> Json:
        return str(self.some_temporary().id) if self.temporaries else self.fresh

    def rows_patch(self) -> Patch:
        """A patch of two or three rows, some of them more than once."""
        ops: list[Op] = []
        for _ in range(1 + self.choose(3)):
            row = ("a", "b", "c")[self.choose(3)]
            ops.append(
                (
                    Add((row,), self.document()),
                    Remove((row,)),
                    Replace((row, "n"), self.fresh),
                    Replace((row, "m"), self.fresh),
                    Move((row, "m"), (row, "n")),
                    Copy((row, "n"), (row, "m")),
                )[self.choose(6)]
            )
        return tuple(ops)

    def context(self) -> Context:
        scope = SCOPES[self.choose(4) == 0]
        origin = (USER, "sync")[self.choose(5) == 0]
        action = (None, "x", f"own {self.fresh}")[self.choose(3)]
        return Context(scope, origin, action, f"event {self.fresh}", Millis(self.fresh))

    def persist_key(self) -> str | None:
        return (None, None, None, "other")[self.choose(4)]

    def malformed(self) -> Event:
        nobody = Entity(NOTES, EntityId(""))
        events: tuple[Event, ...] = (
            Write(nobody, Delete()),
            Write(ROWS[0], Update(())),
            Write(ROWS[0], Delete(), temporary=True),
            Patches(NOTES, ()),
            Patches(NOTES, (Replace((), 1),)),
            Patches(NOTES, (Add(("a",), 1), Remove(("a",)))),
            Patches(NOTES, (Remove(("a",)), Replace(("a", "n"), 1))),
            Patches(NOTES, (Move(("a", "n"), ("b", "n")),)),
        )
        return events[self.choose(len(events))]

    def again(self) -> Event:
        """A second create under a temporary id."""
        used = self.some_temporary() if self.temporaries else Entity(NOTES, EntityId(""))
        return Write(used, Create(self.document()), temporary=True)

    def foreign(self, number: int) -> tuple[Entity, Change]:
        row = ROWS[self.choose(len(ROWS))]
        what = self.choose(6)
        change: Change = Update((Replace(("m",), -number),))
        if what == 0:
            change = Delete()
        elif what <= 2:
            change = Upsert(FIRST_DOC.put("n", -number))
        return row, change
