"""CrossHair confirms the list, and finds the bugs planted beside it."""

import inspect
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
from tests.crosshair import (
    confirmed,
    outbox_confirmed,
    outbox_subjects,
    pipeline_confirmed,
    pipeline_subjects,
    subjects,
    transport_confirmed,
    transport_subjects,
)

LISTS: dict[ModuleType, ModuleType] = {
    subjects: confirmed,
    outbox_subjects: outbox_confirmed,
    pipeline_subjects: pipeline_confirmed,
    transport_subjects: transport_confirmed,
}
GROUPS: dict[str, tuple[confirmed.Confirmed, ...]] = {
    name: group for listed in LISTS.values() for name, group in listed.GROUPS.items()
}
ROOT = Path(__file__).parents[2]


def verdicts(names: list[str]) -> Counter[tuple[str, str]]:
    """How often each subject got each verdict; one a condition."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.crosshair.verdicts", *names],
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


@pytest.mark.parametrize("listed", LISTS.values(), ids=lambda listed: listed.__name__)
def test_planted_bugs_are_counterexamples(listed: ModuleType) -> None:
    planted: tuple[str, ...] = listed.PLANTED
    assert verdicts(list(planted)) == Counter({(name, "post_fail"): 1 for name in planted})


@pytest.mark.parametrize("written", LISTS, ids=lambda written: written.__name__)
def test_every_subject_is_listed(written: ModuleType) -> None:
    groups: dict[str, tuple[confirmed.Confirmed, ...]] = LISTS[written].GROUPS
    planted: tuple[str, ...] = LISTS[written].PLANTED
    listed = {entry.name for group in groups.values() for entry in group} | set(planted)
    found = {
        name
        for name, thing in vars(written).items()
        if inspect.isfunction(thing)
        and thing.__module__ == written.__name__
        and "post:" in (thing.__doc__ or "")
    }
    assert found == listed


def test_no_name_stands_for_two_things() -> None:
    assert len(GROUPS) == sum(len(listed.GROUPS) for listed in LISTS.values())
    names = [
        n for m in LISTS for n, f in vars(m).items() if getattr(f, "__module__", "") == m.__name__
    ]
    assert len(set(names)) == len(names)
