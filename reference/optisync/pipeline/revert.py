"""Undo and redo: new writes that take back what a unit wrote, against what is shown now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from optisync.contracts.entry import Entity, atom_of
from optisync.errors import ChangeInapplicable
from optisync.pipeline.compose import compose
from optisync.pipeline.errors import NothingToRevert, NumberOrder, RevertInapplicable
from optisync.pipeline.events import Context, Kind, Write
from optisync.pipeline.history import stacked
from optisync.pipeline.inputs import Direction, Revert
from optisync.pipeline.pending import Mutation, overlay
from optisync.pipeline.plan import register
from optisync.pipeline.state import Pipeline, Stacks, Unit, known_write, view
from optisync.pipeline.turn import Turn, entry_id_of
from optisync.values import ClientSeq
from optisync.view import Change, apply_changes, changes_overlap, fold, invert_changes


@dataclass(frozen=True, slots=True)
class Inverse:
    """A write that takes back what a unit did to one entity, and whose fate it depends on."""

    write: Write
    needs: tuple[ClientSeq, ...]


def inverses(state: Pipeline, direction: Direction, scope: str) -> tuple[Inverse, ...]:
    """The writes that the next undo or redo of a scope consists of, one for each entity.

    Raises NothingToRevert, and RevertInapplicable if what is shown now is not what the unit left.
    """
    return _next(state, direction, scope)[1]


def revert(turn: Turn, given: Revert) -> Turn:
    """Register the inverses of a unit, all or none, and move it over. [revert-whole-or-not]

    They are writes as any other. [revert-is-a-write]
    """
    rest, found = _next(turn.state, given.direction, given.scope)
    if not given.seqs:
        raise NumberOrder(len(found), turn.state.numbered)
    action = str(entry_id_of(turn.config, given.seqs[0]))
    context = Context(given.scope, given.direction.value, action)
    writes = tuple(inverse.write for inverse in found)
    needs = tuple(inverse.needs for inverse in found)
    turn = register(turn, given, writes, context, Kind.PATCHES, needs)
    stacks = turn.state.history[given.scope]
    unit = Unit(action, given.seqs)
    match given.direction:
        case Direction.UNDO:
            gone, kept = stacks.undo[len(rest) :], Stacks(rest, (*stacks.redo, unit))
        case Direction.REDO:
            gone, kept = stacks.redo[len(rest) :], Stacks((*stacks.undo, unit), rest)
        case _:
            assert_never(given.direction)
    return stacked(turn, given.scope, kept, gone, given.seqs)


def _next(
    state: Pipeline, direction: Direction, scope: str
) -> tuple[tuple[Unit, ...], tuple[Inverse, ...]]:
    """The last unit that still did something: the units below it, and its inverses."""
    stacks = state.history.get(scope) or Stacks()
    units = stacks.undo if direction is Direction.UNDO else stacks.redo
    while units:
        found = _inverses(state, units[-1])
        units = units[:-1]
        if found:
            return units, found
    raise NothingToRevert(scope)  # [revert-whole-or-not]


def _inverses(state: Pipeline, unit: Unit) -> tuple[Inverse, ...]:
    changes: dict[Entity, Change | None] = {}
    needs: dict[Entity, set[ClientSeq]] = {}
    for seq in reversed(unit.seqs):
        member = state.members.get(seq)
        if member is None:
            continue
        write, pending = known_write(state, member.write), state.pending.get(seq)
        inverse = member.inverse if pending is None else _inverse_now(state, pending)
        try:
            assert inverse is not None
            changes[write.entity] = compose(changes.get(write.entity), inverse)
        except ChangeInapplicable:
            raise RevertInapplicable(atom_of(write.entity)) from None
        restored = () if pending is None else _restored(state, pending)
        needs.setdefault(write.entity, set()).update(restored)
    found = tuple(
        Inverse(Write(entity, change), tuple(sorted(needs[entity])))
        for entity, change in changes.items()
        if change is not None
    )
    _check_applies(state, found)
    return found


def _inverse_now(state: Pipeline, mutation: Mutation) -> Change:
    """What takes a pending write back to what is shown beneath it; one not shown has nothing."""
    beneath = fold(state.docs, (overlay(p) for p in state.pending if p.seq < mutation.seq)).view
    atom = atom_of(mutation.write.entity)
    if not mutation.optimistic:
        raise RevertInapplicable(atom)
    try:
        return invert_changes(beneath, ((atom, mutation.write.change),))[0][1]
    except ChangeInapplicable:
        raise RevertInapplicable(atom) from None


def _restored(state: Pipeline, mutation: Mutation) -> tuple[ClientSeq, ...]:
    """The pending writes whose values its inverse brings back, and itself. [undo-waits]

    Also those whose values these have copied; accepted ones too, for their epoch may end.
    """
    atom, restored = atom_of(mutation.write.entity), [mutation]
    for other in reversed(state.pending.of(mutation.write.entity)):
        mine = ((atom, other.write.change),)
        met = (changes_overlap(mine, ((atom, m.write.change),)) for m in restored)
        if other.seq < mutation.seq and any(met):
            restored.append(other)
    return tuple(m.seq for m in restored)


def _check_applies(state: Pipeline, found: tuple[Inverse, ...]) -> None:
    shown = view(state).view
    for inverse in found:
        atom = atom_of(inverse.write.entity)
        try:
            apply_changes(shown, ((atom, inverse.write.change),))
        except ChangeInapplicable:
            raise RevertInapplicable(atom) from None
