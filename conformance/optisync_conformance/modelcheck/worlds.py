"""Bounded worlds of a machine, and the modules that TLC explores for them.

The committed module of a world has the one variable ``s`` and defines ``Init``, ``Offered``,
``Taken(i)`` and ``Next``; it is what ``optisync models check`` checks. For the comparison of
graphs, `graph_module` adds ``out``, what the last step put out. A state that differs from another
in ``out`` alone has the same future, so ``out`` is put back to Ready by an action of its own,
Rest, before the next input: TLC evaluates each input once in each state of the machine, not once
for each way to get there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol

from .graph import In, Mapping, Out, S
from .tlc import Constant
from .values import Value, show

#: The machine, with no guard removed.
CONSTANTS: dict[str, Constant] = {"Mutant": '"none"'}


class World(Mapping[S, In, Out], Protocol[S, In, Out]):
    """A machine with a configuration, a start and a finite alphabet of inputs."""

    @property
    def about(self) -> str:
        """What the world is for, in a line."""
        ...

    @property
    def module(self) -> str:
        """The name of its module."""
        ...

    @property
    def text(self) -> str:
        """Its module."""
        ...

    @property
    def overrides(self) -> Table[str, str]:
        """What its module leaves open, and the definition that stands for it."""
        ...

    def counting(self, found: Counter[str]) -> World[S, In, Out]:
        """The same world, counting the transition classes of the edges it is asked for."""
        ...


@dataclass(frozen=True)
class Subject(Generic[S, In, Out]):
    """A machine that has a model: its worlds and its transition classes.

    The modules of ``large`` and ``small`` are committed; ``others`` are made when compared.
    """

    name: str
    large: Sequence[World[S, In, Out]]
    small: Sequence[World[S, In, Out]]
    others: Table[str, Sequence[World[S, In, Out]]]
    classes: Table[str, str]

    def worlds(self) -> list[tuple[World[S, In, Out], str]]:
        """Every world with the group that its edges are counted in."""
        groups = {"": self.large, "small": self.small, **self.others}
        return [(world, group or world.name) for group, of in groups.items() for world in of]


def write_modules(subject: Subject[S, In, Out], models: Path) -> None:
    """Write the modules that ``optisync models check`` uses."""
    for world in (*subject.large, *subject.small):
        (models / f"{world.module}.tla").write_text(world.text, encoding="utf-8")


def stale_modules(subject: Subject[S, In, Out], models: Path) -> tuple[str, ...]:
    """The file names of committed modules that are missing or differ from their world."""
    files = {models / f"{w.module}.tla": w.text for w in (*subject.large, *subject.small)}
    return tuple(
        file.name
        for file, text in files.items()
        if not file.is_file() or file.read_text(encoding="utf-8") != text
    )


def alphabet_text(inputs: Sequence[Value]) -> str:
    """The elements of the sequence of inputs, one a line, numbered."""
    lines = [f"  {show(value)}  \\* {i}" for i, value in enumerate(inputs, 1)]
    return "\n".join([line.replace("  \\*", ",  \\*", 1) for line in lines[:-1]] + lines[-1:])


_GRAPH = """\
---- MODULE {name} ----
EXTENDS {module}
VARIABLE out

Ready == [effects |-> <<>>, error |-> "ready"]

GraphInit == Init /\\ out = Ready

InputOf(i) ==
    /\\ out = Ready /\\ i \\in Offered
    /\\ (LET taken == Taken(i)
        IN /\\ {bound}
           /\\ s' = taken.state
           /\\ out' = [effects |-> taken.effects, error |-> taken.error])

Rest == out # Ready /\\ out' = Ready /\\ s' = s

{actions}
GraphNext == Rest \\/ {next}
====
"""


def graph_name(world: World[S, In, Out]) -> str:
    """The name of the module for the comparison of graphs."""
    return f"{world.module}_graph"


def graph_module(world: World[S, In, Out]) -> str:
    """The world with the outputs of its steps: one action per input, named ``In_<number>``."""
    names = [f"In_{number}" for number in range(1, len(world.alphabet) + 1)]
    # Not left to Offered: TLC builds that set, with every step in it, for each action.
    bound = "Inside(taken)" if "\nInside(taken) ==" in world.text else "TRUE"
    actions = [f"{name} == InputOf({i}) /\\ TRUE" for i, name in enumerate(names, 1)]
    return _GRAPH.format(
        name=graph_name(world),
        module=world.module,
        actions="\n".join(actions),
        bound=bound,
        next=" \\/ ".join(names),
    )
