"""Short words for the inputs and configurations of the coordinator's scopes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

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

ME: Final = ClientId("me")
OTHER: Final = ClientId("other")
ORIGIN: Final = start(Position(Epoch(1), ServerSeq(0)))
DONE: Final = Applied(True)
FAILED: Final = Applied(False)
#: What every scope has.
EVERYDAY: Final[tuple[Input, ...]] = (Generate(), DONE, FAILED, Tick())


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


#: By the names the model knows them under; the last three are what an application might bring.
STRATEGIES: Final[dict[str, Strategy]] = {
    "client-wins": client_wins,
    "server-wins": server_wins,
    "rebase": rebase,
    "withhold-once": withhold_once,
    "replace-any": replace_any,
    "raises": raises,
}


def scope(
    name: str,
    about: str,
    inputs: Iterable[Input],
    limits: Limits,
    numbers: int,
    strategy: str = "client-wins",
    variant: Variant = Variant.LABELLED,
    dense: bool = False,
) -> Scope:
    """A scope of the client `ME` that starts at epoch 1, position 0; EVERYDAY is added."""
    config = Config(ME, variant, dense, limits, STRATEGIES[strategy])
    inputs = (*EVERYDAY, *inputs)
    return Scope(name, about, config, inputs, strategy, numbers, initial=ORIGIN)


def register(seq: int, *touched: str, sent: bool = True) -> Register:
    """A mutation that touches these places."""
    return Register(ClientSeq(seq), changes_at(touched, seq), sent=sent)


def sent(seq: int) -> Sent:
    """The mutation leaves the process."""
    return Sent(ClientSeq(seq))


def abandon(seq: int) -> Abandon:
    """The application gives it up."""
    return Abandon(ClientSeq(seq))


def ack(seq: int, at: int | None, epoch: int = 1) -> Ack:
    """An ack; None: it names no position."""
    return Ack(Epoch(epoch), ClientSeq(seq), None if at is None else ServerSeq(at))


def reject(seq: int, epoch: int = 1) -> Reject:
    """A rejection."""
    return Reject(Epoch(epoch), ClientSeq(seq), REJECT_CODE)


def head(at: int, epoch: int = 1) -> Head:
    """The newest position of the stream."""
    return Head(Epoch(epoch), ServerSeq(at))


def delta(
    prev: int | None,
    at: int,
    *touched: str,
    mine: Iterable[int] = (),
    theirs: Iterable[int] = (),
    epoch: int = 1,
) -> Delta:
    """A delta that settles mutations of this client (`mine`) and of another (`theirs`)."""
    labels = [Label(ME, ClientSeq(n)) for n in mine] + [Label(OTHER, ClientSeq(n)) for n in theirs]
    before = None if prev is None else ServerSeq(prev)
    changes = changes_at(touched, delta_value(at))
    return Delta(Epoch(epoch), ServerSeq(at), before, changes, tuple(labels))


def snapshot(
    at: int, *outcomes: tuple[int, int | None], epoch: int = 1, known: bool = True
) -> Snapshot:
    """A snapshot; an outcome is a number and where it was accepted, None: it was refused."""
    verdicts = tuple(
        Outcome(ClientSeq(n), Refused(REJECT_CODE) if p is None else Accepted(ServerSeq(p)))
        for n, p in outcomes
    )
    return Snapshot(Epoch(epoch), ServerSeq(at), DOCS, verdicts, known)
