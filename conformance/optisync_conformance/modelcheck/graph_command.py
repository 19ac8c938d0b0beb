"""What ``optisync models graph`` does: a machine and its model, edge by edge.

Exit codes: 0 every scope is equal and every transition class occurs; 1 not so, or a generated
module in ``models/`` is not what its scope says; 2 a name is wrong; 4 inconclusive: no Java here,
or a run was cut short.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from . import dot, report, tlc, toolchain
from .commands import Place
from .compare import Comparison, Different, Equal, compare
from .graph import Graph, GraphError, In, Out, S, explore, from_tlc
from .judge import Verdict
from .parallel import Task, run_all
from .results import Failed, Failure, Ok, Violated
from .toolchain import Toolchain
from .worlds import (
    CONSTANTS,
    Subject,
    World,
    graph_module,
    graph_name,
    stale_modules,
    write_modules,
)


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
    name: str
    about: str
    inputs: int
    group: str
    compared: Compared | None
    verdict: Verdict


def compare_scope(scope: World[S, In, Out], models: Path, tools: Toolchain) -> Compared:
    """Explore the scope with the machine and with TLC, and compare.

    Raises `GraphError` if a graph cannot be built, `CutShort` if TLC was stopped.
    """
    model, tlc_seconds = _model_graph(scope, models, tools)
    started = time.monotonic()
    found: Counter[str] = Counter()
    graph = explore(scope.counting(found))
    seconds = time.monotonic() - started
    return Compared(compare(graph, model), graph, found, tlc_seconds, seconds)


def _model_graph(scope: World[S, In, Out], models: Path, tools: Toolchain) -> tuple[Graph, float]:
    with tempfile.TemporaryDirectory(prefix="optisync-graph-") as name:
        dump = Path(name, "graph.dot")
        job = tlc.Job(
            graph_name(scope),
            tlc.Config(
                constants=CONSTANTS,
                init="GraphInit",
                next="GraphNext",
                overrides=scope.overrides,
            ),
            models,
            dump=dump,
            extra={scope.module: scope.text, graph_name(scope): graph_module(scope)},
            heap_mb=2048,
            timeout_s=600.0,
        )
        match tlc.run(job, tools):
            case Ok(seconds=seconds):
                labels = [label for label, _ in scope.alphabet]
                return from_tlc(_without_rests(dot.read(dump)), labels), seconds
            case Violated(name=violated):
                raise GraphError(f"{scope.module}: {violated} is violated")
            case Failed(kind=Failure.TIMEOUT | Failure.MEMORY, text=text):
                raise CutShort(f"{scope.module}: {text}")
            case Failed(text=text, place=place):
                raise GraphError(f"{scope.module}: {place}{': ' if place else ''}{text}")


def _without_rests(dump: dot.StateGraph) -> dot.StateGraph:
    return replace(dump, edges=frozenset(edge for edge in dump.edges if edge[1] != "Rest"))


def run(subject: Subject[S, In, Out], place: Place, write: bool, only: str | None) -> int:
    """Compare the scopes (all, or those that match ``only``); returns the exit code.

    With ``write`` the generated modules are written first.
    """
    started = time.monotonic()
    listed = subject.worlds()
    chosen = [(s, group) for s, group in listed if only is None or fnmatchcase(s.name, only)]
    if not chosen:
        names = ", ".join(scope.name for scope, _ in listed)
        place.err.print(f'error: no scope is called "{only}" (known: {names})', soft_wrap=True)
        return 2
    if write:
        write_modules(subject, place.models)
    try:
        tools = toolchain.find()
    except toolchain.ToolchainError as error:
        place.err.print(f"error: {error}", markup=False, soft_wrap=True)
        return 4
    tasks = [_task(scope, group, place.models, tools) for scope, group in chosen]
    rows = run_all(tasks, place.err)
    _print_scopes(place, subject.name, rows, tools)
    verdicts = [row.verdict for row in rows]
    if only is None:
        verdicts += _print_classes(place, subject.classes, rows)
        verdicts += _print_stale(place, stale_modules(subject, place.models))
    report.print_summary(place.out, "results", verdicts, time.monotonic() - started)
    return report.exit_code(verdicts)


def _task(scope: World[S, In, Out], group: str, models: Path, tools: Toolchain) -> Task[_Row]:
    def row(compared: Compared | None, verdict: Verdict) -> _Row:
        return _Row(scope.name, scope.about, len(scope.alphabet), group, compared, verdict)

    def compared() -> _Row:
        try:
            found = compare_scope(scope, models, tools)
        except (GraphError, dot.DotError) as error:
            return row(None, Verdict((str(error),)))
        except CutShort as error:
            return row(None, Verdict((str(error),), inconclusive=True))
        match found.comparison:
            case Different() as difference:
                return row(found, Verdict((difference.text(),)))
            case Equal():
                return row(found, Verdict())

    return Task(scope.name, 20.0 if group == scope.name else 3.0, compared)


def _print_scopes(place: Place, name: str, rows: Sequence[_Row], tools: Toolchain) -> None:
    columns = ("scope", "what", "# inputs", "# states", "# edges", "# TLC", "# Python", "verdict")
    cells = [
        (row.name, row.about, str(row.inputs), *_figures(row.compared), row.verdict.word)
        for row in rows
    ]
    made_by = f"by TLC 2.15 on Java {tools.java_version} ({tools.java})"
    title = f"{name.capitalize()}: Python and TLA+, {made_by}"
    report.print_table(place.out, title, columns, cells)
    report.print_problems(place.out, [(row.name, row.verdict) for row in rows])


def _figures(compared: Compared | None) -> tuple[str, ...]:
    if compared is None:
        return ("-", "-", "-", "-")
    return (
        f"{len(compared.graph.states):,}",
        f"{compared.graph.edge_count:,}",
        f"{compared.tlc_seconds:.1f} s",
        f"{compared.python_seconds:.1f} s",
    )


def _print_classes(place: Place, classes: Mapping[str, str], rows: Sequence[_Row]) -> list[Verdict]:
    """The edges of each class in each large scope and in the groups of small ones."""
    groups = list(dict.fromkeys(row.group for row in rows))
    counts = {group: _sum(row for row in rows if row.group == group) for group in groups}
    verdicts = {
        name: Verdict()
        if any(found[name] for found in counts.values())
        else Verdict((f"no edge of any scope is in this class: {about}",))
        for name, about in classes.items()
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


def _print_stale(place: Place, found: Sequence[str]) -> list[Verdict]:
    problem = "not what its scope says; write it again with --write"
    verdicts = [(name, Verdict((problem,))) for name in found]
    report.print_problems(place.out, verdicts)
    return [verdict for _, verdict in verdicts]
