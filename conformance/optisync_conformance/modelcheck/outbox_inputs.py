"""Short words for the inputs of the outbox's scopes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from optisync.contracts.entry import EntryId, IdempotencyKey, Millis, Stamp, WriteEntry
from optisync.contracts.messages import Accepted, Delta, Label, Outcome, Refused, Snapshot
from optisync.outbox.inputs import (
    Abandon,
    Cancel,
    Consume,
    Enqueue,
    GiveUp,
    HasRead,
    Refusal,
    Release,
    Reserve,
    Result,
    Resume,
    Retry,
    Settle,
    Tick,
    Unknown,
    Watermark,
)
from optisync.values import ClientId, ClientSeq, Epoch, Obj, ServerSeq, Version

from .outbox import change_of, entity_of

ME: Final = ClientId("me")
OTHER: Final = ClientId("other")
REFUSED: Final = Refused("no")
UNKNOWN: Final = Unknown()
LATER: Final = Retry()


def entry(
    name: str,
    entity: str,
    kind: str = "upsert",
    *refs: str,
    n: int = 1,
    base: int | None = None,
    after: Iterable[str] = (),
    key: str = "",
) -> WriteEntry:
    """A write; what it creates has a temporary id if that begins with "t"."""
    return WriteEntry(
        EntryId(name),
        IdempotencyKey(key or name),
        entity_of(entity),
        change_of(kind, 0 if kind == "delete" else n, refs),
        None if base is None else Stamp(Epoch(1), Version(base)),
        kind == "create" and entity.startswith("t"),
        tuple(EntryId(other) for other in after),
    )


def enqueue(*entries: WriteEntry, under: Iterable[int] = ()) -> Enqueue:
    """Writes to be stored, under numbers taken before or the next ones."""
    return Enqueue(entries, tuple(ClientSeq(seq) for seq in under))


def direct(*entries: WriteEntry) -> Enqueue:
    """Writes that end with the process."""
    return Enqueue(entries, stored=False)


def give_up(seq: int) -> GiveUp:
    """A number that was taken is not used."""
    return GiveUp(ClientSeq(seq))


def reserve(limit: int = 9) -> Reserve:
    """A worker asks for work."""
    return Reserve(limit)


def accepted(at: int, version: int | None = None, **ids: str) -> Accepted:
    """Accepted at a position, perhaps with a version and ids."""
    return Accepted(
        ServerSeq(at), None if version is None else Version(version), tuple(ids.items())
    )


def settle(token: int, epoch: int = 1, **results: Accepted | Refused | Retry | Unknown) -> Settle:
    """An answer to what was sent under a lease."""
    told = tuple(Result(EntryId(name), outcome) for name, outcome in results.items())
    return Settle(token, Epoch(epoch), told)


def later(after: int) -> Retry:
    """Not now, and not before so many milliseconds."""
    return Retry(Millis(after))


def release(token: int) -> Release:
    """It could not be delivered."""
    return Release(token)


def mine(seq: int, version: int | None = None, **ids: str) -> Label:
    """A label of this client."""
    given = None if version is None else Version(version)
    return Label(ME, ClientSeq(seq), given, tuple(ids.items()))


def theirs(seq: int) -> Label:
    """A label of another client."""
    return Label(OTHER, ClientSeq(seq))


def delta(at: int, *labels: Label, epoch: int = 1) -> Delta:
    """The documents hold a delta."""
    return Delta(Epoch(epoch), ServerSeq(at), None, (), labels)


def snapshot(
    at: int, *outcomes: tuple[int, Accepted | Refused], epoch: int = 1, known: bool = True
) -> Snapshot:
    """The documents are a snapshot's."""
    told = tuple(Outcome(ClientSeq(seq), verdict) for seq, verdict in outcomes)
    return Snapshot(Epoch(epoch), ServerSeq(at), Obj(), told, known)


def watermark(
    at: int, upto: int, refused: Iterable[int] | None = None, epoch: int = 1
) -> Watermark:
    """The server decided all numbers up to one; it says which it refused, or does not (None)."""
    named = None if refused is None else tuple(Refusal(ClientSeq(n), "no") for n in refused)
    return Watermark(Epoch(epoch), ServerSeq(at), ClientSeq(upto), named)


def cancel(name: str) -> Cancel:
    """The application no longer wants it."""
    return Cancel(EntryId(name))


def abandon(name: str) -> Abandon:
    """The application gives up waiting for it."""
    return Abandon(EntryId(name))


def resume(name: str) -> Resume:
    """A parked write is to be tried again."""
    return Resume(EntryId(name))


def read(entity: str) -> HasRead:
    """The entity was read."""
    return HasRead(entity_of(entity))


def consume(upto: int) -> Consume:
    """The application took the reports in."""
    return Consume(upto)


def tick(now: int) -> Tick:
    """Time passes."""
    return Tick(Millis(now))
