"""The rejected rules of the pipeline, read from `specs/pipeline-rejected.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from optisync.values import Obj
from optisync_conformance.register.pipelineactions import ACTIONS, Scope
from optisync_conformance.register.pipelineworld import Planned, Promise
from optisync_conformance.register.rules import edits, items, text
from optisync_conformance.register.searched import Searched, read_searched
from optisync_conformance.register.variants import PipelineStep, build_pipeline

RejectedPipeline: TypeAlias = Searched[Promise, Scope, PipelineStep]


def read_pipeline_rules(path: Path) -> tuple[RejectedPipeline, ...]:
    """All rejected rules, in the order of the file. Raises RegisterMalformed, EditMisses."""
    return read_searched(path, Promise, ("dispatch", "drain"), ACTIONS, _games)


def _games(raw: Obj, actions: tuple[str, ...]) -> tuple[Scope, PipelineStep, PipelineStep]:
    own = tuple(map(_planned, items(raw, "own")))
    scope = Scope(own, actions, stream=raw.get("stream", True) is True)
    return scope, build_pipeline(), build_pipeline(edits(raw))


def _planned(raw: Obj) -> Planned:
    return Planned(text(raw, "kind"), text(raw, "entity"), str(raw.get("mentions", "")))
