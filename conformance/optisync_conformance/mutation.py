"""Mechanical mutants: the reference's own source with one small thing changed.

They say what the cases do not look at, without anybody choosing what that is. Statements are
dropped, conditions negated, comparisons moved by one.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from optisync_conformance.isolate import source_path

MODULES: Final = (
    "optisync.patch",
    "optisync.telling",
    "optisync.view",
    "optisync.coordinator.facade",
    "optisync.coordinator.plan",
    "optisync.coordinator.sequence",
    "optisync.coordinator.settlement",
    "optisync.coordinator.state",
    "optisync.coordinator.step",
    "optisync.coordinator.strategy",
    "optisync.outbox.enqueue",
    "optisync.outbox.lease",
    "optisync.outbox.queue",
    "optisync.outbox.settlement",
    "optisync.outbox.state",
    "optisync.outbox.step",
    "optisync.outbox.turn",
    "optisync.shell.durable",
    "optisync.transport.alignment",
    "optisync.transport.answers",
    "optisync.transport.driver",
    "optisync.transport.grouping",
    "optisync.transport.reading",
    "optisync.transport.requests",
    "optisync.transport.wire",
    "optisync.pipeline.compose",
    "optisync.pipeline.documents",
    "optisync.pipeline.history",
    "optisync.pipeline.pending",
    "optisync.pipeline.plan",
    "optisync.pipeline.revert",
    "optisync.pipeline.schedule",
    "optisync.pipeline.settlement",
    "optisync.pipeline.state",
    "optisync.pipeline.step",
    "optisync.pipeline.stream",
    "optisync.pipeline.tickets",
    "optisync.pipeline.turn",
    "optisync.shell.pipelinelife",
)
_SWAPPED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed module. `line` and `what` say where and how."""

    module: str
    line: int
    what: str
    index: int
    drops: bool

    @property
    def source(self) -> str:
        """The changed source, made when it is asked for: most mutants are never run."""
        tree: ast.AST = _tree(self.module)
        target = next(node for i, node in enumerate(ast.walk(tree)) if i == self.index)
        if self.drops:
            tree = _Without(target).visit(tree)
        else:
            _change(target)
        return ast.unparse(ast.fix_missing_locations(tree))


def mutants(modules: tuple[str, ...] = MODULES) -> tuple[Mutant, ...]:
    """Every mutant, in the order of the source."""
    return tuple(mutant for module in modules for mutant in _of_module(module))


def sample(found: tuple[Mutant, ...], size: int) -> tuple[Mutant, ...]:
    """About `size` of them, evenly spread, always the same.

    >>> every = mutants(("optisync.coordinator.sequence",))
    >>> len(sample(every, 3))
    3
    """
    if size >= len(found):
        return found
    return tuple(found[index * len(found) // size] for index in range(size))


def _of_module(module: str) -> Iterator[Mutant]:
    for index, node in enumerate(ast.walk(_tree(module))):
        for what in _kinds(node):
            said = _change(copy.deepcopy(node))
            yield Mutant(module, _line(node), said, index, what == "drop")


def _tree(module: str) -> ast.Module:
    path = source_path(module)
    if path is None:
        raise ValueError(f"there is no module {module}")
    return ast.parse(path.read_text(encoding="utf-8"))


def _line(node: ast.AST) -> int:
    match node:
        case ast.match_case(pattern=placed) | ast.comprehension(target=placed):
            line: int = placed.lineno
        case _:
            line = getattr(node, "lineno", 0)
    return line


class _Without(ast.NodeTransformer):
    """Puts `pass` in the place of one statement."""

    def __init__(self, statement: ast.AST) -> None:
        self._statement = statement

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self._statement:
            return ast.Pass()
        return self.generic_visit(node)


def _kinds(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.If() | ast.IfExp():
            yield "negate"
        case ast.match_case(guard=ast.expr()):
            yield "negate-guard"
        case ast.Compare(ops=[op]) if type(op) in _SWAPPED:
            yield "swap"
        case ast.comprehension(ifs=[_, *_]):
            yield "drop-filter"
        case ast.Expr(value=ast.Call(func=ast.Name(id="assert_never"))):
            pass  # it is never reached
        case ast.Raise() | ast.AugAssign() | ast.Expr(value=ast.Call()):
            yield "drop"
        case ast.BoolOp():
            yield "other-junction"
        case _:
            pass


def _change(node: ast.AST) -> str:
    """Change a node in place; what was done, in words."""
    before = "" if isinstance(node, ast.match_case | ast.comprehension) else ast.unparse(node)
    first = before.splitlines()[0] if before else ""
    match node:
        case ast.If(test=test) | ast.IfExp(test=test):
            node.test = ast.UnaryOp(ast.Not(), test)
            return f"negated: {first}"
        case ast.match_case(guard=ast.expr() as guard):
            node.guard = ast.UnaryOp(ast.Not(), guard)
            return f"negated guard: {ast.unparse(guard)}"
        case ast.Compare(ops=[op]):
            node.ops = [_SWAPPED[type(op)]()]
            return f"{first}  ->  {ast.unparse(node)}"
        case ast.comprehension(ifs=ifs):
            node.ifs = []
            return f"filter dropped: {ast.unparse(ifs[0])}"
        case ast.BoolOp(op=junction):
            node.op = ast.Or() if isinstance(junction, ast.And) else ast.And()
            return f"{first}  ->  {ast.unparse(node)}"
        case _:
            return f"dropped: {first}"
