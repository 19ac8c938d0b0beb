"""The scopes behind the `cover` pack: every transition of some small worlds.

Each has some hundred states, and every input of it can be said in a script of protocol 1: they
start at epoch 1, position 0, use its four strategies, and bound only what `limits` names there.
"""

from __future__ import annotations

from typing import Final

from optisync.coordinator.config import Limits, Variant

from .coordinator_inputs import (
    abandon,
    ack,
    delta,
    head,
    register,
    reject,
    scope,
    sent,
    snapshot,
)
from .coordinator_scopes import Scope

_LIMITS: Final = Limits(pending=2, buffer=1, verdicts=256, block=32)

_COVER: Final[tuple[Scope, ...]] = (
    scope(
        "cover_stream",
        "labels, gaps, early and late verdicts",
        (
            register(1, "a/x", "b/x"),
            ack(1, 1),
            ack(1, 2),
            ack(9, 1),
            reject(1),
            abandon(1),
            ack(1, None),
            delta(0, 1, "a/x", mine=[1]),
            delta(1, 2, "b/x", mine=[1], theirs=[1]),
            delta(0, 2),
            delta(2, 2),
            head(2),
        ),
        _LIMITS,
        numbers=1,
    ),
    scope(
        "cover_order",
        "verdicts about three mutations in any order, a queue of two",
        (
            register(1, "a/x"),
            register(2, "a/x", "b/x"),
            register(3, "b/x"),
            reject(1),
            reject(2),
            ack(1, 1),
            ack(2, 1),
            delta(0, 1, "a/x", "b/x", mine=[1, 2]),
        ),
        _LIMITS,
        numbers=3,
    ),
    scope(
        "cover_epochs",
        "a restore of the server and snapshots with outcomes",
        (
            register(1, "a/x", "b/x"),
            ack(1, 1),
            reject(1),
            reject(1, epoch=2),
            delta(0, 1, "b/x", mine=[1]),
            head(1, epoch=2),
            snapshot(1, (1, 1)),
            snapshot(1, (1, None)),
            snapshot(0, epoch=2),
            snapshot(0, (1, 1), epoch=2),
            snapshot(1, epoch=2, known=False),
        ),
        _LIMITS,
        numbers=1,
    ),
    scope(
        "cover_restore",
        "what becomes of an accepted mutation after a restore of the server",
        (
            register(1, "a/x", "b/x"),
            ack(1, 1),
            ack(1, 1, epoch=2),
            abandon(1),
            reject(1, epoch=2),
            delta(0, 1, "b/x", mine=[1], epoch=2),
            snapshot(0, epoch=2),
        ),
        _LIMITS,
        numbers=1,
    ),
    scope(
        "cover_gaps",
        "deltas held back, displaced and overtaken, positions of other epochs",
        (
            delta(0, 1, "a/x"),
            delta(1, 2, "b/x"),
            delta(2, 3, "a/y"),
            delta(1, 3, "b/y"),
            delta(0, 3),
            head(3),
            head(3, epoch=0),
            snapshot(2),
            snapshot(1, epoch=2),
        ),
        _LIMITS,
        numbers=0,
    ),
    scope(
        "cover_server_wins",
        "a strategy that puts aside",
        (
            register(1, "a/x", "b/x"),
            register(2, "b/x"),
            ack(1, 2),
            reject(1),
            delta(0, 1, "a/x"),
            delta(1, 2, "b/x", mine=[2]),
            snapshot(1, (1, 2)),
        ),
        _LIMITS,
        numbers=2,
        strategy="server-wins",
    ),
    scope(
        "cover_rebase",
        "a strategy that replaces what was not sent",
        (
            register(1, "a/x", "b/x", sent=False),
            sent(1),
            ack(1, 2),
            reject(1),
            delta(0, 1, "a/x"),
            delta(1, 2, "b/x"),
            snapshot(1, epoch=2, known=False),
        ),
        _LIMITS,
        numbers=1,
        strategy="rebase",
    ),
    scope(
        "cover_raises",
        "a strategy that raises",
        (register(1, "a/x", "b/x"), reject(1), ack(1, 1), delta(0, 1, "a/x"), delta(1, 2)),
        _LIMITS,
        numbers=1,
        strategy="raises",
    ),
    scope(
        "cover_seed",
        "dense numbers, no labels, acks without a position",
        (
            register(1, "a/x", "b/x"),
            ack(1, None),
            reject(1),
            delta(None, 1, "a/x"),
            delta(None, 2, "b/x"),
            snapshot(2),
        ),
        _LIMITS,
        numbers=1,
        variant=Variant.SEED_LITERAL,
        dense=True,
    ),
    scope(
        "cover_ack_first",
        "no labels, acks name positions",
        (
            register(1, "a/x"),
            register(2, "b/x"),
            ack(1, 1),
            ack(2, 2),
            reject(2),
            delta(0, 1, "a/x"),
            delta(1, 2, "b/x"),
        ),
        _LIMITS,
        numbers=2,
        variant=Variant.ACK_FIRST,
    ),
)


def cover_scopes() -> tuple[Scope, ...]:
    """The scopes, in no particular order."""
    return _COVER
