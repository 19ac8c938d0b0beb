"""The pipeline as the subject of ``optisync models graph``."""

from __future__ import annotations

from typing import Final

from optisync.pipeline.inputs import Input
from optisync.pipeline.state import Pipeline

from .pipeline import Out
from .pipeline_alphabets import large_scopes, small_scopes
from .pipeline_classes import CLASSES
from .worlds import Subject

PIPELINE: Final[Subject[Pipeline, Input, Out]] = Subject(
    "pipeline", large_scopes(), small_scopes(), {}, CLASSES
)
