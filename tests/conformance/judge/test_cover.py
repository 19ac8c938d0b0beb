"""The cover pack takes every transition of its worlds, and the reference passes it."""

from collections.abc import Iterator
from functools import cache
from itertools import islice

import pytest

from optisync.outbox.rows import InFlight, Item, Member
from optisync.outbox.state import Outbox, overlays, status_name
from optisync.pipeline.pending import Accepted, Status
from optisync_conformance import covercoordinator, coveroutbox, coverpipeline
from optisync_conformance.cases import Case, load_pack, run_case
from optisync_conformance.cover import cases_of, graphs
from optisync_conformance.coverpipelinesteps import Named
from optisync_conformance.coverworld import Graph, Taken, World, explore, walks
from optisync_conformance.faults import load_fault
from optisync_conformance.judge import judge
from optisync_conformance.reference.run import run_script
from optisync_conformance.reference.stdio import SEES
from optisync_conformance.requirements import requirements
from optisync_conformance.selftest import bounded, looking

COORDINATOR = {world.subject.name: world for world in covercoordinator.worlds()}
OUTBOX = {world.subject.name: world for world in coveroutbox.worlds()}
PIPELINE = {world.subject.name: world for world in coverpipeline.worlds()}


@cache
def graph(name: str) -> Graph:
    if name in OUTBOX:
        return explore(OUTBOX[name])
    return explore(PIPELINE[name]) if name in PIPELINE else explore(COORDINATOR[name])


@cache
def cases(name: str) -> tuple[Case, ...]:
    """The first cases of a world; making all takes its time."""
    return tuple(islice(cases_of(graph(name)), 60))


@pytest.mark.parametrize(
    "name", ["gaps", "raises", "outbox-verdicts", "outbox-keys", "pipeline-epochs"]
)
def test_walks_take_every_transition(name: str) -> None:
    world = graph(name)
    taken = {(start, id(edge)) for walk in walks(world) for start, edge in walk}
    assert len(taken) == world.edge_count
    for walk in walks(world):
        states = [start for start, _ in walk]
        assert states[0] == 0
        assert states[1:] == [edge.target for _, edge in walk[:-1]]


@pytest.mark.parametrize("name", ["gaps", "outbox-verdicts", "pipeline-epochs"])
def test_the_cases_of_a_world(name: str) -> None:
    assert [case.id for case in cases(name)[:2]] == [f"cover.{name}.1", f"cover.{name}.2"]
    for case in cases(name)[::8]:
        found = judge(case, run_case(case), SEES[case.profile])
        assert (found.failures, found.blind) == ((), ())
        assert {step.req for step in case.steps} <= set(requirements())
    again = cases_of(graph(name))
    assert [case for case, _ in zip(again, range(3), strict=False)] == [*cases(name)[:3]]


@pytest.mark.parametrize("name", ["outbox-order_restored", "outbox-crashes"])
def test_a_walk_of_the_outbox_is_where_its_graph_is(name: str) -> None:
    """Scripts name entries, numbers and leases; the names must mean the same in every state."""
    world = OUTBOX[name]
    for walk in [*walks(graph(name))][::20]:
        steps = [dict(step) for _, edge in walk for step in edge.steps]
        observed = iter(run_script("outbox", world.subject.setting, steps)[1:])
        state = world.initial
        for _, edge in walk:
            state = next(after for steps, after in world.moves(state) if steps == edge.steps)
            *_, last = (next(observed) for _ in edge.steps)
            assert {field: last[field] for field in shown(state)} == shown(state)


def shown(state: Outbox) -> dict[str, object]:
    numbers = state.numbers
    return {
        "queue": [member(each) for each in state.queue],
        "pending": [f"$m{item.seq}" for item in overlays(state)],
        "cursor": {"epoch": numbers.epoch, "seq": numbers.server_seq},
        "reports": [f"$m{report.seq}" for report in state.reports],
    }


@pytest.mark.parametrize("name", ["pipeline-epochs", "pipeline-tickets"])
def test_a_walk_of_the_pipeline_is_where_its_graph_is(name: str) -> None:
    """Scripts name writes, tickets and requests; the names must mean the same in every state."""
    world = PIPELINE[name]
    for walk in [*walks(graph(name))][::40]:
        steps = [dict(step) for _, edge in walk for step in edge.steps]
        observed = run_script("pipeline", world.subject.setting, steps)[1:]
        for where, seen in zip(states(world, walk), observed, strict=True):
            assert {field: seen[field] for field in told(where)} == told(where)


def states(world: World[Named], walk: tuple[Taken, ...]) -> Iterator[Named]:
    state = world.initial
    for _, edge in walk:
        state = next(after for steps, after in world.moves(state) if steps == edge.steps)
        yield state


def told(named: Named) -> dict[str, object]:
    tickets = enumerate(named.tickets, 1)
    known = named.state.tickets
    return {
        "places": {f"$m{each.seq}": place(each.status) for each in named.state.pending},
        "tickets": {name: known[n].status.value for n, name in tickets if n in known},
    }


def place(status: Status) -> str:
    return "accepted" if isinstance(status, Accepted) else status.value


def member(given: Member) -> dict[str, object]:
    told: dict[str, object] = {"m": f"$m{given.seq}", "state": status_name(given)}
    if isinstance(given.status, InFlight):
        told["lease"] = f"$l{given.status.token}"
    if isinstance(given, Item):
        told["attempts"] = given.attempts
    return told


FAULTS = [
    ("gaps-apply", "gaps"),
    ("overlaps-apply", "gaps"),
    ("buffer-keeps-the-farthest", "gaps"),
    ("a-later-refusal-wins", "outbox-verdicts"),
    ("unknown-fails-the-ticket", "pipeline-epochs"),
    ("forgotten-is-kept", "pipeline-epochs"),
]


@pytest.mark.parametrize(("fault", "name"), FAULTS)
def test_the_cases_catch_what_they_were_not_written_for(fault: str, name: str) -> None:
    made = cases(name)  # by the version without the fault
    with bounded(load_fault(fault)) as run:
        look = looking(run)
        assert any(look(case) is not None for case in made)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("profile", "least"), [("coordinator", 5000), ("outbox", 10000), ("pipeline", 10000)]
)
def test_every_transition_is_in_the_pack(profile: str, least: int) -> None:
    found = list(graphs(profile))
    assert sum(graph.edge_count for graph in found) > least
    assert len(load_pack(["cover"], profile)) == sum(len(list(walks(each))) for each in found)
