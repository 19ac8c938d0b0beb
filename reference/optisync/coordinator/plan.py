"""What a transition means for others: derived from the states before and after, said once.

The rollback plan is the incremental twin of the fold: it undoes every shown mutation from the last
back to the first that changed, and redoes what is shown now. It is right only if each redo records
its inverse afresh, and if it is not narrowed to the atoms of the mutation that changed: mutation 1
{A: add /o}, mutation 2 {A: add /o/k, B: y:=1}, reject 1 must also take back B.
"""

from __future__ import annotations

from dataclasses import replace

from optisync.contracts.messages import Delta, Snapshot
from optisync.coordinator.effects import (
    Apply,
    Changed,
    Effect,
    Load,
    Redo,
    Request,
    Resumed,
    Resync,
    StoreCounter,
    Suspended,
    Undo,
)
from optisync.coordinator.inputs import Applied, Input, Register
from optisync.coordinator.sequence import Place, place, predecessor
from optisync.coordinator.settlement import Turn
from optisync.coordinator.state import Coordinator, Pending, needs_resync, shown
from optisync.values import ServerSeq


def counter(before: Coordinator, after: Coordinator) -> tuple[Effect, ...]:
    """The counter is durable before any number of the block leaves. [client-seq-durable]"""
    return () if after.reserved == before.reserved else (StoreCounter(after.reserved),)


def replan(before: Coordinator, after: Coordinator, given: Input) -> tuple[Effect, ...]:
    """Undo n..k, redo what is left. [plan-equals-fold]

    While something was being applied everything was undone already; a registration finds its
    patches applied by the caller, as seed 003 section 3 has it.
    """
    if isinstance(given, Register):
        return ()
    old = () if isinstance(given, Applied) else shown(before)
    new = shown(after)
    same = _common(old, new)
    undo = tuple(Undo(p.seq) for p in reversed(old[same:]))
    return undo + tuple(Redo(p.seq, p.changes) for p in new[same:])


def _common(old: tuple[Pending, ...], new: tuple[Pending, ...]) -> int:
    """How many mutations at the start are shown alike in both."""
    length = 0
    for a, b in zip(old, new, strict=False):
        if a.seq != b.seq or a.changes != b.changes:
            break
        length += 1
    return length


def notices(before: Coordinator, turn: Turn, given: Input) -> tuple[Effect, ...]:
    """Verdicts in client_seq order, suspensions, diagnostics, one Changed. [callback-order]"""
    after = turn.state
    was = {p.seq: p.withheld for p in before.pending}
    flipped = tuple(p for p in after.pending if p.withheld != was.get(p.seq, p.withheld))
    moved = tuple(Suspended(p.seq) if p.withheld else Resumed(p.seq) for p in flipped)
    verdicts = tuple(sorted(turn.verdicts, key=lambda effect: effect.seq))
    # [one-change]: a snapshot replaces the documents, wherever it stands
    loaded = given == Applied(ok=True) and isinstance(before.port, Snapshot)
    same = after.pending == before.pending and after.confirmed == before.confirmed
    return verdicts + moved + turn.diags + (() if same and not loaded else (Changed(),))


def take_next(state: Coordinator, dense: bool) -> Coordinator:
    """The first waiting delta moved to the port if it is next; drop what is not needed.

    One delta a step: the next is taken when this one is answered. [drain-one-step-each]
    """
    while state.port is None and state.buffer:
        first, rest = state.buffer[0], state.buffer[1:]
        confirmed = state.confirmed.server_seq
        match place(confirmed, predecessor(first, dense), first.server_seq):
            case Place.DUPLICATE:  # [duplicate-delta-ignored]
                state = replace(state, buffer=rest)
            case Place.NEXT:  # [next-delta-applies]
                return replace(state, buffer=rest, port=first)
            case Place.GAP:  # [gap-buffers]
                return state
            case Place.OVERLAP:  # [overlap-resyncs]
                state = replace(state, buffer=rest, broken=True)
    return state


def hand_out(before: Coordinator, after: Coordinator) -> tuple[Effect, ...]:
    """Undo everything shown and hand out what the port holds. [delta-verbatim]"""
    port = after.port
    if port is None or port is before.port:
        return ()
    undo = tuple(Undo(p.seq) for p in reversed(shown(after)))
    return (*undo, Apply(port) if isinstance(port, Delta) else Load(port))


def ask(
    before: Coordinator, between: Coordinator, after: Coordinator, *, again: bool
) -> tuple[Coordinator, tuple[Effect, ...]]:
    """Ask the server for what is missing: once, and once more at each tick. [one-request]

    `between` is the state before the next delta was taken: what a snapshot answered there, a delta
    held back that overlaps it asks anew. [overlap-resyncs]
    """
    if needs_resync(after):
        told = needs_resync(before) and needs_resync(between) and not again
        return replace(after, requested=None), () if told else (Resync(),)
    if after.port is not None:
        return after, ()
    confirmed, requested = after.confirmed.server_seq, after.requested
    if requested is not None and (again or requested <= confirmed):
        requested = None
    upto = _missing(after, again)
    if upto is None or requested is not None:
        return replace(after, requested=requested), ()
    return replace(after, requested=upto), (Request(confirmed, upto),)


def _missing(state: Coordinator, again: bool) -> ServerSeq | None:
    """Up to where deltas are missing. A mere announcement counts from the next tick on."""
    if state.buffer:  # [gap-requests]
        first = state.buffer[0]
        return ServerSeq(first.server_seq - 1) if first.prev is None else first.prev
    # [head-reveals-gap] [ack-reveals-gap]
    announced = again and state.heard.server_seq > state.confirmed.server_seq
    return state.heard.server_seq if announced else None
