"""The outbox over both stores, before a server and a bad network: exactly once, in order, drained.

One run is a script of numbers. Random scripts give the volume, Hypothesis draws its own and makes
them short, and a run that fails is reported by a script, to be read back with
`outbox_runs.replay`.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from tests.properties.outbox_classes import CLASSES, RARE
from tests.properties.outbox_runs import KINDS, MENU, volume
from tests.properties.outbox_world import World
from tests.properties.scripts import Choose

ROOT = Path(__file__).parents[2]


def fast_volume(kind: str, runs: int) -> Counter[str]:
    """`volume` in a process without typeguard."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.properties.outbox_runs", kind, str(runs)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Counter(cast("dict[str, int]", json.loads(done.stdout)))


def test_all_properties_hold_and_every_transition_class_occurs() -> None:
    runs = 400
    seen = fast_volume("entity", runs) + fast_volume("ordered", runs)
    too_rare = {name: seen[name] for name in CLASSES if seen[name] < 2 * runs / 100}
    assert not too_rare, f"classes in less than 1 % of {2 * runs} runs"
    assert set(seen) - CLASSES - RARE == set(), "classes that nobody has thought of"


def test_all_properties_hold_where_only_a_watermark_speaks() -> None:
    fast_volume("watermark", 100)


def test_both_stores_do_the_same() -> None:
    fast_volume("stores", 25)


@pytest.mark.parametrize("kind", KINDS)
def test_types_hold_too(kind: str) -> None:
    volume(3, KINDS[kind])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_all_properties_hold_in_many_runs(kind: str) -> None:
    fast_volume(kind, 500 if kind == "stores" else 10_000)


class Outboxes(RuleBasedStateMachine):
    """The same world; Hypothesis decides what happens, one action at a time."""

    world: World

    @initialize(data=st.data(), kind=st.sampled_from(sorted(KINDS)))
    def begin(self, data: st.DataObject, kind: str) -> None:
        self.world = KINDS[kind](self.chooser(data))

    @rule(data=st.data(), action=st.sampled_from([action for action, _ in MENU]))
    def act(self, data: st.DataObject, action: Callable[[World], None]) -> None:
        self.world.choose = self.world.writes.choose = self.chooser(data)
        action(self.world)

    @staticmethod
    def chooser(data: st.DataObject) -> Choose:
        return lambda below: data.draw(st.integers(0, below - 1))

    def teardown(self) -> None:
        if hasattr(self, "world"):
            try:
                self.world.quiesce()
            finally:
                self.world.client.remove()


TestOutboxes = Outboxes.TestCase
TestOutboxes.settings = settings(max_examples=25, stateful_step_count=40)
