"""Variants of the reference: the same functions with a few lines of one rule replaced.

A variant is made in memory. The functions of the machines are compiled again, with the edits, into
copies of their modules; classes are shared, so that states, inputs and messages of the reference
and of a variant are the same values and can be compared.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import CodeType, FunctionType, ModuleType, SimpleNamespace
from typing import Final, TypeAlias, cast

from optisync.coordinator.config import Config
from optisync.coordinator.effects import Effect
from optisync.coordinator.inputs import Input
from optisync.coordinator.state import Coordinator
from optisync.machine import Step
from optisync.outbox.config import Config as OutboxConfig
from optisync.outbox.effects import Effect as OutboxEffect
from optisync.outbox.inputs import Input as OutboxInput
from optisync.outbox.state import Outbox
from optisync.pipeline.config import Config as PipelineConfig
from optisync.pipeline.effects import Effect as PipelineEffect
from optisync.pipeline.inputs import Input as PipelineInput
from optisync.pipeline.state import Pipeline
from optisync.server.state import Server
from optisync.server.step import Effect as ServerEffect
from optisync.server.step import Input as ServerInput
from optisync.view import Docs, Folded, Overlay

ClientStep: TypeAlias = Callable[[Config, Coordinator, Input], Step[Coordinator, Effect]]
ServerStep: TypeAlias = Callable[[Server, ServerInput], Step[Server, ServerEffect]]
OutboxStep: TypeAlias = Callable[[OutboxConfig, Outbox, OutboxInput], Step[Outbox, OutboxEffect]]
PipelineStep: TypeAlias = Callable[
    [PipelineConfig, Pipeline, PipelineInput], Step[Pipeline, PipelineEffect]
]
Fold: TypeAlias = Callable[[Docs, Iterable[Overlay]], Folded]
Functions: TypeAlias = dict[str, object]

MODULES: Final = (
    "view",
    "coordinator.sequence",
    "coordinator.state",
    "coordinator.strategy",
    "coordinator.settlement",
    "coordinator.plan",
    "coordinator.step",
    "server.state",
    "server.step",
)


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `old`, which occurs once in `module` (a name in `optisync`), by `new`."""

    module: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Machines:
    """The machines under test: the client's, the server's, and the fold."""

    client: ClientStep
    server: ServerStep
    fold: Fold


class EditMisses(ValueError):
    """An edit does not fit the source of the reference any more."""


OUTBOX_MODULES: Final = (
    "contracts.entry",
    "outbox.enqueue",
    "outbox.lease",
    "outbox.settlement",
    "outbox.step",
    "outbox.turn",
)


def build_outbox(edits: Iterable[Edit] = ()) -> OutboxStep:
    """The outbox of the reference with `edits` made. Raises EditMisses."""
    return cast(OutboxStep, _copies(OUTBOX_MODULES, edits)["outbox.step"]["step"])


PIPELINE_MODULES: Final = (
    "contracts.entry",
    "pipeline.documents",
    "pipeline.history",
    "pipeline.plan",
    "pipeline.revert",
    "pipeline.schedule",
    "pipeline.settlement",
    "pipeline.state",
    "pipeline.step",
    "pipeline.stream",
    "pipeline.tickets",
)


def build_pipeline(edits: Iterable[Edit] = ()) -> PipelineStep:
    """The pipeline of the reference with `edits` made. Raises EditMisses."""
    return cast(PipelineStep, _copies(PIPELINE_MODULES, edits)["pipeline.step"]["step"])


def build(edits: Iterable[Edit] = ()) -> Machines:
    """The machines of the reference with `edits` made. Raises EditMisses.

    >>> from optisync.values import Obj
    >>> build().fold(Obj(), ())
    Folded(view=Obj({}), inapplicable=())
    """
    copies = _copies(MODULES, edits)
    return Machines(
        cast(ClientStep, copies["coordinator.step"]["step"]),
        cast(ServerStep, copies["server.step"]["step"]),
        cast(Fold, copies["view"]["fold"]),
    )


def _copies(modules: Sequence[str], edits: Iterable[Edit]) -> dict[str, Functions]:
    """The functions of some modules with edits made, each calling the others."""
    wanted = tuple(edits)
    for edit in wanted:
        if edit.module not in modules:
            raise EditMisses(f"no module {edit.module!r}; the modules are {', '.join(modules)}")
    loaded = {name: import_module(f"optisync.{name}") for name in modules}
    copies = {name: _recompiled(name, module, wanted) for name, module in loaded.items()}
    for names in copies.values():
        for key, value in tuple(names.items()):
            names[key] = _counterpart(value, loaded, copies)
    return copies


def _recompiled(name: str, module: ModuleType, edits: tuple[Edit, ...]) -> Functions:
    names: Functions = dict(vars(module))
    text = {
        key: _source(value)
        for key, value in names.items()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__
    }
    for edit in (edit for edit in edits if edit.module == name):
        places = [key for key, source in text.items() if edit.old in source]
        if len(places) != 1 or text[places[0]].count(edit.old) != 1:
            raise EditMisses(f"{name}: not exactly one function holds {edit.old!r} once")
        text[places[0]] = text[places[0]].replace(edit.old, edit.new)
    for key, source in text.items():
        exec(_code(f"<{name}.{key}>", source), names)
    return names


@cache
def _source(function: FunctionType) -> str:
    return inspect.getsource(function)


@cache
def _code(where: str, source: str) -> CodeType:
    return compile(f"from __future__ import annotations\n{source}", where, "exec")


def _counterpart(
    value: object, loaded: dict[str, ModuleType], copies: dict[str, Functions]
) -> object:
    """What a copied module must hold in place of something of the original modules."""
    for name, module in loaded.items():
        if value is module:
            return SimpleNamespace(**copies[name])
    if isinstance(value, FunctionType):
        home, name = value.__module__.removeprefix("optisync."), value.__name__
        if home in loaded and vars(loaded[home]).get(name) is value:
            return copies[home][name]
    return value
