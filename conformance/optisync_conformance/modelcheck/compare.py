"""Compares two graphs and shows the shortest path to the first difference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from .graph import Graph
from .values import Rec, Value, show

#: An edge without numbers: (label, output, next state).
Edge: TypeAlias = tuple[str, Value, Value]


@dataclass(frozen=True, slots=True)
class Equal:
    """The graphs are the same."""

    states: int
    edges: int


@dataclass(frozen=True, slots=True)
class PathStep:
    """One step both graphs agree on."""

    label: str
    out: Value
    state: Value


@dataclass(frozen=True, slots=True)
class Different:
    """The first difference, breadth first from the initial state.

    ``path`` leads from ``start`` to the last state on which both graphs agree; there, the step
    ``label`` ends differently: ``ours`` and ``theirs`` are the edges that only one graph has
    (either may be empty). A differing initial state has no path and no label.
    """

    start: Value
    path: tuple[PathStep, ...]
    label: str
    ours: tuple[Edge, ...]
    theirs: tuple[Edge, ...]

    def text(self, ours: str = "Python", theirs: str = "TLA+") -> str:
        """Readable lines: the path, then both sides of the differing step."""
        return "\n".join(_lines(self, ours, theirs))


Comparison: TypeAlias = Equal | Different


def compare(ours: Graph, theirs: Graph) -> Comparison:
    """Whether the graphs have the same initial states, states and labelled edges.

    Both graphs hold reachable states only, so walking through the edges they share and comparing
    the edges out of every state met sees every difference.
    """
    ours_first = {ours.states[number] for number in ours.initial}
    theirs_first = {theirs.states[number] for number in theirs.initial}
    if ours_first != theirs_first:
        return Different(
            next(iter(ours_first)),
            (),
            "",
            tuple(("", show(state), state) for state in ours_first - theirs_first),
            tuple(("", show(state), state) for state in theirs_first - ours_first),
        )
    numbers = {state: number for number, state in enumerate(theirs.states)}
    queue = sorted(ours.initial)
    came: dict[int, tuple[int, PathStep] | None] = dict.fromkeys(queue)
    for number in queue:
        twin = numbers[ours.states[number]]
        mine = _ours(ours, number, numbers)
        if mine != set(theirs.edges[twin]):
            return _difference(ours, theirs, number, twin, came)
        for label, out, target in ours.edges[number]:
            if target not in came:
                came[target] = (number, PathStep(label, out, ours.states[target]))
                queue.append(target)
    return Equal(len(queue), sum(len(ours.edges[number]) for number in queue))


def _ours(ours: Graph, number: int, numbers: dict[Value, int]) -> set[tuple[str, Value, int]]:
    """Our edges with their targets numbered as theirs; -1 for a state they do not have."""
    return {
        (label, out, numbers.get(ours.states[target], -1))
        for label, out, target in ours.edges[number]
    }


def _difference(
    ours: Graph,
    theirs: Graph,
    number: int,
    twin: int,
    came: dict[int, tuple[int, PathStep] | None],
) -> Different:
    mine = {(label, out, ours.states[target]) for label, out, target in ours.edges[number]}
    other = {(label, out, theirs.states[target]) for label, out, target in theirs.edges[twin]}
    order = [label for label, _, _ in (*ours.edges[number], *theirs.edges[twin])]
    label = min((edge[0] for edge in mine ^ other), key=order.index)
    path: list[PathStep] = []
    while (back := came[number]) is not None:
        number, step = back
        path.append(step)
    return Different(
        ours.states[number],
        tuple(reversed(path)),
        label,
        tuple(edge for edge in mine - other if edge[0] == label),
        tuple(edge for edge in other - mine if edge[0] == label),
    )


def _lines(found: Different, ours: str, theirs: str) -> Iterator[str]:
    sides = ((ours, found.ours), (theirs, found.theirs))
    if not found.label:
        yield "the initial states differ"
        for name, edges in sides:
            yield from (f"  only {name}: {show(state)}" for _, _, state in edges)
        return
    yield f"the graphs differ after {len(found.path)} common steps, at {found.label}"
    yield f"  start  {show(found.start)}"
    for count, step in enumerate(found.path, 1):
        yield f"  {count}. {step.label} -> {show(step.out)}"
        yield f"         {show(step.state)}"
    yield f"  {len(found.path) + 1}. {found.label}"
    before = found.path[-1].state if found.path else found.start
    for name, edges in sides:
        if not edges:
            yield f"     {name}: no such step"
        for _, out, state in edges:
            yield f"     {name}: out {show(out)}"
            yield f"     {' ' * len(name)}  {_change(before, state)}"


def _change(before: Value, after: Value) -> str:
    """The state after a step, by its changed fields where both are records of the same fields."""
    if before == after:
        return "state unchanged"
    if isinstance(before, Rec) and isinstance(after, Rec):
        old = dict(before.fields)
        if old.keys() == dict(after.fields).keys():
            changed = [(name, value) for name, value in after.fields if old[name] != value]
            return "changes " + ", ".join(f"{name} to {show(value)}" for name, value in changed)
    return f"state {show(after)}"
