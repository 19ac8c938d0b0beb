"""The steps of the profile outbox, as specs/protocol.md has them."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from optisync_conformance.frames import MAX_INT
from optisync_conformance.scriptbase import (
    BaseStep,
    Common,
    Count,
    Document,
    Name,
    Part,
    Positive,
)

Text: TypeAlias = Annotated[str, Meta(min_length=1)]
Ids: TypeAlias = dict[str, str]


class Entry(Part, frozen=True):
    """One write; `m` is its name."""

    m: Name
    resource: Text
    entity: Text
    change: Document
    base: Count | UnsetType = UNSET
    base_epoch: Count | UnsetType = UNSET
    key: Text | UnsetType = UNSET
    temporary: bool = False
    after: tuple[Name, ...] = ()


class Take(BaseStep, tag="take", frozen=True):
    """Take the next number for a name."""

    m: Name


class GiveUp(BaseStep, tag="give-up", frozen=True):
    """The number taken for a name will not be used."""

    m: Name


class Enqueue(BaseStep, tag="enqueue", frozen=True):
    """Enqueue a batch."""

    entries: tuple[Entry, ...]
    stored: bool = True


class Scribble(BaseStep, tag="scribble", frozen=True):
    """The caller changes its own copy of what it enqueued."""

    m: Name


class Reserve(BaseStep, tag="reserve", frozen=True):
    """A worker takes what may be sent."""

    lease: Name
    limit: Count = 100
    owner: str = "w"


class Result(Part, frozen=True):
    """What became of one entry: `ok` at a position, `rejected`, `retry` or `unknown`."""

    m: Name
    ok: Count | UnsetType = UNSET
    version: Count | UnsetType = UNSET
    ids: Ids | UnsetType = UNSET
    rejected: str | UnsetType = UNSET
    retry: Count | UnsetType = UNSET
    unknown: Literal[True] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if sum(x is not UNSET for x in (self.ok, self.rejected, self.retry, self.unknown)) != 1:
            raise ValueError("a result has one of `ok`, `rejected`, `retry` and `unknown`")


class Settle(BaseStep, tag="settle", frozen=True):
    """The server's answer to what was sent under a lease."""

    lease: Name
    results: tuple[Result, ...]
    epoch: Count = 1


class Release(BaseStep, tag="release", frozen=True):
    """What was reserved could not be delivered."""

    lease: Name


class EntryLabel(Part, frozen=True):
    """An entry that a delta settles."""

    m: Name
    version: Count | UnsetType = UNSET
    ids: Ids | UnsetType = UNSET
    client: Literal["other"] | UnsetType = UNSET


class Covered(BaseStep, tag="delta", frozen=True):
    """The documents now hold a delta."""

    seq: Count
    epoch: Count = 1
    settles: tuple[EntryLabel, ...] = ()


class EntryOutcome(Part, frozen=True):
    """What became of an entry: accepted at `ok`, or `rejected` with a code."""

    ok: Count | UnsetType = UNSET
    version: Count | UnsetType = UNSET
    ids: Ids | UnsetType = UNSET
    rejected: str | UnsetType = UNSET

    def __post_init__(self) -> None:
        if (self.ok is UNSET) == (self.rejected is UNSET):
            raise ValueError("an outcome has either `ok` or `rejected`")


class Loaded(BaseStep, tag="snapshot", frozen=True):
    """The documents are now a snapshot's."""

    seq: Count
    epoch: Count = 1
    outcomes: dict[Name, EntryOutcome] = msgspec.field(default_factory=dict[str, EntryOutcome])
    client_known: bool = True


class Watermark(BaseStep, tag="watermark", frozen=True):
    """The server decided all numbers up to that of a name; None: none yet."""

    seq: Count
    upto: Name | None
    epoch: Count = 1
    refused: dict[Name, str] | UnsetType = UNSET


class Cancel(BaseStep, tag="cancel", frozen=True):
    """The application no longer wants a write that was never sent."""

    m: Name


class AbandonEntry(BaseStep, tag="abandon", frozen=True):
    """The application gives up waiting for a write that was sent."""

    m: Name


class Resume(BaseStep, tag="resume", frozen=True):
    """A parked write is to be tried again."""

    m: Name


class HasRead(BaseStep, tag="has-read", frozen=True):
    """The entity was read from the server."""

    resource: Text
    entity: Text


class Consume(BaseStep, tag="consume", frozen=True):
    """The application has taken in every verdict told so far."""


class Wall(BaseStep, tag="wall", frozen=True):
    """The wall clock alone moves, also back."""

    ms: Annotated[int, Meta(ge=-MAX_INT, le=MAX_INT)]


class StoreFails(BaseStep, tag="store-fails", frozen=True):
    """The next saves fail, with nothing stored."""

    times: Positive = 1


class ArmCrash(BaseStep, tag="arm-crash", frozen=True):
    """The process dies at the nth save from now on."""

    nth: Positive = 1
    when: Literal["before", "after"] = "after"


class OutboxSetting(Part, frozen=True):
    """`with` of the profile outbox; times are milliseconds."""

    mode: Literal["entity", "ordered"] = "entity"
    capacity: Positive = 10000
    lease_ms: Positive = 30000
    max_attempts: Positive = 5
    delay_ms: Positive = 1000
    max_delay_ms: Positive = 60000
    epoch: Count = 1


OutboxCall: TypeAlias = (
    Take
    | GiveUp
    | Enqueue
    | Scribble
    | Reserve
    | Settle
    | Release
    | Covered
    | Loaded
    | Watermark
    | Cancel
    | AbandonEntry
    | Resume
    | HasRead
    | Consume
    | Wall
    | StoreFails
    | ArmCrash
)
OutboxStep: TypeAlias = OutboxCall | Common
