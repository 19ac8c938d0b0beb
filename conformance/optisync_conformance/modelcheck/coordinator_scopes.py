"""Scopes of the coordinator: a configuration, a start, and a finite alphabet of inputs each.

An alphabet is written down once, in `coordinator_alphabets`; the module for TLC gets the same
inputs as TLA+ literals. It bounds the state space: numbers, positions and epochs that no input
names do not occur. Only `Generate` could go on for ever, so a step that would generate more than
``numbers`` is no step, in either graph.

The committed module ``models/Coordinator_<scope>.tla`` has the one variable ``s``; it is what
``optisync models check`` checks. For the comparison of graphs, `graph_module` adds ``out``, what
the last step put out. A state that differs from another in ``out`` alone has the same future, so
``out`` is put back to Ready by an action of its own, Rest, before the next input: TLC evaluates
each input once in each state of the machine, not once for each way to get there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from optisync.coordinator.config import Config
from optisync.coordinator.effects import Effect
from optisync.coordinator.inputs import Input
from optisync.coordinator.state import Coordinator
from optisync.coordinator.step import step
from optisync.machine import Step

from .coordinator import Out, encode_config, encode_effect, encode_input, encode_state, label
from .values import Value, of, show

Machine: TypeAlias = Callable[[Config, Coordinator, Input], Step[Coordinator, Effect]]


@dataclass(frozen=True)
class Scope:
    """One bounded world of the machine; it is the `graph.Mapping` of that world.

    ``strategy`` names ``config.strategy`` for the model. ``machine`` is the step function; tests
    put a faulty one in its place.
    """

    name: str
    about: str
    config: Config
    strategy: str
    initial: Coordinator
    inputs: tuple[Input, ...]
    numbers: int
    machine: Machine = step

    @property
    def alphabet(self) -> tuple[tuple[str, Input], ...]:
        """The inputs with their labels."""
        return tuple((label(given), given) for given in self.inputs)

    @property
    def module(self) -> str:
        """The name of the scope's module."""
        return f"Coordinator_{self.name}"

    def step(self, state: Coordinator, given: Input) -> tuple[Coordinator, Out]:
        """One step of the machine."""
        done = self.machine(self.config, state, given)
        return done.state, (done.effects, "" if done.error is None else done.error.code)

    def inside(self, state: Coordinator) -> bool:
        """Whether no more numbers are generated than the scope allows."""
        return state.generated <= self.numbers

    def encode(self, state: Coordinator) -> Value:
        """The model's ``s``."""
        return encode_state(state)

    def encode_out(self, out: Out) -> Value:
        """The model's ``out``."""
        effects, error = out
        return of({"effects": tuple(encode_effect(e) for e in effects), "error": error})


_SCOPE = """\
---- MODULE {module} ----
\\* Written by `optisync models graph coordinator --write`: {about}.
EXTENDS Coordinator_laws

Config == {config}

Alphabet == <<
{inputs}
>>

Init == s = {initial}

\\* What the input number i leads to; a step beyond the scope's last number is none.
Within(result) == result.state.generated <= {numbers}
Taken(i) == Step(Config, s, Alphabet[i])

Apply(i) == Within(Taken(i)) /\\ s' = (LET taken == Taken(i) IN taken.state)

{actions}

Next == {next}

TypeOK == TypesOf(Config)
====
"""


def scope_module(scope: Scope) -> str:
    """The scope as a TLA+ module over the one variable ``s``, with one action per kind of input."""
    literals = [encode_input(given) for given in scope.inputs]
    lines = [f"  {show(value)}  \\* {i}" for i, value in enumerate(literals, 1)]
    inputs = [line.replace("  \\*", ",  \\*", 1) for line in lines[:-1]] + lines[-1:]
    kinds: dict[str, list[int]] = {}
    for number, given in enumerate(scope.inputs, 1):
        kinds.setdefault(type(given).__name__, []).append(number)
    actions = [
        f"On{kind} == \\E i \\in {{{', '.join(map(str, numbers))}}} : Apply(i)"
        for kind, numbers in kinds.items()
    ]
    return _SCOPE.format(
        module=scope.module,
        about=scope.about,
        config=show(encode_config(scope.config, scope.strategy)),
        inputs="\n".join(inputs),
        initial=show(encode_state(scope.initial)),
        numbers=scope.numbers,
        actions="\n".join(actions),
        next=" \\/ ".join(f"On{kind}" for kind in kinds),
    )


_GRAPH = """\
---- MODULE {name} ----
EXTENDS {module}
VARIABLE out

Ready == [effects |-> <<>>, error |-> "ready"]

GraphInit == Init /\\ out = Ready

Put(i) ==
    /\\ out = Ready
    /\\ (LET taken == Taken(i)
        IN /\\ Within(taken)
           /\\ s' = taken.state
           /\\ out' = [effects |-> taken.effects, error |-> taken.error])

Rest == out # Ready /\\ out' = Ready /\\ s' = s

{actions}
GraphNext == Rest \\/ {next}
====
"""


def graph_name(scope: Scope) -> str:
    """The name of the module for the comparison of graphs."""
    return f"{scope.module}_graph"


def graph_module(scope: Scope) -> str:
    """The scope with the outputs of its steps: one action per input, named ``In_<number>``."""
    names = [f"In_{number}" for number in range(1, len(scope.inputs) + 1)]
    actions = [f"{name} == Put({i}) /\\ TRUE" for i, name in enumerate(names, 1)]
    return _GRAPH.format(
        name=graph_name(scope),
        module=scope.module,
        actions="\n".join(actions),
        next=" \\/ ".join(names),
    )
