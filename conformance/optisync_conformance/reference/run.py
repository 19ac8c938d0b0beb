"""Run a script of any profile on the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from optisync_conformance.reference import coordinating, patching, viewing
from optisync_conformance.reference.host import Observation
from optisync_conformance.script import (
    CoordinatorSetting,
    NoSetting,
    ScriptError,
    Step,
    ViewSetting,
    read_setting,
    read_step,
)


def run_script(
    profile: str, setting: Mapping[str, object], steps: Sequence[Mapping[str, object]]
) -> list[Observation]:
    """What is observed after start and after each step. Raises ScriptError for a bad script.

    >>> run_script("patch", {}, [{"do": "apply", "doc": {}, "patch": []}])[1]["out"]
    {'ok': {'doc': {}}}
    """
    typed: list[Step] = []
    for index, raw in enumerate(steps):
        try:
            typed.append(read_step(profile, raw))
        except ScriptError as error:
            raise ScriptError(f"step {index + 1}: {error}") from None
    given = read_setting(profile, setting)
    match given:
        case NoSetting():
            return patching.run(typed)
        case CoordinatorSetting():
            return coordinating.run(given, typed)
        case ViewSetting():
            return viewing.run(given, typed)
        case _:
            assert_never(given)
