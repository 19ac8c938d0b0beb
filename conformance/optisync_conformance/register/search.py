"""Shortest traces: breadth-first over the scripts of a scope, variant and reference side by side.

A script is a sequence of actions. Both worlds live through the same script; the first script on
which the variant breaks the property is a shortest one, because every shorter script over the same
actions has been lived through. The reference must hold every property on every script explored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from optisync_conformance.register.actions import (
    Action,
    Scope,
    act,
    converged,
    deliver_all,
    enabled,
)
from optisync_conformance.register.world import Property, Rules, World, begin

Pair: TypeAlias = tuple[World, World]


@dataclass(frozen=True, slots=True)
class Found:
    """A shortest script, with what both worlds are after each of its steps, and the effort."""

    script: tuple[Action, ...]
    worlds: tuple[Pair, ...]
    states: int
    tried: int


class ReferenceBreaks(AssertionError):
    """The reference broke a property on a script of the search."""


def shortest(
    reference: Rules, variant: Rules, scope: Scope, wanted: Property, limit: int = 7
) -> Found | None:
    """The first script, breadth first, on which `variant` breaks `wanted`.

    None if no script of up to `limit` actions does. Raises ReferenceBreaks.
    """
    root = (begin(scope.docs), begin(scope.docs))
    came: dict[Pair, tuple[Pair, Action] | None] = {root: None}
    level, tried = [root], 0
    for _ in range(limit):
        after: list[Pair] = []
        for pair in level:
            for action in enabled(scope, pair[0]):
                new = (act(variant, scope, pair[0], action), act(reference, scope, pair[1], action))
                tried += 1
                if new in came:
                    continue
                came[new] = (pair, action)
                after.append(new)
                _must_hold(reference, scope, came, new, wanted)
                if _breaks(variant, scope, new[0], wanted):
                    return _found(came, new, tried)
        level = after
    return None


def survey(rules: Rules, scope: Scope, limit: int) -> tuple[dict[Property, int], int]:
    """The length of the shortest script that breaks each property, and the states seen.

    A property that no script of up to `limit` actions breaks is not among them.
    """
    first: dict[Property, int] = {}
    seen, level = {begin(scope.docs)}, [begin(scope.docs)]
    for length in range(1, limit + 1):
        after: list[World] = []
        for world in level:
            news = (act(rules, scope, world, action) for action in enabled(scope, world))
            after += [new for new in dict.fromkeys(news) if new not in seen]
            seen.update(after)
        for world in after:
            for wanted in Property:
                if wanted not in first and _breaks(rules, scope, world, wanted):
                    first[wanted] = length
        level = after
    return first, len(seen)


def _breaks(rules: Rules, scope: Scope, world: World, wanted: Property) -> bool:
    if wanted is Property.CONVERGENCE:
        return not converged(rules, deliver_all(rules, scope, world))
    return wanted in world.broken


def _must_hold(
    rules: Rules,
    scope: Scope,
    came: dict[Pair, tuple[Pair, Action] | None],
    pair: Pair,
    wanted: Property,
) -> None:
    late = wanted is Property.CONVERGENCE and _breaks(rules, scope, pair[1], wanted)
    if pair[1].broken or late:
        found = _found(came, pair, 0)
        broken = sorted(p.value for p in pair[1].broken) or ["CONVERGENCE"]
        raise ReferenceBreaks(f"{', '.join(broken)} after {found.script}")


def _found(came: dict[Pair, tuple[Pair, Action] | None], last: Pair, tried: int) -> Found:
    script: list[Action] = []
    worlds = [last]
    step = came[last]
    while step is not None:
        script.append(step[1])
        worlds.append(step[0])
        step = came[step[0]]
    return Found(tuple(reversed(script)), tuple(reversed(worlds)), len(came), tried)
