"""What a run of TLC can end in, as values: `Ok`, `Violated`, `Failed`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from .values import Value, show


class Violation(Enum):
    """What kind of statement does not hold."""

    INVARIANT = "invariant"
    PROPERTY = "property"
    DEADLOCK = "deadlock"
    ASSUMPTION = "assumption"


class Failure(Enum):
    """Why a run says nothing about the model."""

    PARSE = "parse"
    CONFIG = "config"
    EVALUATION = "evaluation"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASH = "crash"


class Loop(Enum):
    """How a behaviour that violates a liveness property goes on for ever."""

    NONE = "no loop"
    STUTTERING = "stuttering"
    BACK = "back to an earlier state"


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One state of a counterexample and the action that led to it (``Init`` for the first)."""

    action: str
    state: tuple[tuple[str, Value], ...]

    def text(self) -> str:
        """The step on one line."""
        values = ", ".join(f"{name} = {show(value)}" for name, value in self.state)
        return f"{self.action}: {values}"


@dataclass(frozen=True, slots=True)
class ActionCount:
    """How often an action was taken, and how many of its successors were new."""

    action: str
    new: int
    taken: int


@dataclass(frozen=True, slots=True)
class Ok:
    """Every reachable state was visited and nothing is violated.

    ``depth`` counts states on the longest shortest path, the initial state included. ``actions``
    is empty unless coverage was asked for. ``printed`` are the lines the model printed itself.
    """

    distinct: int
    generated: int
    depth: int
    seconds: float
    actions: tuple[ActionCount, ...] = ()
    printed: tuple[str, ...] = ()

    @property
    def dead_actions(self) -> tuple[str, ...]:
        """Names of the actions never taken in any of their places, sorted."""
        taken = {count.action for count in self.actions if count.taken}
        return tuple(sorted({count.action for count in self.actions} - taken))


@dataclass(frozen=True, slots=True)
class Violated:
    """``name`` does not hold; ``trace`` shows it, starting in an initial state.

    ``name`` is ``deadlock`` for a deadlock, the place for an assumption, and empty for a temporal
    property when several are configured (TLC does not say which; `tlc.check` finds out).
    """

    kind: Violation
    name: str
    trace: tuple[TraceStep, ...]
    seconds: float
    loop: Loop = Loop.NONE
    printed: tuple[str, ...] = ()

    @property
    def length(self) -> int:
        """Number of states of the counterexample, the initial one included."""
        return len(self.trace)


@dataclass(frozen=True, slots=True)
class Failed:
    """TLC could not judge the model: ``text`` in one line, ``place`` in the source if known."""

    kind: Failure
    text: str
    seconds: float
    place: str = ""


Result: TypeAlias = Ok | Violated | Failed
