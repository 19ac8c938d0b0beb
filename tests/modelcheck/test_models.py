"""The models hold in their small scopes, and each missing guard is noticed as pinned."""

import re
from dataclasses import replace
from functools import lru_cache

import pytest

from optisync_conformance.modelcheck import manifest, tlc
from optisync_conformance.modelcheck.judge import judge_check, judge_mutant
from optisync_conformance.modelcheck.lint import lint
from optisync_conformance.modelcheck.manifest import Check, Manifest, Mutant
from optisync_conformance.modelcheck.results import Violated
from optisync_conformance.modelcheck.tlachecker import NotRun
from optisync_conformance.modelcheck.toolchain import Toolchain
from optisync_conformance.resources import resource_dir

MODELS = resource_dir("models")
MODULES = ("Abstract", "Rollback", "Sequencing", "SequencingRefines")
FLAG = re.compile(r'\bMutant (?:=|#) "([\w-]+)"')

#: Larger scopes are for `optisync models check`.
SMALL = 1_000


@lru_cache(maxsize=1)
def listed() -> Manifest:
    everything = manifest.load(MODELS / "manifest.toml")
    checks = tuple(entry for entry in everything.check if entry.module in MODULES)
    ids = {entry.id for entry in checks}
    return Manifest(checks, tuple(m for m in everything.mutant if m.check in ids))


def job(entry: Check, config: tlc.Config, coverage: bool = False) -> tlc.Job:
    return tlc.Job(entry.module, config, MODELS, coverage=coverage, quick=True)


@pytest.mark.parametrize(
    "entry", [c for c in listed().check if c.distinct < SMALL], ids=lambda entry: entry.id
)
def test_small_scopes_hold(entry: Check, tools: Toolchain) -> None:
    result = tlc.check(job(entry, entry.config(), coverage=True), tools)
    assert judge_check(entry, result, NotRun("not here")).problems == ()


@pytest.mark.parametrize("entry", listed().mutant, ids=lambda entry: entry.id)
def test_a_missing_guard_is_noticed(entry: Mutant, tools: Toolchain) -> None:
    base = listed().base(entry)
    result = tlc.check(job(base, entry.config(base)), tools)
    assert judge_mutant(entry, result).problems == ()


def test_a_mutant_that_removes_nothing_is_reported(tools: Toolchain) -> None:
    entry = next(m for m in listed().mutant if m.id == "ack-drops-overlay")
    base = listed().base(entry)
    config = replace(entry.config(base), constants=base.constants)
    problems = judge_mutant(entry, tlc.check(job(base, config), tools)).problems
    assert len(problems) == 1 and problems[0].startswith("nothing is violated")


def test_a_lost_guard_turns_a_check_red(tools: Toolchain) -> None:
    entry = next(c for c in listed().check if c.id == "sequencing-1x2")
    source = (MODELS / "Sequencing.tla").read_text(encoding="utf-8")
    kept = [line for line in source.splitlines() if 'Mutant = "executed-twice"' not in line]
    assert len(kept) == len(source.splitlines()) - 1
    broken = replace(job(entry, entry.config()), extra={"Sequencing": "\n".join(kept)})
    result = tlc.check(broken, tools)
    assert isinstance(result, Violated) and result.name == "SETTLED_ONCE"


def test_every_flag_is_pinned_and_every_pin_has_a_flag() -> None:
    names = ("Abstract", "Coordinator", "Rollback", "Sequencing")
    sources = [(MODELS / f"{name}.tla").read_text(encoding="utf-8") for name in names]
    flags = {flag for source in sources for flag in FLAG.findall(source)} - {"none"}
    pinned = {str(entry.constants["Mutant"]).strip('"') for entry in listed().mutant}
    assert flags == pinned


@pytest.mark.parametrize("name", MODULES)
def test_the_style_rules_hold(name: str) -> None:
    assert lint((MODELS / f"{name}.tla").read_text(encoding="utf-8"), f"{name}.tla") == ()
