"""What ``optisync models check`` and ``optisync models mutants`` do.

Exit codes: 0 all as expected; 1 something failed; 2 the manifest or a name is wrong;
4 inconclusive: no Java here, or a run was cut short.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from . import manifest, report, source, tlachecker, tlc, toolchain
from .judge import Verdict, judge_check, judge_mutant
from .lint import Finding, lint
from .manifest import Check, Manifest, ManifestError, Mutant
from .parallel import Task, run_all
from .results import Ok, Result, Violated
from .tlachecker import Agrees, Disagrees, NotRun, Opinion

MANIFEST = "manifest.toml"

#: Below this many states, starting the Java compiler's second stage does not pay.
_QUICK = 5_000
_STATES_PER_S = 8_000.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where the models and the second checker are, and where to write."""

    models: Path
    adapters: Path
    out: Console
    err: Console


@dataclass(frozen=True, slots=True)
class _CheckRow:
    check: Check
    result: Result
    opinion: Opinion
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class _MutantRow:
    mutant: Mutant
    module: str
    result: Result
    verdict: Verdict


def check(place: Place, full: bool, only: str | None) -> int:
    """Check the models of the manifest; returns the exit code.

    Without ``full``, entries marked ``full`` are left out, unless ``only`` names them.
    """
    started = time.monotonic()
    try:
        listed = manifest.load(place.models / MANIFEST)
        modules = {entry.id: entry.module for entry in listed.check}
        chosen = manifest.select(listed.check, only, modules)
        chosen = [entry for entry in chosen if full or not entry.full or entry.id == only]
        findings = _inspect(place.models, chosen)
        tools = toolchain.find()
    except (ManifestError, toolchain.ToolchainError) as error:
        return _refuse(place, error)
    rows = run_all([_check_task(entry, place, tools) for entry in chosen], place.err)
    _print_checks(place.out, rows, tools)
    for finding in findings:
        place.out.print(str(finding), markup=False, soft_wrap=True)
    _print_left_out(place, listed, len(chosen), only)
    verdicts = [row.verdict for row in rows]
    report.print_summary(place.out, "checks", verdicts, time.monotonic() - started)
    return 1 if findings else report.exit_code(verdicts)


def mutants(place: Place, only: str | None) -> int:
    """Run the models with one guard removed each; returns the exit code."""
    started = time.monotonic()
    try:
        listed = manifest.load(place.models / MANIFEST)
        modules = {entry.id: listed.base(entry).module for entry in listed.mutant}
        chosen = manifest.select(listed.mutant, only, modules)
        _inspect(place.models, [listed.base(entry) for entry in chosen])
        tools = toolchain.find()
    except (ManifestError, toolchain.ToolchainError) as error:
        return _refuse(place, error)
    tasks = [_mutant_task(entry, listed.base(entry), place, tools) for entry in chosen]
    rows = run_all(tasks, place.err)
    _print_mutants(place.out, rows, tools)
    verdicts = [row.verdict for row in rows]
    report.print_summary(place.out, "mutants", verdicts, time.monotonic() - started)
    return report.exit_code(verdicts)


def _refuse(place: Place, error: ManifestError | toolchain.ToolchainError) -> int:
    place.err.print(f"error: {error}", markup=False, soft_wrap=True)
    return 4 if isinstance(error, toolchain.ToolchainError) else 2


def _inspect(models: Path, chosen: Sequence[Check]) -> tuple[Finding, ...]:
    """Findings in the modules of these checks and what they extend.

    Raises `ManifestError` for a module that is missing and for a constant that no module declares:
    TLC ignores such a constant in silence, and a mutant would change nothing.
    """
    names: set[str] = set()
    for entry in chosen:
        try:
            modules = source.closure(entry.module, models)
        except source.SourceError as error:
            raise ManifestError(f'check "{entry.id}": {error}') from None
        declared = {name.partition("(")[0] for module in modules for name in module.constants}
        for name in sorted(entry.constants.keys() - declared):
            where = ", ".join(module.name for module in modules)
            raise ManifestError(f'check "{entry.id}": no constant "{name}" in {where}')
        names |= {module.name for module in modules}
    files = [models / f"{name}.tla" for name in sorted(names)]
    return tuple(finding for file in files for finding in lint(file.read_text("utf-8"), file.name))


