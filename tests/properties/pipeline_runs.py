"""Whole runs of the pipeline's world, one after another or from a script.

`python -m tests.properties.pipeline_runs KIND RUNS` plays random runs and prints, as JSON, in how
many of them each transition class occurred; without typeguard's hook, which makes a run slow.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence

from tests.properties import scripts
from tests.properties.outbox_authority import ME
from tests.properties.pipeline_backends import RowAuthority, StreamAuthority
from tests.properties.pipeline_carrier import Carrier
from tests.properties.pipeline_judge import Judge
from tests.properties.pipeline_world import World
from tests.properties.pipeline_writes import Events
from tests.properties.scripts import Choose, Over, act, replayed

from optisync.pipeline.config import Config

Make = Callable[[Choose], World]

# How often each action is on the menu; a run leaves some out, and has some four times as often.
MENU = (
    (World.dispatch, 9),
    (World.drain, 4),
    (World.answer, 8),
    (World.work, 3),
    (World.arrive, 4),
    (World.find_out, 2),
    (World.repeat, 1),
    (World.invent, 1),
    (World.misdispatch, 1),
    (World.revert, 4),
    (World.begin, 1),
    (World.wait, 4),
    (World.cancel, 2),
    (World.abandon, 2),
    (World.tick, 1),
    (World.hydrate, 1),
    (World.probe, 3),
    (World.write_elsewhere, 2),
    (World.read, 4),
    (World.delta, 5),
    (World.snapshot, 2),
    (World.disaster, 2),
    (World.restart, 1),
)


def made(choose: Choose, authority: RowAuthority | StreamAuthority) -> World:
    """A world whose shape is chosen too."""
    capacity, history, remembered = (4, 100)[choose(2)], (1, 100)[choose(2)], (2, 100)[choose(2)]
    menu: list[Callable[[World], None]] = [World.dispatch, World.drain, World.answer, World.answer]
    for action, share in MENU:
        menu += [action] * (share * (0, 1, 1, 1, 4)[choose(5)])
    judge = Judge(authority)
    world = World(
        choose, authority, Config(ME, capacity, history, remembered), Events(choose), judge,
        Carrier(choose, authority, judge), menu=menu,
    )  # fmt: skip
    if choose(3):
        world.warm()
    return world


def rows(choose: Choose) -> World:
    return made(choose, RowAuthority(returning=False))


def stream(choose: Choose) -> World:
    return made(choose, StreamAuthority())


KINDS: dict[str, Make] = {make.__name__: make for make in (rows, stream)}


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

    return scripts.volume(runs, seen, least=30, span=120)


if __name__ == "__main__":
    print(json.dumps(volume(int(sys.argv[2]), KINDS[sys.argv[1]])))
