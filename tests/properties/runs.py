"""Whole runs of a world, one after another or from a script.

`python -m tests.properties.runs KIND RUNS` plays random runs and prints, as JSON, in how many of
them each transition class occurred. In a process of its own it has typeguard's hook off, which
makes a run twenty times as long.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence

from tests.properties import scripts
from tests.properties.scripts import Choose, Over, act, replayed
from tests.properties.world import World, made

from optisync.coordinator.config import Variant

Make = Callable[[Choose], World]


def play(choose: Choose, make: Make, actions: int | None = None) -> World | None:
    """A whole run; without a number of actions, until the script is over."""
    try:
        world = make(choose)
    except Over:
        return None
    act(world, actions)
    world.quiesce()
    return world


def replay(script: Sequence[int], make: Make) -> None:
    """Play a reported script; for use in a debugger."""
    play(replayed(script), make)


def volume(runs: int, make: Make) -> Counter[str]:
    """In how many of the random runs each transition class occurs."""

    def seen(choose: Choose, actions: int | None) -> set[str]:
        world = play(choose, make, actions)
        return set() if world is None else set(world.seen)

    return scripts.volume(runs, seen, least=60, span=240)


def labelled(choose: Choose) -> World:
    return made(choose)


def reference(choose: Choose) -> World:
    return made(choose, naive=False)


def ack_first(choose: Choose) -> World:
    return made(choose, Variant.ACK_FIRST)


def seed_literal(choose: Choose) -> World:
    return made(choose, Variant.SEED_LITERAL)


def facade(choose: Choose) -> World:
    return made(choose, facade=True)


KINDS: dict[str, Make] = {
    make.__name__: make for make in (labelled, reference, ack_first, seed_literal, facade)
}


if __name__ == "__main__":
    print(json.dumps(volume(int(sys.argv[2]), KINDS[sys.argv[1]])))
