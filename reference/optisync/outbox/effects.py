"""What an outbox asks of its host, in order: Save first, everything else once that is durable."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from optisync.contracts.entry import EntryId
from optisync.outbox.rows import Item, Report, Row
from optisync.values import ClientSeq


@dataclass(frozen=True, slots=True)
class Save:
    """Store these rows, in order, in one transaction with the documents of this input."""

    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Enqueued:
    """The write is in the queue, durably unless it is a direct one; `again`: it already was."""

    entry_id: EntryId
    seq: ClientSeq
    again: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Send these to the server under a lease: items in order, and the numbers never to be used.

    `floor`: the lowest number whose outcome this client may still ask for.
    """

    token: int
    items: tuple[Item, ...]
    skips: tuple[tuple[ClientSeq, ClientSeq], ...]
    floor: ClientSeq


@dataclass(frozen=True, slots=True)
class Told:
    """A verdict. Told again in every life until it is consumed."""

    report: Report


@dataclass(frozen=True, slots=True)
class ParkedEntry:
    """The write waits for `resume`; its entity is held back."""

    entry_id: EntryId


@dataclass(frozen=True, slots=True)
class Resync:
    """Ask the server for a snapshot with the outcomes of this client's mutations."""


class DiagCode(Enum):
    """What went wrong without anybody having to act on it."""

    CONTRADICTORY_VERDICT = "contradictory-verdict"
    LATE_VERDICT = "late-verdict"
    NOT_SENT = "not-sent"


@dataclass(frozen=True, slots=True)
class Diag:
    """A diagnostic about an entry."""

    code: DiagCode
    entry_id: EntryId


Effect: TypeAlias = Save | Enqueued | Send | Told | ParkedEntry | Resync | Diag
