"""One target, from its first line to its verdicts: run, confirm, shrink, probe, compare."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from optisync_conformance import declared, expect
from optisync_conformance.cases import Case, Listed
from optisync_conformance.confirming import Confirmed, confirm
from optisync_conformance.events import (
    RED,
    SCORED,
    Done,
    Event,
    Exit,
    Planned,
    Probed,
    Stale,
    TargetEnded,
    TargetStarted,
    Verdict,
)
from optisync_conformance.frames import Hello, Script
from optisync_conformance.link import connect
from optisync_conformance.pool import run_all
from optisync_conformance.probes import Sample, probe_all
from optisync_conformance.scoring import Scored, score, script_of
from optisync_conformance.session import Observed, Options, Session, Unusable
from optisync_conformance.targets import Target

Emit = Callable[[Event], None]
Load = Callable[[Sequence[str]], Sequence[Listed]]
_PROFILE_SAMPLES: Final = 40
_LOOKS: Final = 3
_INTERRUPTED: Final = "interrupted"
_FIRST: Final = ("coordinator",)


def given(cases: Sequence[Case]) -> Load:
    """These cases, of whatever profile."""
    listed = [Listed.of(case) for case in cases]
    return lambda profiles: [each for each in listed if each.profile in profiles]


@dataclass(frozen=True, slots=True)
class Settings:
    """What is the same for every target of a run.

    `packs` list the cases of the profiles that are played; each is asked when the one before is
    used up, and a case is read when it is played. `whole` says that the
    cases are all there are, so that an expectation that matches none is stale; `replay` makes the
    command that replays a failure from the case it was shrunk to.
    """

    packs: Sequence[Load]
    profiles: tuple[str, ...] = ()
    jobs: int = 1
    probes: bool = True
    whole: bool = True
    shrink: bool = True
    options: Options = field(default_factory=Options)
    replay: Callable[[Target, Case], str] | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a target came out, with what an expectation file is made of."""

    exit: Exit
    findings: tuple[expect.Finding, ...] = ()


