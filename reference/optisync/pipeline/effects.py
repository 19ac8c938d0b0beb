"""What a pipeline asks of its host, in order: what is shown first, callbacks, then persistence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from optisync.contracts.entry import Entity, EntryId, WriteEntry
from optisync.pipeline.events import Context
from optisync.pipeline.state import TicketStatus
from optisync.values import ClientSeq


@dataclass(frozen=True, slots=True)
class Changed:
    """The documents or the pending writes changed: fold again."""


@dataclass(frozen=True, slots=True)
class Told:
    """The write of a ticket has come this far; `code`: why it failed."""

    ticket: int
    status: TicketStatus
    code: str | None = None


class Answer(Enum):
    """How a wait ended."""

    ENQUEUED = "enqueued"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    IN_DOUBT = "in-doubt"
    TIMED_OUT = "timed-out"
    OUTCOME_UNKNOWN = "outcome-unknown"


@dataclass(frozen=True, slots=True)
class Answered:
    """A wait is over; the write may not be."""

    wait: int
    answer: Answer
    code: str | None = None


class DiagCode(Enum):
    """What went wrong without anybody having to act on it."""

    CONTRADICTORY_VERDICT = "contradictory-verdict"
    NOT_ASKED = "not-asked"
    NOT_SENT = "not-sent"


@dataclass(frozen=True, slots=True)
class Diag:
    """A diagnostic about an entry."""

    code: DiagCode
    entry_id: EntryId


@dataclass(frozen=True, slots=True)
class Stale:
    """Read this entity again: what the server did to it cannot be known from here."""

    entity: Entity


@dataclass(frozen=True, slots=True)
class Resync:
    """Ask the server for a snapshot with the outcomes of this client's writes."""


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Ask whoever stored this entry to take it back; the verdict tells whether it could."""

    entry_id: EntryId


@dataclass(frozen=True, slots=True)
class Persist:
    """Persist these entries (a PersistRequest of seed 001), and answer under `handle`, once.

    `seqs` are the numbers of their writes.
    """

    handle: int
    entries: tuple[WriteEntry, ...]
    seqs: tuple[ClientSeq, ...]
    context: Context
    persist_key: str | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Something is queued: drain soon."""


Effect: TypeAlias = (
    Changed | Told | Answered | Diag | Stale | Resync | Withdraw | Persist | Schedule
)
