"""What several changes of one entity come to as one change, and a patch of rows as such changes."""

from __future__ import annotations

from dataclasses import replace

from optisync.contracts.entry import Entity, EntityId
from optisync.errors import ChangeInapplicable
from optisync.patch import Add, Copy, Move, Op, Remove, Replace, Test
from optisync.pipeline.errors import EventMalformed
from optisync.pipeline.events import Patches, Write
from optisync.values import AtomKey
from optisync.view import ABSENT, Change, Create, Delete, Update, Upsert, apply_change


def compose(first: Change | None, then: Change) -> Change | None:
    """One change that does what two in a row do; None: nothing. [patches-to-entries]

    For the changes that patches and inverses consist of, which are no upserts. Raises
    ChangeInapplicable if the second can never apply after the first.

    >>> compose(Create(1), Update((Replace((), 2),)))
    Create(value=2)
    """
    match first, then:
        case None, _:
            return then
        case Create(value), Update():
            done = apply_change(AtomKey(""), value, then)
            assert done is not ABSENT
            return Create(done)
        case Create(), Delete():
            return None
        case Update(patch), Update(more):
            return Update(patch + more)
        case Update(patch), Delete() if not any(isinstance(op, Test) for op in patch):
            return then
        case Delete(), Create(value):
            return Update((Replace((), value),))
        case _:
            names = type(then).__name__.lower(), type(first).__name__.lower()
            raise ChangeInapplicable("", "a {} after a {}".format(*names))


def writes_of(event: Write | Patches) -> tuple[Write, ...]:
    """The writes of an event, one for each entity, in the order of first mention.

    Raises EventMalformed.
    """
    if isinstance(event, Write):
        return (_checked(event),)
    changes: dict[str, Change | None] = {}
    for index, op in enumerate(event.patch):
        row, change = _row_change(op, f"/patch/{index}")
        try:
            changes[row] = compose(changes.get(row), change)
        except ChangeInapplicable as error:
            raise EventMalformed(f"/patch/{index}", error.reason) from None
    found = tuple(
        _checked(Write(Entity(event.resource, EntityId(row)), change))
        for row, change in changes.items()
        if change is not None
    )
    if not found:
        raise EventMalformed("/patch", "it changes nothing")
    return found


def _row_change(op: Op, where: str) -> tuple[str, Change]:
    """The row that an operation is about, and what it does to it."""
    if not op.path:
        raise EventMalformed(where, "a patch of rows names a row first")
    row, rest = op.path[0], op.path[1:]
    if isinstance(op, Move | Copy):
        if not rest or op.source[:1] != (row,) or len(op.source) == 1:
            raise EventMalformed(where, "a move or copy stays inside one row")
        return row, Update((replace(op, path=rest, source=op.source[1:]),))
    match op:
        case Add((_,), value):
            return row, Create(value)
        case Remove((_,)):
            return row, Delete()
        case Add() | Remove() | Replace() | Test():
            return row, Update((replace(op, path=rest),))


def _checked(write: Write) -> Write:
    """Shape, not sense: what the rows hold is for the server to judge. [event-malformed]"""
    if not write.entity.resource or not write.entity.id:
        raise EventMalformed("/entity", "a resource and an id are texts that are not empty")
    if write.temporary and not isinstance(write.change, Create | Upsert):
        raise EventMalformed("/temporary", "only what makes a row can give it a temporary id")
    if isinstance(write.change, Update) and not write.change.patch:
        raise EventMalformed("/change", "it changes nothing")
    return write
