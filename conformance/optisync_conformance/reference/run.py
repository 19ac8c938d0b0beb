"""Run a script of any profile on the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import assert_never

from optisync.shell.store import Store
from optisync_conformance.reference import (
    coordinating,
    outboxing,
    patching,
    piping,
    transporting,
    viewing,
)
from optisync_conformance.reference.host import Observation
from optisync_conformance.script import (
    CoordinatorSetting,
    NoSetting,
    OutboxSetting,
    PipelineSetting,
    ScriptError,
    Step,
    TransportSetting,
    ViewSetting,
    read_setting,
    read_step,
)


def run_script(
    profile: str,
    setting: Mapping[str, object],
    steps: Sequence[Mapping[str, object]],
    store: Callable[[], Store] = outboxing.in_memory,
) -> list[Observation]:
    """What is observed after start and after each step. Raises ScriptError for a bad script.

    `store` makes the store of an outbox.

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
        case OutboxSetting():
            return outboxing.run(given, typed, store)
        case TransportSetting():
            return transporting.run(typed)
        case PipelineSetting():
            return piping.run(given, typed)
        case _:
            assert_never(given)
