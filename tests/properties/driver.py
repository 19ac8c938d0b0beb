"""Worlds are driven: through whole runs, in a process without typeguard, action by action.

`python -m MODULE KIND RUNS`, for a module that calls `Runs.main`, plays random runs and prints, as
JSON, in how many of them each transition class occurred. In a process of its own it has typeguard's
hook off, which makes a run twenty times as long.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar, cast
from unittest import TestCase

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from tests.properties import scripts
from tests.properties.scripts import Acting, Choose, Over, Play, act, replayed

ROOT = Path(__file__).parents[2]


class Settling(Acting, Protocol):
    """A world that notes its transition classes, and comes to rest."""

    @property
    def seen(self) -> Iterable[str]: ...

    def quiesce(self) -> None: ...


class Led(Settling, Protocol):
    """A world whose chooser can be another for each action."""

    def led_by(self, choose: Choose) -> None: ...


W = TypeVar("W", bound=Settling)
L = TypeVar("L", bound=Led)


def nothing(_: object) -> None:
    pass


def whole(make: Callable[[Choose], W], close: Callable[[W], None] = nothing) -> Play:
    """Whole runs of a kind of world; `close` ends one."""

    def play(choose: Choose, actions: int | None) -> Iterable[str]:
        try:
            world = make(choose)
        except Over:
            return ()
        try:
            act(world, actions)
            world.quiesce()
        finally:
            close(world)
        return world.seen

    return play


@dataclass(frozen=True)
class Runs:
    """Runs of `least` to `least + span` actions; `module` calls `main`."""

    module: str
    plays: Mapping[str, Play]
    least: int
    span: int

    def replay(self, script: Sequence[int], kind: str) -> None:
        """Play a script, such as a reported one in a debugger."""
        self.plays[kind](replayed(script), None)

    def volume(self, kind: str, runs: int) -> Counter[str]:
        """In how many of the random runs each transition class occurs."""
        return scripts.volume(runs, self.plays[kind], self.least, self.span)

    def fast_volume(self, kind: str, runs: int) -> Counter[str]:
        """`volume` in a process without typeguard."""
        done = subprocess.run(
            [sys.executable, "-m", self.module, kind, str(runs)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return Counter(cast("dict[str, int]", json.loads(done.stdout)))

    def main(self) -> None:
        """What such a process does."""
        print(json.dumps(self.volume(sys.argv[1], int(sys.argv[2]))))


def check_classes(
    seen: Counter[str], runs: int, classes: frozenset[str], rare: frozenset[str]
) -> None:
    """Every transition class occurs in 1 % of the runs, and there are no others."""
    too_rare = {name: seen[name] for name in classes if seen[name] < runs / 100}
    assert not too_rare, f"classes in less than 1 % of {runs} runs"
    assert set(seen) - classes - rare == set(), "classes that nobody has thought of"


def stateful(
    kinds: Mapping[str, Callable[[Choose], L]],
    actions: Sequence[Callable[[L], None]],
    close: Callable[[L], None] = nothing,
) -> type[TestCase]:
    """The same worlds; Hypothesis decides what happens, one action at a time."""

    def chooser(data: st.DataObject) -> Choose:
        return lambda below: data.draw(st.integers(0, below - 1))

    class Worlds(RuleBasedStateMachine):
        world: L

        @initialize(data=st.data(), kind=st.sampled_from(sorted(kinds)))
        def begin(self, data: st.DataObject, kind: str) -> None:
            self.world = kinds[kind](chooser(data))

        @rule(data=st.data(), action=st.sampled_from(actions))
        def act(self, data: st.DataObject, action: Callable[[L], None]) -> None:
            self.world.led_by(chooser(data))
            action(self.world)

        def teardown(self) -> None:
            if hasattr(self, "world"):
                try:
                    self.world.quiesce()
                finally:
                    close(self.world)

    Worlds.TestCase.settings = settings(max_examples=25, stateful_step_count=40)
    return Worlds.TestCase
