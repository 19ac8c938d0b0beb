"""Whole runs of the pipeline's world, from a script or many: see `driver`."""

from collections.abc import Callable

from tests.properties.driver import Runs, whole
from tests.properties.outbox_authority import ME
from tests.properties.pipeline_backends import RowAuthority, StreamAuthority
from tests.properties.pipeline_carrier import Carrier
from tests.properties.pipeline_judge import Judge
from tests.properties.pipeline_world import World
from tests.properties.pipeline_writes import Events
from tests.properties.scripts import Choose

from optisync.pipeline.config import Config

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


KINDS: dict[str, Callable[[Choose], World]] = {make.__name__: make for make in (rows, stream)}

RUNS = Runs(
    "tests.properties.pipeline_runs",
    {name: whole(make) for name, make in KINDS.items()},
    30,
    120,
)


if __name__ == "__main__":
    RUNS.main()
