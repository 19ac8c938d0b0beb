"""Why a coordinator refuses an input, and its state is the one it was in; or a configuration.

[error-codes]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from optisync.errors import OptisyncError
from optisync.values import ClientSeq, ServerSeq


@dataclass(unsafe_hash=True)
class ClientSeqOrder(OptisyncError):
    """The number was registered before, is smaller than one registered, or was not generated."""

    code: ClassVar[str] = "client-seq-order"
    seq: ClientSeq
    registered: ClientSeq
    generated: ClientSeq

    def __str__(self) -> str:
        return (
            f"client_seq {self.seq} must be above {self.registered}, the last one registered, "
            f"and at most {self.generated}, the last one generated"
        )


@dataclass(unsafe_hash=True)
class QueueFull(OptisyncError):
    """As many mutations are pending as the limits allow; nothing is dropped to make room."""

    code: ClassVar[str] = "queue-full"
    limit: int

    def __str__(self) -> str:
        return f"{self.limit} mutations are pending already"


@dataclass(unsafe_hash=True)
class DeltaMalformed(OptisyncError):
    """The delta names no predecessor below itself."""

    code: ClassVar[str] = "delta-malformed"
    server_seq: ServerSeq
    prev: ServerSeq | None

    def __str__(self) -> str:
        return f"delta {self.server_seq} names {self.prev} as its predecessor"


@dataclass(unsafe_hash=True)
class AckWithoutPosition(OptisyncError):
    """An ack must say at which server_seq the mutation was accepted, unless `seed-literal`."""

    code: ClassVar[str] = "ack-without-position"
    seq: ClientSeq

    def __str__(self) -> str:
        return f"the ack of mutation {self.seq} names no server_seq"


@dataclass(unsafe_hash=True)
class UnknownMutation(OptisyncError):
    """The application names a mutation that is not pending."""

    code: ClassVar[str] = "unknown-mutation"
    seq: ClientSeq

    def __str__(self) -> str:
        return f"mutation {self.seq} is not pending"


@dataclass(unsafe_hash=True)
class AlreadyAccepted(OptisyncError):
    """The mutation cannot be abandoned: the server accepted it."""

    code: ClassVar[str] = "already-accepted"
    seq: ClientSeq

    def __str__(self) -> str:
        return f"the server accepted mutation {self.seq}; only its delta is awaited"


@dataclass(unsafe_hash=True)
class PortBusy(OptisyncError):
    """The host has not yet answered `Apply` or `Load`; inputs in between must wait."""

    code: ClassVar[str] = "port-busy"

    def __str__(self) -> str:
        return "the host must answer the apply or load in progress first"


@dataclass(unsafe_hash=True)
class PortIdle(OptisyncError):
    """The host answers an `Apply` or `Load` that was not asked."""

    code: ClassVar[str] = "port-idle"

    def __str__(self) -> str:
        return "nothing was handed out to be applied"


@dataclass(unsafe_hash=True)
class PortMissing(OptisyncError):
    """A delta or snapshot arrived and nobody subscribed to apply it."""

    code: ClassVar[str] = "port-missing"

    def __str__(self) -> str:
        return "subscribe with on_apply_delta before deltas arrive"


@dataclass(unsafe_hash=True)
class PortTaken(OptisyncError):
    """A port has one consumer; unsubscribe it first."""

    code: ClassVar[str] = "port-taken"

    def __str__(self) -> str:
        return "this port has its one consumer already"
