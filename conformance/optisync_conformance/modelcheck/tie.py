"""Ties one machine to its model: both graphs, side by side.

The model runs under TLC through a generated wrapper module; its dump is compared with the graph of
the machine's step function.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping as Table
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from . import dot, tlc
from .compare import Comparison, compare
from .graph import (
    Graph,
    GraphError,
    In,
    Mapping,
    Out,
    S,
    explore,
    from_tlc,
    wrapper_module,
    wrapper_name,
)
from .results import Failed, Ok, Violated
from .toolchain import Toolchain


@dataclass(frozen=True, slots=True)
class Tie:
    """The comparison, and the machine's graph for further use (cases that take every edge)."""

    comparison: Comparison
    graph: Graph
    model: Graph


def tie(
    mapping: Mapping[S, In, Out],
    base_module: str,
    models: Path,
    tools: Toolchain,
    constants: Table[str, tlc.Constant] | None = None,
    constraints: tuple[str, ...] = (),
    timeout_s: float = 600.0,
    heap_mb: int = 2048,
) -> Tie:
    """Build both graphs and compare them.

    ``base_module`` defines ``Init``, ``Apply(i)`` and the variables ``s`` and ``out``;
    ``constraints`` are its definitions that say what ``mapping.inside`` says. Raises `GraphError`
    when one of the graphs cannot be built.
    """
    labels = [label for label, _ in mapping.alphabet]
    with tempfile.TemporaryDirectory(prefix="optisync-graph-") as name:
        dump = Path(name, "graph.dot")
        job = tlc.Job(
            wrapper_name(base_module),
            tlc.Config(constants=constants or {}, next="GraphNext", constraints=constraints),
            models,
            dump=dump,
            extra={wrapper_name(base_module): wrapper_module(base_module, labels)},
            heap_mb=heap_mb,
            timeout_s=timeout_s,
        )
        result = tlc.run(job, tools)
        if not isinstance(result, Ok):
            raise GraphError(f"{base_module}: {_why(result)}")
        model = from_tlc(dot.read(dump), labels)
    graph = explore(mapping)
    return Tie(compare(graph, model), graph, model)


def _why(result: Violated | Failed) -> str:
    match result:
        case Violated():
            return f"{result.kind.value} {result.name} is violated"
        case Failed():
            return f"{result.place}{': ' if result.place else ''}{result.text}"
    assert_never(result)
