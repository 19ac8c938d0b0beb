"""The transition classes of the outbox: a kind of call and what can be observed of it."""

from collections.abc import Iterator

from optisync.errors import OptisyncError
from optisync.outbox.rows import Hole, Member
from optisync.outbox.state import Outbox, status_name

# Every class that the random runs of `test_outbox` must reach, each in 1 % of the runs.
CLASSES = frozenset(
    {
        "abandon: in-flight -> none",
        "abandon: in-flight -> skip",
        "abandon: never-sent",
        "abandon: nothing",
        "abandon: queued -> none",
        "abandon: queued -> skip",
        "abandon: unknown-entry",
        "cancel: already-sent",
        "cancel: direct -> none",
        "cancel: direct -> skip",
        "cancel: nothing",
        "cancel: queued -> none",
        "cancel: queued -> skip",
        "cancel: unknown-entry",
        "consume: nothing",
        "delta: acked -> none",
        "delta: epoch-ahead",
        "delta: in-flight -> none",
        "delta: nothing",
        "delta: queued -> none",
        "enqueue: base-unknown",
        "enqueue: direct -> queued",
        "enqueue: entry-id-reused",
        "enqueue: key-reused",
        "enqueue: none -> direct",
        "enqueue: none -> queued",
        "enqueue: nothing",
        "enqueue: number-not-open",
        "enqueue: number-passed",
        "enqueue: open -> direct",
        "enqueue: open -> none",
        "enqueue: open -> queued",
        "enqueue: open -> skip",
        "enqueue: outbox-full",
        "enqueue: parent-rejected",
        "give up: nothing",
        "give up: number-not-open",
        "give up: open -> none",
        "give up: open -> skip",
        "has read: lifts doubt",
        "has read: nothing",
        "new snapshot: in-flight -> none",
        "new snapshot: in-flight -> queued",
        "new snapshot: in-flight -> skip",
        "new snapshot: nothing",
        "new snapshot: queued -> none",
        "new snapshot: queued -> skip",
        "release: backs off",
        "release: in-flight -> queued",
        "release: nothing",
        "reserve: direct -> in-flight",
        "reserve: nothing",
        "reserve: queued -> in-flight",
        "resume: not-parked",
        "resume: parked -> queued",
        "resume: unknown-entry",
        "settle accepted: in-flight -> acked",
        "settle accepted: nothing",
        "settle accepted: queued -> acked",
        "settle invented: nothing",
        "settle none: nothing",
        "settle refused: in-flight -> none",
        "settle refused: nothing",
        "settle refused: queued -> none",
        "settle refused: skip -> none",
        "settle retry: in-flight -> parked",
        "settle retry: in-flight -> queued",
        "settle retry: nothing",
        "settle unknown: nothing",
        "settle: in-flight -> acked",
        "settle: in-flight -> none",
        "settle: in-flight -> parked",
        "settle: in-flight -> queued",
        "settle: nothing",
        "settle: queued -> acked",
        "settle: queued -> none",
        "settle: skip -> none",
        "snapshot: acked -> none",
        "snapshot: in-flight -> none",
        "snapshot: nothing",
        "snapshot: queued -> none",
        "store-failed",
        "take: none -> open",
        "take: nothing",
        "tick: in-flight -> queued",
        "tick: nothing",
        "watermark: epoch-ahead",
        "watermark: none -> skip",
        "watermark: nothing",
        "watermark: skip -> none",
        "watermark: watermark-ahead",
    }
)

# Coincidences of two things that are classes of their own.
RARE = frozenset(
    {
        "abandon: already-accepted",
        "abandon: direct -> none",
        "abandon: direct -> skip",
        "abandon: parked -> none",
        "abandon: parked -> skip",
        "cancel: already-accepted",
        "delta: parked -> none",
        "new snapshot: acked -> none",
        "new snapshot: acked -> queued",
        "new snapshot: acked -> skip",
        "new snapshot: direct -> none",
        "new snapshot: direct -> skip",
        "new snapshot: parked -> none",
        "new snapshot: parked -> skip",
        "resume: already-accepted",
        "resume: nothing",
        "settle accepted: skip -> none",
        "settle refused: direct -> none",
        "settle refused: parked -> none",
        "settle refused: queued -> skip",
        "settle unknown: in-flight -> queued",
        "settle: direct -> none",
        "settle: direct -> skip",
        "settle: parked -> none",
        "settle: queued -> skip",
        "snapshot: parked -> none",
        "snapshot: queued -> skip",
    }
)


def classes(kind: str, before: Outbox, after: Outbox, error: OptisyncError | None) -> Iterator[str]:
    """One class for a refusal, else one for each change of a member's state, and of the rest."""
    if error is not None:
        yield error.code if error.code == "store-failed" else f"{kind}: {error.code}"
        return
    changed = False
    for seq in {*before.queue.order, *after.queue.order}:
        was, now = before.queue.get(seq), after.queue.get(seq)
        if was is not now and _name(was) != _name(now):
            changed = True
            yield f"{kind}: {_name(was)} -> {_name(now)}"
    if after.wait_until > before.wait_until:
        changed = True
        yield f"{kind}: backs off"
    if len(after.doubts) < len(before.doubts):
        changed = True
        yield f"{kind}: lifts doubt"
    if not changed and after.numbers == before.numbers:
        yield f"{kind}: nothing"


def _name(member: Member | None) -> str:
    if member is None:
        return "none"
    if isinstance(member, Hole):
        return "open" if member.status is None else "skip"
    if not (member.stored or member.sent):
        return "direct"
    return status_name(member)
