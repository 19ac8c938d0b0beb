"""What is fixed for the life of a coordinator."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from optisync.coordinator.strategy import Strategy, client_wins
from optisync.errors import check_limits
from optisync.values import ClientId


class Variant(Enum):
    """What the server promises, and so what the coordinator can promise.

    LABELLED (normative): deltas name the mutations they settle; any wire order.
    ACK_FIRST: no labels; one FIFO channel on which an ack precedes its delta.
    SEED_LITERAL: no labels and acks without a position, as seed 003 draws it: PREFIX and
    CONVERGENCE hold, OVERLAY does not.
    """

    LABELLED = "labelled"
    ACK_FIRST = "ack-first"
    SEED_LITERAL = "seed-literal"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the queues, all at least 1. Raises LimitTooSmall.

    `pending`: registered mutations; `buffer`: deltas held back by a gap; `verdicts`: verdicts
    remembered; `block`: client_seq numbers reserved durably at a time.
    """

    pending: int = 1000
    buffer: int = 100
    verdicts: int = 256
    block: int = 32

    def __post_init__(self) -> None:
        check_limits(self, "pending", "buffer", "verdicts", "block")


@dataclass(frozen=True, slots=True)
class Config:
    """Who this client is and what its stream is like."""

    client: ClientId
    variant: Variant = Variant.LABELLED
    dense: bool = False
    limits: Limits = field(default_factory=Limits)
    strategy: Strategy = client_wins
