"""The pipeline before a server, with and without a stream, and a persistence that does its worst.

One run is a script of numbers. Random scripts give the volume, Hypothesis draws its own and makes
them short, and a run that fails is reported by a script, to be read back with
`pipeline_runs.replay`. What is asked of every run stands in `pipeline_judge` and
`pipeline_probes`, and at its end in `World.quiesce`.
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
from tests.properties.pipeline_classes import CLASSES, RARE
from tests.properties.pipeline_runs import KINDS, MENU, volume
from tests.properties.pipeline_world import World
from tests.properties.scripts import Choose

ROOT = Path(__file__).parents[2]


def fast_volume(kind: str, runs: int) -> Counter[str]:
    """`volume` in a process without typeguard."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.properties.pipeline_runs", kind, str(runs)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Counter(cast("dict[str, int]", json.loads(done.stdout)))


def test_all_properties_hold_and_every_transition_class_occurs() -> None:
    """Tickets settle once, views are folds, nothing foreign is overwritten, all converges."""
    runs = 300
    seen = fast_volume("rows", runs) + fast_volume("stream", runs)
    too_rare = {name: seen[name] for name in CLASSES if seen[name] < 2 * runs / 100}
    assert not too_rare, f"classes in less than 1 % of {2 * runs} runs"
    assert set(seen) - CLASSES - RARE == set(), "classes that nobody has thought of"


@pytest.mark.parametrize("kind", KINDS)
def test_types_hold_too(kind: str) -> None:
    volume(5, KINDS[kind])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_all_properties_hold_in_many_runs(kind: str) -> None:
    fast_volume(kind, 10_000)


class Pipelines(RuleBasedStateMachine):
    """The same world; Hypothesis decides what happens, one action at a time."""

    world: World

    @initialize(data=st.data(), kind=st.sampled_from(sorted(KINDS)))
    def begin(self, data: st.DataObject, kind: str) -> None:
        self.world = KINDS[kind](self.chooser(data))

    @rule(data=st.data(), action=st.sampled_from([action for action, _ in MENU]))
    def act(self, data: st.DataObject, action: Callable[[World], None]) -> None:
        self.world.choose = self.world.events.choose = self.world.carrier.choose = self.chooser(
            data
        )
        action(self.world)

    @staticmethod
    def chooser(data: st.DataObject) -> Choose:
        return lambda below: data.draw(st.integers(0, below - 1))

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.quiesce()


TestPipelines = Pipelines.TestCase
TestPipelines.settings = settings(max_examples=25, stateful_step_count=40)
