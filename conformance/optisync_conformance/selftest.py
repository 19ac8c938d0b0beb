"""The suite tried on the faulty versions: which case catches which, and what nobody catches.

Everything runs in this process, on copies of the reference, with a time limit for each script.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from types import FrameType
from typing import Final, TypeAlias, cast

from optisync.errors import OptisyncError
from optisync_conformance.cases import Case, run_case
from optisync_conformance.faults import MAX_LINES, Fault, faults, sources_of
from optisync_conformance.isolate import load_copy
from optisync_conformance.judge import Failure, judge
from optisync_conformance.mutation import Mutant
from optisync_conformance.reduce import reduce
from optisync_conformance.reference.host import Observation
from optisync_conformance.reference.stdio import SEES, Runner

SECONDS: Final = 5.0
"""Processor time after which a script counts as hanging, and its faulty version as caught."""
OUTBOX: Final = ("optisync.outbox", "optisync.shell", "optisync_conformance.reference.outbox")
COORDINATOR: Final = (
    *("optisync.coordinator.plan", "optisync.coordinator.sequence", "optisync.coordinator.state"),
    *("optisync.coordinator.settlement", "optisync.coordinator.step"),
    *("optisync.coordinator.strategy", "optisync_conformance.reference.coordinating"),
)
TRANSPORT: Final = ("optisync.transport", "optisync_conformance.reference.transporting")
PIPELINE: Final = (
    *("optisync.pipeline", "optisync.shell.pipelinelife"),
    *("optisync_conformance.reference.pip",),
)
"""Modules that the others' cases do not run: what is wrong there cannot show in them."""
STRANGE: Final = {
    "outbox": COORDINATOR + TRANSPORT + PIPELINE,
    "transport": COORDINATOR + OUTBOX + PIPELINE,
    "pipeline": (*COORDINATOR, *TRANSPORT, *OUTBOX[:1], *OUTBOX[2:], "optisync.shell.durable"),
}
LEAST_SHARE: Final = 0.8
LONGEST: Final = 6

RunCase: TypeAlias = Callable[[Case], list[Observation]]
Look: TypeAlias = Callable[[Case], Failure | str | None]
"""What a faulty version does with a case: a failure, why it gave no observations, or a pass."""


class _TooLong(BaseException):  # not an Exception: observers that isolate would swallow it
    pass


@dataclass(frozen=True, slots=True)
class Tried:
    """A fault and the cases. `killers`: ids in core; `cover`: the first in the cover pack."""

    fault: Fault
    killers: tuple[str, ...]
    independent: tuple[str, ...]
    core: int
    cover: str | None
    steps: int | None

    @property
    def share(self) -> float:
        """The share of core that the fault passes."""
        return 1 - len(self.killers) / self.core

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the fault, or the suite, is not good enough."""
        caught = bool(self.killers) or self.cover is not None
        checks = (
            (not caught, "survives"),
            (caught and not self.independent, "caught only by cases written for it"),
            (self.share < LEAST_SHARE, f"passes only {self.share:.0%} of core"),
            (self.fault.lines > MAX_LINES, f"changes {self.fault.lines} lines"),
            (caught and self.steps is None, "no minimal script"),
            ((self.steps or 0) > LONGEST, f"its shortest script has {self.steps} steps"),
        )
        return tuple(text for wrong, text in checks if wrong)


@dataclass(frozen=True, slots=True)
class Mutated:
    """A mechanical mutant and the first case that catches it, if one does."""

    mutant: Mutant
    killer: str | None


def try_faults(core: Sequence[Case], cover: Sequence[Case] = ()) -> Iterator[Tried]:
    """Each faulty version on all of core; on cover until the first case that catches it."""
    for fault in faults():
        with bounded(load_copy(sources_of(fault))) as run:
            yield _tried(fault, run, core, cover)


def _tried(
    fault: Fault,
    run: RunCase,
    core: Sequence[Case],
    cover: Sequence[Case],
) -> Tried:
    look = looking(run)
    played = [case for case in core if _runs(case, {each.module for each in fault.replace})]
    found = [(case, failure) for case in played if (failure := look(case)) is not None]
    extra = _first((c for c in cover if _runs(c, {each.module for each in fault.replace})), look)
    independent = [case.id for case, _ in found if fault.name not in case.written_for]
    independent += [extra] if extra else []
    shown = sorted(
        ((c, f) for c, f in found if isinstance(f, Failure)), key=lambda pair: len(pair[0].steps)
    )
    steps = len(_shortest(*shown[0], run).steps) if shown else None
    killers = tuple(case.id for case, _ in found)
    return Tried(fault, killers, tuple(independent), len(played), extra, steps)


def _runs(case: Case, changed: Collection[str]) -> bool:
    """Whether a case can meet changed modules."""
    strange = STRANGE.get(case.profile, OUTBOX + TRANSPORT + PIPELINE)
    return not all(module.startswith(strange) for module in changed)


def _shortest(case: Case, failure: Failure, run: RunCase) -> Case:
    def observed(shorter: Case) -> list[Observation] | None:
        try:
            return run(shorter)
        except (Exception, _TooLong):  # a copy of the reference may break in any way
            return None

    return reduce(case, failure, observed, SEES[case.profile])


def try_mutants(
    chosen: Sequence[Mutant], core: Sequence[Case], cover: Sequence[Case] = ()
) -> Iterator[Mutated]:
    """Each mechanical mutant, until the first case that catches it."""
    for mutant in chosen:
        try:
            copied = load_copy({mutant.module: mutant.source})
        except Exception as error:  # it cannot even be loaded
            yield Mutated(mutant, f"(loading: {type(error).__name__})")
            continue
        with bounded(copied) as run:
            look = looking(run)
            yield Mutated(mutant, _first(core, look) or _first(cover, look))


def _first(cases: Sequence[Case] | Iterator[Case], look: Look) -> str | None:
    return next((case.id for case in cases if look(case) is not None), None)


def looking(run: RunCase) -> Look:
    """What a faulty version does with a case."""

    def look(case: Case) -> Failure | str | None:
        try:
            observed = run(case)
        except _TooLong:
            return "hang"
        except Exception as error:  # a copy of the reference may break in any way
            return f"{type(error).__name__}: {error}"
        if _digest(observed) == _right(case):
            return None
        try:
            failures = judge(case, observed, SEES[case.profile]).failures
        except OptisyncError as error:
            return str(error)
        return failures[0] if failures else None

    return look


@cache
def _right(case: Case) -> bytes | None:
    """What a passing reference shows: whoever shows the same passes, without being judged."""
    observed = run_case(case)
    failures = judge(case, observed, SEES[case.profile]).failures
    return None if failures else _digest(observed)


def _digest(observed: list[Observation]) -> bytes:
    return blake2b(json.dumps(observed).encode()).digest()


@contextmanager
def bounded(runner: Runner) -> Generator[RunCase]:
    """Run cases with a limit of time for each. In the main thread only."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise _TooLong

    def run(case: Case) -> list[Observation]:
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        try:
            steps = [cast("dict[str, object]", step) for step in case.script()]
            return runner(case.profile, dict(case.given()), steps)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    before = signal.signal(signal.SIGVTALRM, ring)
    try:
        yield run
    finally:
        signal.signal(signal.SIGVTALRM, before)
