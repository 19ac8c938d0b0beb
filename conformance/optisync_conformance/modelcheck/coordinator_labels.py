"""Short names of the coordinator's inputs, for edges and paths."""

from __future__ import annotations

from typing import assert_never

from optisync.contracts.messages import (
    Accepted,
    Ack,
    Delta,
    Head,
    Outcome,
    Refused,
    Reject,
    Snapshot,
)
from optisync.coordinator.inputs import Abandon, Applied, Generate, Input, Register, Sent, Tick

from .coordinator import delta_value, places


def label(given: Input) -> str:
    """A short name of an input, different for different inputs of one alphabet.

    >>> from optisync.values import ClientSeq, Epoch
    >>> label(Ack(Epoch(1), ClientSeq(2), None)), label(Register(ClientSeq(1), (), sent=False))
    ('ack e1 m2 @-', 'register m1 unsent {}')
    """
    match given:
        case Register(seq, changes, _, sent):
            touched = ",".join(sorted(places(changes, seq)))
            return f"register m{seq}{'' if sent else ' unsent'} {{{touched}}}"
        case Generate():
            return "generate"
        case Sent(seq):
            return f"sent m{seq}"
        case Abandon(seq):
            return f"abandon m{seq}"
        case Applied(ok):
            return "applied" if ok else "apply fails"
        case Tick():
            return "tick"
        case Ack(epoch, seq, server_seq):
            return f"ack e{epoch} m{seq} @{'-' if server_seq is None else server_seq}"
        case Reject(epoch, seq):
            return f"reject e{epoch} m{seq}"
        case Head(epoch, server_seq):
            return f"head e{epoch} @{server_seq}"
        case Delta(epoch, server_seq, prev, changes, settles):
            touched = ",".join(sorted(places(changes, delta_value(server_seq))))
            names = "".join(f" {named.client}:m{named.seq}" for named in settles)
            return (
                f"delta e{epoch} {'-' if prev is None else prev}>{server_seq} {{{touched}}}{names}"
            )
        case Snapshot(epoch, server_seq, _, outcomes, client_known):
            told = "".join(f" m{o.seq}:{_told_by(o)}" for o in outcomes)
            return f"snapshot e{epoch} @{server_seq}{told}{'' if client_known else ' unknown'}"
        case _:
            assert_never(given)


def _told_by(outcome: Outcome) -> str:
    match outcome.verdict:
        case Accepted(server_seq):
            return f"@{server_seq}"
        case Refused():
            return "no"
        case _:
            assert_never(outcome.verdict)
