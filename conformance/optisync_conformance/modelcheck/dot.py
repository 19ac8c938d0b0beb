"""Reads the state graph TLC dumps with ``-dump dot,actionlabels``.

The file is read line by line: one line per state, one per edge. Parallel edges are kept, states
outside a constraint are not in the file. Stuttering edges (dashed, unlabelled; TLC adds them when
a liveness property is configured) are no steps of an action and are left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .valueparse import Parser, split_state
from .values import Value

_NODE = re.compile(r'(-?\d+) \[label="((?:[^"\\]|\\.)*)"(,style = filled)?\];?$')
_STUTTERING = '[style="dashed"];'


class DotError(ValueError):
    """The dump cannot be read; the message names file and line."""


@dataclass(frozen=True, slots=True)
class StateGraph:
    """TLC's states and labelled edges; states are numbered in the order of their first mention.

    ``states[i]`` holds the values of ``variables``, in that order. ``edges`` are
    (source, label, target), each once.
    """

    variables: tuple[str, ...]
    states: tuple[tuple[Value, ...], ...]
    initial: frozenset[int]
    edges: frozenset[tuple[int, str, int]]


def read(path: Path) -> StateGraph:
    """The graph in the file ``path``. Raises `DotError`."""
    return _Reader(path).read()


def _unescape(label: str) -> str:
    # Escapes are pairs that start with a backslash, so no pair but a doubled one contains two.
    doubled = label.replace("\\\\", "\0")
    return doubled.replace('\\"', '"').replace("\\n", "\n").replace("\0", "\\")


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._parser = Parser()
        self._known: dict[str, Value] = {}  # whole texts of variables
        self._numbers: dict[str, int] = {}
        self._states: dict[int, tuple[Value, ...]] = {}
        self._variables: tuple[str, ...] = ()
        self._initial: set[int] = set()
        self._edges: set[tuple[int, str, int]] = set()

    def read(self) -> StateGraph:
        with self._path.open(encoding="utf-8") as lines:
            for count, line in enumerate(lines, 1):
                if line[0].isdecimal() or line[0] == "-":
                    try:
                        self._line(line.rstrip("\n"))
                    except ValueError as error:
                        raise DotError(f"{self._path.name}, line {count}: {error}") from None
        if len(self._states) != len(self._numbers):
            raise DotError(f"{self._path.name}: an edge leads to a state that has no line")
        states = tuple(self._states[index] for index in range(len(self._states)))
        return StateGraph(self._variables, states, frozenset(self._initial), frozenset(self._edges))

    def _line(self, line: str) -> None:
        # Plain string methods: there are millions of edges.
        source, arrow, rest = line.partition(" -> ")
        if not arrow or "[" in source:
            self._node(line)
        elif not rest.endswith(_STUTTERING):
            target, _, label = rest.partition(' [label="')
            label, end, _ = label.partition('"')
            if not end:
                raise DotError(f"cannot read {line[:80]!r}")
            self._edges.add((self._number(source), label, self._number(target)))

    def _node(self, line: str) -> None:
        node = _NODE.match(line)
        if node is None:
            raise DotError(f"cannot read {line[:80]!r}")
        index = self._number(node.group(1))
        if index not in self._states:
            self._states[index] = self._state(node.group(2))
        if node.group(3):
            self._initial.add(index)

    def _number(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers))

    def _state(self, label: str) -> tuple[Value, ...]:
        pairs = split_state(_unescape(label))
        variables = tuple(name for name, _ in pairs)
        if variables != self._variables:
            if self._variables:
                raise DotError(f"variables {variables} differ from {self._variables}")
            self._variables = variables
        return tuple(self._value(text) for _, text in pairs)

    def _value(self, text: str) -> Value:
        value = self._known.get(text)
        if value is None:
            value = self._parser.value(text)
            self._known[text] = value
        return value
