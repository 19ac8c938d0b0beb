"""The cover pack takes every transition of its scopes, and the reference passes it."""

import pytest

from optisync_conformance.cases import run_case
from optisync_conformance.cover import cases_of, figures, rests, walks
from optisync_conformance.faults import load_fault
from optisync_conformance.judge import judge
from optisync_conformance.modelcheck.coordinator_cover import cover_scopes
from optisync_conformance.reference.stdio import SEES
from optisync_conformance.requirements import requirements
from optisync_conformance.selftest import bounded, looking

SCOPES = {scope.name: scope for scope in cover_scopes()}


@pytest.mark.parametrize("name", ["cover_gaps", "cover_raises"])
def test_walks_take_every_transition(name: str) -> None:
    graph = rests(SCOPES[name])
    taken = {(start, id(edge)) for walk in walks(graph) for start, edge in walk}
    assert len(taken) == graph.edge_count
    for walk in walks(graph):
        states = [start for start, _ in walk]
        assert states[0] == 0
        assert states[1:] == [edge.target for _, edge in walk[:-1]]


def test_the_cases_of_a_scope() -> None:
    cases = list(cases_of(SCOPES["cover_gaps"]))
    assert [case.id for case in cases[:2]] == ["cover.gaps.1", "cover.gaps.2"]
    for case in cases[::4]:
        found = judge(case, run_case(case), SEES[case.profile])
        assert (found.failures, found.blind) == ((), ())
        assert {step.req for step in case.steps} <= set(requirements())
    again = cases_of(SCOPES["cover_gaps"])
    assert [case for case, _ in zip(again, range(3), strict=False)] == cases[:3]


@pytest.mark.parametrize("fault", ["gaps-apply", "overlaps-apply", "buffer-keeps-the-farthest"])
def test_the_cases_catch_what_they_were_not_written_for(fault: str) -> None:
    with bounded(load_fault(fault)) as run:
        look = looking(run)
        assert any(look(case) is not None for case in cases_of(SCOPES["cover_gaps"]))


@pytest.mark.slow
def test_the_figures_are_those_of_the_graphs() -> None:
    found = figures()
    assert len(found) == len(SCOPES)
    assert sum(edges for _, _, edges, _ in found) > 5000
