"""The sequence decision: what a delta of the current epoch is to a client at `confirmed`."""

from __future__ import annotations

from enum import Enum

from optisync.contracts.messages import Delta
from optisync.coordinator.errors import DeltaMalformed
from optisync.values import ServerSeq


class Place(Enum):
    """Where a delta stands relative to the confirmed position."""

    DUPLICATE = "duplicate"
    NEXT = "next"
    GAP = "gap"
    OVERLAP = "overlap"


def place(confirmed: ServerSeq, prev: ServerSeq, server_seq: ServerSeq) -> Place:
    """Where (prev, server_seq] stands relative to `confirmed`; prev < server_seq.

    >>> place(ServerSeq(3), ServerSeq(3), ServerSeq(5))
    <Place.NEXT: 'next'>
    """
    if server_seq <= confirmed:
        return Place.DUPLICATE
    if prev == confirmed:
        return Place.NEXT
    if prev > confirmed:
        return Place.GAP
    return Place.OVERLAP


def predecessor(delta: Delta, dense: bool) -> ServerSeq:
    """The predecessor a delta names; DeltaMalformed if it names none below itself."""
    prev = delta.prev
    if prev is None and dense:
        prev = ServerSeq(delta.server_seq - 1)
    if prev is None or not 0 <= prev < delta.server_seq:
        raise DeltaMalformed(delta.server_seq, delta.prev)
    return prev
