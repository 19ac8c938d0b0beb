"""What an adapter may declare: the closed lists of specs/protocol.md, by profile."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from optisync_conformance.frames import Hello

_EVERY: Final = frozenset({"clock", "hooks", "together"})

LACKS: Final[Mapping[str, frozenset[str]]] = {
    "patch": frozenset({"invert"}),
    "coordinator": _EVERY
    | {"crash", "sequence", "request-missing", "gap-buffer", "resync", "epoch"}
    | {"labelled-deltas", "split-ack", "multi-atom", "multi-mutation-deltas"}
    | {"out-of-order-verdicts", "conflict-strategies", "abandon", "diagnostics"}
    | {"write-actions", "queue-limit", "unsent"},
    "view": _EVERY
    | {"split-ack", "data-first", "multi-atom", "out-of-order-verdicts", "write-actions"}
    | {"foreign-push", "rejections", "verdicts"},
    "outbox": _EVERY
    | {"wall-clock", "crash", "crash-points", "store-failures", "leases", "batches", "numbers"}
    | {"direct-writes", "ordered-mode", "parking", "cancel", "abandon", "epoch", "resync"}
    | {"labelled-deltas", "base-versions", "created-ids", "dependencies", "dedupe"}
    | {"queue-limit", "reports", "refusals", "scribble", "diagnostics"},
    "transport": frozenset({"resources", "options", "failed-ops", "indefinite", "retry-after"})
    | {"positions", "created-ids", "returned-rows", "base-versions", "keys", "reads", "pulls"}
    | {"write-actions", "raw-answers", "diagnostics"},
    "pipeline": _EVERY
    | {"crash", "numbers", "queue-limit", "patches", "contexts", "persist-keys", "segments"}
    | {"not-optimistic", "tickets", "waits", "enqueued", "unknown-outcomes", "late-verdicts"}
    | {"partial-results", "stream", "snapshots", "epoch", "labelled-deltas", "rows", "reads"}
    | {"hydrate", "cancel", "abandon", "history", "created-ids", "base-versions"}
    | {"write-actions", "resources", "out-of-order-verdicts", "diagnostics"},
}
SEES: Final[Mapping[str, frozenset[str]]] = {
    "patch": frozenset({"out"}),
    "coordinator": frozenset({"out", "effects", "pending", "confirmed", "patches", "acked"})
    | {"suspended", "buffer", "requested", "plan"},
    "view": frozenset({"out", "effects", "view", "server"}),
    "outbox": frozenset({"out", "effects", "pending", "queue", "cursor", "reports"}),
    "transport": frozenset({"out", "effects", "ops", "sent", "results", "rows"}),
    "pipeline": frozenset({"out", "effects", "view", "documents", "position", "pending"})
    | {"places", "tickets"},
}


def problem(hello: Hello) -> str:
    """What is wrong with a declaration, in a line; "" if nothing is."""
    if not hello.profiles:
        return f"the adapter declares no profile; there are {', '.join(sorted(LACKS))}"
    for name, scope in hello.profiles.items():
        if name not in LACKS:
            return f"the adapter declares the profile {_unknown(name, LACKS)}"
        for cap in scope.lacks:
            if cap not in LACKS[name]:
                return f"profile {name} cannot lack {_unknown(cap, LACKS[name])}"
        for field in scope.sees:
            if field not in SEES[name]:
                return f"profile {name} has no field {_unknown(field, SEES[name])}"
    return ""


def _unknown(name: str, known: Mapping[str, object] | frozenset[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(sorted(known))}"
    return f"{name!r}; {hint}"
