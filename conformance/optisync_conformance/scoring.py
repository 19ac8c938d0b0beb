"""From what an adapter answered to a verdict, and to a failure that can be told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

from optisync.errors import OptisyncError
from optisync.values import Obj
from optisync.view import ABSENT, Doc
from optisync_conformance.cases import Case
from optisync_conformance.events import Detail, Verdict
from optisync_conformance.frames import Fault, Observation, Scope, Script
from optisync_conformance.judge import Failure, judge
from optisync_conformance.reference.host import thaw
from optisync_conformance.requirements import requirements
from optisync_conformance.session import Broke, Observed, Outcome, Refused

_KINDS: Final[dict[str, str]] = {
    "differs": "{path} differs",
    "missing": "{path} is missing",
    "extra": "{path} should not be there",
    "order": "{path} is in another order",
    "accepted": "the engine accepted what it has to refuse",
    "code": "refused with another code",
    "open": "no answer: the engine's promise is still pending",
    "hang": "the engine hung",
    "crash": "the engine died",
}

_OF_TOGETHER: Final = re.compile(r"out/ok/outs/([0-9]+)")


@dataclass(frozen=True, slots=True)
class Scored:
    """The verdict of one outcome. `detail` of a failure; `note` is a line for the others."""

    verdict: Verdict
    note: str = ""
    detail: Detail | None = None
    failures: tuple[Failure, ...] = field(default=())

    @property
    def fingerprint(self) -> str:
        """What stays the same from run to run; empty unless it failed."""
        return self.detail.fingerprint if self.detail else ""


def script_of(case: Case) -> Script:
    """What is sent for a case."""
    return Script(case.profile, case.given(), case.script())


def score(case: Case, outcome: Outcome, scope: Scope) -> Scored:
    """The verdict of a case whose script had this outcome."""
    match outcome:
        case Observed(obs):
            return _observed(case, obs, scope)
        case Refused(fault):
            return _refused(case, fault, scope)
        case Broke(how, text, stderr, alone):
            verdict = Verdict(how) if alone else Verdict.FLAKY
            more = "" if alone else "; but not when the script runs alone"
            mark = f"{case.req} @ run : {how}"
            return Scored(verdict, detail=_told(case, mark, text + more, stderr=stderr))
        case _:
            assert_never(outcome)


def _observed(case: Case, obs: Sequence[Observation], scope: Scope) -> Scored:
    try:
        found = judge(case, obs, scope.sees, scope.lacks)
    except OptisyncError as error:
        mark = f"{case.req} @ run : error"
        text = f"an observation that is not valid: {error}"
        return Scored(Verdict.ERROR, detail=_told(case, mark, text))
    if found.failures:
        first = found.failures[0]
        return Scored(
            Verdict.FAIL, detail=_failed(case, first, found.failures, obs), failures=found.failures
        )
    if found.blind:
        return Scored(Verdict.BLIND, f"cannot see {', '.join(found.blind)}")
    return Scored(Verdict.PASS)


def _refused(case: Case, fault: Fault, scope: Scope) -> Scored:
    if fault.kind == "unsupported" and fault.cap in scope.lacks:
        return Scored(Verdict.UNSUPPORTED, f"lacks {fault.cap}")
    text = fault.text.strip() or "no text"
    if fault.kind == "unsupported":
        text = f"unsupported {fault.cap!r}, which hello does not list in `lacks`: {text}"
    mark, said = f"{case.req} @ run : {fault.kind}", f"the adapter answered {fault.kind}: {text}"
    return Scored(Verdict.ERROR, detail=_told(case, mark, said, step=fault.step or 0))


def _told(case: Case, mark: str, text: str, stderr: str = "", step: int = 0) -> Detail:
    """What kept a case from being judged: it says nothing about its requirement."""
    return Detail(
        fingerprint=mark,
        text=text,
        step=step,
        setting=case.given(),
        steps=list(case.script()),
        stderr=stderr,
    )


def _failed(
    case: Case, first: Failure, failures: Sequence[Failure], obs: Sequence[Observation]
) -> Detail:
    return Detail(
        fingerprint=first.fingerprint,
        text=failure_line(first),
        sentence=requirements().get(first.requirement, ""),
        step=first.step,
        path=first.path,
        expected=plain(first.expected),
        got=plain(first.got),
        setting=case.given(),
        steps=list(case.script()),
        observations=list(obs),
        others=[f"step {each.step}: {failure_line(each)}" for each in failures[1:]],
    )


def failure_line(failure: Failure) -> str:
    """What is wrong, in a few words."""
    inner = _OF_TOGETHER.match(failure.path)
    where = f", in step {int(inner[1]) + 1} of those together" if inner else ""
    code = failure.got.get("err") if isinstance(failure.got, Obj) else None
    if failure.kind != "differs" or failure.root != "out" or code is None:
        return _KINDS[failure.kind].format(path=failure.path) + where
    if code == "callback-failure-escaped":
        return "the engine let the failure of a callback through to its caller" + where
    return f"the engine refused ({code}) what it has to take" + where


def plain(value: Doc) -> object:
    """A value for people: nothing there is said in words."""
    return "(nothing there)" if value is ABSENT else thaw(value)
