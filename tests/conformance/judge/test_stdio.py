"""The reference as a real adapter process: bad frames are answered, and the end is quiet."""

import json
import subprocess
import sys
from typing import cast

Frame = dict[str, object]


def talk(*lines: bytes, args: tuple[str, ...] = ()) -> list[Frame]:
    command = [sys.executable, "-m", "optisync_conformance", "adapter", *args]
    done = subprocess.run(
        command, input=b"".join(lines), capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return [cast(Frame, json.loads(line)) for line in done.stdout.splitlines()]


def frame(**members: object) -> bytes:
    return json.dumps(members).encode() + b"\n"


def script(*steps: object, profile: str = "coordinator", number: int = 1) -> bytes:
    setting: dict[str, object] = {} if profile == "patch" else {"docs": {}}
    return frame(t="run", id=number, profile=profile, **{"with": setting}, steps=list(steps))


APPLY: Frame = {"do": "apply", "doc": 1, "patch": []}


def test_hello_and_runs_are_answered_in_order() -> None:
    hello, one, two = talk(
        frame(t="hello", protocol=[1], suite="x", later="ignored"),
        script(APPLY, profile="patch", number=7),
        script({"do": "tick", "ms": 1}, number=8),
    )
    assert hello["protocol"] == 1 and set(cast(Frame, hello["profiles"])) == {
        "patch",
        "coordinator",
        "view",
        "outbox",
        "transport",
        "pipeline",
    }
    assert (one["id"], two["id"]) == (7, 8)
    assert cast(list[Frame], one["obs"])[1]["out"] == {"ok": {"doc": 1}}


def test_bad_frames_are_faults_and_the_next_is_answered() -> None:
    bad = [
        b"listening on 8080\n",
        b"\xff\xfe\n",
        b"[" * 20_000 + b"\n",
        frame(t="walk", id=3),
        frame(t="run", id=4),
        script({"do": "fly"}, number=5),
        script({"do": "start"}, number=6),
        script({"do": "crash"}, {"do": "tick"}, number=7),
        script({"do": "register", "m": "$m1", "atoms": {"a": 7}}, number=8),
        script(APPLY, profile="outbox", number=9),
        frame(t="hello", protocol=[2]),
    ]
    *faults, last = talk(*bad, script(APPLY, profile="patch", number=99))
    assert [fault["kind"] for fault in faults] == ["bad-request"] * len(bad)
    assert [fault["id"] for fault in faults] == [-1, -1, -1, 3, 4, 5, 6, 7, 8, 9, -1]
    assert last["id"] == 99


def test_a_line_that_is_too_long_is_one_fault() -> None:
    fault, last = talk(b"x" * (17 << 20) + b"\n", script(APPLY, profile="patch"))
    assert fault["kind"] == "bad-request" and last["t"] == "ran"


def test_a_faulty_version_says_which_it_is() -> None:
    [hello] = talk(frame(t="hello", protocol=[1]), args=("--mutant", "true-is-one"))
    assert "true-is-one" in str(cast(Frame, hello["impl"])["name"])
