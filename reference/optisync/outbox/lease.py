"""What may be sent now, to whom it is handed, and how it comes back unsettled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from optisync.contracts.entry import Millis, Stamp, makes_row, mentions
from optisync.outbox.config import Config, Mode, back_off
from optisync.outbox.effects import ParkedEntry, Send
from optisync.outbox.rows import (
    Acked,
    Hole,
    InFlight,
    Item,
    Member,
    OwnVersion,
    Parked,
    Queued,
)
from optisync.outbox.state import Outbox, floor, known_as, lacks_base, renamed
from optisync.outbox.turn import Turn
from optisync.values import ClientSeq
from optisync.view import Create


def sendable(config: Config, state: Outbox) -> Iterator[Member]:
    """What may be sent now, in order of the numbers: the rule of reserve.

    One unsettled write per entity [one-in-flight-per-entity], none before what it waits for
    [dependency-order]; in `ordered` mode a prefix of all numbers [ordered-is-a-prefix].
    """
    closed = {known_as(state, doubt.entity) for doubt in state.doubts}  # [doubt-lifted-by-read]
    unsettled: set[ClientSeq] = set()
    nameless: set[str] = set()
    for member in state.queue:  # [fifo-by-number]
        if isinstance(member, Item) and isinstance(member.status, Acked):  # [acked-blocks-nobody]
            if makes_row(member.entry) and member.entry.entity.id not in state.aliases:
                nameless.add(member.entry.entity.id)  # [ids-renamed]
            continue
        free = isinstance(member, Hole) or (
            known_as(state, member.entry.entity) not in closed
            and unsettled.isdisjoint(member.after)
            and (not nameless or nameless.isdisjoint(mentions(member.entry)))
            and (member.sent or not lacks_base(state, member.entry))  # [base-unknown]
        )
        if free and isinstance(member.status, Queued) and member.status.not_before <= state.now:
            yield member
        elif config.mode is Mode.ORDERED:
            return
        if isinstance(member, Item):  # [parked-holds-entity]
            closed.add(known_as(state, member.entry.entity))
            unsettled.add(member.seq)


def reserve(config: Config, turn: Turn, limit: int, owner: str) -> Turn:
    """Hand out up to `limit` writes, and the unused numbers before them, under a new lease."""
    state = turn.state
    chosen = _limited(sendable(config, state), limit) if state.now >= state.wait_until else []
    if not chosen:
        return turn
    token = state.numbers.token + 1
    lease = InFlight(token, owner, Millis(state.now + config.lease_ms))
    turn = turn.numbered(replace(state.numbers, token=token))
    items: list[Item] = []
    for member in chosen:
        if isinstance(member, Item):
            member = replace(fixed(state, member, token), status=lease)
            items.append(member)
            turn = turn.put(member)
        else:
            turn = turn.put(replace(member, status=lease))
    skips = ranges([member.seq for member in chosen if isinstance(member, Hole)])
    return turn.with_effect(Send(token, tuple(items), skips, floor(state)))


def _limited(members: Iterator[Member], limit: int) -> list[Member]:
    chosen: list[Member] = []
    for member in members:
        if isinstance(member, Item) and (limit := limit - 1) < 0:
            break
        chosen.append(member)
    return chosen


def fixed(state: Outbox, item: Item, token: int) -> Item:
    """The item as it is sent, now and ever after. [content-fixed-at-first-send]"""
    if item.sent:
        return item
    entry = renamed(state, item.entry)
    own = state.versions.get(known_as(state, entry.entity))
    base = None if isinstance(entry.change, Create) else base_version(entry.base, own)
    return replace(item, entry=entry, first=token, base=base)


def base_version(planned: Stamp | None, own: OwnVersion | None) -> Stamp | None:
    """The version a write is sent with: what the plan saw, or a later one of this client's own.

    Own writes raise it only if the plan saw what the first of them was made on; nothing else does,
    not a delta, a read or a rejection: a foreign write between would be overwritten in silence.
    [base-version-own-only]
    """
    if planned is None:
        return None if own is None else own.stamp
    seen = own is not None and own.since <= planned
    return max(planned, own.stamp) if own is not None and seen else planned


def ranges(seqs: list[ClientSeq]) -> tuple[tuple[ClientSeq, ClientSeq], ...]:
    """Ascending numbers as ranges, both ends included.

    >>> ranges([ClientSeq(n) for n in (1, 2, 3, 7)])
    ((1, 3), (7, 7))
    """
    if not seqs:
        return ()
    breaks = [(last, first) for last, first in pairwise(seqs) if last + 1 != first]
    firsts = [seqs[0], *(first for _, first in breaks)]
    lasts = [*(last for last, _ in breaks), seqs[-1]]
    return tuple(zip(firsts, lasts, strict=True))


def holds(item: Item, token: int) -> bool:
    """Whether the lease is still the item's own. [indefinite-fenced]"""
    return isinstance(item.status, InFlight) and item.status.token == token


def put_back(config: Config, turn: Turn, item: Item, answered: bool, after: Millis) -> Turn:
    """An indefinite outcome: back to its place, later; parked after too many answers."""
    attempts = item.attempts + answered  # [only-answers-are-attempts]
    if attempts >= config.max_attempts:  # [parked-after-attempts]
        parked = replace(item, status=Parked(), attempts=attempts)
        return turn.put(parked).with_effect(ParkedEntry(item.entry.entry_id))
    delays = item.delays + 1
    wait = min(max(back_off(config, delays), after), config.max_delay_ms)  # [back-off-bounded]
    status = Queued(Millis(turn.state.now + wait))
    return turn.put(replace(item, status=status, attempts=attempts, delays=delays))


def release(config: Config, turn: Turn, token: int) -> Turn:
    """What a lease still holds could not be delivered: queued again, nothing sent for a while."""
    held = [
        m for m in turn.state.queue if isinstance(m.status, InFlight) and m.status.token == token
    ]
    if not held:  # [indefinite-fenced]
        return turn
    failures = turn.state.failures + 1  # [unreachable-backs-off]
    until = Millis(turn.state.now + back_off(config, failures))
    turn = replace(turn, state=replace(turn.state, failures=failures, wait_until=until))
    return turn.put(*(replace(member, status=Queued()) for member in held))


def expire(turn: Turn) -> Turn:
    """Leases that are over: what they held may be sent again. [lease-expires]"""
    now = turn.state.now
    over = (m for m in turn.state.queue if isinstance(m.status, InFlight) and m.status.until <= now)
    return turn.put(*(replace(member, status=Queued()) for member in over))
