"""The cover pack: every transition of small scopes of the coordinator, as cases of protocol 1.

The scopes are those whose state graphs are compared with the TLA+ model. A transition here goes
from rest to rest: an input of the application or the server with the answers of the host that it
leads to, each of them succeeding, or the first one failing. Walks take every such transition; what
is expected after each is what the reference shows. Generated when asked for, always the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias

from msgspec.structs import replace

from optisync.coordinator.config import Config
from optisync.coordinator.inputs import Applied, Input
from optisync.coordinator.state import Coordinator
from optisync.coordinator.step import step as machine
from optisync.values import Obj, freeze
from optisync_conformance.case import Case, Step, run_case, with_inverse
from optisync_conformance.coverwords import requirement_of, setting_of, step_of
from optisync_conformance.judge import fields
from optisync_conformance.modelcheck.coordinator_cover import cover_scopes
from optisync_conformance.modelcheck.coordinator_scopes import Scope

WALK: Final = 40
"""The longest walk: long enough to make few frames, short enough to be read when it fails."""
SEEN: Final = ("effects", "view", "push_view", "pending", "confirmed")


@dataclass(frozen=True, slots=True)
class Edge:
    """A transition from rest to rest. `fails`: the first answer of the host is a failure."""

    given: Input
    fails: bool
    target: int


@dataclass(frozen=True, slots=True)
class Rests:
    """The states at rest of a scope, and the transitions from each; 0 is the initial one."""

    scope: Scope
    states: tuple[Coordinator, ...]
    edges: tuple[tuple[Edge, ...], ...]

    @property
    def edge_count(self) -> int:
        """How many transitions there are."""
        return sum(len(edges) for edges in self.edges)


Taken: TypeAlias = tuple[int, Edge]
"""A transition, and the number of the state it starts in."""


@cache
def cover() -> tuple[Case, ...]:
    """Every case of the pack."""
    return tuple(case for scope in cover_scopes() for case in cases_of(scope))


def figures() -> tuple[tuple[str, int, int, int], ...]:
    """For each scope: its name, states at rest, transitions (all of them taken), walks."""
    found = [(rests(scope), scope) for scope in cover_scopes()]
    return tuple(
        (scope.name, len(graph.states), graph.edge_count, len(list(walks(graph))))
        for graph, scope in found
    )


def cases_of(scope: Scope) -> Iterator[Case]:
    """The walks of a scope as cases with full expectations."""
    graph = rests(scope)
    for number, walk in enumerate(walks(graph), 1):
        yield _case(graph, number, walk)


def rests(scope: Scope) -> Rests:
    """Explore a scope breadth first, from rest to rest."""
    known: dict[Coordinator, int] = {scope.initial: 0}
    queue = [scope.initial]
    edges: list[tuple[Edge, ...]] = []
    for state in queue:  # grows while it is read
        found: list[Edge] = []
        for given in scope.inputs:
            for fails in (False, True) if not isinstance(given, Applied) else ():
                after = _settled(scope.config, state, given, fails)
                if after is None or not scope.inside(after):
                    continue
                if after not in known:
                    known[after] = len(queue)
                    queue.append(after)
                found.append(Edge(given, fails, known[after]))
        edges.append(tuple(found))
    return Rests(scope, tuple(queue), tuple(edges))


def _settled(config: Config, state: Coordinator, given: Input, fails: bool) -> Coordinator | None:
    """The next state at rest; None if the host was to fail and was not asked."""
    state = machine(config, state, given).state
    if fails and state.port is None:
        return None
    ok = not fails
    while state.port is not None:
        state, ok = machine(config, state, Applied(ok)).state, True
    return state


def walks(graph: Rests) -> Iterator[tuple[Taken, ...]]:
    """Walks from the initial state that together take every transition."""
    left = [list(range(len(edges))) for edges in graph.edges]
    while any(left):
        walk: list[Taken] = []
        at = 0
        while len(walk) < WALK:
            way = _way_to_new(graph, left, at)
            if way is None or len(walk) + len(way) >= WALK:
                break
            for start, index in way:
                if index in left[start]:
                    left[start].remove(index)
                edge = graph.edges[start][index]
                walk.append((start, edge))
                at = edge.target
        if not walk:
            raise RuntimeError(f"{graph.scope.name}: a transition is farther than {WALK} steps")
        yield tuple(walk)


def _way_to_new(
    graph: Rests, left: Sequence[Sequence[int]], at: int
) -> list[tuple[int, int]] | None:
    """The shortest way from a state that ends with a transition not yet taken."""
    came: dict[int, tuple[int, int] | None] = {at: None}
    queue = deque([at])
    while queue:
        state = queue.popleft()
        if left[state]:
            way = [(state, _stay_first(graph, state, left[state]))]
            while (previous := came[way[0][0]]) is not None:
                way.insert(0, previous)
            return way
        for index, edge in enumerate(graph.edges[state]):
            if edge.target not in came:
                came[edge.target] = (state, index)
                queue.append(edge.target)
    return None


def _stay_first(graph: Rests, state: int, left: Sequence[int]) -> int:
    return min(left, key=lambda index: graph.edges[state][index].target != state)


def _case(graph: Rests, number: int, walk: Sequence[Taken]) -> Case:
    scope = graph.scope
    steps: list[Step] = []
    for start, edge in walk:
        if edge.fails:
            steps.append(_bare({"do": "apply-fails", "times": 1}))
        steps.append(_bare(step_of(edge.given, graph.states[start])))
    name = f"cover.{scope.name.removeprefix('cover_').replace('_', '-')}.{number}"
    title = f"Transitions of {scope.about}: walk {number}"
    setting = _object(setting_of(scope.config, scope.strategy))
    bare = Case(name, title, "view-is-fold", "coordinator", setting, tuple(steps), "cover")
    return _expecting(bare)


def _expecting(case: Case) -> Case:
    """The case with what the reference shows as its expectation, and with its inverses."""
    found = fields(case, run_case(case))
    steps: list[Step] = []
    for step, before, after in zip(case.steps, found, found[1:], strict=False):
        out = after["out"]
        code = out.get("err") if isinstance(out, Obj) else None
        then = {field: after[field] for field in SEEN}
        then["out"] = "ok" if code is None else Obj({"err": code})
        requirement = requirement_of(step.do, after)
        view = before["view"]
        step = with_inverse(step, view if isinstance(view, Obj) else Obj())
        steps.append(replace(step, then=Obj(then), req=requirement))
    names = [step.req for step in steps]
    most = max(sorted(set(names)), key=names.count)
    return replace(case, steps=tuple(steps), req=most)


def _bare(do: dict[str, object]) -> Step:
    return Step(_object(do), Obj())


def _object(raw: dict[str, object]) -> Obj:
    value = freeze(raw)
    if not isinstance(value, Obj):
        raise TypeError(value)
    return value
