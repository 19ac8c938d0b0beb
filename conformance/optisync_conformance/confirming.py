"""A second look at a failure: does it happen again in a fresh process, and how short can it be?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from msgspec.structs import replace as changed

from optisync_conformance.cases import Case
from optisync_conformance.events import Verdict
from optisync_conformance.frames import Observation, Scope
from optisync_conformance.reduce import reduce
from optisync_conformance.scoring import Scored, score, script_of
from optisync_conformance.session import Observed, Session

_TRIES: Final = {Verdict.TIMEOUT: 4, Verdict.CRASH: 30, Verdict.ERROR: 30}


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What is said in the end, and the shortest case that shows it."""

    scored: Scored
    minimal: Case


def confirm(
    fresh: Callable[[], Session], case: Case, first: Scored, scope: Scope, shrink: bool = True
) -> Confirmed:
    """Run a failed case again, alone in a fresh process, then shrink it. Raises Unusable.

    What does not come out the same is `flaky`. The fingerprint stays that of the case itself, so
    that it does not depend on how far the shrinking came.
    """
    if first.verdict is Verdict.FLAKY:
        return Confirmed(first, case)
    session = fresh()
    try:
        again = score(case, session.one(script_of(case)), scope)
        if (again.verdict, again.fingerprint) != (first.verdict, first.fingerprint):
            return Confirmed(_flaky(first, again), case)
        if not shrink:
            return Confirmed(again, case)
        minimal = _shrunk(session, case, again, scope)
    finally:
        session.kill()
    return _once_more(fresh, case, again, minimal, scope)


def _once_more(
    fresh: Callable[[], Session], case: Case, known: Scored, minimal: Case, scope: Scope
) -> Confirmed:
    session = fresh()
    try:
        last = score(minimal, session.one(script_of(minimal)), scope)
    finally:
        session.kill()
    if last.verdict is not known.verdict or last.detail is None:
        return Confirmed(known, case)  # it took what an earlier run left behind
    detail = changed(last.detail, fingerprint=known.fingerprint)
    return Confirmed(replace(last, detail=detail), minimal)


def _flaky(first: Scored, again: Scored) -> Scored:
    after = again.fingerprint or again.verdict.value
    text = f"came out as {first.fingerprint} first, and as {after} alone in a fresh process"
    detail = first.detail
    return Scored(Verdict.FLAKY, detail=changed(detail, text=text) if detail else None)


def _shrunk(session: Session, case: Case, known: Scored, scope: Scope) -> Case:
    if known.verdict is Verdict.FAIL:

        def observed(shorter: Case) -> list[Observation] | None:
            outcome = session.one(script_of(shorter))
            return outcome.obs if isinstance(outcome, Observed) else None

        return reduce(case, known.failures[0], observed, scope.sees, scope.lacks)
    budget = _TRIES.get(known.verdict, 0)

    def breaks(shorter: Case) -> bool:
        scored = score(shorter, session.one(script_of(shorter)), scope)
        same_text = scored.verdict is not Verdict.ERROR or _same_fault(scored, known)
        return scored.verdict is known.verdict and same_text

    return _without_needless(case, breaks, budget)


def _same_fault(left: Scored, right: Scored) -> bool:
    return left.fingerprint.rpartition(":")[2] == right.fingerprint.rpartition(":")[2]


def _without_needless(case: Case, breaks: Callable[[Case], bool], budget: int) -> Case:
    """Cut the end off, then drop single steps, as long as it still breaks."""
    while len(case.steps) > 1 and budget > 0:
        budget -= 1
        half = changed(case, steps=case.steps[: (len(case.steps) + 1) // 2])
        if len(half.steps) == len(case.steps) or not breaks(half):
            break
        case = half
    index = len(case.steps) - 1
    while index >= 0 and len(case.steps) > 1 and budget > 0:
        budget -= 1
        shorter = changed(case, steps=case.steps[:index] + case.steps[index + 1 :])
        if breaks(shorter):
            case = shorter
        index -= 1
    return case
