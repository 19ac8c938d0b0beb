"""CrossHair confirms the list of the outbox, and finds the bugs planted beside it."""

import inspect
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.crosshair import outbox_subjects
from tests.crosshair.outbox_confirmed import GROUPS, PLANTED

ROOT = Path(__file__).parents[2]


def verdicts(names: list[str]) -> Counter[tuple[str, str]]:
    """How often each subject got each verdict; one a condition."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.crosshair.outbox_verdicts", *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    return Counter((name, verdict) for name, verdict, _ in lines)


@pytest.mark.parametrize("group", GROUPS)
def test_everything_listed_is_confirmed(group: str) -> None:
    found = verdicts([entry.name for entry in GROUPS[group]])
    assert found == Counter({(e.name, "confirmed"): e.conditions for e in GROUPS[group]})


def test_planted_bugs_are_counterexamples() -> None:
    assert verdicts(list(PLANTED)) == Counter({(name, "post_fail"): 1 for name in PLANTED})


def test_every_subject_is_listed() -> None:
    listed = {entry.name for group in GROUPS.values() for entry in group} | set(PLANTED)
    written = {
        name
        for name, thing in vars(outbox_subjects).items()
        if inspect.isfunction(thing)
        and thing.__module__ == outbox_subjects.__name__
        and "post:" in (thing.__doc__ or "")
    }
    assert written == listed
