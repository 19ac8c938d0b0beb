"""The scopes of the coordinator: which inputs, which configuration.

Every alphabet is hostile: beside the orderly run it holds repetitions, gaps, overlaps, malformed
deltas, dead and future epochs, verdicts about unknown mutations, labels of other clients and
failing applies, as far as they say something new in that scope. Sizes: ``models/README.md``.
"""

from __future__ import annotations

from optisync.coordinator.config import Limits, Variant
from optisync.coordinator.inputs import Input

from .coordinator_cover import cover_scopes
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


def scopes() -> tuple[Scope, ...]:
    """All scopes, those of the cover pack included."""
    return (*large_scopes(), *small_scopes(), *cover_scopes())


def large_scopes() -> tuple[Scope, ...]:
    """Scopes of 5,000 to 15,000 states."""
    return (_rebase(), _server_wins(), _epochs(), _stream(), _seed())


def _stream() -> Scope:
    return scope(
        "stream",
        "labelled deltas of one epoch in any order, with gaps, overlaps and early verdicts",
        (
            register(1, "a/x"),
            register(2, "a/x", "b/x"),
            abandon(1),
            ack(1, 1),
            ack(1, 3),
            ack(2, 2),
            ack(9, 1),
            ack(2, None),
            reject(1),
            reject(2),
            delta(0, 1, "a/x", mine=[1]),
            delta(1, 2, "b/x", mine=[2], theirs=[1]),
            delta(2, 3, "a/x", "b/x", mine=[1, 2]),
            delta(0, 2, theirs=[2]),
            delta(1, 4),
            delta(2, 2),
            delta(None, 3),
            delta(1, 1, epoch=0),
            head(4),
        ),
        Limits(pending=2, buffer=2, verdicts=2, block=2),
        numbers=2,
    )


def _epochs() -> Scope:
    return scope(
        "epochs",
        "two epochs, snapshots with and without outcomes, a server that forgot the client",
        (
            register(1, "a/x"),
            register(2, "a/x", sent=False),
            sent(2),
            abandon(1),
            ack(1, 1),
            ack(1, 2, epoch=2),
            ack(2, 2),
            reject(1),
            reject(1, epoch=2),
            reject(2),
            delta(0, 1, "a/x", mine=[1]),
            delta(1, 2, mine=[2]),
            delta(1, 2, "a/x", mine=[1], epoch=2),
            head(1, epoch=2),
            snapshot(1, (1, 1)),
            snapshot(2, (1, None), (2, 3)),
            snapshot(1, epoch=2),
            snapshot(1, (1, 1), (2, None), epoch=2),
            snapshot(1, epoch=2, known=False),
        ),
        Limits(pending=2, buffer=1, verdicts=1, block=1),
        numbers=2,
    )


_CONFLICTS: tuple[Input, ...] = (
    register(1, "a/x", "b/x", sent=False),
    register(2, "a/x", "a/y"),
    register(3, "b/x"),
    sent(1),
    ack(1, 2),
    ack(2, 3),
    reject(2),
    delta(0, 1, "a/x"),
    delta(1, 2, "b/x", mine=[1]),
    delta(1, 2, "a/y", mine=[3]),
    delta(2, 3),
)


def _rebase() -> Scope:
    return scope(
        "rebase",
        "three mutations of two atoms under a strategy that replaces what was not sent",
        (*_CONFLICTS, snapshot(0, epoch=2)),
        Limits(pending=3, buffer=1, verdicts=2, block=3),
        numbers=3,
        strategy="rebase",
    )


def _server_wins() -> Scope:
    return scope(
        "server_wins",
        "three mutations of two atoms under a strategy that puts aside, a queue of two",
        (*_CONFLICTS, abandon(3), snapshot(2, (2, 3))),
        Limits(pending=2, buffer=1, verdicts=2, block=2),
        numbers=3,
        strategy="server-wins",
    )


def _seed() -> Scope:
    return scope(
        "seed",
        "a server as seed 003 draws it: dense numbers, no labels, acks without a position",
        (
            register(1, "a/x"),
            register(2, "a/x", "b/x"),
            register(3, "b/x"),
            abandon(1),
            ack(1, None),
            ack(2, None),
            ack(3, 2),
            reject(1),
            reject(2),
            reject(3),
            delta(None, 1, "a/x"),
            delta(None, 2, "b/x"),
            delta(None, 3, "a/x"),
            delta(0, 2),
            head(2),
            snapshot(2),
        ),
        Limits(pending=3, buffer=2, verdicts=2, block=3),
        numbers=3,
        variant=Variant.SEED_LITERAL,
        dense=True,
    )


def small_scopes() -> tuple[Scope, ...]:
    """Scopes small enough for the second checker; strategies that an application might bring."""
    return (
        scope(
            "rivals",
            "deltas that contradict each other, held back behind failing applies",
            (
                delta(0, 1),
                delta(0, 3),
                delta(1, 2),
                delta(1, 3),
                delta(1, 4),
                delta(2, 3),
                delta(2, 4),
                head(4),
                head(2, epoch=0),
            ),
            Limits(pending=1, buffer=3),
            numbers=0,
        ),
        scope(
            "withhold_once",
            "a strategy of the application that shows again what it put aside; snapshots",
            (
                *(_CONFLICTS[:2] + _CONFLICTS[4:]),
                snapshot(1, (2, 3)),
                snapshot(1, epoch=2, known=False),
            ),
            Limits(pending=2, buffer=1, verdicts=2, block=2),
            numbers=2,
            strategy="withhold-once",
        ),
        scope(
            "replace_any",
            "a strategy of the application that replaces what was sent, too",
            _CONFLICTS[:2] + _CONFLICTS[3:],
            Limits(pending=2, buffer=1, verdicts=2, block=2),
            numbers=2,
            strategy="replace-any",
        ),
    )
