"""Several clients, a server, a bad network: PREFIX, OVERLAY, SETTLED-ONCE, CONVERGENCE.

One run is a script of numbers. Random scripts give the volume, Hypothesis draws scripts as bytes,
and a run that fails is reported by a short script, to be read back with `RUNS.replay`.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.classes import CLASSES, RARE
from tests.properties.driver import check_classes
from tests.properties.runs import KINDS, RUNS


def test_all_properties_hold_and_every_transition_class_occurs() -> None:
    runs = 2000
    check_classes(RUNS.fast_volume("labelled", runs), runs, CLASSES, RARE)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"labelled"}))
def test_all_properties_hold(kind: str) -> None:
    RUNS.fast_volume(kind, 300)


@pytest.mark.parametrize("kind", KINDS)
def test_types_hold_too(kind: str) -> None:
    RUNS.volume(kind, 8)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_all_properties_hold_in_many_runs(kind: str) -> None:
    RUNS.fast_volume(kind, 20_000)


scripts = st.integers(0, 300).flatmap(lambda n: st.binary(min_size=n, max_size=n))


@settings(max_examples=40)
@given(st.sampled_from(sorted(KINDS)), scripts)
def test_properties_hold_for_drawn_scripts(kind: str, script: bytes) -> None:
    RUNS.replay(list(script), kind)
