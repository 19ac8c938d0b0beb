"""Whole runs of lives one after another: `python -m tests.properties.restart_runs KIND RUNS`."""

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.properties.driver import Runs
from tests.properties.restart_world import World
from tests.properties.scripts import Choose, Over
from tests.shell.pipeline_lives import Crash, Disk
from tests.shell.pipeline_world import run

MEMORY: Final = Path("/dev/shm")
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
WORK: Final = {"ended", "plans", "deleted", "offline edit", "own version", "snapshot"}
SEEN: Final = WORK | {"restore", "crash before", "crash after"}
"""What has to occur."""


def made(choose: Choose, disk: Disk) -> World:
    """A world whose shape is chosen too."""
    menu: list[Callable[[World], None]] = [World.write]
    for action, share in MENU:
        menu += [action] * (share * (1, 1, 0, 4)[choose(4)])
    return World(choose, disk, choose(3) == 0, menu)


def play(choose: Choose, actions: int | None, stored: bool) -> Iterable[str]:
    """A whole run; without a number of actions, until the script is over."""
    fast = MEMORY if os.access(MEMORY, os.W_OK) else None
    with TemporaryDirectory(dir=fast) as place:
        try:
            world = made(choose, Disk(Path(place) / "outbox.db" if stored else None))
        except Over:
            return ()
        while actions != 0 and not world.over:
            try:
                actions = run(world.live(actions))
            except Crash:
                actions = None if actions is None else actions - 1
        run(world.quiesce())
        return world.seen


RUNS: Final = Runs(
    "tests.properties.restart_runs",
    {"memory": partial(play, stored=False), "sqlite": partial(play, stored=True)},
    20,
    60,
)


if __name__ == "__main__":
    RUNS.main()
