"""The steps of the profile transport, as specs/protocol.md has them."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from optisync_conformance.scriptbase import BaseStep, Count, Document, Documents, Name, Part
from optisync_conformance.scriptoutbox import Ids, Text


class SentEntry(Part, frozen=True):
    """One write and what is asked about its answer; `m` is its name."""

    m: Name
    resource: Text
    entity: Text
    change: Document
    base: Count | UnsetType = UNSET
    base_epoch: Count = 1
    key: Text | UnsetType = UNSET
    temporary: bool = False
    options: Documents = msgspec.field(default_factory=dict[str, object])


class ErrorReply(Part, frozen=True):
    """Why something was not done."""

    code: Text
    definite: bool
    retry: Count | UnsetType = UNSET


class RowReply(Part, frozen=True):
    """A row after a write: its document, or absent."""

    doc: Document = UNSET
    absent: Literal[True] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if (self.doc is UNSET) == (self.absent is UNSET):
            raise ValueError("a row has either `doc` or `absent`")


class ReadReply(Part, frozen=True):
    """A row that a read found; `raw`: this element as it is."""

    entity: Text | UnsetType = UNSET
    version: Count | UnsetType = UNSET
    doc: Document = UNSET
    absent: Literal[True] | UnsetType = UNSET
    raw: Document = UNSET

    def __post_init__(self) -> None:
        if sum(x is not UNSET for x in (self.doc, self.absent, self.raw)) != 1:
            raise ValueError("a row has one of `doc`, `absent` and `raw`")
        if (self.raw is UNSET) == (self.entity is UNSET or self.version is UNSET):
            raise ValueError("a row has `entity` and `version`, or `raw` alone")


class EntryReply(Part, frozen=True):
    """A result for an entry: `ok`, an error, or `raw` members; `raw` alone: this element."""

    m: Name | UnsetType = UNSET
    ok: Literal[True] | UnsetType = UNSET
    version: Count | UnsetType = UNSET
    seq: Count | UnsetType = UNSET
    ids: Ids | UnsetType = UNSET
    row: RowReply | UnsetType = UNSET
    error: ErrorReply | UnsetType = UNSET
    raw: Document = UNSET

    def __post_init__(self) -> None:
        if sum(x is not UNSET for x in (self.ok, self.error, self.raw)) != 1:
            raise ValueError("a result has one of `ok`, `error` and `raw`")
        _require_named(self.m, self.raw)
        told = (self.version, self.seq, self.ids, self.row)
        if self.ok is UNSET and any(each is not UNSET for each in told):
            raise ValueError("`version`, `seq`, `ids` and `row` go with `ok`")


class OpReply(Part, frozen=True):
    """A result of an operation: of entries, rows, an error, or `raw`, as for an entry."""

    op: Name | UnsetType = UNSET
    results: tuple[EntryReply, ...] | UnsetType = UNSET
    rows: tuple[ReadReply, ...] | UnsetType = UNSET
    cursor: Count | UnsetType = UNSET
    error: ErrorReply | UnsetType = UNSET
    raw: Document = UNSET

    def __post_init__(self) -> None:
        given = (self.results, self.rows, self.error, self.raw)
        if sum(each is not UNSET for each in given) != 1:
            raise ValueError("an answer has one of `results`, `rows`, `error` and `raw`")
        _require_named(self.op, self.raw)
        if self.cursor is not UNSET and self.rows is UNSET:
            raise ValueError("`cursor` goes with `rows`")


def _require_named(name: object, raw: object) -> None:
    if name is UNSET and raw is UNSET:
        raise ValueError("who is meant has a name")
    if name is not UNSET and raw is not UNSET and not isinstance(raw, dict):
        raise ValueError("`raw` beside a name is an object of members")


class RawReply(Part, frozen=True):
    """This came back, as it is."""

    raw: Document


Reply: TypeAlias = tuple[OpReply, ...] | RawReply | None


class Exchange(BaseStep, tag="exchange", frozen=True):
    """Send entries; `reply` is what comes back, null if nothing does."""

    entries: tuple[SentEntry, ...]
    reply: Reply


class Query(BaseStep, tag="query", frozen=True):
    """Ask for rows."""

    resource: Text
    reply: Reply
    where: Documents = msgspec.field(default_factory=dict[str, object])
    limit: Count | UnsetType = UNSET


class PullChanges(BaseStep, tag="pull", frozen=True):
    """Ask for the rows that changed."""

    resource: Text
    after: Count
    reply: Reply
    limit: Count | UnsetType = UNSET


class TransportSetting(Part, frozen=True):
    """`with` of the profile transport."""


TransportStep: TypeAlias = Exchange | Query | PullChanges
