"""The models of pipeline and driver hold in small scopes, and notice what is missing."""

import re
from dataclasses import replace

import pytest

from optisync_conformance.modelcheck import manifest, tlc
from optisync_conformance.modelcheck.judge import judge_check, judge_mutant
from optisync_conformance.modelcheck.lint import lint
from optisync_conformance.modelcheck.results import Violated
from optisync_conformance.modelcheck.tlachecker import NotRun
from optisync_conformance.modelcheck.toolchain import Toolchain
from optisync_conformance.resources import resource_dir

MODELS = resource_dir("models")
LISTED = manifest.load(MODELS / "manifest.toml")
MODULES = {
    "batching-": ("Batching", "BatchingRefines", "BatchingSystem", "Batching_laws"),
    "alignment-": ("Alignment", "Alignment_laws"),
}
FLAG = re.compile(r'\bMutant (?:=|#) "([\w-]+)"')


def job(entry: manifest.Check, config: tlc.Config, coverage: bool = False) -> tlc.Job:
    return tlc.Job(entry.module, config, MODELS, coverage=coverage, quick=True)


def check_of(name: str) -> manifest.Check:
    return next(entry for entry in LISTED.check if entry.id == name)


@pytest.mark.parametrize("name", ["batching-child-stored"])
def test_small_scopes_hold(name: str, tools: Toolchain) -> None:
    entry = check_of(name)
    result = tlc.check(job(entry, entry.config(), coverage=True), tools)
    assert judge_check(entry, result, NotRun("not here")).problems == ()


@pytest.mark.parametrize("name", ["batching-orphan-stays", "alignment-by-place"])
def test_a_missing_guard_is_noticed(name: str, tools: Toolchain) -> None:
    entry = next(mutant for mutant in LISTED.mutant if mutant.id == name)
    base = LISTED.base(entry)
    result = tlc.check(job(base, entry.config(base)), tools)
    assert judge_mutant(entry, result).problems == ()


def test_fairness_leaves_runs_that_settle_everything(tools: Toolchain) -> None:
    entry = check_of("batching-live-silent")
    source = (MODELS / "BatchingSystem.tla").read_text(encoding="utf-8")
    promise = "CONVERGENCE == <>[]AllSettled"
    assert source.count(promise) == 1
    never = source.replace(promise, "CONVERGENCE == []~AllSettled")
    broken = replace(job(entry, entry.config()), extra={"BatchingSystem": never})
    result = tlc.check(broken, tools)
    assert isinstance(result, Violated) and result.name == "CONVERGENCE"


@pytest.mark.parametrize("prefix", MODULES)
def test_every_flag_is_pinned_and_every_pin_has_a_flag(prefix: str) -> None:
    sources = [(MODELS / f"{name}.tla").read_text(encoding="utf-8") for name in MODULES[prefix]]
    flags = {flag for source in sources for flag in FLAG.findall(source)} - {"none"}
    pins = [m for m in LISTED.mutant if m.check.startswith(prefix)]
    assert flags == {str(entry.constants["Mutant"]).strip('"') for entry in pins}
    assert len(pins) >= 10 and all(entry.id.startswith(prefix) for entry in pins)


@pytest.mark.parametrize("name", [name for names in MODULES.values() for name in names])
def test_the_style_rules_hold(name: str) -> None:
    assert lint((MODELS / f"{name}.tla").read_text(encoding="utf-8"), f"{name}.tla") == ()
