"""The pipeline before a server, with and without a stream, and a persistence that does its worst.

One run is a script of numbers. Random scripts give the volume, Hypothesis draws its own and makes
them short, and a run that fails is reported by a script, to be read back with
`RUNS.replay`. What is asked of every run stands in `pipeline_judge` and
`pipeline_probes`, and at its end in `World.quiesce`.
"""

import pytest
from tests.properties.driver import check_classes, stateful
from tests.properties.pipeline_classes import CLASSES, RARE
from tests.properties.pipeline_runs import KINDS, MENU, RUNS


def test_all_properties_hold_and_every_transition_class_occurs() -> None:
    """Tickets settle once, views are folds, nothing foreign is overwritten, all converges."""
    runs = 300
    seen = RUNS.fast_volume("rows", runs) + RUNS.fast_volume("stream", runs)
    check_classes(seen, 2 * runs, CLASSES, RARE)


@pytest.mark.parametrize("kind", KINDS)
def test_types_hold_too(kind: str) -> None:
    RUNS.volume(kind, 5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_all_properties_hold_in_many_runs(kind: str) -> None:
    RUNS.fast_volume(kind, 10_000)


TestPipelines = stateful(KINDS, [action for action, _ in MENU])
