"""Messages of the authority to one client: acks, rejects, deltas, snapshots, heads.

Positions are (epoch, server_seq). An epoch is the server's life between two restores; server_seq
is a place in its one total order. Both are integers from 0 (nothing yet) up to 2^53-1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from optisync.values import AtomKey, ClientId, ClientSeq, Epoch, ServerSeq, Version
from optisync.view import Changes, Docs

Ids: TypeAlias = tuple[tuple[str, str], ...]
"""Temporary ids and the ids the server gave them."""


@dataclass(frozen=True, slots=True)
class Label:
    """Names a mutation that a delta settles: its effect is in this delta."""

    client: ClientId
    seq: ClientSeq
    version: Version | None = None
    ids: Ids = ()


@dataclass(frozen=True, slots=True)
class Ack:
    """The server accepted a mutation at `server_seq`. None only from a seed-literal server."""

    epoch: Epoch
    seq: ClientSeq
    server_seq: ServerSeq | None
    version: Version | None = None
    ids: Ids = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """The server refused a mutation for good. `code` says why; `cancelled` for a cancelled one."""

    epoch: Epoch
    seq: ClientSeq
    code: str


@dataclass(frozen=True, slots=True)
class Delta:
    """The changes at `server_seq`, the next after `prev` on this stream, and what they settle.

    `prev` may be missing only on a stream declared dense: there it is `server_seq - 1`.
    """

    epoch: Epoch
    server_seq: ServerSeq
    prev: ServerSeq | None
    changes: Changes = ()
    settles: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """An outcome: accepted at `server_seq`; above the snapshot's own position it is an ack."""

    server_seq: ServerSeq
    version: Version | None = None
    ids: Ids = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """An outcome: refused with `code`."""

    code: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the server decided about one mutation of the client a snapshot is for."""

    seq: ClientSeq
    verdict: Accepted | Refused


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All documents at (epoch, server_seq), and the outcomes down to the client's floor.

    `client_known` is False when the server lost its memory of this client: it cannot say what
    became of mutations already sent. `versions`: of the documents, where the server has them.
    """

    epoch: Epoch
    server_seq: ServerSeq
    docs: Docs
    outcomes: tuple[Outcome, ...] = ()
    client_known: bool = True
    versions: tuple[tuple[AtomKey, Version], ...] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """The newest position of the stream, repeated so that a lost last delta is noticed."""

    epoch: Epoch
    server_seq: ServerSeq


Message: TypeAlias = Ack | Reject | Delta | Snapshot | Head
