"""Whole runs of lives one after another, in a process of their own or from a script.

`python -m tests.properties.restart_runs KIND RUNS` plays random runs and prints, as JSON, in how
many of them each thing worth seeing occurred; without typeguard's hook, which makes a run slow.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.properties import scripts
from tests.properties.restart_world import World
from tests.properties.scripts import Choose, Over, replayed
from tests.shell.pipeline_lives import Crash, Disk
from tests.shell.pipeline_world import run

MEMORY = Path("/dev/shm")
"""Files for a moment need no disk, and a commit takes its time there."""
MENU = (
    (World.write, 8),
    (World.work, 5),
    (World.hear, 6),
    (World.hear_again, 1),
    (World.fetch, 1),
    (World.write_elsewhere, 4),
    (World.cancel, 1),
    (World.disaster, 1),
    (World.end, 3),
)
SEEN = frozenset(("ended", "plans", "deleted", "offline edit", "own version", "snapshot"))
SEEN |= {"restore", "crash", "crash before", "crash after"}
"""What has to occur."""


def play(choose: Choose, stored: bool, actions: int | None = None) -> World | None:
    """A whole run; without a number of actions, until the script is over."""
    fast = MEMORY if os.access(MEMORY, os.W_OK) else None
    with TemporaryDirectory(dir=fast) as place:
        disk = Disk(Path(place) / "outbox.db" if stored else None)
        menu: list[Callable[[World], None]] = []
        try:
            for action, share in MENU:
                menu += [action] * (share * (1, 1, 0, 4)[choose(4)])
            world = World(choose, disk, choose(3) == 0, menu or [World.write])
        except Over:
            return None
        left = 10_000 if actions is None else actions
        while left and not world.over:
            try:
                left = run(world.live(left))
            except Crash:
                world.seen["crash"] += 1
                left -= 1
        run(world.quiesce())
        return world


def replay(script: Sequence[int], kind: str) -> None:
    """Play a reported script; for use in a debugger."""
    KINDS[kind](replayed(script))


def volume(runs: int, kind: str) -> Counter[str]:
    """In how many of the random runs each thing worth seeing occurs."""

    def seen(choose: Choose, actions: int | None) -> set[str]:
        world = KINDS[kind](choose, actions=actions)
        return set() if world is None else set(world.seen)

    return scripts.volume(runs, seen, least=20, span=60)


KINDS = {"memory": partial(play, stored=False), "sqlite": partial(play, stored=True)}


if __name__ == "__main__":
    print(json.dumps(volume(int(sys.argv[2]), sys.argv[1])))
