"""Kills a real process again and again, and checks that no write is lost, doubled or reordered.

    python -m tests.crash.harness --kills 30 --seed 7

The child (child.py) is a durable outbox over a real SQLite file. This process is everything
around it: the application, the network, which loses, repeats, delays and shuffles, and the
reference server. It kills the child (SIGKILL) where it stands still at a named point, such as
between a commit and what follows from it, or at any time by the clock; and starts another on the
same file. In the end the network heals, everything drains, and the ledger is judged.

A seed replays: the same calls, and the same kills at named points. Where a kill by the clock hits
is up to the machine, and so is all that follows from it; `--clock 0` leaves those out. `--store`
names a store with a planted fault (stores.py), to see that it is found. Exit status 1: something
was found.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.ledger import KINDS
from tests.crash.stores import STORES
from tests.crash.story import MODES, Story

STORY = 25
"""Kills in one story: one file, from empty to drained."""


@dataclass
class Result:
    """What a number of kills led to."""

    kills: int = 0
    writes: int = 0
    points: Counter[str] = field(default_factory=Counter[str])
    findings: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def count(self, kind: str) -> int:
        """How often something was wrong."""
        return len(self.findings.get(kind, []))

    @property
    def clean(self) -> bool:
        """Nothing was wrong."""
        return not any(self.findings.values())

    def line(self, seed: int) -> str:
        """The result in one line."""
        counts = "  ".join(f"{kind} {self.count(kind)}" for kind in KINDS)
        clock, missed = self.points["clock"], self.points["missed"]
        named = len(self.points) - (clock > 0) - (missed > 0)
        where = f"{named} named points, {clock} kills by the clock, {missed} points missed"
        return f"kills {self.kills}  writes {self.writes}  {counts}  (seed {seed}, {where})"


def run(
    kills: int, seed: int, store: str = "sqlite", clock: float = 0.2, mode: str = "entity"
) -> Result:
    """As many stories as it takes. `clock`: the share of kills that no point is named for."""
    result = Result(findings={kind: [] for kind in KINDS})
    for number in range(0, kills, STORY):
        chance = random.Random(f"{seed}/{number}")
        with tempfile.TemporaryDirectory() as place:
            story = Story(Path(place) / "outbox.db", chance, store, mode)
            wanted = min(STORY, kills - number)
            for done in range(wanted):
                story.live_and_die(clock)
                progress(f"kill {number + done + 1} of {kills}")
            story.end()
        result.kills += wanted
        result.writes += len(story.ledger.enqueued)
        result.points += story.points
        for kind, found in story.ledger.findings.items():
            result.findings[kind].extend(found)
    progress("")
    return result


def progress(text: str) -> None:
    """One line that is written again and again, for people."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--store", choices=STORES, default="sqlite")
    parser.add_argument("--clock", type=float, default=0.2, help="share of kills by the clock")
    parser.add_argument("--mode", choices=MODES, default="entity")
    asked = parser.parse_args()
    result = run(asked.kills, asked.seed, asked.store, asked.clock, asked.mode)
    print(result.line(asked.seed))
    for point, times in sorted(result.points.items()):
        print(f"  {times:4} {point}")
    for kind, found in result.findings.items():
        for each in found[:5]:
            print(f"{kind}: {each}")
    return 0 if result.clean else 1


if __name__ == "__main__":
    sys.exit(main())
