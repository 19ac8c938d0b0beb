"""What is fixed for the life of an outbox."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import cast

from optisync.contracts.entry import Millis
from optisync.errors import check_limits
from optisync.outbox.errors import ClientUnnamed, ModeUnknown
from optisync.values import ClientId


class Mode(Enum):
    """In which order writes go out.

    ENTITY: in order for each entity and along dependencies; the server decides each write alone.
    ORDERED: one prefix of all numbers; the server tells how far it has come (a watermark), and
    numbers that will never carry a write are sent as skips.
    """

    ENTITY = "entity"
    ORDERED = "ordered"


@dataclass(frozen=True, slots=True)
class Config:
    """Limits are at least 1 (LimitTooSmall otherwise), the mode is a Mode (ModeUnknown), the client
    has a name (ClientUnnamed); times are milliseconds.

    `capacity`: entries in the queue, acked and parked ones included. `max_attempts`: answers
    "not now" from the server before an entry is parked. `delay`, `max_delay`: the back-off after
    one failure, doubled at each further one, and its bound.
    """

    client: ClientId
    mode: Mode = Mode.ENTITY
    capacity: int = 10_000
    lease_ms: int = 30_000
    max_attempts: int = 5
    delay_ms: int = 1_000
    max_delay_ms: int = 60_000

    def __post_init__(self) -> None:
        client, mode = cast(object, self.client), cast(object, self.mode)
        if not isinstance(client, str) or not client:
            raise ClientUnnamed(client)
        if not isinstance(mode, Mode):
            raise ModeUnknown(mode)
        check_limits(self, "capacity", "lease_ms", "max_attempts", "delay_ms", "max_delay_ms")


def back_off(config: Config, failures: int) -> Millis:
    """How long to wait after so many failures in a row. [back-off-bounded]

    >>> [back_off(Config(ClientId("c")), n) for n in (1, 2, 3, 400)]
    [1000, 2000, 4000, 60000]
    """
    doublings = min(failures - 1, 60)
    return Millis(min(config.max_delay_ms, config.delay_ms * 2**doublings))
