"""Compares what came out of a run with what the manifest expects; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from .manifest import Check, Mutant
from .results import Failed, Failure, Ok, Result, TraceStep, Violated
from .tlachecker import Agrees, Disagrees, NotRun, Opinion


@dataclass(frozen=True, slots=True)
class Verdict:
    """``problems`` is empty when all is as expected.

    ``inconclusive`` means that the run was cut short, so nothing is known; ``trace`` is the
    counterexample nobody asked for.
    """

    problems: tuple[str, ...] = ()
    inconclusive: bool = False
    trace: tuple[TraceStep, ...] = ()

    @property
    def word(self) -> str:
        """One word for a table."""
        if self.inconclusive:
            return "inconclusive"
        return "FAILED" if self.problems else "ok"


def judge_check(check: Check, result: Result, opinion: Opinion) -> Verdict:
    """Whether a check came out as its entry says."""
    match result:
        case Ok():
            return Verdict(
                (*_counts(check, result), *_coverage(check, result), *_second(result, opinion))
            )
        case Violated():
            kind, steps = result.kind.value, _states(result.length)
            problem = f"{kind} {result.name} is violated in {steps}"
            return Verdict((problem,), trace=result.trace)
        case Failed():
            return _failed(result)
    assert_never(result)


def _counts(check: Check, result: Ok) -> tuple[str, ...]:
    problems: list[str] = []
    if result.distinct != check.distinct:
        problems.append(f"{result.distinct} distinct states, expected {check.distinct}")
    if check.depth is not None and result.depth != check.depth:
        problems.append(f"depth {result.depth}, expected {check.depth}")
    return tuple(problems)


def _coverage(check: Check, result: Ok) -> tuple[str, ...]:
    if not result.actions:
        return ("no coverage was reported: is the next-state relation a list of named actions?",)
    dead, expected = set(result.dead_actions), set(check.dead)
    problems = [f"the action {name} is never taken" for name in sorted(dead - expected)]
    for name in sorted(expected - dead):
        problems.append(f"the action {name} is listed as dead, but is taken or does not exist")
    return tuple(problems)


def _second(result: Ok, opinion: Opinion) -> tuple[str, ...]:
    match opinion:
        case Agrees(distinct=distinct) if distinct != result.distinct:
            return (f"tla-checker counts {distinct} states, TLC {result.distinct}",)
        case Disagrees(text=text):
            return (f"tla-checker: {text}",)
        case Agrees() | NotRun():
            return ()
    assert_never(opinion)


def judge_mutant(mutant: Mutant, result: Result) -> Verdict:
    """Whether the model noticed the missing guard by the pinned property and length."""
    match result:
        case Ok():
            return Verdict((f"nothing is violated: the model does not notice that {mutant.why}",))
        case Violated():
            problems: list[str] = []
            if result.name != mutant.violates:
                problems.append(f"violates {result.name}, expected {mutant.violates}")
            if result.length != mutant.length:
                expected = _states(mutant.length)
                problems.append(
                    f"a counterexample of {_states(result.length)}, expected {expected}"
                )
            return Verdict(tuple(problems), trace=result.trace if problems else ())
        case Failed():
            return _failed(result)
    assert_never(result)


def _failed(result: Failed) -> Verdict:
    at = f"{result.place}: " if result.place else ""
    cut_short = result.kind in (Failure.TIMEOUT, Failure.MEMORY)
    return Verdict((f"{result.kind.value}: {at}{result.text}",), inconclusive=cut_short)


def _states(count: int) -> str:
    return "1 state" if count == 1 else f"{count} states"
