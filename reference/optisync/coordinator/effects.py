"""What a coordinator asks of its host, in order.

Ports have one consumer and carry the documents: StoreCounter, Undo, Redo, Apply, Load. A consumer
either follows them, or folds `pending` over its documents at each Change; never both.
Notifications have any number of observers. Request and Resync are messages to the server.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from optisync.contracts.messages import Delta, Ids, Snapshot
from optisync.values import ClientSeq, ServerSeq, Version
from optisync.view import Changes


@dataclass(frozen=True, slots=True)
class StoreCounter:
    """Store durably, before any later effect, that numbers up to `upto` are used up."""

    upto: ClientSeq


@dataclass(frozen=True, slots=True)
class Undo:
    """Take back what the mutation did when it was last applied; nothing if it did not apply."""

    seq: ClientSeq


@dataclass(frozen=True, slots=True)
class Redo:
    """Apply the mutation on top and record its inverse afresh; skip it while it does not apply."""

    seq: ClientSeq
    changes: Changes


@dataclass(frozen=True, slots=True)
class Apply:
    """Apply the delta to the confirmed documents; answer `Applied`."""

    delta: Delta


@dataclass(frozen=True, slots=True)
class Load:
    """Replace the confirmed documents by those of the snapshot; answer `Applied`."""

    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Acked:
    """Verdict: the server accepted the mutation."""

    seq: ClientSeq
    version: Version | None = None
    ids: Ids = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """Verdict: the server refused the mutation."""

    seq: ClientSeq
    code: str


@dataclass(frozen=True, slots=True)
class InDoubt:
    """Verdict: nobody can say whether the mutation took effect."""

    seq: ClientSeq


@dataclass(frozen=True, slots=True)
class Suspended:
    """The mutation is no longer shown, and still pending."""

    seq: ClientSeq


@dataclass(frozen=True, slots=True)
class Resumed:
    """The mutation is shown again."""

    seq: ClientSeq


class DiagCode(Enum):
    """What went wrong without anybody having to act on it."""

    UNKNOWN_MUTATION = "unknown-mutation"
    CONTRADICTORY_VERDICT = "contradictory-verdict"
    LATE_VERDICT = "late-verdict"
    STRATEGY_RAISED = "strategy-raised"
    REPLACE_SENT = "replace-sent"
    APPLY_FAILED = "apply-failed"


@dataclass(frozen=True, slots=True)
class Diag:
    """A diagnostic, about a mutation where there is one."""

    code: DiagCode
    seq: ClientSeq | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """Pending, a status, the confirmed position or the documents changed: fold again."""


@dataclass(frozen=True, slots=True)
class Request:
    """Ask the server for the deltas in (after, upto]."""

    after: ServerSeq
    upto: ServerSeq


@dataclass(frozen=True, slots=True)
class Resync:
    """Ask the server for a snapshot with the outcomes of this client's pending mutations."""


VerdictEffect: TypeAlias = Acked | Rejected | InDoubt
Effect: TypeAlias = (
    StoreCounter
    | Undo
    | Redo
    | Apply
    | Load
    | VerdictEffect
    | Suspended
    | Resumed
    | Diag
    | Changed
    | Request
    | Resync
)
