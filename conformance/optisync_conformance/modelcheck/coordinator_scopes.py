"""Scopes of the coordinator: a configuration, a start, and a finite alphabet of inputs each.

An alphabet is written down once, in `coordinator_alphabets` or `coordinator_cover`; the module
for TLC gets the same inputs as TLA+ literals. It bounds the state space: numbers, positions and
epochs that no input names do not occur. Only `Generate` could go on for ever, so it is offered
while fewer than ``numbers`` numbers are generated, in either graph.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from optisync.coordinator.config import Config
from optisync.coordinator.effects import Effect
from optisync.coordinator.inputs import Input
from optisync.coordinator.state import Coordinator
from optisync.coordinator.step import step
from optisync.machine import Step

from .coordinator import encode_config, encode_effect, encode_input, encode_state
from .coordinator_classes import classes
from .coordinator_labels import label
from .scopes import Form, MachineScope
from .values import show

Machine: TypeAlias = Callable[[Config, Coordinator, Input], Step[Coordinator, Effect]]

FORM: Final = Form("coordinator", encode_state, encode_input, encode_effect, label, classes)


@dataclass(frozen=True)
class Scope(MachineScope[Config, Coordinator, Input, Effect]):
    """One bounded world of the machine. ``strategy`` names ``config.strategy`` for the model."""

    strategy: str
    numbers: int
    machine: Machine = field(default=step, kw_only=True)
    form: Form[Config, Coordinator, Input, Effect] = field(default=FORM, kw_only=True)

    @property
    def module(self) -> str:
        """The name of the scope's module."""
        return f"Coordinator_{self.name}"

    @property
    def text(self) -> str:
        """The scope's module, over the one variable ``s``."""
        world = _WORLD.format(initial=show(encode_state(self.initial)), numbers=self.numbers)
        return self.written(encode_config(self.config, self.strategy), world)

    @property
    def overrides(self) -> dict[str, str]:
        """None: the module is complete."""
        return {}

    def inside(self, state: Coordinator) -> bool:
        """Whether no more numbers are generated than the scope allows."""
        return state.generated <= self.numbers


_WORLD = """\
Init == s = {initial}

\\* The inputs by number; none generates more than {numbers} numbers.
Offered == {{i \\in DOMAIN Alphabet : Alphabet[i].kind # "generate" \\/ s.generated < {numbers}}}

Taken(i) == Step(Config, s, Alphabet[i])

Apply(i) == s' = (LET taken == Taken(i) IN taken.state)

Next == \\E i \\in Offered : Apply(i)

TypeOK == TypeLaw
Queue == QueueLaw(Config)
Verdicts == VerdictLaw
HeldBack == HeldBackLaw(Config)
Questions == QuestionLaw
Port == PortLaw(Config)
Onward == [][OnwardLaw]_s
FirstVerdict == [][FirstVerdictLaw]_s"""
