"""A run as a list of numbers: drawn at random, read back, and made short."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

Choose = Callable[[int], int]
Play = Callable[[Choose, int | None], Iterable[str]]
"""A whole run of so many actions, or until its script is over; the transition classes it met."""


class Acting(Protocol):
    """A world that chooses what happens next."""

    def act(self) -> None: ...


class Over(Exception):
    """The script has been read to its end."""


def recorded(seed: int) -> tuple[Choose, list[int]]:
    """A random chooser, and the list in which it notes what it chose."""
    rng = random.Random(seed)
    script: list[int] = []

    def choose(below: int) -> int:
        script.append(rng.randrange(below))
        return script[-1]

    return choose, script


def replayed(script: Sequence[int]) -> Choose:
    """A chooser that reads a script; any script means something. Raises Over at its end."""
    rest = iter(script)

    def choose(below: int) -> int:
        for number in rest:
            return number % below
        raise Over

    return choose


def shortest(
    script: Sequence[int], fails: Callable[[Sequence[int]], bool], attempts: int = 500
) -> list[int]:
    """A script that still fails, made shorter by leaving numbers out."""
    best = list(script)
    size = len(best) // 2
    while size:
        at = 0
        while at < len(best) and attempts:
            attempts -= 1
            fewer = best[:at] + best[at + size :]
            if fails(fewer):
                best = fewer
            else:
                at += size
        size //= 2
    return best


def act(world: Acting, actions: int | None) -> None:
    """So many actions; without a number, until the script is over."""
    try:
        while actions is None or actions:
            world.act()
            actions = None if actions is None else actions - 1
    except Over:
        pass


def fails(script: Sequence[int], play: Play) -> bool:
    try:
        play(replayed(script), None)
    except Exception:
        return True
    return False


def volume(runs: int, play: Play, least: int, span: int) -> Counter[str]:
    """In how many random runs, of `least` to `least + span` actions, each class occurs."""
    seen = Counter[str]()
    for seed in range(runs):
        choose, script = recorded(seed)
        try:
            seen.update(set(play(choose, least + span * (seed % 97) // 97)))
        except Exception as error:
            short = shortest(script, lambda fewer: fails(fewer, play))
            raise AssertionError(f"seed {seed}: {error!r}; replay({short})") from error
    return seen
