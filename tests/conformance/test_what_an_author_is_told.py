"""What the author of an engine is told is what is wrong with the engine, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from optisync.values import dump
from optisync_conformance.cases import load_pack

LACKING = Path(__file__).parent / "adapters" / "lacking.py"


class _Detail(msgspec.Struct):
    text: str
    path: str = ""
    steps: list[dict[str, object]] = []


class _Case(msgspec.Struct):
    case: str
    verdict: str
    note: str = ""
    detail: _Detail | None = None


class _Target(msgspec.Struct):
    cases: list[_Case]
    broken: dict[str, list[str]]
    unjudged: dict[str, list[str]]


class _Report(msgspec.Struct):
    targets: list[_Target]


@dataclass(frozen=True)
class Told:
    code: int
    out: str
    target: _Target

    @property
    def only(self) -> _Detail:
        [case] = self.target.cases
        assert case.detail is not None
        return case.detail


def told(tmp_path: Path, mode: str, *patterns: str) -> Told:
    report = tmp_path / "report.json"
    words = ["run", "--pack", "core", "--no-probes", f"--report=json={report}"]
    for pattern in patterns:
        words += ["--case", pattern]
    done = subprocess.run(
        (sys.executable, "-m", "optisync_conformance", *words, "--", sys.executable, LACKING, mode),
        cwd=tmp_path,
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert not done.stderr
    found = msgspec.json.decode(report.read_bytes(), type=_Report)
    return Told(done.returncode, done.stdout, found.targets[0])


def test_what_is_lacked_is_held_against_nobody(tmp_path: Path) -> None:
    expecting = {
        case.id
        for case in load_pack(["core"], "pipeline")
        if any('"base":' in dump(step.then.get("effects", ())) for step in case.steps)
    }
    assert len(expecting) > 20
    found = told(tmp_path, "is-right", *expecting, "pipeline.one-bad-event-in-a-turn")
    assert found.code == 0, found.out
    unseen = {case.case: case.note for case in found.target.cases if case.verdict == "blind"}
    assert unseen == dict.fromkeys(expecting, "cannot see persist/entries/base")


def test_the_shortest_script_shows_what_the_case_is_about(tmp_path: Path) -> None:
    found = told(tmp_path, "adds-an-entry", "pipeline.an-entry-appends-its-own-item-alone")
    assert (found.code, found.only.path) == (1, "effects/0/entries/1")
    assert [step["do"] for step in found.only.steps] == ["dispatch", "drain"]


def test_a_step_that_the_adapter_cannot_carry_out_breaks_no_requirement(tmp_path: Path) -> None:
    found = told(tmp_path, "undoes-nothing", "pipeline.two-windows-*", "pipeline.redo-takes-*")
    assert found.code == 1
    assert not found.target.broken
    said = "the adapter answered bad-request: no step undo"
    assert {text: len(cases) for text, cases in found.target.unjudged.items()} == {said: 2}
    assert f"  {said}: 2 cases" in found.out
    assert "breaks" not in found.out and " MUST " not in found.out
    assert "<-- here" in found.out and f"at step 1: {said}" in found.out


def test_a_refusal_among_steps_together_is_told_as_one(tmp_path: Path) -> None:
    found = told(tmp_path, "refuses-together", "pipeline.one-bad-event-in-a-turn")
    wrong = "the engine refused (change-inapplicable) what it has to take"
    assert (found.code, found.only.text) == (1, f"{wrong}, in step 1 of those together")
    assert set(found.target.broken) == {"bad-event-fails-alone"}