def _job(entry: Check, config: tlc.Config, models: Path, coverage: bool) -> tlc.Job:
    return tlc.Job(
        entry.module,
        config,
        models,
        deadlock=entry.deadlock,
        coverage=coverage,
        heap_mb=entry.heap_mb,
        timeout_s=entry.timeout_s,
        quick=entry.distinct < _QUICK,
    )


def _check_task(entry: Check, place: Place, tools: toolchain.Toolchain) -> Task[_CheckRow]:
    def run() -> _CheckRow:
        result = tlc.check(_job(entry, entry.config(), place.models, coverage=True), tools)
        opinion = _second_opinion(entry, result, place)
        return _CheckRow(entry, result, opinion, judge_check(entry, result, opinion))

    return Task(entry.id, 2 + entry.distinct / _STATES_PER_S, run)


def _second_opinion(entry: Check, result: Result, place: Place) -> Opinion:
    if not entry.tla_checker:
        return NotRun(entry.tla_checker_reason)
    if not isinstance(result, Ok):
        return NotRun("TLC did not get through")
    wasm = tlachecker.locate(place.adapters)
    most = 2 * max(result.distinct, entry.distinct) + 1000
    return tlachecker.check(entry.module, entry.config(), place.models, wasm, most, entry.timeout_s)


def _mutant_task(
    entry: Mutant, base: Check, place: Place, tools: toolchain.Toolchain
) -> Task[_MutantRow]:
    def run() -> _MutantRow:
        result = tlc.check(_job(base, entry.config(base), place.models, coverage=False), tools)
        return _MutantRow(entry, base.module, result, judge_mutant(entry, result))

    return Task(entry.id, 2 + base.distinct / _STATES_PER_S / 2, run)


def _title(what: str, tools: toolchain.Toolchain) -> str:
    return f"{what}, by TLC 2.15 on Java {tools.java_version} ({tools.java})"


def _print_checks(out: Console, rows: Sequence[_CheckRow], tools: toolchain.Toolchain) -> None:
    columns = ("check", "module", "scope", "# states", "# expected", "# depth", "# time")
    cells = [
        (
            row.check.id,
            row.check.module,
            row.check.scope,
            f"{row.result.distinct:,}" if isinstance(row.result, Ok) else "-",
            f"{row.check.distinct:,}",
            str(row.result.depth) if isinstance(row.result, Ok) else "-",
            f"{row.result.seconds:.1f} s",
            _opinion(row.opinion),
            ", ".join(row.result.dead_actions) or "none" if isinstance(row.result, Ok) else "-",
            row.verdict.word,
        )
        for row in rows
    ]
    more = ("# tla-checker", "dead actions", "verdict")
    report.print_table(out, _title("Models", tools), (*columns, *more), cells)
    for why in sorted({row.opinion.why for row in rows if isinstance(row.opinion, NotRun)}):
        ids = [row.check.id for row in rows if row.opinion == NotRun(why)]
        out.print(f"tla-checker not run: {why} ({', '.join(ids)})", markup=False, soft_wrap=True)
    report.print_problems(out, [(row.check.id, row.verdict) for row in rows])


def _opinion(opinion: Opinion) -> str:
    match opinion:
        case Agrees(distinct=distinct):
            return f"{distinct:,}"
        case Disagrees():
            return "disagrees"
        case NotRun():
            return "not run"


def _print_mutants(out: Console, rows: Sequence[_MutantRow], tools: toolchain.Toolchain) -> None:
    columns = ("mutant", "module", "removed guard", "must violate", "violates", "# length")
    cells = [
        (
            row.mutant.id,
            row.module,
            row.mutant.why,
            row.mutant.violates,
            row.result.name if isinstance(row.result, Violated) else "-",
            str(row.result.length) if isinstance(row.result, Violated) else "-",
            str(row.mutant.length),
            f"{row.result.seconds:.1f} s",
            row.verdict.word,
        )
        for row in rows
    ]
    more = ("# expected", "# time", "verdict")
    report.print_table(out, _title("Model mutants", tools), (*columns, *more), cells)
    report.print_problems(out, [(row.mutant.id, row.verdict) for row in rows])


def _print_left_out(place: Place, listed: Manifest, ran: int, only: str | None) -> None:
    left_out = len(listed.check) - ran
    if only is None and left_out:
        place.out.print(f"{left_out} large checks left out; --full runs them too", soft_wrap=True)
