"""Who is told, and in which order: first the state, then the telling, one thing after another.

What an observer raises is collected and changes nothing. What is no Exception (KeyboardInterrupt)
goes through, and ends the telling of one thing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, MutableSequence
from contextlib import contextmanager
from typing import Final, Generic, TypeAlias, TypeVar

from optisync.machine import Step

Given = TypeVar("Given")
State = TypeVar("State")
Effect = TypeVar("Effect")
Unsubscribe: TypeAlias = Callable[[], None]

KEPT_ERRORS: Final = 256


class Observers(Generic[Given]):
    """Callbacks in the order in which they subscribed."""

    def __init__(self) -> None:
        self._callbacks: dict[int, Callable[[Given], None]] = {}
        self._next = 0

    def subscribe(self, callback: Callable[[Given], None]) -> Unsubscribe:
        """Add a callback; the result removes it, once."""
        key, self._next = self._next, self._next + 1
        self._callbacks[key] = callback
        return lambda: self._callbacks.pop(key, None) and None

    def __bool__(self) -> bool:
        return bool(self._callbacks)

    def tell(self, given: Given, errors: MutableSequence[Exception]) -> None:
        """Call everyone subscribed now; what they raise is collected. [observers-isolated]

        One that is unsubscribed by another before its turn is not called.
        """
        for key, callback in tuple(self._callbacks.items()):
            if key not in self._callbacks:
                continue
            try:
                callback(given)
            except Exception as error:
                errors.append(error)


class Life(Generic[State, Effect]):
    """One life of a machine: its state, and what is still to be told of how it came there.

    A step taken from a callback is the state at once, and told after what is being told.

    >>> def show(effect: str) -> None:
    ...     print(life.state, effect)
    ...     if life.state == 1:
    ...         life.take(Step(2, ("a callback's",)))
    ...         life.tell()
    >>> life = Life(0, show)
    >>> life.take(Step(1, ("one", "two")))
    ('one', 'two')
    >>> life.tell()
    1 one
    2 two
    2 a callback's
    """

    def __init__(self, state: State, tell: Callable[[Effect], None]) -> None:
        self.state = state
        self._tell = tell
        self._waiting: deque[Effect] = deque()
        self._held = False

    def begin(self, state: State) -> None:
        """Another life, from a state on: what the one before it had still to tell is not told."""
        self.state = state
        self._waiting.clear()

    def take(self, done: Step[State, Effect]) -> tuple[Effect, ...]:
        """A step is the state from now on, and its effects are to be told. Raises its error."""
        if done.error is not None:
            raise done.error
        self.state = done.state
        self._waiting += done.effects
        return done.effects

    def add(self, effects: Iterable[Effect]) -> None:
        """These are to be told too, after all the others."""
        self._waiting += effects

    def tell(self) -> None:
        """Tell what is to be told; nothing while that is being done, or held back."""
        if self._held:
            return
        self._held = True
        try:
            while self._waiting:
                self._tell(self._waiting.popleft())
        finally:
            self._held = False

    @contextmanager
    def held(self) -> Generator[None]:
        """Nothing is told meanwhile."""
        held, self._held = self._held, True
        try:
            yield
        finally:
            self._held = held
