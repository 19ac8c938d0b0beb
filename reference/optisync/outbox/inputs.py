"""What can happen to an outbox: calls of the application, workers, the server's words, time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from optisync.contracts.entry import Entity, EntryId, Millis, WriteEntry
from optisync.contracts.messages import Accepted, Delta, Refused, Snapshot
from optisync.values import ClientSeq, Epoch, ServerSeq


@dataclass(frozen=True, slots=True)
class Take:
    """Somebody wants a number before there is a write; it is `numbers.counter` after the step."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """A number that was taken will not be used."""

    seq: ClientSeq


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Writes, all or none. `seqs`: the numbers taken for them before; None, or none: the next.

    `stored` False: a direct write, which takes part in every gate and ends with the process.
    `at` is the wall clock, for people.
    """

    entries: tuple[WriteEntry, ...]
    seqs: tuple[ClientSeq | None, ...] = ()
    stored: bool = True
    at: Millis = Millis(0)


@dataclass(frozen=True, slots=True)
class Reserve:
    """A worker wants up to `limit` entries to send."""

    limit: int
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """The server answered "not now"; `after`: no earlier than in so many milliseconds."""

    after: Millis = Millis(0)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows whether the server executed it: no answer, or none that names it."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one entry, by its id. Accepted and Refused are definite."""

    entry_id: EntryId
    outcome: Accepted | Refused | Retry | Unknown


@dataclass(frozen=True, slots=True)
class Settle:
    """An answer of the server, given in `epoch`, to what was sent under the lease `token`."""

    token: int
    epoch: Epoch
    results: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """What was reserved under `token` could not be delivered."""

    token: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A number that a watermark passed because the server refused its write."""

    seq: ClientSeq
    code: str


@dataclass(frozen=True, slots=True)
class Watermark:
    """The server decided all of this client's numbers up to `upto`, at or below `server_seq`.

    `refused` names those it refused; None: it does not say, and each entry waits for its verdict.
    """

    epoch: Epoch
    server_seq: ServerSeq
    upto: ClientSeq
    refused: tuple[Refusal, ...] | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """The application no longer wants a write that was never sent."""

    entry_id: EntryId


@dataclass(frozen=True, slots=True)
class Abandon:
    """The application gives up waiting for a write that was sent."""

    entry_id: EntryId


@dataclass(frozen=True, slots=True)
class Resume:
    """A parked write is to be tried again."""

    entry_id: EntryId


@dataclass(frozen=True, slots=True)
class HasRead:
    """The entity was read from the server."""

    entity: Entity


@dataclass(frozen=True, slots=True)
class Consume:
    """The application has taken in the reports up to a number."""

    upto: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Monotonic milliseconds since this life began; a smaller number than before has no effect."""

    now: Millis


@dataclass(frozen=True, slots=True)
class Restart:
    """A new life begins over the stored rows; time starts again at 0."""


Input: TypeAlias = (
    Take
    | GiveUp
    | Enqueue
    | Reserve
    | Settle
    | Release
    | Delta
    | Snapshot
    | Watermark
    | Cancel
    | Abandon
    | Resume
    | HasRead
    | Consume
    | Tick
    | Restart
)
"""A Delta or Snapshot says that the documents now hold it, in the same transaction."""
