"""Shortest traces: breadth-first over the scripts of a game, variant and reference side by side.

A script is a sequence of actions. Both worlds live through the same script; the first script on
which the variant breaks the property is a shortest one, because every shorter script over the same
actions has been lived through. The reference must hold every property on every script explored.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeAlias, TypeVar

Action: TypeAlias = tuple[str, ...]
W = TypeVar("W", bound=Hashable)
P = TypeVar("P", bound=Enum)


@dataclass(frozen=True, slots=True)
class Game(Generic[W, P]):
    """A world to explore: how it begins, what can happen, and what the last step broke.

    `at_last` is the property that is asked of a world once nothing more happens, by `ends_well`:
    only when it is the one wanted, because asking takes time.
    """

    begin: W
    enabled: Callable[[W], Iterable[Action]]
    act: Callable[[W, Action], W]
    broken: Callable[[W], frozenset[P]]
    at_last: P
    ends_well: Callable[[W], bool]

    def breaks(self, world: W, wanted: P) -> bool:
        """Whether a property does not hold in a world."""
        return not self.ends_well(world) if wanted is self.at_last else wanted in self.broken(world)


@dataclass(frozen=True, slots=True)
class Found(Generic[W]):
    """A shortest script, with what both worlds are after each of its steps, and the effort."""

    script: tuple[Action, ...]
    worlds: tuple[tuple[W, W], ...]
    states: int
    tried: int


class ReferenceBreaks(AssertionError):
    """The reference broke a property on a script of the search."""


def shortest(
    reference: Game[W, P], variant: Game[W, P], wanted: P, limit: int = 7
) -> Found[W] | None:
    """The first script, breadth first, on which `variant` breaks `wanted`.

    None if no script of up to `limit` actions does. Raises ReferenceBreaks.
    """
    root = (variant.begin, reference.begin)
    came: dict[tuple[W, W], tuple[tuple[W, W], Action] | None] = {root: None}
    level, tried = [root], 0
    for _ in range(limit):
        after: list[tuple[W, W]] = []
        for pair in level:
            for action in variant.enabled(pair[0]):
                new = (variant.act(pair[0], action), reference.act(pair[1], action))
                tried += 1
                if new in came:
                    continue
                came[new] = (pair, action)
                after.append(new)
                _must_hold(reference, came, new, wanted)
                if variant.breaks(new[0], wanted):
                    return _found(came, new, tried)
        level = after
    return None


def survey(game: Game[W, P], limit: int) -> tuple[dict[P, int], int]:
    """The length of the shortest script that breaks each property, and the states seen.

    A property that no script of up to `limit` actions breaks is not among them.
    """
    first: dict[P, int] = {}
    seen, level = {game.begin}, [game.begin]
    for length in range(1, limit + 1):
        after: list[W] = []
        for world in level:
            news = (game.act(world, action) for action in game.enabled(world))
            after += [new for new in dict.fromkeys(news) if new not in seen]
            seen.update(after)
        for world in after:
            for wanted in type(game.at_last):
                if wanted not in first and game.breaks(world, wanted):
                    first[wanted] = length
        level = after
    return first, len(seen)


def _must_hold(
    game: Game[W, P],
    came: dict[tuple[W, W], tuple[tuple[W, W], Action] | None],
    pair: tuple[W, W],
    wanted: P,
) -> None:
    broken = set(game.broken(pair[1]))
    if wanted is game.at_last and game.breaks(pair[1], wanted):
        broken.add(wanted)
    if broken:
        names = ", ".join(sorted(str(each.value) for each in broken))
        raise ReferenceBreaks(f"{names} after {_found(came, pair, 0).script}")


def _found(
    came: dict[tuple[W, W], tuple[tuple[W, W], Action] | None], last: tuple[W, W], tried: int
) -> Found[W]:
    script: list[Action] = []
    worlds = [last]
    step = came[last]
    while step is not None:
        script.append(step[1])
        worlds.append(step[0])
        step = came[step[0]]
    return Found(tuple(reversed(script)), tuple(reversed(worlds)), len(came), tried)
