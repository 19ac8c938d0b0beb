"""Laws of two runs, on scripts that Hypothesis makes short, and on many random ones."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.pipeline_history import numbers_in
from tests.properties.pipeline_laws import (
    BACKENDS,
    LENGTH,
    Contexts,
    Op,
    authority,
    batches,
    play,
    rollback,
    undo_and_redo,
)
from tests.properties.pipeline_plain import Plain, verdicts

from optisync.pipeline.inputs import Direction

ROOT = Path(__file__).parents[2]
ops = st.tuples(st.integers(0, 11), st.integers(0, 5), st.integers(0, 7))
scripts = st.lists(ops, max_size=LENGTH)
backends = st.sampled_from(BACKENDS)
context = st.tuples(
    st.sampled_from(["default", "left"]), st.sampled_from([None, "x"]),
    st.sampled_from([None, "other"]),
)  # fmt: skip
contexts = st.lists(context, min_size=LENGTH, max_size=LENGTH)
answers = st.lists(st.integers(0, 5), max_size=3)
schedules = st.lists(answers, min_size=LENGTH, max_size=LENGTH)


@settings(max_examples=20)
@given(scripts, st.integers(1, LENGTH), backends)
def test_a_rejected_write_leaves_everything_as_if_it_had_never_been(
    script: list[Op], k: int, kind: str
) -> None:
    rollback(script, k, kind)


@settings(max_examples=10)
@given(scripts, st.integers(0, 3), backends)
def test_undo_goes_back_through_the_same_views_and_redo_forth(
    script: list[Op], settled: int, kind: str
) -> None:
    undo_and_redo(script, settled, kind)


@settings(max_examples=20)
@given(scripts, contexts, schedules, schedules, backends)
def test_segments_entries_and_ids_are_the_same_whenever_answers_come(
    script: list[Op], contexts: Contexts, one: list[list[int]], other: list[list[int]], kind: str
) -> None:
    batches(script, contexts, one, other, kind)


def in_many_runs(runs: int) -> None:
    """All laws in a process without typeguard."""
    subprocess.run(
        [sys.executable, "-m", "tests.properties.pipeline_laws", str(runs)],
        cwd=ROOT,
        timeout=1800,
        check=True,
    )


def test_the_laws_hold_on_random_scripts() -> None:
    in_many_runs(300)


@pytest.mark.slow
def test_the_laws_hold_in_many_runs() -> None:
    in_many_runs(20_000)


RIVALS = (
    [(0, 0, 0), (0, 0, 0)],  # x := 1, x := 2
    [(0, 0, 1), (0, 0, 2), (0, 0, 0)],  # m := 1, copy m to n, n := 3
)


@pytest.mark.parametrize("script", RIVALS)
@pytest.mark.parametrize("kind", ["rows", "stream"])
def test_an_undo_never_restores_what_was_rejected(kind: str, script: list[Op]) -> None:
    """[undo-waits]: the first write is rejected, the undo of the last would bring it back."""
    plain = play(Plain(authority(kind), frozenset({1})), script)
    assert plain.revert(Direction.UNDO, 9) == 1
    plain.settle()
    assert all(1 not in numbers_in(entry.change) for _, entry in plain.authority.executed)
    assert verdicts(plain.state)[9][1] == "parent-rejected"
    assert plain.view == plain.authority.docs()
