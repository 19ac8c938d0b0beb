"""A run as a list of numbers: drawn at random, read back, and made short."""

import random
from collections.abc import Callable, Sequence

Choose = Callable[[int], int]


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
