"""Transition classes of the pipeline (first draft)."""

from __future__ import annotations

from optisync.machine import Step
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Effect
from optisync.pipeline.inputs import Input
from optisync.pipeline.state import Pipeline

CLASSES: dict[str, str] = {}
Done = Step[Pipeline, Effect]


def classes(config: Config, before: Pipeline, given: Input, done: Done) -> frozenset[str]:
    """The transition classes of one step."""
    return frozenset()
