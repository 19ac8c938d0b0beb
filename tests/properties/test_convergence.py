"""Several clients, a server, a bad network: PREFIX, OVERLAY, SETTLED-ONCE, CONVERGENCE.

One run is a script of numbers. Random scripts give the volume, Hypothesis draws scripts as bytes,
and a run that fails is reported by a short script, to be read back with `runs.replay`.
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.classes import CLASSES, RARE
from tests.properties.runs import KINDS, play, volume
from tests.properties.scripts import replayed

ROOT = Path(__file__).parents[2]


def fast_volume(kind: str, runs: int) -> Counter[str]:
    """`volume` in a process without typeguard."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.properties.runs", kind, str(runs)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Counter(cast("dict[str, int]", json.loads(done.stdout)))


def test_all_properties_hold_and_every_transition_class_occurs() -> None:
    runs = 2000
    seen = fast_volume("labelled", runs)
    too_rare = {name: seen[name] for name in CLASSES if seen[name] < runs / 100}
    assert not too_rare, f"classes in less than 1 % of {runs} runs"
    assert set(seen) - CLASSES - RARE == set(), "classes that nobody has thought of"


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"labelled"}))
def test_all_properties_hold(kind: str) -> None:
    fast_volume(kind, 300)


@pytest.mark.parametrize("kind", KINDS)
def test_types_hold_too(kind: str) -> None:
    volume(8, KINDS[kind])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_all_properties_hold_in_many_runs(kind: str) -> None:
    fast_volume(kind, 20_000)


scripts = st.integers(0, 300).flatmap(lambda n: st.binary(min_size=n, max_size=n))


@settings(max_examples=40)
@given(st.sampled_from(sorted(KINDS)), scripts)
def test_properties_hold_for_drawn_scripts(kind: str, script: bytes) -> None:
    play(replayed(script), KINDS[kind])
