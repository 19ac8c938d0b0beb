"""Verdicts: what is expected, against what came out."""

import pytest

from optisync_conformance.modelcheck.judge import judge_check, judge_mutant
from optisync_conformance.modelcheck.manifest import Check, Mutant
from optisync_conformance.modelcheck.results import (
    ActionCount,
    Failed,
    Failure,
    Ok,
    Result,
    TraceStep,
    Violated,
    Violation,
)
from optisync_conformance.modelcheck.tlachecker import Agrees, Disagrees, NotRun, Opinion

CHECK = Check(
    id="c", module="M", scope="s", distinct=7, depth=3, tla_checker=True, invariants=("Inv",)
)
TAKEN = (ActionCount("A", 0, 4), ActionCount("B", 6, 6))
GOOD = Ok(7, 11, 3, 0.1, TAKEN)
MUTANT = Mutant(id="m", check="c", why="x", constants={}, violates="Inv", length=2)
STEPS = (TraceStep("Init", ()), TraceStep("A", ()))


@pytest.mark.parametrize(
    ("result", "opinion", "problem"),
    [
        (GOOD, Agrees(7), ""),
        (GOOD, NotRun("no Node.js"), ""),
        (GOOD, Agrees(8), "tla-checker counts 8 states, TLC 7"),
        (GOOD, Disagrees("Inv is violated"), "tla-checker: Inv is violated"),
        (Ok(7, 11, 3, 0.1), Agrees(7), "no coverage was reported: is the next-state relation"),
        (Ok(8, 11, 3, 0.1, TAKEN), Agrees(8), "8 distinct states, expected 7"),
        (Ok(7, 11, 4, 0.1, TAKEN), Agrees(7), "depth 4, expected 3"),
        (
            Ok(7, 11, 3, 0.1, (*TAKEN, ActionCount("C", 0, 0), ActionCount("A", 0, 0))),
            Agrees(7),
            "the action C is never taken",
        ),
    ],
)
def test_checks(result: Result, opinion: Opinion, problem: str) -> None:
    verdict = judge_check(CHECK, result, opinion)
    assert verdict.word == ("FAILED" if problem else "ok")
    assert [told[: len(problem)] for told in verdict.problems] == [problem] * bool(problem)


@pytest.mark.parametrize(
    ("result", "word"),
    [
        (Violated(Violation.INVARIANT, "Inv", STEPS, 0.1), "ok"),
        (Violated(Violation.INVARIANT, "Inv", STEPS[:1], 0.1), "FAILED"),
        (Violated(Violation.INVARIANT, "Other", STEPS, 0.1), "FAILED"),
        (GOOD, "FAILED"),
        (Failed(Failure.PARSE, "no", 0.1), "FAILED"),
        (Failed(Failure.TIMEOUT, "no", 0.1), "inconclusive"),
        (Failed(Failure.MEMORY, "no", 0.1), "inconclusive"),
    ],
)
def test_mutants(result: Result, word: str) -> None:
    assert judge_mutant(MUTANT, result).word == word
