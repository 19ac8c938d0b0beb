"""Whole runs of the coordinator's world, from a script or many: see `driver`."""

from collections import Counter
from collections.abc import Callable

from tests.properties.authorities import Naive, Reference
from tests.properties.clients import Client
from tests.properties.driver import Runs, whole
from tests.properties.facade_client import FacadeClient
from tests.properties.judge import Judge
from tests.properties.scripts import Choose, Over
from tests.properties.world import World

from optisync.contracts.messages import Delta
from optisync.coordinator.config import Config, Limits, Variant
from optisync.coordinator.state import Pending
from optisync.coordinator.strategy import (
    Decision,
    Keep,
    Replace,
    Strategy,
    Withhold,
    client_wins,
    rebase,
    server_wins,
)
from optisync.server.step import Fetch
from optisync.values import ClientId

NAMES = (ClientId("ann"), ClientId("bob"), ClientId("cy"))


def moody(delta: Delta, undecided: tuple[Pending, ...]) -> tuple[Decision, ...]:
    """A strategy of an application that is not careful: it raises, and rewrites what was sent."""
    if delta.server_seq % 3 == 0:
        raise ValueError("no opinion")
    if delta.server_seq % 3 == 1:
        return tuple(Replace(p.changes[:1]) for p in undecided)
    return tuple(Keep() if p.withheld else Withhold() for p in undecided)


STRATEGIES: tuple[Strategy, ...] = (client_wins, client_wins, server_wins, rebase, moody)

# How often each action is on the menu; a run leaves some out, and has some four times as often.
MENU = (
    (World.write, 6),
    (World.send, 9),
    (World.arrive, 24),
    (World.lose, 2),
    (World.duplicate, 1),
    (World.repeat, 3),
    (World.tick, 1),
    (World.beat, 1),
    (World.abandon, 1),
    (World.restart, 1),
    (World.nonsense, 1),
    (World.disaster, 2),
)


def made(
    choose: Choose, variant: Variant = Variant.LABELLED, naive: bool = True, facade: bool = False
) -> World:
    """A world whose shape is chosen too."""
    dense = naive and choose(4) == 0
    limits = Limits(pending=4, buffer=2, verdicts=(3, 50)[choose(2)], block=2)
    authority = Naive(dense) if naive else Reference()
    seen = Counter[str]()
    world = World(choose, authority, [], variant, seen, Judge(variant))

    def fails() -> bool:
        try:
            return world.coin(12)
        except Over:  # a script may end between a call of a port and its answer
            return False

    for name in NAMES[: 2 + choose(2)]:
        config = Config(name, variant, dense, limits, STRATEGIES[choose(len(STRATEGIES))])
        durable = choose(3) > 0
        kind = FacadeClient if facade else Client
        client = kind(config, durable, fails, seen)
        if isinstance(client, FacadeClient):
            client.meddle = world.meddle
        world.clients.append(client)
        world.judge.begins(client)
    for action, often in MENU:
        world.menu += [action] * (often * (0, 1, 1, 1, 4)[choose(5)])
    world.reach = (2, 6, 1000)[choose(3)]
    world.menu += [World.write, World.send, World.arrive]
    world.judge.history.note(authority)
    for client in world.clients:
        world.mail.append((None, Fetch(client.id)))
    return world


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


KINDS: dict[str, Callable[[Choose], World]] = {
    make.__name__: make for make in (labelled, reference, ack_first, seed_literal, facade)
}
RUNS = Runs("tests.properties.runs", {name: whole(make) for name, make in KINDS.items()}, 60, 240)


if __name__ == "__main__":
    RUNS.main()
