"""A pipeline and those who watch it: what is shown is the state before anybody is told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from optisync.pipeline.config import Config
from optisync.pipeline.effects import Effect
from optisync.pipeline.inputs import Input
from optisync.pipeline.state import Pipeline, view
from optisync.pipeline.step import step
from optisync.telling import KEPT_ERRORS, Life, Observers, Unsubscribe
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
        self._life = Life(state, self._tell)
        self._observers: Observers[Effect] = Observers()

    @property
    def state(self) -> Pipeline:
        """What the pipeline knows."""
        return self._life.state

    @property
    def view(self) -> Docs:
        """What the application sees."""
        return view(self.state).view

    def on_effect(self, callback: Callable[[Effect], None]) -> Unsubscribe:
        """Called with each effect, in order, once it is visible; the result ends that."""
        return self._observers.subscribe(callback)

    def run(self, given: Input) -> tuple[Effect, ...]:
        """Any input; its effects, which are told. Raises what the pipeline refuses with."""
        effects = self._life.take(step(self._config, self.state, given))
        self._life.tell()
        return effects

    def _tell(self, effect: Effect) -> None:
        self._observers.tell(effect, self.errors)
