"""Scopes of the outbox: a configuration and a finite alphabet of inputs each.

An alphabet is written down once, in `outbox_alphabets`; the module for TLC gets the same inputs as
TLA+ literals. It bounds the state space: entries, positions, epochs and times that no input names
do not occur. Numbers and lease tokens could go on for ever, so a step that gives out more than
``numbers`` numbers or ``tokens`` tokens is left out, in either graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from optisync.machine import Step
from optisync.outbox.config import Config, Mode
from optisync.outbox.effects import Effect
from optisync.outbox.inputs import Input
from optisync.outbox.state import Outbox, start
from optisync.outbox.step import step
from optisync.values import Epoch

from .outbox import encode_config, encode_effect, encode_state
from .outbox_classes import classes
from .outbox_given import encode_input, label
from .outbox_inputs import ME
from .scopes import Form, MachineScope

Machine: TypeAlias = Callable[[Config, Outbox, Input], Step[Outbox, Effect]]

FORM: Final = Form("outbox", encode_state, encode_input, encode_effect, label, classes)


@dataclass(frozen=True)
class Scope(MachineScope[Config, Outbox, Input, Effect]):
    """One bounded world of the machine, from an empty outbox in epoch 1 on."""

    numbers: int
    tokens: int
    initial: Outbox = field(default=start(Epoch(1)), kw_only=True)
    machine: Machine = field(default=step, kw_only=True)
    form: Form[Config, Outbox, Input, Effect] = field(default=FORM, kw_only=True)

    @property
    def module(self) -> str:
        """The name of the scope's module."""
        return f"Outbox_{self.name}"

    @property
    def text(self) -> str:
        """The scope's module, over the one variable ``s``."""
        epoch = self.initial.numbers.epoch
        world = _WORLD.format(epoch=epoch, numbers=self.numbers, tokens=self.tokens)
        return self.written(encode_config(self.config), world)

    def inside(self, state: Outbox) -> bool:
        """Whether no more numbers and tokens are given out than the scope allows."""
        return state.numbers.counter <= self.numbers and state.numbers.token <= self.tokens


def scope_of(
    name: str,
    about: str,
    inputs: Iterable[Input],
    numbers: int,
    tokens: int,
    mode: Mode = Mode.ENTITY,
    capacity: int = 9,
    max_attempts: int = 2,
) -> Scope:
    """A scope of the client `ME`: leases of 2 ms, back-off of 1 ms and at most 2."""
    config = Config(ME, mode, capacity, 2, max_attempts, 1, 2)
    return Scope(name, about, config, tuple(inputs), numbers, tokens)


_WORLD = """\
Init == s = Start({epoch})

Taken(i) == Run(Config, s, Alphabet[i])

\\* No more than {numbers} numbers and {tokens} tokens.
Inside(taken) == taken.state.numbers.counter <= {numbers} /\\ taken.state.numbers.token <= {tokens}

Offered == {{i \\in DOMAIN Alphabet :
    Alphabet[i].kind \\in {{"take", "enqueue", "reserve", "watermark"}} => Inside(Taken(i))}}

Apply(i) == s' = (LET taken == Taken(i) IN taken.state)

Next == \\E i \\in Offered : Apply(i)

TypeOK == TypeLaw
Queue == QueueLaw(Config)
Leases == LeaseLaw
Verdicts == VerdictLaw
Bases == BaseLaw
Reload == ReloadLaw(Config)
Saves == \\A i \\in Offered : SaveLaw(Taken(i))
Onward == [][OnwardLaw]_s
FixedContent == [][FixedLaw]_s"""
