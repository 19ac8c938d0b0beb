"""Shrinking ends with a short script that the reference passes and the faulty version fails."""

from collections.abc import Callable
from typing import cast

import pytest

from optisync.values import dump
from optisync_conformance.cases import Case, load_pack, run_case
from optisync_conformance.faults import load_fault
from optisync_conformance.judge import judge
from optisync_conformance.reduce import reduce
from optisync_conformance.reference.host import Observation
from optisync_conformance.reference.stdio import SEES
from optisync_conformance.selftest import bounded

CORE = {case.id: case for case in load_pack(["core"])}
Counted = tuple[Case, int]


def shrunk(fault: str, name: str, budget: int = 250) -> Counted:
    case = CORE[name]
    runs = 0
    with bounded(load_fault(fault)) as run:

        def observed(shorter: Case) -> list[Observation] | None:
            nonlocal runs
            runs += 1
            return run(shorter)

        first = judge(case, run(case), SEES[case.profile]).failures[0]
        short = reduce(case, first, observed, SEES[case.profile], budget=budget)
        again = judge(short, run(short), SEES[case.profile]).failures[0]
    assert (again.root, again.requirement) == (first.root, first.requirement)
    assert short is case or again.step == len(short.steps)
    assert not judge(short, run_case(short), SEES[case.profile]).failures
    return short, runs


def verbs(case: Case) -> list[object]:
    return [step.do["do"] for step in case.steps]


@pytest.mark.parametrize(
    ("fault", "name", "left"),
    [
        (
            "plan-undoes-only-the-rejected",
            "coordinator.the-plan-of-a-rejection-equals-the-fold",
            ["register", "register", "reject"],
        ),
        (
            "reject-drops-later",
            "coordinator.reject-in-any-order",
            ["register", "register", "reject"],
        ),
        ("foreign-changes-wait", "view.a-foreign-change-of-another-key-shows", ["mutate", "push"]),
        ("true-is-one", "patch.true-is-not-one", ["apply"]),
    ],
)
def test_what_is_left(fault: str, name: str, left: list[object]) -> None:
    short, _ = shrunk(fault, name)
    assert verbs(short) == left
    assert shrunk(fault, name)[0] == short


def test_names_are_in_order() -> None:
    short, _ = shrunk("reject-drops-later", "coordinator.a-full-queue-refuses-the-newest")
    names = [step.do["m"] for step in short.steps if step.do["do"] == "register"]
    assert names == [f"$m{index + 1}" for index in range(len(names))]


def test_an_operation_is_named_by_its_place() -> None:
    short, _ = shrunk("aligned-by-index", "transport.results-in-another-order")
    assert '"op":"$o1"' in dump(short.steps[0].do)


@pytest.mark.parametrize("budget", [0, 1, 5])
def test_the_number_of_runs_is_bounded(budget: int) -> None:
    short, runs = shrunk("reject-drops-later", "coordinator.reject-in-any-order", budget)
    assert runs <= budget
    assert len(short.steps) <= len(CORE["coordinator.reject-in-any-order"].steps)


def failing(answer: Callable[[Case], list[Observation] | None]) -> Case:
    case = CORE["coordinator.reject-in-any-order"]
    with bounded(load_fault("reject-drops-later")) as run:
        first = judge(case, run(case), SEES[case.profile]).failures[0]
    return reduce(case, first, answer, SEES[case.profile])


def test_what_does_not_happen_again_is_not_shrunk() -> None:
    case = CORE["coordinator.reject-in-any-order"]
    assert failing(run_case) is case
    assert failing(lambda shorter: None) is case


def test_the_shortest_script_is_not_one_for_what_the_case_leaves_open() -> None:
    def engine(case: Case) -> list[Observation]:
        """It puts an entity into a request twice, and never says where a request comes from."""
        observed = run_case(case)
        for after in observed[1:]:
            for effect in cast("list[dict[str, object]]", after["effects"]):
                if effect.pop("context", None) is not None and verbs(case).count("dispatch") > 1:
                    entries = cast("list[object]", effect["entries"])
                    entries += entries
        return observed

    case = CORE["pipeline.an-entry-appends-its-own-item-alone"]
    first = judge(case, engine(case), SEES["pipeline"]).failures[0]
    short = reduce(case, first, engine, SEES["pipeline"])
    assert verbs(short) == ["dispatch", "dispatch", "drain"]
    [left] = judge(short, engine(short), SEES["pipeline"]).failures
    assert left.path == "effects/0/entries/1"
