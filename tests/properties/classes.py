"""The transition classes: a kind of input and what can be observed of its outcome."""

from collections.abc import Iterator

from optisync.contracts.messages import Message, Snapshot
from optisync.coordinator.effects import (
    Acked,
    Apply,
    Changed,
    Diag,
    Effect,
    InDoubt,
    Load,
    Rejected,
    Request,
    Resumed,
    Resync,
    StoreCounter,
    Suspended,
)
from optisync.coordinator.inputs import Input
from optisync.coordinator.state import Coordinator
from optisync.machine import Step

VISIBLE = (
    Acked | Rejected | InDoubt | Suspended | Resumed | Changed | Apply | Load | Request
    | Resync | StoreCounter
)  # fmt: skip

# Every class that the random runs of `test_convergence` must reach, each in 1 % of the runs.
CLASSES = frozenset(
    {
        "abandon: already-accepted",
        "abandon: changed",
        "abandon: indoubt",
        "abandon: retires",
        "abandon: unknown-mutation",
        "ack: ack-without-position",
        "ack: acked",
        "ack: changed",
        "ack: nothing",
        "ack: resumed",
        "applied of delta: acked",
        "applied of delta: apply",
        "applied of delta: changed",
        "applied of delta: resumed",
        "applied of delta: resync",
        "applied of delta: retires",
        "applied of delta: suspended",
        "applied of snapshot: acked",
        "applied of snapshot: changed",
        "applied of snapshot: indoubt",
        "applied of snapshot: nothing",
        "applied of snapshot: rejected",
        "applied of snapshot: resync",
        "applied of snapshot: retires",
        "applied: port-idle",
        "delta: apply",
        "delta: delta-malformed",
        "delta: held back",
        "delta: nothing",
        "delta: request",
        "delta: resync",
        "diagnostic: apply-failed",
        "diagnostic: contradictory-verdict",
        "diagnostic: late-verdict",
        "diagnostic: replace-sent",
        "diagnostic: strategy-raised",
        "diagnostic: unknown-mutation",
        "generate: nothing",
        "generate: storecounter",
        "head: nothing",
        "new message: nothing",
        "new message: resync",
        "new snapshot: load",
        "old message: nothing",
        "old snapshot: nothing",
        "register: changed",
        "register: client-seq-order",
        "register: queue-full",
        "reject: changed",
        "reject: nothing",
        "reject: rejected",
        "reject: retires",
        "sent: changed",
        "sent: unknown-mutation",
        "snapshot: load",
        "snapshot: nothing",
        "tick: nothing",
        "tick: request",
        "tick: resync",
    }
)

# Coincidences of two things that are classes of their own.
RARE = frozenset(
    {
        "applied of delta: nothing",
        "applied of delta: request",
        "applied of snapshot: apply",
        "applied of snapshot: request",
    }
)


def classes(before: Coordinator, given: Input, done: Step[Coordinator, Effect]) -> Iterator[str]:
    """The classes of one step: one for refused inputs, else one for each observable outcome."""
    kind = _kind(before, given)
    if done.error is not None:
        yield f"{kind}: {done.error.code}"
        return
    seen = {_outcome(effect) for effect in done.effects if isinstance(effect, VISIBLE)}
    if len(done.state.buffer) > len(before.buffer):
        seen.add("held back")
    if len(done.state.pending) < len(before.pending):
        seen.add("retires")
    for outcome in seen or {"nothing"}:
        yield f"{kind}: {outcome}"
    for effect in done.effects:
        if isinstance(effect, Diag):
            yield f"diagnostic: {effect.code.value}"


def _outcome(effect: Effect) -> str:
    return type(effect).__name__.lower()


def _kind(before: Coordinator, given: Input) -> str:
    name = type(given).__name__.lower()
    if isinstance(given, Message) and given.epoch != before.confirmed.epoch:
        age = "old" if given.epoch < before.confirmed.epoch else "new"
        return f"{age} {'snapshot' if isinstance(given, Snapshot) else 'message'}"
    if before.port is not None:
        return f"{name} of {type(before.port).__name__.lower()}"
    return name
