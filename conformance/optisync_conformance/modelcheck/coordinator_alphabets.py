"""The scopes of the coordinator: which inputs, which configuration.

Every alphabet is hostile: beside the orderly run it holds repetitions, gaps, overlaps, malformed
deltas, dead and future epochs, verdicts about unknown mutations, labels of other clients and
failing applies, as far as they say something new in that scope.
"""

from __future__ import annotations

from collections.abc import Iterable

from optisync.contracts.messages import (
    Accepted,
    Ack,
    Delta,
    Head,
    Label,
    Outcome,
    Refused,
    Reject,
    Snapshot,
)
from optisync.coordinator.config import Config, Limits, Variant
from optisync.coordinator.inputs import Abandon, Applied, Generate, Input, Register, Sent, Tick
from optisync.coordinator.state import Pending, Position, start
from optisync.coordinator.strategy import (
    Decision,
    Keep,
    Replace,
    Strategy,
    Withhold,
    client_wins,
    rebase,
    server_wins,
)
from optisync.values import ClientId, ClientSeq, Epoch, ServerSeq
from optisync.view import changes_overlap

from .coordinator import DOCS, REJECT_CODE, changes_at, delta_value, places
from .coordinator_scopes import Scope

ME, OTHER = ClientId("me"), ClientId("other")
ORIGIN = start(Position(Epoch(1), ServerSeq(0)))
EVERYDAY: tuple[Input, ...] = (Generate(), Applied(True), Tick())


def raises(delta: Delta, undecided: tuple[Pending, ...]) -> tuple[Decision, ...]:
    """A strategy with a bug."""
    raise ValueError((delta, undecided))


def withhold_once(delta: Delta, undecided: tuple[Pending, ...]) -> tuple[Decision, ...]:
    """Puts aside what conflicts with this delta, and shows it again after the next."""
    return tuple(
        Withhold() if changes_overlap(p.changes, delta.changes) else Keep() for p in undecided
    )


def replace_any(delta: Delta, undecided: tuple[Pending, ...]) -> tuple[Decision, ...]:
    """Takes the conflicting places away, and does not care whether the mutation was sent."""
    touched = places(delta.changes, delta_value(delta.server_seq))
    return tuple(
        Replace(changes_at(places(p.changes, p.seq) - touched, p.seq))
        if changes_overlap(p.changes, delta.changes)
        else Keep()
        for p in undecided
    )


STRATEGIES: dict[str, Strategy] = {
    "client-wins": client_wins,
    "server-wins": server_wins,
    "rebase": rebase,
    "withhold-once": withhold_once,
    "replace-any": replace_any,
    "raises": raises,
}


def _config(strategy: str, limits: Limits, variant: Variant = Variant.LABELLED) -> Config:
    dense = variant is Variant.SEED_LITERAL
    return Config(ME, variant, dense, limits, STRATEGIES[strategy])


def _register(seq: int, *touched: str, sent: bool = True) -> Register:
    return Register(ClientSeq(seq), changes_at(touched, seq), sent=sent)


def _ack(seq: int, at: int | None, epoch: int = 1) -> Ack:
    return Ack(Epoch(epoch), ClientSeq(seq), None if at is None else ServerSeq(at))


def _reject(seq: int, epoch: int = 1) -> Reject:
    return Reject(Epoch(epoch), ClientSeq(seq), REJECT_CODE)


def _head(at: int, epoch: int = 1) -> Head:
    return Head(Epoch(epoch), ServerSeq(at))


def _delta(
    prev: int | None,
    at: int,
    touched: Iterable[str] = (),
    mine: Iterable[int] = (),
    theirs: Iterable[int] = (),
    epoch: int = 1,
) -> Delta:
    labels = [Label(ME, ClientSeq(n)) for n in mine] + [Label(OTHER, ClientSeq(n)) for n in theirs]
    before = None if prev is None else ServerSeq(prev)
    changes = changes_at(touched, delta_value(at))
    return Delta(Epoch(epoch), ServerSeq(at), before, changes, tuple(labels))


def _snapshot(
    epoch: int, at: int, outcomes: Iterable[tuple[int, int | None]] = (), known: bool = True
) -> Snapshot:
    """Outcomes: (number, position at which it was accepted, or None for a refusal)."""
    verdicts = tuple(
        Outcome(ClientSeq(n), Refused(REJECT_CODE) if p is None else Accepted(ServerSeq(p)))
        for n, p in outcomes
    )
    return Snapshot(Epoch(epoch), ServerSeq(at), DOCS, verdicts, known)


