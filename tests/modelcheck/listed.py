"""The checks and mutants of the manifest, run as `optisync models` runs them."""

import re
from collections.abc import Iterable
from dataclasses import replace

from optisync_conformance.modelcheck import manifest, tlc
from optisync_conformance.modelcheck.judge import judge_check, judge_mutant
from optisync_conformance.modelcheck.manifest import Check, Mutant
from optisync_conformance.modelcheck.results import Violated
from optisync_conformance.modelcheck.tlachecker import NotRun
from optisync_conformance.modelcheck.toolchain import Toolchain
from optisync_conformance.resources import resource_dir

MODELS = resource_dir("models")
LISTED = manifest.load(MODELS / "manifest.toml")
FLAG = re.compile(r'\bMutant (?:=|#) "([\w-]+)"')


def job(entry: Check, config: tlc.Config, coverage: bool = False) -> tlc.Job:
    return tlc.Job(entry.module, config, MODELS, coverage=coverage, quick=True)


def check_of(name: str) -> Check:
    return next(entry for entry in LISTED.check if entry.id == name)


def mutant_of(name: str) -> Mutant:
    return next(entry for entry in LISTED.mutant if entry.id == name)


def check_holds(entry: Check, tools: Toolchain) -> None:
    result = tlc.check(job(entry, entry.config(), coverage=True), tools)
    assert judge_check(entry, result, NotRun("not here")).problems == ()


def check_noticed(entry: Mutant, tools: Toolchain) -> None:
    """The guard is missed: the pinned property fails, at the pinned length."""
    base = LISTED.base(entry)
    result = tlc.check(job(base, entry.config(base)), tools)
    assert judge_mutant(entry, result).problems == ()


def check_settles(entry: Check, system: str, tools: Toolchain) -> None:
    """Fairness leaves runs that settle everything: "never" is violated."""
    source = (MODELS / f"{system}.tla").read_text(encoding="utf-8")
    promise = "CONVERGENCE == <>[]AllSettled"
    assert source.count(promise) == 1
    never = source.replace(promise, "CONVERGENCE == []~AllSettled")
    broken = replace(job(entry, entry.config()), extra={system: never})
    result = tlc.check(broken, tools)
    assert isinstance(result, Violated) and result.name == "CONVERGENCE"


def flags(modules: Iterable[str]) -> set[str]:
    """The guards that modules can do without."""
    sources = [(MODELS / f"{name}.tla").read_text(encoding="utf-8") for name in modules]
    return {flag for source in sources for flag in FLAG.findall(source)} - {"none"}


def flag_of(entry: Mutant) -> str:
    return str(entry.constants["Mutant"]).strip('"')
