"""State-graph equality: the graph of a Python step function against TLC's dump of a model.

The two graphs must be the same set of states and the same set of labelled edges
``(state, input, output, next state)``, where the output is the ordered effects and the error code
of that step. A difference is shown with the shortest path that leads to it.

What ties one machine to one model is a `Mapping`. The model side is a hand-written module with
variables ``s`` (the machine's state) and ``out`` (the output of the last step) that defines
``Init``, ``vars`` and ``Apply(i)`` for the inputs ``i`` in ``1..N``; `wrapper_module` adds one
named action per input, because TLC labels an edge with the name of the action alone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from . import dot
from .values import NotCanonical, Value, check_canonical, show

S = TypeVar("S", bound=Hashable)
In = TypeVar("In")
Out = TypeVar("Out", bound=Hashable)


class GraphError(Exception):
    """A graph cannot be built or compared; the message says why."""


@dataclass(frozen=True, slots=True)
class Graph:
    """States and labelled edges, by number.

    ``edges[i]`` are the edges out of state ``i`` as (label, output, target), each once, in the
    order of the alphabet where there is one.
    """

    states: tuple[Value, ...]
    initial: frozenset[int]
    edges: tuple[tuple[tuple[str, Value, int], ...], ...]

    @property
    def edge_count(self) -> int:
        """Number of edges."""
        return sum(len(edges) for edges in self.edges)


class Mapping(Protocol[S, In, Out]):
    """How one machine is seen as a model: its alphabet, its step, and the encoding of both.

    ``step`` gives the next state and an output that holds the ordered effects and the error; a
    refused input returns the state unchanged. ``encode`` must be injective on reachable states
    (`explore` refuses it otherwise). Values are built with `values.of` and friends.
    """

    @property
    def name(self) -> str:
        """The machine's name, for messages."""
        ...

    @property
    def initial(self) -> S:
        """The one initial state."""
        ...

    @property
    def alphabet(self) -> Sequence[tuple[str, In]]:
        """(label, input) for ``Apply(1)``, ``Apply(2)``, ... in this order; labels are unique."""
        ...

    def step(self, state: S, given: In) -> tuple[S, Out]:
        """Apply one input of the alphabet."""
        ...

    def inside(self, state: S) -> bool:
        """Whether the scope keeps this state: the model's CONSTRAINT. Steps out are not edges."""
        ...

    def encode(self, state: S) -> Value:
        """The state as the value of the model's ``s``."""
        ...

    def encode_out(self, out: Out) -> Value:
        """The output as the value of the model's ``out``."""
        ...


def explore(mapping: Mapping[S, In, Out], limit: int = 1_000_000) -> Graph:
    """Every state reachable within the scope, breadth first, and every edge between them.

    Raises `GraphError` beyond ``limit`` states, for an encoding that is not injective or not
    canonical, and for labels that occur twice.
    """
    labels = [label for label, _ in mapping.alphabet]
    if len(set(labels)) != len(labels):
        raise GraphError(f"{mapping.name}: labels of the alphabet are not unique")
    known: dict[S, int] = {mapping.initial: 0}
    queue: list[S] = [mapping.initial]
    outputs: dict[Out, Value] = {}
    excluded: set[S] = set()
    edges: list[tuple[tuple[str, Value, int], ...]] = []
    step, inside, alphabet = mapping.step, mapping.inside, list(mapping.alphabet)
    for number, state in enumerate(queue):  # grows while it is read: breadth first
        found: list[tuple[str, Value, int]] = []
        for label, given in alphabet:
            after, out = step(state, given)
            target = number if after is state else known.get(after)
            if target is None:
                if after in excluded or not inside(after):
                    excluded.add(after)
                    continue
                target = len(queue)
                if target >= limit:
                    raise GraphError(f"{mapping.name}: more than {limit} states")
                known[after] = target
                queue.append(after)
            value = outputs.get(out)
            if value is None:
                value = _checked(mapping.encode_out(out), f"{mapping.name}: output")
                outputs[out] = value
            found.append((label, value, target))
        edges.append(tuple(found))
    return Graph(_encode(mapping.name, mapping.encode, queue), frozenset({0}), tuple(edges))


def _checked(value: Value, where: str) -> Value:
    try:
        check_canonical(value, where)
    except NotCanonical as error:
        raise GraphError(str(error)) from None
    return value


def _encode(name: str, encode: Callable[[S], Value], states: list[S]) -> tuple[Value, ...]:
    numbers: dict[Value, int] = {}
    for number, state in enumerate(states):
        value = _checked(encode(state), f"{name}: state")
        first = numbers.setdefault(value, number)
        if first != number:
            raise GraphError(
                f"{name}: the encoding is not injective: {states[first]} and {state} "
                f"both become {show(value)}"
            )
    return tuple(numbers)


def from_tlc(dump: dot.StateGraph, labels: Sequence[str]) -> Graph:
    """TLC's graph of a wrapper module, projected: states are the values of ``s``, the output of
    an edge is the value of ``out`` behind it, ``In_k`` becomes ``labels[k - 1]``.

    Raises `GraphError` if the variables or an action's name are not those of a wrapper module.
    """
    if sorted(dump.variables) != ["out", "s"]:
        raise GraphError(f"the model's variables are {dump.variables}, expected s and out")
    s, out = dump.variables.index("s"), dump.variables.index("out")
    numbers: dict[Value, int] = {}
    project = [numbers.setdefault(state[s], len(numbers)) for state in dump.states]
    named = {f"In_{index}": label for index, label in enumerate(labels, 1)}
    order = {label: index for index, label in enumerate(labels)}
    edges: list[set[tuple[str, Value, int]]] = [set() for _ in numbers]
    for source, action, target in dump.edges:
        if action not in named:
            raise GraphError(f"the model has an edge of {action!r}, which is no wrapper action")
        edges[project[source]].add((named[action], dump.states[target][out], project[target]))

    def by_label(edge: tuple[str, Value, int]) -> tuple[int, int]:
        return order[edge[0]], edge[2]

    return Graph(
        tuple(numbers),
        frozenset(project[number] for number in dump.initial),
        tuple(tuple(sorted(out_of, key=by_label)) for out_of in edges),
    )


def wrapper_name(base_module: str) -> str:
    """The name of the generated module."""
    return f"{base_module}_graph"


def wrapper_module(base_module: str, labels: Sequence[str]) -> str:
    r"""The module that gives every input of ``base_module`` an action of its own.

    The conjunction with TRUE keeps TLC from seeing through the definition.

    >>> print(wrapper_module("Lamp", ["press", "hold"]))
    ---- MODULE Lamp_graph ----
    EXTENDS Lamp
    In_1 == Apply(1) /\ TRUE  \* press
    In_2 == Apply(2) /\ TRUE  \* hold
    GraphNext == In_1 \/ In_2
    ====
    <BLANKLINE>
    """
    names = [f"In_{index}" for index in range(1, len(labels) + 1)]
    actions = [
        f"{name} == Apply({index}) /\\ TRUE  \\* {' '.join(label.split())}"
        for index, (name, label) in enumerate(zip(names, labels, strict=True), 1)
    ]
    head = [f"---- MODULE {wrapper_name(base_module)} ----", f"EXTENDS {base_module}"]
    return "\n".join([*head, *actions, "GraphNext == " + " \\/ ".join(names), "===="]) + "\n"
