"""Several clients, a server, a bad network: PREFIX, OVERLAY, SETTLED-ONCE, CONVERGENCE.

One run is a script of numbers (see `scripts`). Random scripts give the volume, Hypothesis draws
them as bytes, and a run that fails is reported by a short script to be read back with `replay`.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.classes import CLASSES, RARE
from tests.properties.scripts import Choose, Over, recorded, replayed, shortest
from tests.properties.world import World, made

from optisync.coordinator.config import Variant

Make = Callable[[Choose], World]


def play(choose: Choose, make: Make, actions: int | None = None) -> World | None:
    """A whole run; without a number of actions, until the script is over."""
    try:
        world = make(choose)
    except Over:
        return None
    try:
        while actions is None or actions:
            world.act()
            actions = None if actions is None else actions - 1
    except Over:
        pass
    world.quiesce()
    return world


def replay(script: Sequence[int], make: Make) -> None:
    """Play a reported script; for use in a debugger."""
    play(replayed(script), make)


def fails(script: Sequence[int], make: Make) -> bool:
    try:
        replay(script, make)
    except Exception:
        return True
    return False


def volume(runs: int, make: Make) -> Counter[str]:
    """In how many of the random runs each transition class occurs."""
    seen = Counter[str]()
    for seed in range(runs):
        choose, script = recorded(seed)
        try:
            world = play(choose, make, actions=60 + 240 * (seed % 97) // 97)
        except Exception as error:
            short = shortest(script, lambda fewer: fails(fewer, make))
            raise AssertionError(f"seed {seed}: {error!r}; replay({short})") from error
        assert world is not None
        seen.update(set(world.seen))
    return seen


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


def test_all_properties_hold_and_every_transition_class_occurs() -> None:
    runs = 500
    seen = volume(runs, labelled)
    too_rare = {name: seen[name] for name in CLASSES if seen[name] < runs / 100}
    assert not too_rare, f"classes in less than 1 % of {runs} runs"
    assert set(seen) - CLASSES - RARE == set(), "classes that nobody has thought of"


@pytest.mark.parametrize("make", [reference, ack_first, seed_literal, facade])
def test_all_properties_hold(make: Make) -> None:
    volume(50, make)


@pytest.mark.slow
@pytest.mark.parametrize("make", [labelled, reference, ack_first, seed_literal, facade])
def test_all_properties_hold_in_many_runs(make: Make) -> None:
    volume(5000, make)


scripts = st.integers(0, 400).flatmap(lambda n: st.binary(min_size=n, max_size=n))


@settings(max_examples=60)
@given(scripts)
def test_properties_hold_for_drawn_scripts(script: bytes) -> None:
    play(replayed(script), labelled)


@settings(max_examples=30)
@given(scripts)
def test_properties_hold_for_drawn_scripts_through_the_facade(script: bytes) -> None:
    play(replayed(script), facade)
