"""Scopes of the pipeline: a configuration and a finite alphabet of inputs each.

An alphabet is written down once, in `pipeline_alphabets`; the module for TLC gets the same inputs
as TLA+ literals. It bounds the state space: numbers, positions, epochs and times that no input
names do not occur. Tickets and waits could go on for ever, so a step that leaves more than
``tickets`` tickets, or more than ``waits`` waits for one, is left out, in either graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from optisync.machine import Step
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Effect
from optisync.pipeline.inputs import Input
from optisync.pipeline.state import Pipeline, start
from optisync.pipeline.step import step

from .pipeline import docs, encode_config, encode_state
from .pipeline_classes import classes
from .pipeline_given import encode_effect, encode_input
from .pipeline_inputs import ME
from .pipeline_labels import label
from .scopes import Form, MachineScope
from .values import of, show

Machine: TypeAlias = Callable[[Config, Pipeline, Input], Step[Pipeline, Effect]]

FORM: Final = Form("pipeline", encode_state, encode_input, encode_effect, label, classes)


@dataclass(frozen=True)
class Scope(MachineScope[Config, Pipeline, Input, Effect]):
    """One bounded world of the machine, in epoch 1 with no document from a start on."""

    tickets: int
    waits: int
    initial: Pipeline = field(default=start(), kw_only=True)
    machine: Machine = field(default=step, kw_only=True)
    form: Form[Config, Pipeline, Input, Effect] = field(default=FORM, kw_only=True)

    @property
    def module(self) -> str:
        """The name of the scope's module."""
        return f"Batching_{self.name}"

    @property
    def text(self) -> str:
        """The scope's module, over the one variable ``s``."""
        begun = show(of(docs(self.initial.docs)))
        world = _WORLD.format(docs=begun, tickets=self.tickets, waits=self.waits)
        return self.written(encode_config(self.config), world)

    def inside(self, state: Pipeline) -> bool:
        """Whether the scope has so many tickets and waits."""
        if state.begun > self.tickets:
            return False
        return all(len(ticket.waits) <= self.waits for ticket in state.tickets.values())


def scope_of(
    name: str,
    about: str,
    inputs: Iterable[Input],
    tickets: int = 9,
    waits: int = 0,
    capacity: int = 9,
    history: int = 9,
    remembered: int = 9,
    initial: Pipeline | None = None,
) -> Scope:
    """A scope of the client `ME`."""
    config = Config(ME, capacity, history, remembered)
    begun = start() if initial is None else initial
    return Scope(name, about, config, tuple(inputs), tickets, waits, initial=begun)


_WORLD = """\
Init == s = Start({docs}, {{}})

Taken(i) == Run(Config, s, Alphabet[i])

\\* No more than {tickets} tickets, and {waits} waits for one.
Inside(taken) ==
    taken.state.begun <= {tickets} /\\ \\A t \\in taken.state.tickets : Len(t.waits) <= {waits}

Offered == DOMAIN Alphabet

Apply(i) == (LET taken == Taken(i) IN Inside(taken) /\\ s' = taken.state)

Next == \\E i \\in Offered : Apply(i)

TypeOK == TypeLaw
Tickets == TicketLaw(Config)
Order == OrderLaw(Config)
Segments == SegmentLaw
Units == UnitLaw(Config)
Onward == [][OnwardLaw]_s
OnceDecided == [][DecidedLaw]_s
AcceptedStays == [][AcceptedLaw]_s"""
