"""Conflict strategies: pure functions that decide what a delta does to pending mutations.

A strategy never edits the delta. Edited deltas make client and server differ for ever; see
`specs/register.md`. It sees the delta and the mutations the server has not decided yet, and gives
one decision for each, in the same order. A snapshot asks no strategy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from optisync.contracts.messages import Delta
from optisync.coordinator.state import Pending
from optisync.patch import Test, overlap
from optisync.view import Change, Changes, Update, changes_overlap


@dataclass(frozen=True, slots=True)
class Keep:
    """Show the mutation."""


@dataclass(frozen=True, slots=True)
class Withhold:
    """Put the mutation aside until the strategy or its settlement lifts that."""


@dataclass(frozen=True, slots=True)
class Replace:
    """Show these changes instead; only for a mutation that was never sent."""

    changes: Changes


Decision: TypeAlias = Keep | Withhold | Replace
Strategy: TypeAlias = Callable[[Delta, tuple[Pending, ...]], tuple[Decision, ...]]


def client_wins(delta: Delta, undecided: tuple[Pending, ...]) -> tuple[Decision, ...]:
    """Every mutation stays shown over the delta."""
    return tuple(Keep() for _ in undecided)


def server_wins(delta: Delta, undecided: tuple[Pending, ...]) -> tuple[Decision, ...]:
    """A mutation that conflicts with the delta is put aside, and stays so."""
    return tuple(
        Withhold() if p.withheld or changes_overlap(p.changes, delta.changes) else Keep()
        for p in undecided
    )


def rebase(delta: Delta, undecided: tuple[Pending, ...]) -> tuple[Decision, ...]:
    """A mutation never sent gives up the operations that conflict with the delta.

    Where one of them is a `test`, its whole change of that atom goes: what it guarded must not
    happen unguarded.
    """
    return tuple(
        Keep() if p.sent or not changes_overlap(p.changes, delta.changes) else _rebased(p, delta)
        for p in undecided
    )


def _rebased(pending: Pending, delta: Delta) -> Replace:
    return Replace(
        tuple((a, c) for a, mine in pending.changes if (c := _less(a, mine, delta)) is not None)
    )


def _less(atom: str, mine: Change, delta: Delta) -> Change | None:
    theirs = next((change for key, change in delta.changes if key == atom), None)
    if theirs is None:
        return mine
    if isinstance(mine, Update) and isinstance(theirs, Update):
        lost = tuple(op for op in mine.patch if overlap((op,), theirs.patch))
        kept = tuple(op for op in mine.patch if op not in lost)
        guarded = any(isinstance(op, Test) for op in lost)
        return Update(kept) if kept and not guarded else None
    return None
