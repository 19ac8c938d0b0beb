"""The outbox over both stores, before a server and a bad network: exactly once, in order, drained.

One run is a script of numbers. Random scripts give the volume, Hypothesis draws its own and makes
them short, and a run that fails is reported by a script, to be read back with
`RUNS.replay`.
"""

import pytest
from tests.properties.driver import check_classes, stateful
from tests.properties.outbox_classes import CLASSES, RARE
from tests.properties.outbox_runs import KINDS, MENU, RUNS, close


def test_all_properties_hold_and_every_transition_class_occurs() -> None:
    runs = 400
    seen = RUNS.fast_volume("entity", runs) + RUNS.fast_volume("ordered", runs)
    check_classes(seen, 2 * runs, CLASSES, RARE)


def test_all_properties_hold_where_only_a_watermark_speaks() -> None:
    RUNS.fast_volume("watermark", 100)


def test_both_stores_do_the_same() -> None:
    RUNS.fast_volume("stores", 25)


@pytest.mark.parametrize("kind", KINDS)
def test_types_hold_too(kind: str) -> None:
    RUNS.volume(kind, 3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_all_properties_hold_in_many_runs(kind: str) -> None:
    RUNS.fast_volume(kind, 500 if kind == "stores" else 10_000)


TestOutboxes = stateful(KINDS, [action for action, _ in MENU], close)
