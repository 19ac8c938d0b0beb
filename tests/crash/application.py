"""The application: what it wants written."""

import random

from tests.crash.wire import Waiting

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    IdempotencyKey,
    Resource,
    WriteEntry,
)
from optisync.outbox.inputs import Enqueue
from optisync.patch import Replace
from optisync.values import AtomKey, Json, Obj
from optisync.view import Change, Create, Delete, Update, Upsert

FIXED = ("a", "b", "c")
"""Rows that everybody writes; all others are created here, under temporary ids."""


class Application:
    """Remembers what it asked for, and nothing else."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._count = 0
        self._rows: list[str] = []

    def batch(self, queue: tuple[Waiting, ...]) -> Enqueue:
        """One write, or several that belong together."""
        size = self._chance.choice((1, 1, 2, 4))
        return Enqueue(tuple(self._entry(queue) for _ in range(size)))

    def foreign(self) -> tuple[AtomKey, Change]:
        """What somebody else writes."""
        return AtomKey(f"todo/{self._chance.choice(FIXED)}"), Upsert(self._value(0))

    def _entry(self, queue: tuple[Waiting, ...]) -> WriteEntry:
        self._count += 1
        row, change = self._change(self._count)
        depends = self._chance.sample(queue, 1) if queue and self._chance.random() < 0.2 else ()
        return WriteEntry(
            EntryId(f"w{self._count}"),
            IdempotencyKey(f"key-{self._count}"),
            Entity(Resource("todo"), EntityId(row)),
            change,
            temporary=row == f"new-{self._count}",
            depends_on=tuple(waiting.entry_id for waiting in depends),
        )

    def _change(self, number: int) -> tuple[str, Change]:
        chance, fixed = self._chance, self._chance.choice(FIXED)
        match chance.choice(("new", "new", "update", "update", "upsert", "create", "delete")):
            case "new":
                change = Create(self._value(number))
                self._rows.append(f"new-{number}")
                return f"new-{number}", change
            case "update" if self._rows:
                return chance.choice(self._rows[-6:]), Update((Replace(("n",), number),))
            case "create":
                return fixed, Create(self._value(number))
            case "delete":
                return fixed, Delete()
            case _:
                return fixed, Upsert(self._value(number))

    def _value(self, number: int) -> Json:
        named = self._chance.choice(self._rows[-6:]) if self._rows else None
        return Obj({"n": number, "after": named if self._chance.random() < 0.3 else None})
