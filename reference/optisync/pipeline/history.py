"""What a user can take back: units of writes, each with the inverse that is right now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from optisync.contracts.entry import atom_of
from optisync.errors import ChangeInapplicable
from optisync.pipeline.events import Context
from optisync.pipeline.pending import Mutation
from optisync.pipeline.state import Member, Stacks, Unit
from optisync.pipeline.turn import Turn
from optisync.values import ClientSeq
from optisync.view import Docs, invert_changes


def recorded(turn: Turn, seqs: tuple[ClientSeq, ...], context: Context) -> Turn:
    """Writes of the user are undone by action; they end what could be redone. [undo-by-action]"""
    stacks = turn.state.history.get(context.scope) or Stacks()
    action = str(context.action_id)
    if stacks.undo and stacks.undo[-1].action_id == action and not stacks.redo:
        units = (*stacks.undo[:-1], Unit(action, stacks.undo[-1].seqs + seqs))
    else:
        units = (*stacks.undo, Unit(action, seqs))
    gone = (*stacks.redo, *units[: -turn.config.history])
    kept = Stacks(units[-turn.config.history :])
    return stacked(turn, context.scope, kept, gone, seqs)


def stacked(
    turn: Turn, scope: str, stacks: Stacks, gone: Iterable[Unit], new: tuple[ClientSeq, ...]
) -> Turn:
    """Other stacks for a scope: the writes of `gone` are forgotten, `new` ones remembered."""
    members = turn.state.members
    for unit in gone:
        for seq in unit.seqs:
            members = members.discard(seq)
    for seq in new:
        members = members.insert(seq, Member(turn.state.pending.members[seq].write))
    history = turn.state.history.insert(scope, stacks)
    return replace(turn, state=replace(turn.state, members=members, history=history))


def recorded_inverse(turn: Turn, mutation: Mutation, before: Docs | None) -> Turn:
    """Record, when the documents take a write in, how it is taken back from them. [inverse-afresh]

    An inverse from earlier would bring back a value that others, or a refusal, have since removed.
    """
    if mutation.seq not in turn.state.members:
        return turn
    changes = ((atom_of(mutation.write.entity), mutation.write.change),)
    try:
        inverse = None if before is None else invert_changes(before, changes)[0][1]
    except ChangeInapplicable:
        inverse = None
    if inverse is None:
        return left_out(turn, mutation.seq)
    member = Member(mutation.write, inverse)
    members = turn.state.members.insert(mutation.seq, member)
    return replace(turn, state=replace(turn.state, members=members))


def left_out(turn: Turn, seq: ClientSeq) -> Turn:
    """A write that had no effect leaves its unit. [rejected-leaves-unit]"""
    return replace(turn, state=replace(turn.state, members=turn.state.members.discard(seq)))
