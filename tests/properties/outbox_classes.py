"""The transition classes of the outbox: a kind of call and what can be observed of it."""

from collections.abc import Iterator

from optisync.errors import OptisyncError
from optisync.outbox.rows import Hole, Member
from optisync.outbox.state import Outbox, status_name


def classes(
    kind: str, before: Outbox, after: Outbox, error: OptisyncError | None
) -> Iterator[str]:
    """One class for a refusal, else one for each change of a member's state, and of the rest."""
    if error is not None:
        yield f"{kind}: {error.code}"
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
    if after.versions != before.versions:
        yield f"{kind}: learns version"
    if not changed and after.numbers == before.numbers:
        yield f"{kind}: nothing"


def _name(member: Member | None) -> str:
    if member is None:
        return "none"
    if isinstance(member, Hole):
        return "open" if member.status is None else "skip"
    return status_name(member) + ("" if member.stored else " direct")
