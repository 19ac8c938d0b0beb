"""Profile `patch`: RFC 6902 alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from optisync.patch import apply, invert, patch_from_json, patch_to_json
from optisync_conformance.reference.host import Observation, Out, outcome, thaw, value
from optisync_conformance.script import Apply, Invert, ScriptError
from optisync_conformance.script import Step as ScriptStep


def run(steps: Sequence[ScriptStep]) -> list[Observation]:
    """One observation after start and one for each step."""
    observed: list[Observation] = [{"out": {"ok": {}}, "effects": []}]
    for step in steps:
        observed.append({"out": outcome(partial(_answer, step)), "effects": []})
    return observed


def _answer(step: ScriptStep) -> Out:
    match step:
        case Apply(doc, patch):
            return {"ok": {"doc": thaw(apply(value(doc), patch_from_json(value(patch))))}}
        case Invert(doc, patch):
            inverse = invert(value(doc), patch_from_json(value(patch)))
            return {"ok": {"patch": thaw(patch_to_json(inverse))}}
        case _:
            raise ScriptError("the profile patch has no other steps than apply and invert")
