"""Whole runs of the outbox's world, from a script or many: see `driver`."""

from collections.abc import Callable

from tests.properties.driver import Runs, whole
from tests.properties.outbox_authority import ME, AskWatermark, Authority, Ordered
from tests.properties.outbox_client import Client, Disk, MemoryDisk, SqliteDisk
from tests.properties.outbox_judge import Judge
from tests.properties.outbox_world import World
from tests.properties.outbox_writes import Writes
from tests.properties.scripts import Choose

from optisync.outbox.config import Config, Mode
from optisync.server.step import Fetch

# How often each action is on the menu; a run leaves some out, and has some four times as often.
MENU = (
    (World.write, 7),
    (World.reserve, 6),
    (World.arrive, 20),
    (World.tick, 3),
    (World.lose, 2),
    (World.duplicate, 2),
    (World.ask, 1),
    (World.write_elsewhere, 2),
    (World.take, 2),
    (World.give_up, 1),
    (World.cancel, 1),
    (World.abandon, 1),
    (World.resume, 1),
    (World.read, 1),
    (World.consume, 1),
    (World.release, 1),
    (World.invent, 1),
    (World.restart, 1),
    (World.disaster, 3),
)


def made(choose: Choose, disks: list[type[Disk]], mode: Mode, labels: bool = True) -> World:
    """A world whose shape is chosen too."""
    capacity, often, attempts = (3, 6)[choose(2)], (0, 2, 6)[choose(3)], 1 + choose(2)
    consumes, lags = choose(3) == 0, choose(2) == 0
    crashes, reach = (0, 15, 60)[choose(3)], (2, 6, 50)[choose(3)]
    menu: list[Callable[[World], None]] = [World.write, World.reserve, World.arrive, World.arrive]
    for action, share in MENU:
        menu += [action] * (share * (0, 1, 1, 1, 4)[choose(5)])
    config = Config(
        ME, mode, capacity, lease_ms=100, max_attempts=attempts, delay_ms=10, max_delay_ms=40
    )  # fmt: skip
    world: World

    def not_now() -> bool:
        return often > 0 and world.coin(often)

    kind = Authority if mode is Mode.ENTITY else Ordered
    authority = kind(not_now, labels)
    client = Client(config, consumes, [disk() for disk in disks])
    world = World(
        choose, authority, client, Judge(config, authority), Writes(choose), crashes, reach, lags,
        menu,
    )  # fmt: skip
    world.judge.note_server()
    world.mail += [Fetch(ME), AskWatermark()]
    return world


def entity(choose: Choose) -> World:
    return made(choose, [MemoryDisk], Mode.ENTITY)


def ordered(choose: Choose) -> World:
    return made(choose, [MemoryDisk], Mode.ORDERED)


def watermark(choose: Choose) -> World:
    return made(choose, [MemoryDisk], Mode.ORDERED, labels=False)


def stores(choose: Choose) -> World:
    """Both stores side by side."""
    mode = (Mode.ENTITY, Mode.ORDERED)[choose(2)]
    return made(choose, [MemoryDisk, SqliteDisk], mode)


KINDS: dict[str, Callable[[Choose], World]] = {
    make.__name__: make for make in (entity, ordered, watermark, stores)
}


def close(world: World) -> None:
    world.client.remove()


RUNS = Runs(
    "tests.properties.outbox_runs",
    {name: whole(make, close) for name, make in KINDS.items()},
    40,
    160,
)


if __name__ == "__main__":
    RUNS.main()
