"""Corners of the reference as an implementation: names, hooks, failures, the server of `view`."""

from typing import cast

import pytest

from optisync_conformance.reference.host import Observation
from optisync_conformance.reference.run import run_script
from optisync_conformance.script import ScriptError

X1 = {"a": [{"op": "replace", "path": "/x", "value": 1}]}
X2 = {"a": [{"op": "replace", "path": "/x", "value": 2}]}
DOCS = {"docs": {"a": {"x": 0}, "b": {}}}
Step = dict[str, object]


def last(profile: str, *steps: Step) -> Observation:
    return run_script(profile, DOCS, list(steps))[-1]


def register(name: str, atoms: object = X1, **more: object) -> Step:
    return {"do": "register", "m": name, "atoms": atoms, **more}


def effects(observed: Observation) -> list[dict[str, object]]:
    return cast(list[dict[str, object]], observed["effects"])


def test_hooks_count_from_where_they_stand_and_strike_once() -> None:
    hook: Step = {"do": "hook", "on": "change", "nth": 2, "call": {"do": "reject", "m": "$m1"}}
    observed = run_script(
        "coordinator", DOCS, [register("$m1"), hook, register("$m2"), register("$m3")]
    )
    assert observed[3]["pending"] == ["$m1", "$m2"]
    assert observed[4]["pending"] == ["$m2", "$m3"]


def test_a_throw_on_the_apply_port_is_a_failed_apply() -> None:
    hook: Step = {"do": "hook", "on": "apply", "throw": True}
    observed = last("coordinator", hook, {"do": "delta", "seq": 1, "prev": 0, "atoms": X1})
    assert effects(observed)[0]["failed"] is True
    assert observed["confirmed"] == {"epoch": 1, "seq": 0}


def test_planned_failures_are_used_up() -> None:
    delta: Step = {"do": "delta", "seq": 1, "prev": 0, "atoms": X1}
    snapshot: Step = {"do": "snapshot", "seq": 1, "docs": {}}
    steps: list[Step] = [{"do": "apply-fails", "times": 2}, delta, snapshot, snapshot]
    seen = run_script("coordinator", DOCS, steps)
    failed = [effects(each)[0].get("failed", False) for each in seen[2:]]
    assert failed == [True, True, False]


def test_together_answers_each_call() -> None:
    steps = [register("$m1"), register("$m1"), {"do": "sent", "m": "$m9"}]
    out = last("coordinator", {"do": "together", "steps": steps})["out"]
    outs = cast(dict[str, dict[str, list[dict[str, object]]]], out)["ok"]["outs"]
    assert [each.get("err", "ok") for each in outs] == [
        "ok",
        "client-seq-order",
        "unknown-mutation",
    ]


def test_a_crash_keeps_documents_position_and_counter() -> None:
    delta: Step = {"do": "delta", "seq": 3, "prev": 0, "atoms": X1}
    observed = run_script(
        "coordinator",
        DOCS,
        [register("$m1"), delta, {"do": "crash"}, {"do": "start"}, register("$m2")],
    )
    assert observed[3] == {"out": {"ok": {}}, "effects": []}
    assert (observed[4]["pending"], observed[4]["confirmed"]) == ([], {"epoch": 1, "seq": 3})
    assert [effect["e"] for effect in effects(observed[5])] == ["change"]


def test_the_view_engine_asks_for_what_it_misses() -> None:
    steps: list[Step] = [
        {"do": "mutate", "m": "$m1", "atoms": X1},
        {"do": "serve", "m": "$m1", "verdict": "ok", "data": "later"},
        {"do": "push", "atoms": {"b": {"upsert": 7}}},
        {"do": "push", "m": "$m1"},
    ]
    observed = run_script("view", DOCS, steps)
    assert observed[3]["view"] == observed[3]["server"] == {"a": {"x": 1}, "b": 7}
    assert effects(observed[4]) == []


@pytest.mark.parametrize(
    ("profile", "steps"),
    [
        ("coordinator", [{"do": "generate", "m": "$m1"}] * 2),
        ("view", [{"do": "serve", "m": "$m1", "verdict": "ok"}]),
        ("view", [{"do": "crash"}]),
        ("patch", [{"do": "tick"}]),
        ("coordinator", [register("$m1", {"": []})]),
        ("coordinator", [register("$m1", {"a": [{"op": "zap", "path": ""}]})]),
    ],
)
def test_scripts_that_make_no_sense(profile: str, steps: list[Step]) -> None:
    setting: dict[str, object] = {} if profile == "patch" else dict(DOCS)
    with pytest.raises(ScriptError):
        run_script(profile, setting, steps)
