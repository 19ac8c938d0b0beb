"""What an outbox stores, row by row. The durable state is the fold of the rows ever saved.

A step saves its rows in one transaction, before any other effect of it; loading a store is
`state.with_row` over its rows. Each row replaces the one with the same key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from optisync.contracts.entry import Entity, EntryId, Millis, Stamp, WriteEntry
from optisync.contracts.messages import Accepted, Refused
from optisync.values import ClientSeq, Epoch, ServerSeq, Version


@dataclass(frozen=True, slots=True)
class Queued:
    """Waits to be sent, not before a time of this life."""

    not_before: Millis = Millis(0)


@dataclass(frozen=True, slots=True)
class InFlight:
    """Handed to a worker, which has it until a time of this life."""

    token: int
    owner: str
    until: Millis


@dataclass(frozen=True, slots=True)
class Acked:
    """Accepted at a position of the current epoch that the documents have not reached."""

    server_seq: ServerSeq
    version: Version | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """The server said "not now" too often. Shown, holds its entity back, waits for `resume`."""


Status: TypeAlias = Queued | InFlight | Acked | Parked


@dataclass(frozen=True, slots=True)
class Item:
    """A write in the queue, under its number. Gone when rejected, covered or abandoned.

    `after`: numbers that must be settled before it is sent. `first`: the lease under which it was
    first sent, 0 before; from then on content and `base`, the version sent along, are fixed.
    `told`: its verdict was given out (it may wait to be covered, or be sent again in a new epoch).
    `attempts` counts answers "not now", `delays` all failures. `stored` is False for a direct
    write: it shares the gates, and ends with the process.
    """

    seq: ClientSeq
    entry: WriteEntry
    after: tuple[ClientSeq, ...] = ()
    status: Status = Queued()
    base: Stamp | None = None
    first: int = 0
    told: bool = False
    attempts: int = 0
    delays: int = 0
    stored: bool = True
    enqueued_at: Millis = Millis(0)

    @property
    def sent(self) -> bool:
        """Whether it was ever handed to a worker."""
        return self.first > 0


@dataclass(frozen=True, slots=True)
class Hole:
    """A number without a stored write. Open (None): one may still come, or is a direct write, of
    which `entity` and `temporary` are stored. Else it never will, and in `ordered` mode the number
    is sent as a skip: without it the server waits for ever."""

    seq: ClientSeq
    status: Queued | InFlight | None = None
    entity: Entity | None = None
    temporary: bool = False


Member: TypeAlias = Item | Hole


@dataclass(frozen=True, slots=True)
class Gone:
    """The queue no longer holds this number."""

    seq: ClientSeq


@dataclass(frozen=True, slots=True)
class OwnVersion:
    """The version of an entity after this client's latest accepted write of it.

    `since`: the version on which the first of an unbroken chain of own writes up to it was made.
    """

    entity: Entity
    stamp: Stamp
    since: Stamp


@dataclass(frozen=True, slots=True)
class Alias:
    """What the server made of a temporary id; None: its create came to nothing."""

    temporary: str
    id: str | None


@dataclass(frozen=True, slots=True)
class Doubt:
    """A sent write was abandoned: its entity is to be read before it is written again."""

    seq: ClientSeq
    entry_id: EntryId
    entity: Entity


@dataclass(frozen=True, slots=True)
class DoubtLifted:
    """The entity was read since."""

    seq: ClientSeq


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The third verdict: nobody can say whether the write took effect."""


Verdict: TypeAlias = Accepted | Refused | InDoubt


@dataclass(frozen=True, slots=True)
class Report:
    """A verdict to be told, kept until the application consumed it. Numbered from 1."""

    number: int
    seq: ClientSeq
    entry_id: EntryId
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Consumed:
    """Reports up to this number need not be told again."""

    upto: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of an outbox; none of them ever goes back but `server_seq` in a new epoch.

    (`epoch`, `server_seq`): where the documents are, the pull cursor. `counter`: the last
    client_seq given out. `token`: the last lease. `reported`: the last report. `watermark`: how
    far the server has decided this client's numbers; None before it said so in this epoch.
    """

    epoch: Epoch
    server_seq: ServerSeq = ServerSeq(0)
    counter: ClientSeq = ClientSeq(0)
    token: int = 0
    reported: int = 0
    watermark: ClientSeq | None = None


Row: TypeAlias = (
    Item | Hole | Gone | OwnVersion | Alias | Doubt | DoubtLifted | Report | Consumed | Numbers
)


def key_of(row: Row) -> tuple[str, int | str | Entity]:
    """What a row is stored under: a later row with the same key replaces it."""
    match row:
        case Item(seq) | Hole(seq) | Gone(seq):
            return "member", seq
        case OwnVersion(entity):
            return "version", entity
        case Alias(temporary):
            return "alias", temporary
        case Doubt(seq) | DoubtLifted(seq):
            return "doubt", seq
        case Report(number):
            return "report", number
        case Consumed():
            return "consumed", 0
        case Numbers():
            return "numbers", 0
        case _:
            assert_never(row)
