"""Adapters that misbehave: the right verdict, exit code, one clear line; no hang, no leak."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from optisync_conformance.cases import load_pack

AWKWARD = Path(__file__).parent / "adapters" / "awkward.py"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str
    verdicts: Mapping[str, int]


class _Target(msgspec.Struct):
    counts: dict[str, int]
    reason: str = ""


class _Report(msgspec.Struct):
    targets: list[_Target]


def run(
    tmp_path: Path,
    mode: str,
    *options: str,
    env: Mapping[str, str] | None = None,
    probes: bool = False,
    command: tuple[str, ...] = (),
) -> Ran:
    report = tmp_path / "report.json"
    words = ("run", "--profile", "patch", "--pack", "core", "--timeout", "1s", *options)
    probing = "--probes" if probes else "--no-probes"
    adapter = command or (sys.executable, str(AWKWARD), mode)
    suite = (sys.executable, "-m", "optisync_conformance")
    done = subprocess.run(
        (*suite, *words, probing, f"--report=json={report}", "--", *adapter),
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "200", **(env or {})},
        text=True,
        capture_output=True,
        timeout=60,
    )
    assert "Traceback (most recent" not in done.stdout + done.stderr
    counts: Mapping[str, int] = {}
    if report.is_file():
        counts = msgspec.json.decode(report.read_bytes(), type=_Report).targets[0].counts
    return Ran(done.returncode, done.stdout, done.stderr, {k: n for k, n in counts.items() if n})


def sleepers(name: str) -> list[str]:
    """The live processes that were started with this word."""
    found: list[str] = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            if name.encode() in Path("/proc", pid, "cmdline").read_bytes().split(b"\0"):
                found.append(pid)
    return found


@pytest.fixture(autouse=True)
def no_process_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    name = f"optisync-sleeper-{uuid4()}"
    monkeypatch.setenv("SLEEPER", name)
    yield
    assert sleepers(name) == []


@cache
def rarest() -> int:
    """The number of steps that the fewest cases have: each bad one is run again and again."""
    lengths = Counter(len(case.steps) for case in load_pack(["core"], "patch"))
    return min(lengths, key=lambda steps: (lengths[steps], steps))


UNUSABLE = {
    "dies-at-once": "ended with exit code 1 before it answered the hello; does it read stdin",
    "garbage-at-hello": "a line that is not JSON: 'Server listening on port 8080'",
    "100-mb-at-hello": "a line longer than 16 MiB",
    "other-frame-at-hello": "the first line must be a hello",
    "other-protocol": "the adapter speaks protocol 2, the suite 1",
    "no-profiles": "the adapter declares no profile",
    "unknown-profile": "declares the profile 'pathc'; did you mean 'patch'?",
    "unknown-lack": "profile patch cannot lack 'inverse'; did you mean 'invert'?",
    "other-protocol-alone": "the adapter speaks protocol 2, the suite 1",
    "no-impl": "; specs/protocol.md has the form of a hello",
    "dies": " times in a row, the last time on a script without steps",
    "hangs": "no answer within 1 s",
    "prints-garbage": "a line that is not JSON: 'connected to database'",
    "prints-no-utf8": "a line that is not JSON",
    "prints-nothing": "a line that is not JSON: ''",
    "prints-100-mb": "a line longer than 16 MiB: 'xxxx",
    "answers-twice": "which was answered twice",
    "answers-unknown-id": "answered run 123456, which was never asked",
    "answers-with-text-id": "Expected `int`, got `str`",
    "answers-with-more": "unknown field `took`",
    "answers-nan": "a line that is not JSON",
    "answers-infinity": "Number out of range",
    "answers-surrogate": "a line that is not JSON",
    "answers-very-deep": "a line that is nested too deep",
    "says-hello-again": "the adapter said hello twice",
    "closes-stdout": "closed its stdout and went on running",
    "child-keeps-stdout": "the adapter ended with exit code 3",
}


@pytest.mark.parametrize("mode", UNUSABLE)
def test_an_adapter_that_cannot_be_used_gives_3(mode: str, tmp_path: Path) -> None:
    ran = run(tmp_path, mode)
    assert ran.code == 3, ran.out + ran.err
    assert UNUSABLE[mode] in " ".join(ran.out.split())
    assert not set(ran.verdicts) - {"pass", "crash", "timeout", "not-run"}


def test_an_adapter_that_is_silent_at_hello_gives_3(tmp_path: Path) -> None:
    began = time.monotonic()
    ran = run(tmp_path, "hangs-at-hello", "--start-timeout=2s")
    assert ran.code == 3
    assert "no answer to the hello within 2 s" in ran.out
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("/nonexistent/adapter",), "cannot start '/nonexistent/adapter'"),
        (("tcp:127.0.0.1:1",), "nobody answers at tcp:127.0.0.1:1"),
        (("unix:/nonexistent.sock",), "at unix:/nonexistent.sock: No such file or directory"),
        (("py:nonexistent_module:make",), "cannot load py:nonexistent_module:make"),
        (("py:json:JSONDecodeError",), "cannot load py:json:JSONDecodeError"),
        (("/",), "cannot start '/'"),
    ],
)
def test_an_adapter_that_cannot_be_started_gives_3(
    command: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    ran = run(tmp_path, "", command=command)
    assert ran.code == 3
    assert said in ran.out


@pytest.mark.parametrize(
    ("mode", "verdict", "said"),
    [
        ("dies", "crash", "the adapter ended with exit code 7"),
        ("is-killed", "crash", "the adapter was killed by signal 9"),
        ("prints-half-a-line", "crash", "the adapter ended with exit code 0"),
        ("child-keeps-stdout", "crash", "the adapter ended with exit code 3"),
        ("closes-stdout", "crash", "closed its stdout"),
        ("hangs", "timeout", "no answer within 1 s"),
        ("answers-beyond-2-53", "error", "the integer 9007199254740992, beyond 2^53-1"),
        ("answers-beyond-2-64", "error", "beyond 2^53-1"),
        ("answers-deep", "error", "a value nested deeper than 100"),
        ("answers-too-few", "error", "0 observations for {steps} steps"),
        ("answers-too-many", "error", "5 observations for {steps} steps"),
        ("answers-no-out", "error", "observation 1 has no `out`"),
        ("faults-internal", "error", "internal: TypeError: x is undefined"),
        ("lacks-undeclared", "error", "which hello does not list in `lacks`"),
        ("wrong-answer", "fail", "after step 1: "),
    ],
)
def test_one_bad_script_is_blamed_and_the_rest_is_kept(
    mode: str, verdict: str, said: str, tmp_path: Path
) -> None:
    ran = run(tmp_path, mode, env={"STEPS": str(rarest())})
    assert ran.code == 1, ran.out + ran.err
    assert said.format(steps=rarest()) in ran.out
    assert set(ran.verdicts) == {"pass", verdict}, ran.out
    assert ran.verdicts["pass"] > 5


def test_a_profile_that_is_not_declared_is_named(tmp_path: Path) -> None:
    adapter = (sys.executable, str(AWKWARD), "honest")
    suite = (sys.executable, "-m", "optisync_conformance", "run", "--profile", "outbox", "--")
    done = subprocess.run((*suite, *adapter), cwd=tmp_path, text=True, capture_output=True)
    assert done.returncode == 4
    assert "the adapter declares patch, and not outbox" in done.stdout


INTERRUPTIBLE = """
import signal, sys
from optisync_conformance.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever was inherited
main(sys.argv[1:])
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupted_run_tells_what_it_found(jobs: int, tmp_path: Path) -> None:
    (tmp_path / "known.toml").touch()
    words = ("run", "--profile", "patch", "--pack", "core", "--timeout=100s", f"--jobs={jobs}")
    reports = ("--report=ndjson=all", "--report=json=whole", "--expect=known.toml", "--fix-expect")
    program = (sys.executable, "-c", INTERRUPTIBLE, *words, *reports)
    with subprocess.Popen(
        (*program, "--", sys.executable, str(AWKWARD), "hangs"),
        cwd=tmp_path,
        env={**os.environ, "STEPS": str(rarest())},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        while not ((found := tmp_path / "all").is_file() and b'"done"' in found.read_bytes()):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert "interrupted in " in out and "(exit code 130)" in out
    counts = msgspec.json.decode((tmp_path / "whole").read_bytes(), type=_Report).targets[0].counts
    assert counts["pass"] > 0 and counts["not-run"] > 0
    assert (tmp_path / "known.toml").read_text() == ""  # what is not known is not written down


def test_a_death_that_does_not_come_back_is_flaky(tmp_path: Path) -> None:
    ran = run(tmp_path, "dies", env={"ONCE": str(tmp_path / "died")})
    assert ran.code == 1
    assert set(ran.verdicts) == {"pass", "flaky"}
    assert "but not when the script runs alone" in ran.out


def test_answers_out_of_order_are_fine(tmp_path: Path) -> None:
    total = run(tmp_path, "honest").verdicts["pass"]
    ran = run(tmp_path, "out-of-order", env={"LAST": str(total)})
    assert (ran.code, ran.verdicts) == (0, {"pass": total})


def test_a_flood_on_stderr_is_fine(tmp_path: Path) -> None:
    assert run(tmp_path, "floods-stderr").code == 0


def test_several_processes_at_once_find_the_same(tmp_path: Path) -> None:
    one = run(tmp_path, "dies", env={"STEPS": str(rarest())})
    three = run(tmp_path, "dies", "--jobs=3", env={"STEPS": str(rarest())})
    assert (one.code, one.verdicts) == (three.code, three.verdicts)


@pytest.mark.parametrize("mode", ["prints-garbage", "hangs"])
def test_several_processes_at_once_give_up_together(mode: str, tmp_path: Path) -> None:
    assert run(tmp_path, mode, "--jobs=2").code == 3


def test_what_is_declared_as_lacking_is_unsupported(tmp_path: Path) -> None:
    ran = run(tmp_path, "lacks-declared")
    assert ran.code == 4
    assert set(ran.verdicts) == {"unsupported"}
    assert "no case could be scored" in ran.out


def test_an_adapter_that_sees_nothing_is_inconclusive(tmp_path: Path) -> None:
    ran = run(tmp_path, "sees-nothing")
    assert ran.code == 4
    assert set(ran.verdicts) == {"blind"}


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("ends-with-code", "clean-exit: it ended with exit code 5"),
        ("never-ends", "clean-exit: it went on running 2 s after stdin was closed"),
        ("leaves-children", "clean-exit: it left 1 process behind"),
        ("leaves-setsid-children", "clean-exit: it left 1 process behind"),
        ("leaks", "fresh-instance: "),
        ("unrested", "extra-rest: "),
    ],
)
def test_a_failed_probe_gives_1(mode: str, said: str, tmp_path: Path) -> None:
    ran = run(tmp_path, mode, probes=True)
    assert ran.code == 1, ran.out
    assert said in ran.out
    assert "fail" not in ran.verdicts


def test_an_orphan_without_environment_is_killed_too(tmp_path: Path) -> None:
    run(tmp_path, "leaves-orphans", probes=True)
