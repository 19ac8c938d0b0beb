"""Small worlds whose every transition is a step of protocol 1, or a few, and walks through them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar

from optisync.values import Json, Obj
from optisync_conformance.script import Profile

WALK: Final = 40
"""The longest walk: long enough to make few frames, short enough to be read when it fails."""

S = TypeVar("S", bound=Hashable)
Steps: TypeAlias = tuple[Mapping[str, object], ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """What the walks of a world are about.

    `topic` names the requirement that a step is about, by what is observed after it; `seen` are
    the fields that are expected.
    """

    name: str
    about: str
    profile: Profile
    setting: Mapping[str, object]
    seen: tuple[str, ...]
    topic: Callable[[Obj, Mapping[str, Json]], str]


@dataclass(frozen=True, slots=True)
class World(Generic[S]):
    """`moves` are the transitions from a state: the steps to be sent, and the next state."""

    subject: Subject
    initial: S
    moves: Callable[[S], Iterable[tuple[Steps, S]]]


@dataclass(frozen=True, slots=True)
class Edge:
    """A transition, and the number of the state it ends in."""

    steps: Steps
    target: int


@dataclass(frozen=True, slots=True)
class Graph:
    """The transitions from each state of a world; state 0 is the initial one."""

    subject: Subject
    edges: tuple[tuple[Edge, ...], ...]

    @property
    def edge_count(self) -> int:
        """How many transitions there are."""
        return sum(len(edges) for edges in self.edges)


Taken: TypeAlias = tuple[int, Edge]
"""A transition, and the number of the state it starts in."""


def explore(world: World[S]) -> Graph:
    """The graph of a world, breadth first."""
    known: dict[S, int] = {world.initial: 0}
    queue = [world.initial]
    edges: list[tuple[Edge, ...]] = []
    for state in queue:  # grows while it is read
        found: list[Edge] = []
        for steps, after in world.moves(state):
            if after not in known:
                known[after] = len(queue)
                queue.append(after)
            found.append(Edge(steps, known[after]))
        edges.append(tuple(found))
    return Graph(world.subject, tuple(edges))


def walks(graph: Graph) -> Iterator[tuple[Taken, ...]]:
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
            raise RuntimeError(f"{graph.subject.name}: a transition is farther than {WALK} steps")
        yield tuple(walk)


def _way_to_new(
    graph: Graph, left: Sequence[Sequence[int]], at: int
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


def _stay_first(graph: Graph, state: int, left: Sequence[int]) -> int:
    return min(left, key=lambda index: graph.edges[state][index].target != state)


def topic_of(
    shown: Mapping[str, Sequence[tuple[str, str]]], do: Obj, after: Mapping[str, Json]
) -> str:
    """The requirement of a step: by its verb, and the first of these effects that is seen.

    An effect is named `e`, or `e:code`; the last of a verb is the one for any other.
    """
    told = {""}
    effects = after["effects"]
    for effect in effects if isinstance(effects, tuple) else ():
        if isinstance(effect, Obj):
            told |= {str(effect["e"]), f"{effect['e']}:{effect.get('code')}"}
    return next(slug for mark, slug in shown[str(do["do"])] if mark in told)


def refusal_of(after: Mapping[str, Json]) -> str | None:
    """The code that a step was refused with."""
    out = after["out"]
    code = out.get("err") if isinstance(out, Obj) else None
    return None if code is None else str(code)


def is_open(after: Mapping[str, Json]) -> bool:
    """Whether the step was not answered: the process died in it."""
    out = after["out"]
    return isinstance(out, Obj) and "open" in out
