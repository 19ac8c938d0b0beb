"""What an outbox knows: its stored rows, and three numbers of this life."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import assert_never

from rpds import HashTrieMap

from optisync.contracts.entry import Entity, EntityId, Millis, WriteEntry, mentions, rename
from optisync.outbox.queue import Queue
from optisync.outbox.rows import (
    Acked,
    Alias,
    Consumed,
    Doubt,
    DoubtLifted,
    Gone,
    Hole,
    InFlight,
    Item,
    Member,
    Numbers,
    OwnVersion,
    Parked,
    Queued,
    Report,
    Row,
)
from optisync.values import ClientSeq, Epoch
from optisync.view import Delete, Update


@dataclass(frozen=True, slots=True)
class Outbox:
    """The whole state. Everything from `now` on belongs to this life and is not stored.

    `now`: monotonic milliseconds since this life began. `failures`: deliveries that failed in a
    row. `wait_until`: no delivery is tried before.
    """

    numbers: Numbers
    queue: Queue = field(default_factory=Queue)
    versions: HashTrieMap[Entity, OwnVersion] = field(default_factory=lambda: HashTrieMap())
    aliases: HashTrieMap[str, str | None] = field(default_factory=lambda: HashTrieMap())
    doubts: tuple[Doubt, ...] = ()
    reports: tuple[Report, ...] = ()
    now: Millis = Millis(0)
    failures: int = 0
    wait_until: Millis = Millis(0)


def start(epoch: Epoch, rows: Iterable[Row] = ()) -> Outbox:
    """The state made of stored rows; a first life has none, and begins in `epoch`."""
    state = Outbox(Numbers(epoch))
    for row in rows:
        state = with_row(state, row)
    return state


def _with(state: Outbox, numbers: Numbers, queue: Queue) -> Outbox:
    """`replace` for what every step does, at a quarter of its time."""
    versions, aliases, doubts, reports = state.versions, state.aliases, state.doubts, state.reports
    life = state.now, state.failures, state.wait_until
    return Outbox(numbers, queue, versions, aliases, doubts, reports, *life)


def with_row(state: Outbox, row: Row) -> Outbox:
    """The state after a row was saved."""
    match row:
        case Item() | Hole():
            return _with(state, state.numbers, state.queue.put(row))
        case Gone(seq):
            return _with(state, state.numbers, state.queue.drop(seq))
        case OwnVersion(entity):
            return replace(state, versions=state.versions.insert(entity, row))
        case Alias(temporary, real):
            return replace(state, aliases=state.aliases.insert(temporary, real))
        case Doubt():
            return replace(state, doubts=(*state.doubts, row))
        case DoubtLifted(seq):
            return replace(state, doubts=tuple(d for d in state.doubts if d.seq != seq))
        case Report():
            return replace(state, reports=(*state.reports, row))
        case Consumed(upto):
            return replace(state, reports=tuple(r for r in state.reports if r.number > upto))
        case Numbers():
            return _with(state, row, state.queue)
        case _:
            assert_never(row)


def reborn(state: Outbox) -> Outbox:
    """The state when a new life begins: what was stored, and time at 0."""
    return replace(state, now=Millis(0), failures=0, wait_until=Millis(0))


def known_as(state: Outbox, entity: Entity) -> Entity:
    """The entity under the id that the server gave it, if it did: the two are one row."""
    real = state.aliases.get(entity.id) if state.aliases else None
    return entity if real is None else Entity(entity.resource, EntityId(real))


def renamed(state: Outbox, entry: WriteEntry) -> WriteEntry:
    """The entry with the ids that the server gave for temporary ones."""
    if not state.aliases:
        return entry
    known = ((t, state.aliases.get(t)) for t in mentions(entry))
    return rename(entry, tuple((t, real) for t, real in known if real is not None))


def lacks_base(state: Outbox, entry: WriteEntry) -> bool:
    """Whether it needs a version to be sent with, and none is known."""
    unplanned = isinstance(entry.change, Update | Delete) and entry.base is None
    return unplanned and known_as(state, entry.entity) not in state.versions


def floor(state: Outbox) -> ClientSeq:
    """The lowest number whose outcome this client may still ask for. [floor-below-undecided]"""
    lowest = next(iter(state.queue), None)
    return ClientSeq(state.numbers.counter + 1) if lowest is None else lowest.seq


def overlays(state: Outbox) -> tuple[Item, ...]:
    """The writes that are part of the view: all in the queue but those a watermark has passed."""
    decided = state.numbers.watermark or 0
    return tuple(m for m in state.queue if isinstance(m, Item) and m.seq > decided)


def next_wake(state: Outbox) -> Millis | None:
    """When a tick can change what may be sent; None while no time is awaited."""
    times = [t for m in state.queue if (t := _awaited(m)) > state.now]
    return min(
        [*times, *([state.wait_until] if state.wait_until > state.now else [])], default=None
    )


def _awaited(member: Member) -> Millis:
    match member.status:
        case Queued(not_before):
            return not_before
        case InFlight(until=until):
            return until
        case Acked() | Parked() | None:
            return Millis(0)
        case _:
            assert_never(member.status)


def status_name(member: Member) -> str:
    """The state of a member in one word, for people and wires."""
    match member.status:
        case Queued():
            return "skip" if isinstance(member, Hole) else "queued"
        case InFlight():
            return "in-flight"
        case Acked():
            return "acked"
        case Parked():
            return "parked"
        case None:
            return "open"
        case _:
            assert_never(member.status)
