"""The transition classes of the pipeline: a kind of input and what can be observed of it."""

from collections.abc import Iterator

from optisync.contracts.messages import Delta, Snapshot
from optisync.machine import Step
from optisync.pipeline.effects import Answered, Diag, Effect, Persist, Resync, Stale, Told, Withdraw
from optisync.pipeline.inputs import Decided, Input, Persisted, Revert
from optisync.pipeline.pending import Accepted, Mutation
from optisync.pipeline.state import Pipeline

# Every class that the random runs of `test_pipeline` must reach, each in 1 % of the runs.
CLASSES = frozenset(
    {
        "abandon: already-decided",
        "abandon: not-unknown",
        "abandon: unknown -> none",
        "abandon: unknown-ticket",
        "abandon: waiting -> none",
        "abandon: waiting -> persisting",
        "await: answers confirmed",
        "await: answers enqueued",
        "await: answers failed",
        "await: answers in-doubt",
        "await: answers outcome-unknown",
        "await: answers timed-out",
        "await: nothing",
        "await: unknown-ticket",
        "cancel: already-decided",
        "cancel: already-sent",
        "cancel: answers failed",
        "cancel: nothing",
        "cancel: unknown-ticket",
        "cancel: waiting -> none",
        "cancel: withdraw",
        "confirmed: answers confirmed",
        "confirmed: answers failed",
        "confirmed: answers outcome-unknown",
        "confirmed: nothing",
        "confirmed: persisting -> accepted",
        "confirmed: persisting -> none",
        "confirmed: persisting -> unknown",
        "confirmed: resync",
        "confirmed: stale",
        "confirmed: waiting -> none",
        "confirmed: waiting -> persisting",
        "decided indoubt: enqueued -> none",
        "decided indoubt: unknown -> none",
        "decided refused: answers failed",
        "decided refused: enqueued -> none",
        "decided refused: nothing",
        "decided refused: unknown -> none",
        "decided refused: waiting -> none",
        "decided refused: waiting -> persisting",
        "decided written: answers confirmed",
        "decided written: enqueued -> accepted",
        "decided written: enqueued -> none",
        "decided written: nothing",
        "decided written: unknown -> accepted",
        "decided written: unknown -> none",
        "decided written: waiting -> persisting",
        "delta: accepted -> none",
        "delta: documents",
        "delta: nothing",
        "delta: unknown -> none",
        "diagnostic: not-asked",
        "diagnostic: not-sent",
        "dispatch: event-malformed",
        "dispatch: none -> waiting",
        "dispatch: number-order",
        "dispatch: parent-rejected",
        "dispatch: pipeline-full",
        "dispatch: temporary-id-reused",
        "dispatch: ticket-used",
        "dispatch: unknown-ticket",
        "drain: nothing",
        "drain: waiting -> persisting",
        "enqueued: answers enqueued",
        "enqueued: nothing",
        "enqueued: persisting -> enqueued",
        "enqueued: persisting -> unknown",
        "enqueued: waiting -> persisting",
        "failed: answers failed",
        "failed: nothing",
        "failed: persisting -> none",
        "failed: waiting -> none",
        "failed: waiting -> persisting",
        "fetched: accepted -> none",
        "fetched: documents",
        "fetched: nothing",
        "hydrate: documents",
        "hydrate: nothing",
        "new delta: epoch-ahead",
        "new snapshot: documents",
        "new snapshot: unknown -> none",
        "new snapshot: waiting -> persisting",
        "noanswer: answers outcome-unknown",
        "noanswer: nothing",
        "noanswer: persisting -> unknown",
        "persist: several",
        "redo: none -> waiting",
        "redo: nothing-to-revert",
        "snapshot: accepted -> none",
        "snapshot: documents",
        "snapshot: nothing",
        "snapshot: persisting -> none",
        "snapshot: unknown -> none",
        "tick: answers timed-out",
        "tick: nothing",
        "told: confirmed",
        "told: enqueued",
        "told: failed",
        "told: in-doubt",
        "undo: none -> waiting",
        "undo: nothing-to-revert",
        "undo: number-order",
        "undo: pipeline-full",
        "undo: revert-inapplicable",
    }
)

# Coincidences of two things that are classes of their own.
RARE = frozenset(
    {
        "abandon: answers failed",
        "cancel: waiting -> persisting",
        "confirmed: accepted -> none",
        "decided indoubt: answers failed",
        "decided indoubt: answers in-doubt",
        "decided indoubt: nothing",
        "decided indoubt: waiting -> none",
        "decided indoubt: waiting -> persisting",
        "decided refused: resync",
        "decided written: accepted -> none",
        "decided written: answers failed",
        "decided written: stale",
        "delta: answers confirmed",
        "delta: enqueued -> none",
        "delta: persisting -> none",
        "delta: waiting -> persisting",
        "diagnostic: contradictory-verdict",
        "enqueued: answers outcome-unknown",
        "new snapshot: accepted -> none",
        "new snapshot: accepted -> unknown",
        "new snapshot: answers failed",
        "new snapshot: enqueued -> none",
        "new snapshot: waiting -> none",
        "old delta: nothing",
        "redo: number-order",
        "redo: pipeline-full",
        "redo: revert-inapplicable",
        "snapshot: answers confirmed",
        "snapshot: answers failed",
        "snapshot: enqueued -> none",
        "snapshot: waiting -> none",
        "snapshot: waiting -> persisting",
        "tick: answers enqueued",
    }
)


def classes(before: Pipeline, given: Input, done: Step[Pipeline, Effect]) -> Iterator[str]:
    """One class for a refusal, else one for each thing that it did."""
    kind = _kind(before, given)
    if done.error is not None:
        yield f"{kind}: {done.error.code}"
        return
    moved = False
    for seq in sorted({*before.pending.members, *done.state.pending.members}):
        was, now = _name(before.pending.get(seq)), _name(done.state.pending.get(seq))
        if was != now:
            moved = True
            yield f"{kind}: {was} -> {now}"
    for effect in done.effects:
        match effect:
            case Told(status=status):
                yield f"told: {status.value}"
            case Answered(answer=answer):
                yield f"{kind}: answers {answer.value}"
            case Diag(code):
                yield f"diagnostic: {code.value}"
            case Stale() | Resync() | Withdraw():
                yield f"{kind}: {type(effect).__name__.lower()}"
            case Persist(seqs=seqs) if len(seqs) > 1:
                yield "persist: several"
            case _:
                pass
    if done.state == before:
        yield f"{kind}: nothing"
    elif not moved and done.state.docs is not before.docs:
        yield f"{kind}: documents"


def _kind(before: Pipeline, given: Input) -> str:
    match given:
        case Delta(epoch) | Snapshot(epoch) if epoch != before.epoch:
            age = "old" if epoch < before.epoch else "new"
            return f"{age} {type(given).__name__.lower()}"
        case Persisted(outcome=outcome):
            return type(outcome).__name__.lower()
        case Decided(verdict=verdict):
            return f"decided {type(verdict).__name__.lower()}"
        case Revert(direction):
            return direction.value
        case _:
            return type(given).__name__.lower()


def _name(mutation: Mutation | None) -> str:
    if mutation is None:
        return "none"
    status = mutation.status
    return "accepted" if isinstance(status, Accepted) else status.value
