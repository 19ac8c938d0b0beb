"""What a machine is: a pure function from a state and an input to the next state and its effects.

Time, ids, randomness, results and messages come in as inputs; sends, store writes, port calls and
callbacks go out as ordered effects. A refused input returns the identical state and one error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from optisync.errors import OptisyncError

State = TypeVar("State", covariant=True)
Effect = TypeVar("Effect", covariant=True)


@dataclass(frozen=True, slots=True)
class Step(Generic[State, Effect]):
    """The answer of a machine to one input: the next state, effects in order, or one error."""

    state: State
    effects: tuple[Effect, ...] = ()
    error: OptisyncError | None = None
