"""The shortest script that still shows a failure: cut, delete, simplify, rename.

A shorter script needs an expectation of its own. It comes from the reference: the shrunk script
counts if the reference meets the expectation and the implementation still breaks it, in the same
field, at the last step, for the same requirement. Deterministic; a bounded number of runs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from msgspec.structs import replace

from optisync.errors import OptisyncError
from optisync.values import Json, Obj, dump
from optisync_conformance.case import Case, CaseError, Step, run_case, with_inverses
from optisync_conformance.judge import WHOLE, Failure, fields, judge, topic
from optisync_conformance.match import MATCHERS
from optisync_conformance.reference.stdio import SEES
from optisync_conformance.script import ScriptError
from optisync_conformance.simplify import renamed, simpler

Observations: TypeAlias = Sequence[Mapping[str, object]]
Run: TypeAlias = Callable[[Case], Observations | None]
BUDGET: Final = 250


def reduce(
    case: Case,
    failure: Failure,
    run: Run,
    sees: Collection[str],
    lacks: Collection[str] = (),
    budget: int = BUDGET,
) -> Case:
    """The shortest case found, failing at its last step; the case itself if none is shorter.

    `run` has the implementation run a case, in a fresh instance; None: it gave no observations.
    `budget` bounds the number of its calls.
    """
    reducer = _Reducer(case, failure, run, sees, lacks, budget)
    last = max(1, failure.step)
    about = topic(case, last, failure.root)
    short = reducer.attempt(replace(case, steps=case.steps[:last], req=about))
    if short is None:
        return case
    while budget > 0:
        before = short
        short = reducer.delete_chunks(short)
        short = reducer.simplify(short)
        if short == before:
            break
    return reducer.attempt(renamed(short)) or short


class _Reducer:
    def __init__(
        self,
        case: Case,
        failure: Failure,
        run: Run,
        sees: Collection[str],
        lacks: Collection[str],
        budget: int,
    ) -> None:
        self._failure = failure
        self._run = run
        self._sees = sees
        self._lacks = lacks
        self._budget = budget
        step = case.steps[max(1, failure.step) - 1]
        self._wanted = step.then.get(failure.root)
        self._tried: set[Case] = set()

    def attempt(self, candidate: Case) -> Case | None:
        """The candidate with its expectation, if the implementation breaks it the same way."""
        if self._budget <= 0 or candidate in self._tried:
            return None
        self._tried.add(candidate)
        expected = self._expected(candidate)
        if expected is None:
            return None
        self._budget -= 1
        observed = self._run(expected)
        if observed is None:
            return None
        try:
            found = judge(expected, observed, self._sees, self._lacks).failures
        except OptisyncError:
            return None
        return expected if found and self._same(found[0], expected) else None

    def _same(self, found: Failure, case: Case) -> bool:
        known = self._failure
        at_end = found.step == len(case.steps)
        return at_end and (found.root, found.requirement) == (known.root, known.requirement)

    def _expected(self, candidate: Case) -> Case | None:
        """What the reference answers, as an expectation; None if it cannot run the script."""
        bare = tuple(Step(_without_inverse(step.do), Obj()) for step in candidate.steps)
        try:
            filled = with_inverses(replace(candidate, steps=bare))
            observed = run_case(filled)
        except (CaseError, ScriptError):
            return None
        found = fields(filled, observed, self._lacks)
        refusals = [_refusal(each.get("out")) for each in found[1:]]
        steps = [Step(s.do, then) for s, then in zip(filled.steps, refusals, strict=True)]
        then = self._then(found[-1], refusals[-1])
        steps[-1] = Step(steps[-1].do, then)
        whole = replace(filled, steps=tuple(steps))
        own = judge(whole, observed, SEES[whole.profile])
        return None if own.failures else whole

    def _then(self, reference: Mapping[str, Json], refusal: Obj) -> Obj:
        root = self._failure.root
        if root == "out":
            return refusal or Obj({"out": _accepted(self._wanted, reference["out"])})
        if self._wanted is None:  # it broke because the refusal was to change nothing
            return refusal
        value = reference.get(root)
        if isinstance(self._wanted, Obj) and "$all_of" in self._wanted:
            shown = value if isinstance(value, tuple) else ()
            value = Obj({"$all_of": tuple({dump(each): each for each in shown}.values())})
        elif isinstance(self._wanted, Obj) and any(key in MATCHERS for key in self._wanted):
            value = self._wanted
        elif root not in WHOLE and isinstance(self._wanted, tuple) and isinstance(value, tuple):
            value = _as_named(value, self._wanted)
        return refusal.put(root, value)

    def delete_chunks(self, case: Case) -> Case:
        """Leave out runs of steps before the last, long ones first."""
        size = max(1, (len(case.steps) - 1) // 2)
        while size:
            index = 0
            while index < len(case.steps) - 1:
                end = min(index + size, len(case.steps) - 1)
                kept = case.steps[:index] + case.steps[end:]
                shorter = self.attempt(replace(case, steps=kept))
                case, index = (shorter, index) if shorter else (case, index + size)
            size //= 2
        return case

    def simplify(self, case: Case) -> Case:
        """Take the first simpler variant that still fails, again and again."""
        found: Case | None = case
        while found is not None:
            case = found
            found = self._first(simpler(case))
        return case

    def _first(self, variants: Iterator[Case]) -> Case | None:
        for variant in variants:
            found = self.attempt(variant)
            if found is not None:
                return found
        return None


def _as_named(found: tuple[Json, ...], wanted: tuple[Json, ...]) -> tuple[Json, ...]:
    """What the reference shows, with those members alone that the case says something about.

    Else the shortest script would be one for a member that the case leaves open.
    """
    return tuple(_named(each, wanted) if isinstance(each, Obj) else each for each in found)


def _named(found: Obj, wanted: tuple[Json, ...]) -> Obj:
    alike = [each for each in wanted if isinstance(each, Obj) and each.get("e") == found.get("e")]
    left: dict[str, Json] = {}
    for key, value in found.items():
        said = [each[key] for each in alike if key in each]
        inner = tuple(part for each in said if isinstance(each, tuple) for part in each)
        if said or key in ("e", "m"):
            left[key] = _as_named(value, inner) if isinstance(value, tuple) and inner else value
    return Obj(left)


def _refusal(out: Json) -> Obj:
    code = out.get("err") if isinstance(out, Obj) else None
    return Obj() if code is None else Obj({"out": Obj({"err": code})})


def _accepted(wanted: Json, out: Json) -> Json:
    return "ok" if wanted is None or wanted == "ok" else out


def _without_inverse(do: Obj) -> Obj:
    return do.drop("inverse") if "inverse" in do else do
