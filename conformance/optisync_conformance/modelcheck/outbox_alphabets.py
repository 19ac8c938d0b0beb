"""The scopes of the outbox: which inputs, which configuration.

Every alphabet is hostile: beside the orderly run it holds answers that come late, twice or to
nobody, contradictory verdicts, dead and future epochs, labels of other clients, leases that are
over, and calls that are refused, as far as they say something new in that scope. Sizes:
``models/README.md``.
"""

from __future__ import annotations

from typing import Final

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

TAKE: Final = Take()
RESTART: Final = Restart()


def scopes() -> tuple[Scope, ...]:
    """All scopes."""
    return (*large_scopes(), *small_scopes())


def large_scopes() -> tuple[Scope, ...]:
    """Scopes of 5,000 to 15,000 states."""
    return (_leases(), _ordered(), _epochs(), _names())


def _leases() -> Scope:
    return scope_of(
        "leases",
        "two writes of one entity: leases, late and repeated answers, parking, restarts",
        (
            enqueue(entry("x", "a")),
            enqueue(entry("y", "a")),
            reserve(),
            settle(1, x=accepted(1, 1)),
            settle(2, x=accepted(2)),
            settle(1, x=REFUSED),
            settle(1, x=LATER),
            settle(2, x=later(2)),
            settle(2, y=UNKNOWN),
            settle(2, y=accepted(2, 2), x=UNKNOWN),
            release(1),
            release(2),
            delta(1, mine(1, 1, t9="r9")),
            delta(2),
            cancel("y"),
            abandon("x"),
            resume("x"),
            read("a"),
            tick(1),
            tick(2),
            tick(3),
            RESTART,
        ),
        numbers=2,
        tokens=2,
        capacity=2,
    )


def _ordered() -> Scope:
    return scope_of(
        "ordered",
        "a prefix of all numbers: holes, skips, watermarks with and without refusals",
        (
            TAKE,
            give_up(1),
            enqueue(entry("x", "a"), under=[1]),
            enqueue(entry("y", "b")),
            reserve(),
            settle(1, x=accepted(1), y=accepted(2)),
            settle(1, y=REFUSED, x=LATER),
            release(1),
            watermark(1, 1),
            watermark(2, 2, [1]),
            watermark(1, 2, []),
            watermark(1, 1, epoch=0),
            watermark(0, 1, epoch=2),
            delta(1),
            delta(2, mine(2)),
            snapshot(0, epoch=2),
            cancel("y"),
            abandon("x"),
            tick(2),
            RESTART,
        ),
        numbers=2,
        tokens=2,
        mode=Mode.ORDERED,
    )


def _epochs() -> Scope:
    return scope_of(
        "epochs",
        "two epochs: snapshots with and without outcomes, a server that forgot the client",
        (
            enqueue(entry("x", "a")),
            enqueue(entry("y", "a", "update", base=1)),
            reserve(),
            settle(1, x=accepted(2, 2)),
            settle(1, x=accepted(1, 1), epoch=2),
            settle(2, y=accepted(3, 3)),
            settle(2, y=REFUSED),
            settle(1, y=accepted(1), epoch=3),
            release(2),
            delta(1, mine(1, 1), theirs(2)),
            delta(2, mine(2, 2), epoch=2),
            snapshot(2, (1, accepted(2, 2)), (2, REFUSED)),
            snapshot(0, epoch=2),
            snapshot(1, (1, accepted(1, 1)), (2, accepted(3, 3)), epoch=2),
            snapshot(0, (2, REFUSED), epoch=2, known=False),
            abandon("x"),
            read("a"),
            consume(1),
            tick(2),
            RESTART,
        ),
        numbers=2,
        tokens=2,
    )


def _names() -> Scope:
    return scope_of(
        "names",
        "temporary ids, dependencies, versions: children that wait, are renamed or rejected",
        (
            enqueue(entry("p", "t1", "create")),
            enqueue(entry("c", "t1", "update", n=2)),
            enqueue(entry("d", "b", "upsert", "t1"), entry("f", "t1", "delete", after=["c"])),
            reserve(),
            settle(1, p=accepted(2, 2, t1="r1")),
            settle(1, p=accepted(2)),
            settle(1, p=REFUSED),
            settle(2, c=REFUSED),
            delta(2, mine(1, 2)),
            snapshot(0, epoch=2),
            cancel("c"),
            abandon("p"),
            RESTART,
        ),
        numbers=4,
        tokens=2,
    )


def small_scopes() -> tuple[Scope, ...]:
    """Scopes small enough for the second checker."""
    return (_refusals(), _direct())


def _refusals() -> Scope:
    return scope_of(
        "refusals",
        "what is refused at enqueue: all or none",
        (
            TAKE,
            give_up(1),
            give_up(2),
            enqueue(entry("x", "a")),
            enqueue(entry("x", "a", n=2)),
            enqueue(entry("y", "b"), entry("x", "a", key="k")),
            enqueue(entry("y", "b"), entry("z", "b", "update"), entry("x", "a", n=2)),
            enqueue(entry("z", "c", "delete")),
            enqueue(entry("y", "b", "create"), under=[1]),
            enqueue(entry("w", "a"), under=[1]),
            direct(entry("y", "b")),
            reserve(1),
            settle(1, x=accepted(1, 1), z=UNKNOWN),
            cancel("x"),
            abandon("x"),
            resume("x"),
            consume(9),
            RESTART,
        ),
        numbers=3,
        tokens=1,
        capacity=2,
    )


def _direct() -> Scope:
    return scope_of(
        "direct",
        "direct writes and their children beside stored ones, in ordered mode",
        (
            TAKE,
            direct(entry("p", "t1", "create")),
            direct(entry("q", "b", "upsert", "t1")),
            enqueue(entry("c", "t1", "update")),
            enqueue(entry("p", "t1", "create")),
            enqueue(entry("p", "t1", "create"), under=[1]),
            enqueue(entry("r", "t1", "create")),
            reserve(),
            settle(1, p=accepted(2, 2, t1="r1")),
            settle(1, p=REFUSED),
            settle(1, c=accepted(1)),
            watermark(0, 3, [1]),
            watermark(0, 1, []),
            abandon("p"),
            cancel("c"),
            RESTART,
        ),
        numbers=3,
        tokens=1,
        mode=Mode.ORDERED,
    )
