"""A life has the documents and versions of the one before it, wherever that ended.

So an edit that is made offline, first thing in a new life, goes out under the version that it saw.
A run that fails is reported by a script, to be read back with `RUNS.replay`.
"""

import pytest
from tests.properties.restart_runs import RUNS, SEEN


def test_a_new_life_knows_documents_and_versions_as_the_last_one_did() -> None:
    seen = RUNS.fast_volume("memory", 120)
    assert {what for what in SEEN if seen[what] < 2} == set()


def test_so_it_does_over_a_file() -> None:
    RUNS.fast_volume("sqlite", 20)


@pytest.mark.parametrize("kind", RUNS.plays)
def test_types_hold_too(kind: str) -> None:
    RUNS.volume(kind, 2)


@pytest.mark.slow
@pytest.mark.parametrize("kind", RUNS.plays)
def test_many_lives(kind: str) -> None:
    RUNS.fast_volume(kind, 400 if kind == "sqlite" else 4_000)
