"""What the scopes of every machine have in common: a step function, and an alphabet for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from typing import Generic, Self, TypeVar

from optisync.machine import Step

from .values import Value, of
from .worlds import module_text

Config = TypeVar("Config")
State = TypeVar("State", bound=Hashable)
Input = TypeVar("Input")
Effect = TypeVar("Effect")


@dataclass(frozen=True)
class Form(Generic[Config, State, Input, Effect]):
    """How the values of a machine are written: as its model's, as labels, as classes of edges."""

    name: str
    state: Callable[[State], Value]
    given: Callable[[Input], Value]
    effect: Callable[[Effect], Value]
    label: Callable[[Input], str]
    classes: Callable[[Config, State, Input, Step[State, Effect]], Iterable[str]]


@dataclass(frozen=True)
class MachineScope(ABC, Generic[Config, State, Input, Effect]):
    """One bounded world of a machine: a `worlds.World`.

    ``machine`` is the step function; tests put a faulty one in its place.
    """

    name: str
    about: str
    config: Config
    inputs: tuple[Input, ...]
    initial: State = field(kw_only=True)
    machine: Callable[[Config, State, Input], Step[State, Effect]] = field(kw_only=True)
    form: Form[Config, State, Input, Effect] = field(kw_only=True)

    @property
    @abstractmethod
    def module(self) -> str:
        """The name of the scope's module: the model's, "_", its own."""

    @property
    @abstractmethod
    def text(self) -> str:
        """The scope's module, over the one variable ``s``."""

    @abstractmethod
    def inside(self, state: State) -> bool:
        """Whether the scope keeps this state."""

    @property
    def alphabet(self) -> tuple[tuple[str, Input], ...]:
        """The inputs with their labels."""
        return tuple((self.form.label(given), given) for given in self.inputs)

    @property
    def overrides(self) -> dict[str, str]:
        """The rules: see the laws of the model."""
        return {"Run": "Step"}

    def step(self, state: State, given: Input) -> tuple[State, tuple[tuple[Effect, ...], str]]:
        """One step of the machine."""
        done = self.machine(self.config, state, given)
        return done.state, (done.effects, "" if done.error is None else done.error.code)

    def counting(self, found: Counter[str]) -> Self:
        """The scope, counting the classes of the edges it is asked for."""
        machine = self.machine

        def step(config: Config, state: State, given: Input) -> Step[State, Effect]:
            done = machine(config, state, given)
            if self.inside(done.state):
                found.update(self.form.classes(config, state, given, done))
            return done

        return replace(self, machine=step)

    def encode(self, state: State) -> Value:
        """The model's ``s``."""
        return self.form.state(state)

    def encode_out(self, out: tuple[tuple[Effect, ...], str]) -> Value:
        """The model's ``out``."""
        effects, error = out
        return of({"effects": tuple(map(self.form.effect, effects)), "error": error})

    def written(self, config: Value, world: str) -> str:
        """The module: what all have, and the ``world`` of this one."""
        inputs = [self.form.given(given) for given in self.inputs]
        return module_text(self.form.name, self.module, self.about, config, inputs, world)
