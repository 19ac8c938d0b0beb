"""A pipeline and those who watch it: what is shown is the state before anybody is told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from optisync.coordinator.facade import KEPT_ERRORS, Observers, Unsubscribe
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Effect
from optisync.pipeline.inputs import Input
from optisync.pipeline.state import Pipeline, view
from optisync.pipeline.step import step
from optisync.view import Docs


class PipelineLife:
    """One life of a pipeline, used by one thread.

    A call made from a callback is carried out at once, and told after what is being told. What an
    observer raises is collected in `errors`, the last KEPT_ERRORS of it, and changes nothing.
    [operation-callbacks-isolated]

    >>> from optisync.pipeline.inputs import Begin
    >>> from optisync.values import ClientId
    >>> life = PipelineLife(Config(ClientId("me")), Pipeline())
    >>> life.run(Begin())
    ()
    >>> life.state.begun
    1
    """

    def __init__(self, config: Config, state: Pipeline) -> None:
        self.errors: deque[Exception] = deque(maxlen=KEPT_ERRORS)
        self._config = config
        self._state = state
        self._observers: Observers[Effect] = Observers()
        self._waiting: deque[Effect] = deque()
        self._telling = False

    @property
    def state(self) -> Pipeline:
        """What the pipeline knows."""
        return self._state

    @property
    def view(self) -> Docs:
        """What the application sees."""
        return view(self._state).view

    def on_effect(self, callback: Callable[[Effect], None]) -> Unsubscribe:
        """Called with each effect, in order, once it is visible; the result ends that."""
        return self._observers.subscribe(callback)

    def run(self, given: Input) -> tuple[Effect, ...]:
        """Any input; its effects, which are told. Raises what the pipeline refuses with."""
        done = step(self._config, self._state, given)
        if done.error is not None:
            raise done.error
        self._state = done.state
        self._waiting += done.effects
        if not self._telling:
            self._tell()
        return done.effects

    def _tell(self) -> None:
        self._telling = True
        try:
            while self._waiting:
                self._observers.tell(self._waiting.popleft(), self.errors)
        finally:
            self._telling = False
