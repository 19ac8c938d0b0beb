"""The events of a run, gathered by target: what displays and reports are made of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

from optisync_conformance.events import (
    RED,
    Done,
    Event,
    Exit,
    Planned,
    Probed,
    RunEnded,
    RunStarted,
    Stale,
    TargetEnded,
    TargetSkipped,
    TargetStarted,
    Verdict,
)

# The columns of a summary that are always shown; others only when there is something in them.
ALWAYS: Final = (
    Verdict.PASS,
    Verdict.FAIL,
    Verdict.BLIND,
    Verdict.UNSUPPORTED,
    Verdict.NOT_RUN,
)


@dataclass(slots=True)
class TargetReport:
    """Everything said of one target."""

    name: str
    started: TargetStarted | None = None
    skipped: str = ""
    done: list[Done] = field(default_factory=list[Done])
    probes: list[Probed] = field(default_factory=list[Probed])
    stale: list[str] = field(default_factory=list[str])
    ended: TargetEnded | None = None

    @property
    def counts(self) -> Counter[Verdict]:
        """How many cases have each verdict."""
        return Counter(done.verdict for done in self.done)

    @property
    def red(self) -> list[Done]:
        """The cases that make the run fail: what could not be judged comes last, with the first
        case of each thing that was said in front of the others."""
        red = [done for done in self.done if done.verdict in RED]
        first = {id(found[0]) for found in self.unjudged.values()}
        return sorted(red, key=lambda done: (_is_unjudged(done), id(done) not in first))

    @property
    def broken(self) -> dict[str, list[Done]]:
        """The cases that break a requirement, expected or not, by it; the most broken first."""
        return _grouped((done.requirement, done) for done in self.done if done.judged)

    @property
    def unjudged(self) -> dict[str, list[Done]]:
        """The cases that the adapter did not carry out though it lacks nothing they need, expected
        or not, by what was said; what was said most comes first."""
        stuck = [(_gist(done), done) for done in self.done if _is_unjudged(done)]
        said: dict[str, set[str]] = {}
        for gist, _ in stuck:
            said.setdefault(_without_numbers(gist), set()).add(gist)
        alike = {gist: name for name, many in said.items() if len(many) > 1 for gist in many}
        return _grouped((alike.get(gist, gist), done) for gist, done in stuck)

    @property
    def exit(self) -> Exit:
        """How the target came out; inconclusive as long as it has not ended."""
        return self.ended.exit if self.ended else Exit.INCONCLUSIVE


def _gist(done: Done) -> str:
    """The first line of what was said."""
    lines = done.detail.text.strip().splitlines() if done.detail else []
    return lines[0].strip() if lines else ""


def _without_numbers(text: str) -> str:
    """What stays the same when texts count something.

    >>> _without_numbers("no step tick at a.pl line 7, <STDIN> line 333.")
    'no step tick at a.pl line N, <STDIN> line N.'
    """
    return re.sub(r"[0-9]+", "N", text)


def _is_unjudged(done: Done) -> bool:
    return done.detail is not None and not done.judged


def _grouped(found: Iterable[tuple[str, Done]]) -> dict[str, list[Done]]:
    groups: dict[str, list[Done]] = {}
    for name, done in found:
        groups.setdefault(name, []).append(done)
    return dict(sorted(groups.items(), key=lambda entry: (-len(entry[1]), entry[0])))


@dataclass(slots=True)
class Report:
    """Everything said of a run."""

    started: RunStarted | None = None
    targets: dict[str, TargetReport] = field(default_factory=dict[str, TargetReport])
    ended: RunEnded | None = None

    def take(self, event: Event) -> None:
        """Add one event."""
        match event:
            case Planned():
                pass
            case RunStarted():
                self.started = event
            case RunEnded():
                self.ended = event
            case TargetStarted():
                self.of(event.target).started = event
            case TargetSkipped():
                self.of(event.target).skipped = event.reason
            case Done():
                self.of(event.target).done.append(event)
            case Probed():
                self.of(event.target).probes.append(event)
            case Stale():
                self.of(event.target).stale.append(event.text)
            case TargetEnded():
                self.of(event.target).ended = event
            case _:
                assert_never(event)

    def of(self, name: str) -> TargetReport:
        """The report of a target, new if need be."""
        return self.targets.setdefault(name, TargetReport(name))

    @property
    def columns(self) -> Sequence[Verdict]:
        """The verdicts a summary has to show."""
        used = {verdict for target in self.targets.values() for verdict in target.counts}
        return [verdict for verdict in Verdict if verdict in used or verdict in ALWAYS]


def collect(events: Iterable[Event]) -> Report:
    """The report of a whole stream."""
    report = Report()
    for event in events:
        report.take(event)
    return report


def merge(reports: Mapping[str, Report]) -> Report:
    """Several runs as one; a target that is in more than one is named after its run as well."""
    whole = Report()
    for run, report in reports.items():
        whole.started = whole.started or report.started
        for name, target in report.targets.items():
            whole.targets[name if name not in whole.targets else f"{run}: {name}"] = target
    return whole
