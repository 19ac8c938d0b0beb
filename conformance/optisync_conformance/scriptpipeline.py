"""The steps of the profile pipeline, as specs/protocol.md has them."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from optisync_conformance.scriptbase import (
    BaseStep,
    Common,
    Count,
    Document,
    Documents,
    Name,
    Part,
    Positive,
)
from optisync_conformance.scriptoutbox import EntryLabel, EntryOutcome, Ids, Text


class EventContext(Part, frozen=True):
    """Where an event comes from."""

    scope: Text = "default"
    origin: Text = "user"
    action: Text | UnsetType = UNSET
    label: Text | UnsetType = UNSET
    at: Count = 0


class Begin(BaseStep, tag="begin", frozen=True):
    """Take a ticket for the event of this name."""

    m: Name


class DispatchWrite(BaseStep, tag="dispatch", frozen=True):
    """Dispatch one write; it has the name of its event."""

    m: Name
    resource: Text
    entity: str
    change: Document
    temporary: bool = False
    context: EventContext = EventContext()
    persist_key: Text | UnsetType = UNSET
    optimistic: bool = True
    ticket: Name | UnsetType = UNSET
    stale_number: bool = False


class DispatchPatches(BaseStep, tag="patches", frozen=True):
    """Dispatch a patch of the rows of a resource; `writes` names its writes."""

    m: Name
    writes: tuple[Name, ...]
    resource: Text
    patch: Document
    context: EventContext = EventContext()
    persist_key: Text | UnsetType = UNSET
    optimistic: bool = True
    ticket: Name | UnsetType = UNSET


class DrainNow(BaseStep, tag="drain", frozen=True):
    """The drain window is over."""


class WrittenRow(Part, frozen=True):
    """A row after a write: its document, or absent."""

    doc: Document = UNSET
    absent: Literal[True] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if (self.doc is UNSET) == (self.absent is UNSET):
            raise ValueError("a row has either `doc` or `absent`")


class WrittenAt(Part, frozen=True):
    """What an acceptance says."""

    seq: Count | UnsetType = UNSET
    version: Count | UnsetType = UNSET
    ids: Ids | UnsetType = UNSET
    row: WrittenRow | UnsetType = UNSET


class WriteResult(Part, frozen=True):
    """What became of one write: `ok`, `rejected` or `unknown`."""

    m: Name
    ok: WrittenAt | UnsetType = UNSET
    rejected: Text | UnsetType = UNSET
    unknown: Literal[True] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if sum(x is not UNSET for x in (self.ok, self.rejected, self.unknown)) != 1:
            raise ValueError("a result has one of `ok`, `rejected` and `unknown`")


class PersistedRequest(BaseStep, tag="persisted", frozen=True):
    """The answer to the request whose first write has this name."""

    request: Name
    results: tuple[WriteResult, ...] | UnsetType = UNSET
    enqueued: tuple[Name, ...] | UnsetType = UNSET
    failed: Text | UnsetType = UNSET
    unknown: Literal[True] | UnsetType = UNSET
    epoch: Count | UnsetType = UNSET

    def __post_init__(self) -> None:
        given = (self.results, self.enqueued, self.failed, self.unknown)
        if sum(x is not UNSET for x in given) != 1:
            raise ValueError("one of `results`, `enqueued`, `failed` and `unknown` is said")


class DecidedWrite(BaseStep, tag="decided", frozen=True):
    """A verdict that comes by itself."""

    m: Name
    ok: WrittenAt | UnsetType = UNSET
    rejected: Text | UnsetType = UNSET
    in_doubt: Literal[True] | UnsetType = UNSET
    epoch: Count | UnsetType = UNSET

    def __post_init__(self) -> None:
        if sum(x is not UNSET for x in (self.ok, self.rejected, self.in_doubt)) != 1:
            raise ValueError("a verdict is one of `ok`, `rejected` and `in_doubt`")


class StreamDelta(BaseStep, tag="delta", frozen=True):
    """The changes at a position, and what they settle."""

    seq: Count
    atoms: Documents = msgspec.field(default_factory=dict[str, object])
    epoch: Count = 1
    settles: tuple[EntryLabel, ...] = ()


class StreamSnapshot(BaseStep, tag="snapshot", frozen=True):
    """All documents, and the outcomes of this client's writes."""

    seq: Count
    docs: Documents
    epoch: Count = 1
    versions: dict[str, Count] = msgspec.field(default_factory=dict[str, int])
    outcomes: dict[Name, EntryOutcome] = msgspec.field(default_factory=dict[str, EntryOutcome])
    client_known: bool = True


class ReadRow(Part, frozen=True):
    """A row as it was read."""

    resource: Text
    entity: Text
    doc: Document = UNSET
    absent: Literal[True] | UnsetType = UNSET
    version: Count | UnsetType = UNSET

    def __post_init__(self) -> None:
        if (self.doc is UNSET) == (self.absent is UNSET):
            raise ValueError("a row has either `doc` or `absent`")


class FetchedRows(BaseStep, tag="fetched", frozen=True):
    """Rows were read."""

    rows: tuple[ReadRow, ...]


class HydrateRows(BaseStep, tag="hydrate", frozen=True):
    """Rows come from a cache."""

    rows: tuple[ReadRow, ...]


class AwaitTicket(BaseStep, tag="await", frozen=True):
    """Somebody waits for the ticket of an event."""

    w: Name
    m: Name
    mode: Literal["optimistic", "strict"] = "strict"
    timeout: Count | UnsetType = UNSET
    on_timeout: Literal["reject", "resolve-enqueued"] = "reject"


class CancelEvent(BaseStep, tag="cancel", frozen=True):
    """The application no longer wants an event."""

    m: Name


class AbandonEvent(BaseStep, tag="abandon", frozen=True):
    """The application gives up waiting for an unknown outcome."""

    m: Name


class Undo(BaseStep, tag="undo", frozen=True):
    """Take the last unit of a scope back; `writes` names the writes that do."""

    m: Name
    writes: tuple[Name, ...]
    scope: Text = "default"
    persist_key: Text | UnsetType = UNSET


class Redo(BaseStep, tag="redo", frozen=True):
    """Take the last undo of a scope back."""

    m: Name
    writes: tuple[Name, ...]
    scope: Text = "default"
    persist_key: Text | UnsetType = UNSET


class PipelineSetting(Part, frozen=True):
    """`with` of the profile pipeline."""

    docs: Documents = msgspec.field(default_factory=dict[str, object])
    versions: dict[str, Count] = msgspec.field(default_factory=dict[str, int])
    epoch: Count = 1
    capacity: Positive = 100000
    history: Positive = 100
    remembered: Positive = 1000


PipelineCall: TypeAlias = (
    Begin
    | DispatchWrite
    | DispatchPatches
    | DrainNow
    | PersistedRequest
    | DecidedWrite
    | StreamDelta
    | StreamSnapshot
    | FetchedRows
    | HydrateRows
    | AwaitTicket
    | CancelEvent
    | AbandonEvent
    | Undo
    | Redo
)
PipelineStep: TypeAlias = PipelineCall | Common
