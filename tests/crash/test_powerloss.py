"""No commit that returned is lost with the power; where it would be, it is found."""

import random
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.crash.disk import (
    SECTOR,
    Deleted,
    DirectorySynced,
    Disk,
    Event,
    Opened,
    Synced,
    Truncated,
    Written,
)

ROOT = Path(__file__).parents[2]
GOOD = {"images": 1_000, "good": 1_000, "lost": 0, "half": 0, "damaged": 0}


def run(images: int, seed: int, synchronous: str = "FULL") -> dict[str, int]:
    """What became of the images, in a process without typeguard: it knows no lent connection."""
    asked = ("--images", str(images), "--seed", str(seed), "--synchronous", synchronous)
    command = [sys.executable, "-m", "tests.crash.powerloss", *asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.stderr
    assert done.returncode == (0 if f"good {images}" in done.stdout else 1)
    return {kind: int(count) for kind, count in re.findall(r"(\w+) (\d+)  ", done.stdout)}


def test_a_thousand_images_lose_nothing() -> None:
    assert run(images=1_000, seed=1) == GOOD


@pytest.mark.slow
def test_twenty_thousand_images_lose_nothing() -> None:
    seeds = range(20)
    seen = [run(images=1_000, seed=seed) for seed in seeds]
    assert seen == [GOOD for _ in seeds]


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_without_waiting_for_the_disk_commits_are_lost(synchronous: str) -> None:
    assert run(images=100, seed=1, synchronous=synchronous)["lost"] > 10


def images(*events: Event) -> set[tuple[tuple[str, bytes], ...]]:
    disk = Disk()
    for event in events:
        disk.happens(event)
    made = (disk.image(random.Random(seed)) for seed in range(300))
    return {tuple(sorted(image.items())) for image in made}


A, B = b"a" * SECTOR, b"b" * SECTOR
NEW: Sequence[Event] = (Opened("f"), DirectorySynced())


def test_an_image_has_what_was_synced() -> None:
    assert images(*NEW, Written("f", 0, A + B), Synced("f")) == {(("f", A + B),)}


def test_an_image_has_any_sectors_of_what_was_not() -> None:
    hole = bytes(SECTOR)
    torn = {b"", A, hole + B, A + B}
    assert images(*NEW, Written("f", 0, A + B)) == {(("f", left),) for left in torn}


def test_a_sector_is_not_torn() -> None:
    old: list[Event] = [*NEW, Written("f", 0, A), Synced("f")]
    assert images(*old, Written("f", 0, B)) == {(("f", A),), (("f", B),)}


def test_a_truncation_may_be_lost_and_what_came_after_not() -> None:
    old: list[Event] = [*NEW, Written("f", 0, A + A), Synced("f")]
    left = {A + A, b"", B, B + A}
    assert images(*old, Truncated("f", 0), Written("f", 0, B)) == {(("f", each),) for each in left}


def test_files_come_and_go_with_their_directory() -> None:
    assert images(Opened("f")) == {(), (("f", b""),)}
    assert images(*NEW, Deleted("f")) == {(), (("f", b""),)}
    assert images(*NEW, Deleted("f"), DirectorySynced()) == {()}
    again: list[Event] = [Written("f", 0, A), Synced("f"), Deleted("f"), Opened("f")]
    assert images(*NEW, *again) == {(), (("f", A),), (("f", b""),)}
