"""The steps of a script: their members, types and defaults, as specs/protocol.md has them.

The loader of cases and the reference adapter read scripts through the same types, so a script that
the loader accepts is one that the adapter understands. Documents, patches and changes stay plain
JSON here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias, cast, get_args

import msgspec
from msgspec import UNSET, UnsetType

from optisync_conformance.frames import Json as Plain
from optisync_conformance.scriptbase import BaseStep, Common, Count, Document, Name, Part, Positive
from optisync_conformance.scriptbase import Crash as Crash
from optisync_conformance.scriptbase import Documents as Documents
from optisync_conformance.scriptbase import Hook as Hook
from optisync_conformance.scriptbase import ScriptError as ScriptError
from optisync_conformance.scriptbase import Start as Start
from optisync_conformance.scriptbase import Tick as Tick
from optisync_conformance.scriptbase import Together as Together
from optisync_conformance.scriptoutbox import OutboxCall, OutboxStep
from optisync_conformance.scriptoutbox import OutboxSetting as OutboxSetting
from optisync_conformance.scriptpipeline import PipelineCall, PipelineStep
from optisync_conformance.scriptpipeline import PipelineSetting as PipelineSetting
from optisync_conformance.scripttransport import TransportSetting as TransportSetting
from optisync_conformance.scripttransport import TransportStep

Profile: TypeAlias = Literal["patch", "coordinator", "view", "outbox", "transport", "pipeline"]
PROFILES: Final[tuple[str, ...]] = get_args(Profile)


class Apply(BaseStep, tag="apply", frozen=True):
    """Apply a patch to a document."""

    doc: Document
    patch: Document


class Invert(BaseStep, tag="invert", frozen=True):
    """Compute the inverse of a patch on a document."""

    doc: Document
    patch: Document


class Generate(BaseStep, tag="generate", frozen=True):
    """Take the next number for a name."""

    m: Name


class Register(BaseStep, tag="register", frozen=True):
    """Register a mutation; `inverse` takes it back from what was shown before."""

    m: Name
    atoms: Documents
    sent: bool = True
    inverse: Documents | UnsetType = UNSET
    ungenerated: bool | UnsetType = UNSET


class Sent(BaseStep, tag="sent", frozen=True):
    """A mutation left the process."""

    m: Name


class Ack(BaseStep, tag="ack", frozen=True):
    """The server accepted a mutation."""

    m: Name
    epoch: Count = 1
    seq: Count | UnsetType = UNSET
    version: Count | UnsetType = UNSET


class Reject(BaseStep, tag="reject", frozen=True):
    """The server refused a mutation."""

    m: Name
    epoch: Count = 1
    code: str = "no"


class Label(Part, frozen=True):
    """A mutation that a delta settles."""

    m: Name
    version: Count | UnsetType = UNSET
    client: Literal["other"] | UnsetType = UNSET


class Delta(BaseStep, tag="delta", frozen=True):
    """The changes at a position."""

    seq: Count
    atoms: Documents
    epoch: Count = 1
    prev: Count | UnsetType = UNSET
    settles: tuple[Label, ...] = ()


class Outcome(Part, frozen=True):
    """What became of a mutation: accepted at `ok`, or `rejected` with a code."""

    ok: Count | UnsetType = UNSET
    version: Count | UnsetType = UNSET
    rejected: str | UnsetType = UNSET

    def __post_init__(self) -> None:
        if (self.ok is UNSET) == (self.rejected is UNSET):
            raise ValueError("an outcome has either `ok` or `rejected`")


class Snapshot(BaseStep, tag="snapshot", frozen=True):
    """All documents, and the outcomes of this client's mutations."""

    seq: Count
    docs: Documents
    epoch: Count = 1
    outcomes: dict[Name, Outcome] = msgspec.field(default_factory=dict[str, Outcome])
    client_known: bool = True


class Head(BaseStep, tag="head", frozen=True):
    """The server repeats its newest position."""

    seq: Count
    epoch: Count = 1


class Abandon(BaseStep, tag="abandon", frozen=True):
    """The application gives up waiting."""

    m: Name


class ApplyFails(BaseStep, tag="apply-fails", frozen=True):
    """The next calls of the host's apply port fail."""

    times: Positive = 1


class Mutate(BaseStep, tag="mutate", frozen=True):
    """The application writes optimistically."""

    m: Name
    atoms: Documents


class Serve(BaseStep, tag="serve", frozen=True):
    """The server decides about a mutation; how its data travels."""

    m: Name
    verdict: Literal["ok", "rejected"]
    data: Literal["with", "later", "sent"] = "with"
    code: str = "no"


class Push(BaseStep, tag="push", frozen=True):
    """Data arrives on the feed: that of a mutation, or a change by somebody else."""

    m: Name | UnsetType = UNSET
    atoms: Documents | UnsetType = UNSET

    def __post_init__(self) -> None:
        if (self.m is UNSET) == (self.atoms is UNSET):
            raise ValueError("a push has either `m` or `atoms`")


class Limits(Part, frozen=True):
    """Bounds of a coordinator's queues."""

    pending: Positive = 1000
    buffer: Positive = 100


class NoSetting(Part, frozen=True):
    """`with` of the profile patch."""


