"""What the steps of every profile are made of, and the steps that every profile has."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from optisync_conformance.frames import MAX_INT

Name: TypeAlias = Annotated[str, Meta(pattern=r"^\$[a-z][a-z0-9]*$")]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_INT)]
Positive: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_INT)]
Document: TypeAlias = object
Documents: TypeAlias = dict[str, object]


class ScriptError(ValueError):
    """A script that is not one of protocol 1; the text names the place."""


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a step, or `with`."""


class BaseStep(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do"):
    """A step; its verb is `do`."""


class Tick(BaseStep, tag="tick", frozen=True):
    """Virtual time passes."""

    ms: Count = 60000


class Together(BaseStep, tag="together", frozen=True):
    """Steps without rest in between."""

    steps: tuple[dict[str, object], ...]


class Hook(BaseStep, tag="hook", frozen=True):
    """The nth effect of a name from now on: its callback throws, or makes a call."""

    on: str
    nth: Positive = 1
    throw: bool = False
    call: dict[str, object] | UnsetType = UNSET


class Crash(BaseStep, tag="crash", frozen=True):
    """The process dies."""


class Start(BaseStep, tag="start", frozen=True):
    """A new life over what is durable."""


Common: TypeAlias = Tick | Together | Hook | Crash | Start
