"""The second checker: equal counts, and nothing said where it cannot judge."""

from dataclasses import replace
from pathlib import Path

import pytest

from optisync_conformance.modelcheck import tlachecker, tlc
from optisync_conformance.modelcheck.results import Ok
from optisync_conformance.modelcheck.tlachecker import Agrees, Disagrees, NotRun
from optisync_conformance.modelcheck.tlc import Config
from optisync_conformance.modelcheck.toolchain import Toolchain
from optisync_conformance.resources import resource_dir

SPECS = Path(__file__).parent / "specs"
COUNTER = Config(
    constants={"Limit": 3, "Mutant": '"none"'},
    constraints=("Short",),
    invariants=("TypeOK", "Bounded"),
    properties=("SmallSteps",),
    specification="Live",
)


@pytest.fixture(scope="module")
def wasm() -> Path:
    path = tlachecker.locate(resource_dir("adapters"))
    if not path.is_file():
        pytest.skip("tla-checker is not installed (it needs Node.js)")
    return path


@pytest.mark.parametrize("limit", [1, 3, 6])
def test_both_checkers_count_the_same_states(tools: Toolchain, wasm: Path, limit: int) -> None:
    config = replace(COUNTER, constants={**COUNTER.constants, "Limit": limit})
    first = tlc.check(tlc.Job("Counter", config, SPECS, quick=True), tools)
    assert isinstance(first, Ok)
    second = tlachecker.check("Counter", config, SPECS, wasm, 1000)
    assert second == Agrees(first.distinct)


def test_a_violated_invariant_is_named(wasm: Path) -> None:
    # Within the constraint: unlike TLC, it does not look at states outside.
    config = replace(COUNTER, constants={"Limit": 1, "Mutant": '"no-limit"'})
    opinion = tlachecker.check("Counter", config, SPECS, wasm, 1000)
    assert opinion == Disagrees("Bounded is violated")


def test_too_many_states_are_an_error(wasm: Path) -> None:
    opinion = tlachecker.check("Counter", COUNTER, SPECS, wasm, 10)
    assert isinstance(opinion, Disagrees)
    assert "Max states exceeded" in opinion.text


def test_an_endless_run_is_stopped(wasm: Path, tmp_path: Path) -> None:
    body = "EXTENDS Naturals\nVARIABLE x\nInit == x = 0\nNext == x' = x + 1"
    (tmp_path / "M.tla").write_text(f"---- MODULE M ----\n{body}\n====")
    opinion = tlachecker.check("M", Config(), tmp_path, wasm, 10**9, timeout_s=0.5)
    assert opinion == NotRun("stopped after 0.5 s")


def test_what_it_cannot_read_is_not_judged(wasm: Path, tmp_path: Path) -> None:
    replaced = replace(COUNTER, overrides={"Short": "Bounded"})
    assert isinstance(tlachecker.check("Counter", replaced, SPECS, wasm, 1000), NotRun)
    assert isinstance(tlachecker.check("Gone", COUNTER, SPECS, wasm, 1000), NotRun)


def test_without_the_package_it_says_so(tmp_path: Path) -> None:
    opinion = tlachecker.check("Counter", COUNTER, SPECS, tmp_path / "none.wasm", 1000)
    assert isinstance(opinion, NotRun)
    assert "npm ci" in opinion.why


def test_another_file_is_refused(wasm: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.wasm"
    other.write_bytes(wasm.read_bytes() + b"\0")
    opinion = tlachecker.check("Counter", COUNTER, SPECS, other, 1000)
    assert opinion == NotRun("other.wasm is not the pinned tla-checker 0.9.0")


def test_the_place_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert tlachecker.locate(tmp_path) == tmp_path / tlachecker.WASM
    monkeypatch.setenv("OPTISYNC_TLA_CHECKER", "elsewhere.wasm")
    assert tlachecker.locate(tmp_path) == Path("elsewhere.wasm")