class Runner:
    """Runs one target and tells everything as events. Raises ExpectError, before it begins."""

    def __init__(self, target: Target, settings: Settings, emit: Emit) -> None:
        self._target = target
        self._settings = settings
        self._emit = emit
        self._entries = expect.load(target.expect) if target.expect else ()
        self._began = time.monotonic()
        self._sessions: list[Session] = []
        self._findings: list[expect.Finding] = []
        self._verdicts: list[Verdict] = []
        self._samples: dict[str, list[Sample]] = {}

    def begin(self) -> None:
        """Start the adapter and do not wait for it; what goes wrong is told by `run`."""
        if not self._sessions:
            options = self._settings.options
            self._sessions = [self._open(options) for _ in range(self._settings.jobs)]
            with suppress(Unusable):
                self._sessions[0].begin()

    def run(self) -> Ended:
        """Run everything."""
        self.begin()
        try:
            return self._run()
        finally:
            for session in self._sessions:
                session.end()

    def _open(self, options: Options) -> Session:
        return Session(lambda: connect(self._target.command, self._target.cwd), options)

    def _run(self) -> Ended:
        try:
            self._read_ahead()
            hello = self._sessions[0].hello
            if wrong := declared.problem(hello):
                raise Unusable(wrong, self._sessions[0].stderr())
        except Unusable as unusable:
            self._started(None)
            return self._end(Exit.UNUSABLE, str(unusable), unusable.stderr)
        except KeyboardInterrupt:
            self._started(None)
            return self._end(Exit.INTERRUPTED, _INTERRUPTED)
        self._started(hello)
        waiting: dict[str, Listed] = {}
        try:
            failed = self._first_pass(hello, waiting)
            self._second_pass(hello, failed)
            probes_ok = self._probe(hello)
        except Unusable as unusable:
            self._not_run(waiting.values(), "the adapter became unusable")
            return self._end(Exit.UNUSABLE, str(unusable), unusable.stderr)
        except KeyboardInterrupt:
            self._not_run(waiting.values(), _INTERRUPTED)
            return self._end(Exit.INTERRUPTED, _INTERRUPTED)
        stale = expect.stale(self._entries, self._findings) if self._settings.whole else []
        for text in stale:
            self._emit(Stale(self._target.name, text))
        return self._verdict(bool(stale) or not probes_ok, hello)

    def _not_run(self, cases: Iterable[Listed], why: str) -> None:
        for case in cases:
            self._done(case, Scored(Verdict.NOT_RUN, why))

    def _read_ahead(self) -> None:
        """Read what will probably be played first, while the adapter starts."""
        wanted = self._settings.profiles or self._target.profiles or _FIRST
        cases = self._chosen(wanted, self._settings.packs[0])
        for listed in cases[: self._settings.options.window]:
            listed.read()

    def _chosen(self, profiles: Sequence[str], load: Load) -> list[Listed]:
        packs = self._target.packs
        mine = (case for case in load(profiles) if not packs or case.pack in packs)
        return [case for case in mine if case.profile in profiles]

    def _scripts(self, hello: Hello, waiting: dict[str, Listed]) -> Iterator[tuple[Case, Script]]:
        """The script of every case; what has not come back yet is in `waiting`."""
        wanted = self._settings.profiles or self._target.profiles or tuple(hello.profiles)
        profiles = [name for name in wanted if name in hello.profiles]
        total = 0
        for load in self._settings.packs:
            cases = self._chosen(profiles, load)
            total += len(cases)
            waiting.update((case.id, case) for case in cases)
            self._emit(Planned(self._target.name, total))
            for listed in cases:
                case = listed.read()
                yield case, script_of(case)

    def _first_pass(self, hello: Hello, waiting: dict[str, Listed]) -> list[tuple[Case, Scored]]:
        """Run everything once; what is not green is kept for a second look."""
        failed: list[tuple[Case, Scored]] = []
        try:
            for case, outcome in run_all(self._sessions, self._scripts(hello, waiting)):
                del waiting[case.id]
                scored = score(case, outcome, hello.profiles[case.profile])
                if scored.verdict in RED:
                    failed.append((case, scored))
                    continue
                seconds = outcome.seconds if isinstance(outcome, Observed) else 0.0
                self._done(case, scored, seconds)
                if isinstance(outcome, Observed) and scored.verdict is Verdict.PASS:
                    self._sample(case, outcome)
        except (Unusable, KeyboardInterrupt):
            for case, scored in failed:
                self._done(case, scored)
            raise
        return failed

    def _sample(self, case: Case, outcome: Observed) -> None:
        kept = self._samples.setdefault(case.profile, [])
        if len(kept) < _PROFILE_SAMPLES:
            kept.append(Sample(case.id, script_of(case), outcome.obs))

    def _second_pass(self, hello: Hello, failed: Sequence[tuple[Case, Scored]]) -> None:
        """Confirm failures in a fresh process and shrink them, a few of each requirement.

        An engine without a rule fails hundreds of the cover cases of that rule; to shrink them all
        says nothing new and takes minutes. The rest are counted as they came out.
        """
        looks: Counter[tuple[Verdict, str]] = Counter()
        for index, (case, first) in enumerate(failed):
            scope = hello.profiles[case.profile]
            kind = (first.verdict, first.fingerprint.partition(" @ ")[0] or case.req)
            looks[kind] += 1
            if looks[kind] > _LOOKS:
                self._done(case, first)
                continue
            try:
                found = confirm(self._fresh, case, first, scope, self._settings.shrink)
                scored = self._with_replay(found)
            except (Unusable, KeyboardInterrupt):
                for other, found_first in failed[index:]:
                    self._done(other, found_first)
                raise
            self._done(case, scored)

    def _fresh(self) -> Session:
        return self._open(replace(self._settings.options, window=1))

    def _with_replay(self, found: Confirmed) -> Scored:
        make = self._settings.replay
        detail = found.scored.detail
        if make is None or detail is None:
            return found.scored
        from msgspec.structs import replace as changed

        command = make(self._target, found.minimal)
        return replace(found.scored, detail=changed(detail, replay=command))

    def _probe(self, hello: Hello) -> bool:
        if not self._settings.probes:
            return True
        for session in self._sessions:
            session.kill()
        wanted = self._settings.profiles or self._target.profiles or tuple(hello.profiles)
        scopes = {name: scope for name, scope in hello.profiles.items() if name in wanted}
        samples = [sample for kept in self._samples.values() for sample in kept]
        ok = True
        for probe in probe_all(self._open, self._settings.options, samples, scopes):
            ok = ok and probe.ok
            self._emit(Probed(self._target.name, probe.name, probe.ok, probe.text, probe.remedy))
        return ok

    def _done(self, case: Case | Listed, scored: Scored, seconds: float = 0.0) -> None:
        finding = expect.Finding(case.id, scored.verdict, scored.fingerprint)
        settled = expect.settle(self._entries, finding)
        self._findings.append(finding)
        self._verdicts.append(settled.verdict)
        requirement = scored.failures[0].requirement if scored.failures else case.req
        self._emit(
            Done(
                target=self._target.name,
                case=case.id,
                requirement=requirement,
                profile=case.profile,
                verdict=settled.verdict,
                seconds=round(seconds, 6),
                note=settled.note or scored.note,
                detail=scored.detail,
            )
        )

    def _started(self, hello: Hello | None) -> None:
        self._emit(
            TargetStarted(
                target=self._target.name,
                command=" ".join(self._target.command),
                impl=hello.impl if hello else None,
                profiles=hello.profiles if hello else {},
            )
        )

    def _verdict(self, wrong: bool, hello: Hello) -> Ended:
        if wrong or any(verdict in RED for verdict in self._verdicts):
            return self._end(Exit.FAILURE)
        if not any(verdict in SCORED for verdict in self._verdicts):
            reason = "no case could be scored" if self._verdicts else self._none_selected(hello)
            return self._end(Exit.INCONCLUSIVE, reason)
        return self._end(Exit.CONFORMANT)

    def _none_selected(self, hello: Hello) -> str:
        wanted = self._settings.profiles or self._target.profiles
        if not wanted or any(name in hello.profiles for name in wanted):
            return "no case was selected"
        return f"the adapter declares {', '.join(hello.profiles)}, and not {' or '.join(wanted)}"

    def _end(self, how: Exit, reason: str = "", stderr: str = "") -> Ended:
        seconds = round(time.monotonic() - self._began, 3)
        self._emit(TargetEnded(self._target.name, how, seconds, reason, stderr))
        return Ended(how, tuple(self._findings))


def save_minimal(folder: Path, target: Target, case: Case) -> Path:
    """Write a shrunk case where it can be replayed from; its path."""
    import msgspec

    path = folder / target.name / f"{case.id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(case.to_json()), indent=1) + b"\n")
    return path
