"""The adapter kit: frames in, observations out, whatever the engine under it does."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from tests.adapters.node import needs_kit, needs_node, run_frame, talk

from optisync_conformance.frames import Json

pytestmark = [needs_node, needs_kit]
PROBE = Path(__file__).parent / "kit_probe.mjs"
HELLO = b'{"t":"hello","protocol":[1],"limits":{"extra_rest":2}}'


def observed(*steps: Json, profile: str = "view") -> list[dict[str, Json]]:
    """The observations of one script."""
    (answer,), code = talk(PROBE, [run_frame(1, profile, steps)])
    assert code == 0
    assert isinstance(answer, dict) and answer["t"] == "ran", answer
    return cast(list[dict[str, Json]], answer["obs"])


def fault(*steps: Json, profile: str = "view") -> tuple[Json, Json]:
    """Kind and capability of the fault that a script leads to."""
    (answer,), _ = talk(PROBE, [run_frame(1, profile, steps)])
    assert isinstance(answer, dict) and answer["t"] == "fault", answer
    return answer["kind"], answer.get("cap")


def test_garbage_is_answered_and_the_next_frame_runs() -> None:
    after = run_frame(7, "view", [])
    answers, code = talk(PROBE, [b"zz", b"[]", b'{"t":"x","id":3}', b"\xff\xfe", HELLO, after])
    kinds = [cast(dict[str, Json], answer).get("kind", "fine") for answer in answers]
    assert kinds == ["bad-request"] * 4 + ["fine"] * 2
    assert code == 0


def test_a_line_above_the_limit_is_a_bad_request() -> None:
    hello = b'{"t":"hello","protocol":[1],"limits":{"frame_bytes":100}}'
    answers, _ = talk(PROBE, [hello, b"x" * 200_000, run_frame(2, "view", [])])
    kinds = [cast(dict[str, Json], answer)["t"] for answer in answers]
    assert kinds == ["hello", "fault", "ran"]


def test_another_protocol_is_refused() -> None:
    (answer,), _ = talk(PROBE, [b'{"t":"hello","protocol":[2]}'])
    assert cast(dict[str, Json], answer)["kind"] == "bad-request"


def test_time_passes_by_ticks_alone() -> None:
    seen = observed(
        {"do": "later", "ms": 5000}, {"do": "tick", "ms": 4999}, {"do": "tick", "ms": 1}
    )
    assert [each["out"] for each in seen[1:]] == [{"open": True}, {"ok": {}}, {"ok": {}}]
    assert seen[2]["effects"] == []
    returned = {"e": "returned", "step": 1, "out": {"ok": {"after": 5000}}}
    assert seen[3]["effects"] == [returned]
    assert [each["now"] for each in seen] == [0, 0, 4999, 5000]


def test_an_hour_of_seconds_passes_at_once() -> None:
    seen = observed({"do": "often", "ms": 1000}, {"do": "tick", "ms": 3_600_000})
    assert seen[2]["effects"] == [{"e": "beat"}] * 3600


def test_rest_waits_for_what_is_due_now() -> None:
    assert observed({"do": "soon"})[1]["out"] == {"ok": {"soon": True}}


def test_scripts_do_not_see_each_other() -> None:
    first = run_frame(1, "view", [{"do": "often", "ms": 1}, {"do": "tick", "ms": 3}])
    second = run_frame(2, "view", [{"do": "tick", "ms": 3}])
    answers, _ = talk(PROBE, [first, second, first])
    frames = [cast(dict[str, Json], answer) for answer in answers]
    assert frames[0]["obs"] == frames[2]["obs"]
    assert "beat" not in str(frames[1])


def test_what_the_engine_prints_is_kept_from_stdout() -> None:
    assert observed({"do": "chat"})[1]["out"] == {"ok": {}}


def test_a_refusal_is_an_answer_and_a_bug_is_a_fault() -> None:
    assert observed({"do": "refuse"})[1]["out"] == {"err": "no-way", "text": "no-way"}
    assert fault({"do": "bug"})[0] == "internal"
    assert fault({"do": "callback"})[0] == "internal"
    assert fault({"do": "stray"}, {"do": "tick", "ms": 1})[0] == "internal"
    assert fault({"do": "fly"})[0] == "bad-request"


def test_what_is_lacked_is_unsupported() -> None:
    hook: Json = {"do": "hook", "on": "beat", "throw": True}
    assert fault(hook) == ("unsupported", "hooks")
    assert fault({"do": "head", "seq": 1}, profile="coordinator") == (
        "unsupported",
        "request-missing",
    )
    assert fault(profile="outbox") == ("unsupported", "outbox")


def test_a_crash_leaves_what_is_durable() -> None:
    seen = observed(
        {"do": "often", "ms": 1}, {"do": "crash"}, {"do": "start"}, {"do": "tick", "ms": 5}
    )
    assert [each.get("lives") for each in seen] == [1, 1, None, 2, 2]
    assert seen[4]["effects"] == []
    assert fault({"do": "crash"}, {"do": "soon"})[0] == "bad-request"
    assert fault({"do": "start"})[0] == "bad-request"


def test_a_process_dies_inside_a_step_and_nothing_more_is_seen_of_it() -> None:
    for kept in (False, True):  # whether the engine lets the end through to its caller
        inner: list[Json] = [{"do": "die", "kept": kept}, {"do": "tell", "e": "late"}]
        steps: list[Json] = [inner[0], {"do": "together", "steps": inner}]
        for step in steps:
            seen = observed(
                {"do": "often", "ms": 1}, step, {"do": "start"}, {"do": "tick", "ms": 5}
            )
            assert seen[2] == {"out": {"open": True}, "effects": [{"e": "before"}]}
            assert [each.get("deaths") for each in seen] == [0, 0, None, 1, 1]
            assert seen[4]["effects"] == []
        assert fault(inner[0], {"do": "crash"})[0] == "bad-request"


def test_a_start_that_is_refused_can_be_made_again() -> None:
    seen = observed({"do": "spoil"}, {"do": "crash"}, {"do": "start"}, {"do": "start"})
    assert seen[3] == {"out": {"err": "spoiled", "text": "spoiled"}, "effects": []}
    assert seen[4]["lives"] == 3


def test_one_id_for_two_names_is_told() -> None:
    seen = observed({"do": "bind", "m": "$m1", "raw": 4}, {"do": "bind", "m": "$m2", "raw": 4})
    assert seen[2]["effects"] == [{"e": "id-reused", "m": "$m2"}]


def test_hooks_throw_and_call_at_the_nth_effect() -> None:
    tell: Json = {"do": "tell", "e": "change"}
    seen = observed(
        {"do": "hook", "on": "change", "nth": 2, "throw": True},
        {"do": "hook", "on": "change", "nth": 1, "call": {"do": "tell", "e": "inner"}},
        tell,
        tell,
        tell,
        profile="coordinator",
    )
    assert seen[3]["effects"] == [{"e": "change"}, {"e": "inner"}]
    assert cast(dict[str, Json], seen[4]["out"])["err"] == "callback-failure-escaped"
    assert seen[5]["out"] == {"ok": {}}


def test_steps_together_have_no_rest_between_them() -> None:
    inner: list[Json] = [{"do": "soon"}, {"do": "tell", "e": "x"}, {"do": "refuse"}]
    out = observed({"do": "together", "steps": inner})[1]["out"]
    refused: Json = {"err": "no-way", "text": "no-way"}
    assert out == {"ok": {"outs": [{"ok": {"soon": True}}, {"ok": {}}, refused]}}
