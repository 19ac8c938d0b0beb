"""What a coordinator knows. Nothing here can be derived from anything else here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from optisync.contracts.messages import Delta, Snapshot
from optisync.values import ClientSeq, Epoch, Json, ServerSeq
from optisync.view import Changes


class Verdict(Enum):
    """What became of a mutation. The first verdict told stands."""

    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    IN_DOUBT = "in-doubt"


@dataclass(frozen=True, slots=True)
class Pending:
    """A registered mutation: not yet rejected, cancelled, abandoned or covered.

    `acked` is the position at which the server accepted it, once known; its overlay stays until
    the confirmed documents have reached that position. `withheld` is a conflict strategy's doing.
    """

    seq: ClientSeq
    changes: Changes
    info: Json = None
    sent: bool = True
    withheld: bool = False
    acked: ServerSeq | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A verdict that was given out, remembered so that it is given once."""

    seq: ClientSeq
    verdict: Verdict


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the server's order; a higher epoch is above every place of a lower one."""

    epoch: Epoch
    server_seq: ServerSeq


@dataclass(frozen=True, slots=True)
class Coordinator:
    """The whole state.

    `confirmed`: where the documents are. `heard`: the highest position any message named.
    `reserved` >= `generated` >= `registered`: numbers durably reserved, handed out, registered.
    `pending` and `told` are in client_seq order, `buffer` in server_seq order. When more verdicts
    are told than the limit, those with the lowest numbers are forgotten, unless still pending.
    `requested`: up to where missing deltas were asked for and have not arrived.
    `broken`: this epoch's stream may not be continuable without a snapshot, and one was asked for;
    a delta that is next is applied all the same before it arrives.
    `port`: the delta or snapshot handed to the host and not yet answered.
    """

    confirmed: Position
    heard: Position
    reserved: ClientSeq = ClientSeq(0)
    generated: ClientSeq = ClientSeq(0)
    registered: ClientSeq = ClientSeq(0)
    pending: tuple[Pending, ...] = ()
    told: tuple[Told, ...] = ()
    buffer: tuple[Delta, ...] = ()
    requested: ServerSeq | None = None
    broken: bool = False
    port: Delta | Snapshot | None = None


def start(confirmed: Position, counter: ClientSeq = ClientSeq(0)) -> Coordinator:
    """A new life: documents at `confirmed`, numbers up to `counter` used up by earlier lives."""
    return Coordinator(confirmed, confirmed, counter, counter, counter)


def needs_resync(state: Coordinator) -> bool:
    """Whether only a snapshot can bring the documents further."""
    return state.broken or state.heard.epoch > state.confirmed.epoch


def find(state: Coordinator, seq: ClientSeq) -> Pending | None:
    """The pending mutation with this number."""
    return next((p for p in state.pending if p.seq == seq), None)


def shown(state: Coordinator) -> tuple[Pending, ...]:
    """The pending mutations that are part of the view, in the order of the fold."""
    return tuple(p for p in state.pending if not p.withheld)


def without(state: Coordinator, seq: ClientSeq) -> Coordinator:
    """The state with one pending mutation removed and every other left as it is."""
    return replace(state, pending=tuple(p for p in state.pending if p.seq != seq))


def updated(state: Coordinator, changed: Pending) -> Coordinator:
    """The state with one pending mutation replaced, in its place."""
    return replace(
        state, pending=tuple(changed if p.seq == changed.seq else p for p in state.pending)
    )
