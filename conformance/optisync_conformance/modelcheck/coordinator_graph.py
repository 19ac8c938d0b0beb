"""What ``optisync models graph coordinator`` does: machine and model, edge by edge.

Exit codes: 0 every scope is equal and every transition class occurs; 1 not so, or a generated
module in ``models/`` is not what its scope says; 2 a name is wrong; 4 inconclusive: no Java here,
or a run was cut short.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from optisync.coordinator.config import Config
from optisync.coordinator.effects import Effect
from optisync.coordinator.inputs import Input
from optisync.coordinator.state import Coordinator
from optisync.machine import Step

from . import dot, report, tlc, toolchain
from .commands import Place
from .compare import Comparison, Different, Equal, compare
from .coordinator_alphabets import large_scopes, small_scopes
from .coordinator_classes import CLASSES, classes
from .coordinator_cover import cover_scopes
from .coordinator_scopes import CONSTANTS, Scope, graph_module, graph_name, scope_module
from .graph import Graph, GraphError, explore, from_tlc
from .judge import Verdict
from .parallel import Task, run_all
from .results import Failed, Failure, Ok, Violated
from .toolchain import Toolchain


class CutShort(Exception):
    """TLC ran out of time or memory: nothing is known."""


@dataclass(frozen=True)
class Compared:
    """One scope: both graphs against each other, and how often each transition class occurs."""

    comparison: Comparison
    graph: Graph
    found: Counter[str]
    tlc_seconds: float
    python_seconds: float


@dataclass(frozen=True)
class _Row:
    scope: Scope
    group: str
    compared: Compared | None
    verdict: Verdict


def compare_scope(scope: Scope, models: Path, tools: Toolchain) -> Compared:
    """Explore the scope with the machine and with TLC, and compare.

    Raises `GraphError` if a graph cannot be built, `CutShort` if TLC was stopped.
    """
    model, tlc_seconds = _model_graph(scope, models, tools)
    started = time.monotonic()
    found: Counter[str] = Counter()
    graph = explore(_counting(scope, found))
    seconds = time.monotonic() - started
    return Compared(compare(graph, model), graph, found, tlc_seconds, seconds)


def _counting(scope: Scope, found: Counter[str]) -> Scope:
    """The scope, counting the classes of the edges it is asked for."""
    machine = scope.machine

    def step(config: Config, state: Coordinator, given: Input) -> Step[Coordinator, Effect]:
        done = machine(config, state, given)
        if scope.inside(done.state):
            found.update(classes(config, state, given, done))
        return done

    return replace(scope, machine=step)


def _model_graph(scope: Scope, models: Path, tools: Toolchain) -> tuple[Graph, float]:
    with tempfile.TemporaryDirectory(prefix="optisync-graph-") as name:
        dump = Path(name, "graph.dot")
        job = tlc.Job(
            graph_name(scope),
            tlc.Config(constants=CONSTANTS, init="GraphInit", next="GraphNext"),
            models,
            dump=dump,
            extra={scope.module: scope_module(scope), graph_name(scope): graph_module(scope)},
            heap_mb=2048,
            timeout_s=600.0,
        )
        match tlc.run(job, tools):
            case Ok(seconds=seconds):
                return from_tlc(_without_rests(dot.read(dump)), _labels(scope)), seconds
            case Violated(name=violated):
                raise GraphError(f"{scope.module}: {violated} is violated")
            case Failed(kind=Failure.TIMEOUT | Failure.MEMORY, text=text):
                raise CutShort(f"{scope.module}: {text}")
            case Failed(text=text, place=place):
                raise GraphError(f"{scope.module}: {place}{': ' if place else ''}{text}")


def _labels(scope: Scope) -> list[str]:
    return [label for label, _ in scope.alphabet]


def _without_rests(dump: dot.StateGraph) -> dot.StateGraph:
    return replace(dump, edges=frozenset(edge for edge in dump.edges if edge[1] != "Rest"))


def run(place: Place, write: bool, only: str | None) -> int:
    """Compare the scopes (all, or those that match ``only``); returns the exit code.

    With ``write`` the generated modules are written first.
    """
    started = time.monotonic()
    groups = {"": large_scopes(), "small": small_scopes(), "cover": cover_scopes()}
    listed = [(scope, group or scope.name) for group, of in groups.items() for scope in of]
    chosen = [(s, group) for s, group in listed if only is None or fnmatchcase(s.name, only)]
    if not chosen:
        names = ", ".join(scope.name for scope, _ in listed)
        place.err.print(f'error: no scope is called "{only}" (known: {names})', soft_wrap=True)
        return 2
    if write:
        write_modules(place.models)
    try:
        tools = toolchain.find()
    except toolchain.ToolchainError as error:
        place.err.print(f"error: {error}", markup=False, soft_wrap=True)
        return 4
    tasks = [_task(scope, group, place.models, tools) for scope, group in chosen]
    rows = run_all(tasks, place.err)
    _print_scopes(place, rows, tools)
    verdicts = [row.verdict for row in rows]
    if only is None:
        verdicts += _print_classes(place, rows)
        verdicts += _print_stale(place)
    report.print_summary(place.out, "results", verdicts, time.monotonic() - started)
    return report.exit_code(verdicts)


def _task(scope: Scope, group: str, models: Path, tools: Toolchain) -> Task[_Row]:
    def compared() -> _Row:
        try:
            found = compare_scope(scope, models, tools)
        except (GraphError, dot.DotError) as error:
            return _Row(scope, group, None, Verdict((str(error),)))
        except CutShort as error:
            return _Row(scope, group, None, Verdict((str(error),), inconclusive=True))
        match found.comparison:
            case Different() as difference:
                return _Row(scope, group, found, Verdict((difference.text(),)))
            case Equal():
                return _Row(scope, group, found, Verdict())

    return Task(scope.name, 20.0 if group == scope.name else 3.0, compared)


def _print_scopes(place: Place, rows: Sequence[_Row], tools: Toolchain) -> None:
    columns = ("scope", "what", "# inputs", "# states", "# edges", "# TLC", "# Python", "verdict")
    cells = [
        (row.scope.name, row.scope.about, *_figures(row.scope, row.compared), row.verdict.word)
        for row in rows
    ]
    title = f"Coordinator: Python and TLA+, by TLC 2.15 on Java {tools.java_version} ({tools.java})"
    report.print_table(place.out, title, columns, cells)
    report.print_problems(place.out, [(row.scope.name, row.verdict) for row in rows])


def _figures(scope: Scope, compared: Compared | None) -> tuple[str, ...]:
    inputs = str(len(scope.inputs))
    if compared is None:
        return (inputs, "-", "-", "-", "-")
    return (
        inputs,
        f"{len(compared.graph.states):,}",
        f"{compared.graph.edge_count:,}",
        f"{compared.tlc_seconds:.1f} s",
        f"{compared.python_seconds:.1f} s",
    )


def _print_classes(place: Place, rows: Sequence[_Row]) -> list[Verdict]:
    """The edges of each class in each large scope and in the groups of small ones."""
    groups = list(dict.fromkeys(row.group for row in rows))
    counts = {group: _sum(row for row in rows if row.group == group) for group in groups}
    verdicts = {
        name: Verdict()
        if any(found[name] for found in counts.values())
        else Verdict((f"no edge of any scope is in this class: {CLASSES[name]}",))
        for name in CLASSES
    }
    cells = [
        (name, *(f"{counts[group][name]:,}" for group in groups), verdict.word)
        for name, verdict in verdicts.items()
    ]
    columns = ("class", *(f"# {group}" for group in groups), "verdict")
    report.print_table(place.out, "Edges in each transition class", columns, cells)
    report.print_problems(place.out, list(verdicts.items()))
    return list(verdicts.values())


def _sum(rows: Iterable[_Row]) -> Counter[str]:
    total: Counter[str] = Counter()
    for row in rows:
        total += row.compared.found if row.compared is not None else Counter()
    return total


def _print_stale(place: Place) -> list[Verdict]:
    found = stale_modules(place.models)
    problem = "not what its scope says; write it again with --write"
    verdicts = [(name, Verdict((problem,))) for name in found]
    report.print_problems(place.out, verdicts)
    return [verdict for _, verdict in verdicts]


def _committed() -> tuple[Scope, ...]:
    return (*large_scopes(), *small_scopes())


def write_modules(models: Path) -> None:
    """Write the modules that ``optisync models check`` uses."""
    for scope in _committed():
        (models / f"{scope.module}.tla").write_text(scope_module(scope), encoding="utf-8")


def stale_modules(models: Path) -> tuple[str, ...]:
    """The file names of generated modules that are missing or differ from their scope."""
    files = {models / f"{scope.module}.tla": scope_module(scope) for scope in _committed()}
    return tuple(
        file.name
        for file, text in files.items()
        if not file.is_file() or file.read_text(encoding="utf-8") != text
    )
