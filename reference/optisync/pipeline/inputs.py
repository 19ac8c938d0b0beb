"""What can happen to a pipeline: calls, answers of persistence, documents, time."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from optisync.contracts.entry import Entity, EntryId, Millis, Row, WriteEntryResult, Written
from optisync.contracts.messages import Delta, Refused, Snapshot
from optisync.pipeline.events import Context, Event
from optisync.pipeline.state import Mode, OnTimeout
from optisync.values import ClientSeq, Epoch, Version


@dataclass(frozen=True, slots=True)
class Begin:
    """The application wants a ticket before its event; it is `begun` after the step."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """An event, and a number for each of its writes.

    `ticket` None: a new one, `begun` after the step. `persist_key` is for persistence alone.
    `optimistic` False: it is not shown before the documents hold it.
    """

    event: Event
    seqs: tuple[ClientSeq, ...]
    context: Context = field(default_factory=Context)
    persist_key: str | None = None
    optimistic: bool = True
    ticket: int | None = None


@dataclass(frozen=True, slots=True)
class Drain:
    """The drain window is over: what was dispatched in it becomes segments."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The server answered; `epoch`: in which epoch, None from a backend that has none."""

    results: tuple[WriteEntryResult, ...]
    epoch: Epoch | None = None


@dataclass(frozen=True, slots=True)
class Enqueued:
    """These entries are stored, and their verdicts will be told."""

    entry_ids: tuple[EntryId, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """None of the entries was or will be executed."""

    code: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nobody knows which of the entries were executed."""


Outcome: TypeAlias = Confirmed | Enqueued | Failed | NoAnswer


@dataclass(frozen=True, slots=True)
class Persisted:
    """What persistence made of the request with this handle."""

    handle: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class InDoubt:
    """It was given up: nobody will know whether it was executed."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A verdict that came by itself, after an entry was enqueued or its outcome unknown."""

    entry_id: EntryId
    verdict: Written | Refused | InDoubt
    epoch: Epoch | None = None


@dataclass(frozen=True, slots=True)
class FetchedRow:
    """A row as it was read."""

    entity: Entity
    row: Row
    version: Version | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """Rows read from a backend without a stream."""

    rows: tuple[FetchedRow, ...]


@dataclass(frozen=True, slots=True)
class Hydrate:
    """Rows from a cache: better than nothing until documents come."""

    rows: tuple[FetchedRow, ...]


@dataclass(frozen=True, slots=True)
class Await:
    """Somebody waits for a ticket, under a number of his own, so long at most."""

    wait: int
    ticket: int
    mode: Mode = Mode.STRICT
    timeout: Millis | None = None
    on_timeout: OnTimeout = OnTimeout.REJECT


@dataclass(frozen=True, slots=True)
class Cancel:
    """The application no longer wants what it dispatched under this ticket."""

    ticket: int


@dataclass(frozen=True, slots=True)
class Abandon:
    """The application gives up waiting for an unknown outcome."""

    ticket: int


class Direction(Enum):
    """Which stack a unit is taken from; also the origin of the writes that take it back."""

    UNDO = "undo"
    REDO = "redo"


@dataclass(frozen=True, slots=True)
class Revert:
    """Take the last unit of a scope back, or what took it back.

    `seqs`: a number for each entity of the unit, `history.entities_of` says how many.
    """

    direction: Direction
    seqs: tuple[ClientSeq, ...]
    scope: str = "default"
    persist_key: str | None = None
    ticket: int | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """Monotonic milliseconds of this life; a smaller number than before has no effect."""

    now: Millis


Input: TypeAlias = (
    Begin
    | Dispatch
    | Drain
    | Persisted
    | Decided
    | Delta
    | Snapshot
    | Fetched
    | Hydrate
    | Await
    | Cancel
    | Abandon
    | Revert
    | Tick
)
"""Deltas come in the order in which a coordinator applies them; gaps are its affair."""