def stream() -> Scope:
    """Labelled deltas of one epoch in any order, with gaps."""
    inputs: tuple[Input, ...] = (
        *EVERYDAY,
        Applied(False),
        _register(1, "a/x"),
        _register(2, "a/x", "b/x"),
        Abandon(ClientSeq(1)),
        _ack(1, 1),
        _ack(1, 3),
        _ack(2, 2),
        _ack(9, 1),
        _reject(1),
        _reject(2),
        _delta(0, 1, ["a/x"], mine=[1]),
        _delta(1, 2, ["b/x"], mine=[2], theirs=[1]),
        _delta(2, 3, ["a/x", "b/x"], mine=[1, 2]),
        _delta(0, 2, [], theirs=[2]),
        _delta(2, 2),
        _delta(None, 3),
        _head(3),
    )
    limits = Limits(pending=2, buffer=2, verdicts=2, block=2)
    return Scope(
        "stream",
        "labelled deltas of one epoch in any order, with gaps and overlaps",
        _config("client-wins", limits),
        "client-wins",
        ORIGIN,
        inputs,
        2,
    )


def epochs() -> Scope:
    """Two epochs, snapshots with and without outcomes."""
    inputs: tuple[Input, ...] = (
        *EVERYDAY,
        Applied(False),
        _register(1, "a/x"),
        _register(2, "a/x", sent=False),
        Sent(ClientSeq(2)),
        Abandon(ClientSeq(1)),
        _ack(1, 1),
        _ack(1, 2, epoch=2),
        _ack(2, 2),
        _reject(1),
        _reject(1, epoch=2),
        _reject(2),
        _delta(0, 1, ["a/x"], mine=[1]),
        _delta(1, 2, [], mine=[2]),
        _delta(1, 2, ["a/x"], mine=[1], epoch=2),
        _head(1, epoch=2),
        _snapshot(1, 1, [(1, 1)]),
        _snapshot(1, 2, [(1, None), (2, 3)]),
        _snapshot(2, 1, []),
        _snapshot(2, 1, [(1, 1), (2, None)]),
        _snapshot(2, 1, [], known=False),
    )
    limits = Limits(pending=2, buffer=1, verdicts=1, block=1)
    return Scope(
        "epochs",
        "two epochs, snapshots with and without outcomes, a server that forgot the client",
        _config("client-wins", limits),
        "client-wins",
        ORIGIN,
        inputs,
        2,
    )


def conflicts(strategy: str) -> Scope:
    """A strategy that puts aside or replaces."""
    inputs: tuple[Input, ...] = (
        *EVERYDAY,
        Applied(False),
        _register(1, "a/x", "b/x", sent=False),
        _register(2, "a/x", "a/y"),
        _register(3, "b/x"),
        Sent(ClientSeq(1)),
        Abandon(ClientSeq(3)),
        _ack(1, 2),
        _ack(2, 3),
        _reject(2),
        _delta(0, 1, ["a/x"]),
        _delta(1, 2, ["b/x"], mine=[1]),
        _delta(1, 2, ["a/y"], mine=[3]),
        _delta(2, 3, []),
        _snapshot(1, 2, [(2, 3)]),
        _snapshot(2, 0, []),
    )
    limits = Limits(pending=3, buffer=1, verdicts=2, block=3)
    return Scope(
        strategy.replace("-", "_"),
        f"the strategy {strategy}",
        _config(strategy, limits),
        strategy,
        ORIGIN,
        inputs,
        3,
    )


def seed() -> Scope:
    """The seed's own server."""
    inputs: tuple[Input, ...] = (
        *EVERYDAY,
        Applied(False),
        _register(1, "a/x"),
        _register(2, "a/x", "b/x"),
        _register(3, "b/x"),
        Abandon(ClientSeq(1)),
        _ack(1, None),
        _ack(2, None),
        _ack(3, 2),
        _reject(1),
        _reject(2),
        _reject(3),
        _delta(None, 1, ["a/x"]),
        _delta(None, 2, ["b/x"]),
        _delta(None, 3, ["a/x"]),
        _delta(0, 2, []),
        _head(2),
        _snapshot(1, 2, []),
    )
    limits = Limits(pending=3, buffer=2, verdicts=2, block=3)
    return Scope(
        "seed",
        "a server as seed 003 draws it: dense numbers, no labels, acks without a position",
        _config("client-wins", limits, Variant.SEED_LITERAL),
        "client-wins",
        ORIGIN,
        inputs,
        3,
    )

def server_wins_(): return conflicts("server-wins")
def rebase_(): return conflicts("rebase")
def once_(): return conflicts("withhold-once")
def any_(): return conflicts("replace-any")
def raises_(): return conflicts("raises")
