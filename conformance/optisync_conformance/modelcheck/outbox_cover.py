"""The scopes behind the `cover` pack of the outbox: every transition of some small worlds.

Each has some hundred states. The entry `m1` is to have the number 1, and so on: the pack leaves
out what would enqueue it under another. Of each scope it is said whether the pack also tries every
input with a store that fails, and with a process that dies around the save.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from optisync.outbox.config import Mode
from optisync.outbox.inputs import Restart, Take

from .outbox_inputs import (
    LATER,
    REFUSED,
    UNKNOWN,
    abandon,
    accepted,
    cancel,
    consume,
    delta,
    direct,
    enqueue,
    entry,
    give_up,
    later,
    mine,
    read,
    release,
    reserve,
    resume,
    settle,
    snapshot,
    theirs,
    tick,
    watermark,
)
from .outbox_scopes import Scope, scope_of


@cache
def cover_scopes() -> tuple[tuple[Scope, bool], ...]:
    """The scopes, and whether the host fails in them too."""
    return (
        *((scope, False) for scope in (*_sending(), *_deciding(), *_in_order())),
        *((scope, True) for scope in _failing()),
    )


def _sending() -> Iterable[Scope]:
    yield scope_of(
        "leases",
        "leases that end, back-off, late words of workers, restarts",
        (
            enqueue(entry("m1", "a")),
            reserve(),
            settle(1, m1=LATER),
            settle(1, m1=UNKNOWN),
            settle(2, m1=later(2)),
            settle(1, m1=accepted(1)),
            release(1),
            release(2),
            tick(2),
            tick(4),
            Restart(),
        ),
        numbers=1,
        tokens=2,
    )
    yield scope_of(
        "gates",
        "one write of an entity at a time, one before the other, a batch of one",
        (
            enqueue(entry("m1", "a"), entry("m2", "a")),
            enqueue(entry("m3", "b", after=["m1"])),
            reserve(1),
            reserve(),
            settle(1, m1=accepted(1)),
            settle(1, m1=REFUSED),
            settle(2, m2=accepted(1), m3=REFUSED),
            cancel("m2"),
            abandon("m1"),
            read("a"),
        ),
        numbers=3,
        tokens=2,
    )
    yield scope_of(
        "keys",
        "duplicates and other writes under a key, a queue of two, direct writes",
        (
            enqueue(entry("m1", "a", key="k")),
            direct(entry("m1", "a", key="k")),
            enqueue(entry("m8", "a", key="k")),
            enqueue(entry("m8", "a", n=2, key="k")),
            enqueue(entry("m2", "b"), entry("m1", "a", key="other")),
            enqueue(entry("m2", "b"), entry("m3", "b")),
            direct(entry("m2", "b")),
            reserve(),
            settle(1, m1=accepted(1)),
            settle(1, m2=REFUSED),
            delta(1),
            Restart(),
        ),
        numbers=3,
        tokens=1,
        capacity=2,
    )
    yield scope_of(
        "parking",
        "a server that says not now, resumed and abandoned writes, doubts",
        (
            enqueue(entry("m1", "a")),
            enqueue(entry("m2", "a"), entry("m3", "b")),
            reserve(),
            settle(1, m1=LATER),
            settle(2, m1=LATER, m2=LATER),
            settle(1, m1=accepted(1)),
            resume("m1"),
            abandon("m1"),
            read("a"),
            read("b"),
            Restart(),
        ),
        numbers=3,
        tokens=2,
        max_attempts=1,
    )
    yield scope_of(
        "direct",
        "direct and stored writes of one entity, restarts",
        (
            enqueue(entry("m1", "a")),
            direct(entry("m1", "a")),
            enqueue(entry("m2", "a")),
            direct(entry("m2", "a")),
            reserve(),
            settle(1, m1=accepted(1)),
            settle(1, m1=REFUSED),
            settle(2, m2=REFUSED),
            delta(1),
            Restart(),
        ),
        numbers=2,
        tokens=2,
    )


def _deciding() -> Iterable[Scope]:
    yield scope_of(
        "verdicts",
        "verdicts by results, labels and outcomes: repeated, contradictory, late, to nobody",
        (
            enqueue(entry("m1", "a"), entry("m2", "b")),
            reserve(1),
            settle(1, m1=accepted(2)),
            settle(1, m1=accepted(1)),
            settle(1, m1=REFUSED, m2=accepted(1)),
            settle(1, m2=REFUSED),
            settle(1),
            delta(1, mine(2), theirs(1)),
            delta(2, mine(1)),
            snapshot(1, (1, accepted(2)), (2, REFUSED)),
            snapshot(2),
            abandon("m1"),
            read("a"),
            consume(9),
        ),
        numbers=2,
        tokens=1,
    )
    yield scope_of(
        "epochs",
        "a restore of the server: dead and future epochs, a server that forgot",
        (
            enqueue(entry("m1", "a")),
            enqueue(entry("m2", "a")),
            reserve(),
            settle(1, m1=accepted(1)),
            settle(1, m1=REFUSED),
            settle(1, 2, m1=accepted(1)),
            settle(1, 2, m1=REFUSED),
            delta(1, epoch=2),
            snapshot(0, epoch=2),
            snapshot(1, (1, accepted(1)), epoch=2),
            snapshot(0, (2, REFUSED), epoch=2, known=False),
            release(1),
        ),
        numbers=2,
        tokens=2,
    )
    yield scope_of(
        "ids",
        "temporary ids: children that wait, are renamed or rejected",
        (
            enqueue(entry("m1", "t1", "create")),
            enqueue(entry("m2", "t1", "update", n=2)),
            enqueue(entry("m3", "b", "upsert", "t1")),
            reserve(),
            settle(1, m1=accepted(1, 1, t1="r1")),
            settle(1, m1=accepted(2)),
            settle(1, m1=REFUSED),
            settle(2, m2=REFUSED),
            delta(2, mine(1, 1, t1="r1")),
            delta(2),
            cancel("m1"),
            abandon("m1"),
            Restart(),
        ),
        numbers=3,
        tokens=2,
    )
    yield scope_of(
        "versions",
        "versions of own writes, by results, labels and outcomes",
        (
            enqueue(entry("m1", "a", "update", base=1)),
            enqueue(entry("m2", "a", "update", base=1)),
            enqueue(entry("m3", "a", "delete", base=2)),
            reserve(),
            settle(1, m1=accepted(1, 2)),
            settle(1, m1=accepted(1)),
            settle(1, m1=REFUSED),
            settle(2, m2=accepted(2, 3)),
            delta(1, mine(1, 2)),
            snapshot(2, (1, accepted(1, 2))),
            delta(1, theirs(2)),
        ),
        numbers=3,
        tokens=3,
    )


def _in_order() -> Iterable[Scope]:
    yield scope_of(
        "order",
        "a prefix of all numbers: open ones, skips, watermarks",
        (
            Take(),
            give_up(1),
            enqueue(entry("m1", "a")),
            enqueue(entry("m2", "b")),
            reserve(),
            settle(1, m1=accepted(1)),
            settle(1, m2=REFUSED),
            delta(1),
            watermark(0, 1),
            watermark(1, 2, [2]),
            cancel("m2"),
            Restart(),
        ),
        numbers=2,
        tokens=1,
        mode=Mode.ORDERED,
    )
    yield scope_of(
        "order_restored",
        "watermarks and skips after a restore of the server",
        (
            enqueue(entry("m1", "a")),
            enqueue(entry("m2", "a")),
            reserve(),
            settle(1, m1=accepted(1)),
            settle(1, m1=REFUSED),
            abandon("m1"),
            delta(1),
            snapshot(0, epoch=2),
            watermark(0, 0, epoch=2),
            watermark(0, 1, [1], epoch=2),
            watermark(1, 1),
            watermark(0, 2, epoch=2),
        ),
        numbers=2,
        tokens=2,
        mode=Mode.ORDERED,
    )


def _failing() -> Iterable[Scope]:
    yield scope_of(
        "crashes",
        "a store that fails and a process that dies around each save",
        (
            enqueue(entry("m1", "a")),
            enqueue(entry("m2", "b")),
            reserve(1),
            settle(1, m1=accepted(1)),
            settle(1, m1=REFUSED),
            settle(1, m1=LATER),
            delta(1, mine(1)),
            cancel("m2"),
            resume("m1"),
            consume(9),
        ),
        numbers=2,
        tokens=1,
        max_attempts=1,
    )
    yield scope_of(
        "crashes_in_order",
        "a store that fails and a process that dies around each save, with skips and epochs",
        (
            Take(),
            enqueue(entry("m2", "a")),
            reserve(),
            settle(1, m2=accepted(1)),
            delta(1),
            watermark(1, 1),
            watermark(1, 2, [2]),
            snapshot(0, epoch=2),
            abandon("m2"),
        ),
        numbers=2,
        tokens=1,
        mode=Mode.ORDERED,
    )
