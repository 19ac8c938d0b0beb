"""The rejected rules of the pipeline, read from `specs/pipeline-rejected.toml`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from optisync.values import Obj
from optisync_conformance.register.pipelineactions import ACTIONS, Scope
from optisync_conformance.register.pipelineworld import Planned, Promise
from optisync_conformance.register.rules import (
    RegisterMalformed,
    edits,
    items,
    read_toml,
    strings,
    text,
)
from optisync_conformance.register.variants import PipelineStep, build_pipeline


@dataclass(frozen=True, slots=True)
class RejectedPipeline:
    """A rejected rule: what it says, which promise it breaks, and where to look for it."""

    name: str
    sentence: str
    promise: Promise
    scope: Scope
    reference: PipelineStep
    variant: PipelineStep
    fault: str


def read_pipeline_rules(path: Path) -> tuple[RejectedPipeline, ...]:
    """All rejected rules, in the order of the file. Raises RegisterMalformed, EditMisses."""
    return tuple(_rule(raw) for raw in items(read_toml(path), "rule"))


def _rule(raw: Obj) -> RejectedPipeline:
    name, actions = text(raw, "name"), ("dispatch", "drain", *strings(raw, "actions"))
    unknown = set(actions) - set(ACTIONS)
    if unknown:
        raise RegisterMalformed(f"rule {name}: no such actions: {', '.join(sorted(unknown))}")
    stream = raw.get("stream", True) is True
    return RejectedPipeline(
        name,
        text(raw, "sentence"),
        Promise(text(raw, "promise")),
        Scope(tuple(map(_planned, items(raw, "own"))), actions, stream),
        build_pipeline(),
        build_pipeline(edits(raw)),
        text(raw, "fault") if "fault" in raw else "",
    )


def _planned(raw: Obj) -> Planned:
    return Planned(text(raw, "kind"), text(raw, "entity"), str(raw.get("mentions", "")))