class CoordinatorSetting(Part, frozen=True):
    """`with` of the profile coordinator."""

    docs: Documents = msgspec.field(default_factory=dict[str, object])
    epoch: Count = 1
    variant: Literal["labelled", "ack-first", "seed-literal"] = "labelled"
    strategy: Literal["client-wins", "server-wins", "rebase", "raises"] = "client-wins"
    dense: bool = False
    limits: Limits = Limits()


class ViewSetting(Part, frozen=True):
    """`with` of the profile view."""

    docs: Documents = msgspec.field(default_factory=dict[str, object])


PatchStep: TypeAlias = Apply | Invert
CoordinatorCall: TypeAlias = (
    Generate | Register | Sent | Ack | Reject | Delta | Snapshot | Head | Abandon | ApplyFails
)
CoordinatorStep: TypeAlias = CoordinatorCall | Common
ViewCall: TypeAlias = Mutate | Serve | Push
ViewStep: TypeAlias = ViewCall | Common
Step: TypeAlias = PatchStep | CoordinatorStep | ViewCall | OutboxCall | TransportStep | PipelineCall
Setting: TypeAlias = (
    NoSetting
    | CoordinatorSetting
    | ViewSetting
    | OutboxSetting
    | TransportSetting
    | PipelineSetting
)


def read_step(profile: str, raw: Mapping[str, object]) -> Step:
    """One step of a profile, nested ones checked too. Raises ScriptError.

    >>> read_step("coordinator", {"do": "ack", "m": "$m1", "seq": 1}).epoch
    1
    >>> read_step("view", {"do": "fly"})
    Traceback (most recent call last):
    optisync_conformance.scriptbase.ScriptError: `do` says 'fly', which is no step of profile view
    """
    try:
        step = _convert_step(profile, raw)
    except msgspec.ValidationError as error:
        text = str(error).replace("`$.", "`").replace(" - at `$`", "")
        if text.startswith("Invalid value") and text.endswith("at `do`"):
            text = f"`do` says {raw.get('do')!r}, which is no step of profile {profile}"
        raise ScriptError(text) from None
    except RecursionError:
        raise ScriptError("nested too deep") from None
    for index, inner in enumerate(_nested(step)):
        nested = read_step(profile, inner)
        begins = isinstance(nested, Start) and isinstance(step, Together) and index == 0
        if isinstance(nested, Together | Hook | Crash | Start) and not begins:
            raise ScriptError(f"`{inner['do']}` cannot be nested in `{raw['do']}`")
    return step


def _convert_step(profile: str, raw: Mapping[str, object]) -> Step:
    step: Step
    match profile:
        case "patch":
            step = msgspec.convert(raw, PatchStep)
        case "coordinator":
            step = msgspec.convert(raw, CoordinatorStep)
        case "view":
            step = msgspec.convert(raw, ViewStep)
        case "outbox":
            step = msgspec.convert(raw, OutboxStep)
        case "transport":
            step = msgspec.convert(raw, TransportStep)
        case "pipeline":
            step = msgspec.convert(raw, PipelineStep)
        case _:
            raise ScriptError(f"there is no profile {profile!r}; there are {', '.join(PROFILES)}")
    return step


def _nested(step: Step) -> Sequence[dict[str, object]]:
    if isinstance(step, Together):
        return step.steps
    if isinstance(step, Hook):
        if step.throw == (step.call is not UNSET):
            raise ScriptError("a hook has either `throw` or `call`")
        return () if step.call is UNSET else (step.call,)
    return ()


def read_setting(profile: str, raw: Mapping[str, object]) -> Setting:
    """`with` of a profile. Raises ScriptError."""
    try:
        match profile:
            case "patch":
                return msgspec.convert(raw, NoSetting)
            case "coordinator":
                return msgspec.convert(raw, CoordinatorSetting)
            case "view":
                return msgspec.convert(raw, ViewSetting)
            case "outbox":
                return msgspec.convert(raw, OutboxSetting)
            case "transport":
                return msgspec.convert(raw, TransportSetting)
            case "pipeline":
                return msgspec.convert(raw, PipelineSetting)
            case _:
                raise ScriptError(f"there is no profile {profile!r}; there are {PROFILES}")
    except msgspec.ValidationError as error:
        raise ScriptError(f"with: {str(error).replace('`$.', '`')}") from None


def filled_step(profile: str, raw: Mapping[str, object]) -> dict[str, Plain]:
    """A step with every default in place, as it is sent. Raises ScriptError.

    >>> filled_step("coordinator", {"do": "head", "seq": 4})
    {'do': 'head', 'seq': 4, 'epoch': 1}
    """
    step = read_step(profile, raw)
    filled = cast("dict[str, Plain]", msgspec.to_builtins(step))
    if isinstance(step, Together):
        filled["steps"] = [filled_step(profile, inner) for inner in step.steps]
    if isinstance(step, Hook) and step.call is not UNSET:
        filled["call"] = filled_step(profile, step.call)
    return filled


def filled_setting(profile: str, raw: Mapping[str, object]) -> dict[str, Plain]:
    """`with`, every member in place, as it is sent. Raises ScriptError."""
    return cast("dict[str, Plain]", msgspec.to_builtins(read_setting(profile, raw)))
