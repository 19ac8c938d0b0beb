"""Transition classes of what the server says to all: deltas, snapshots, watermarks."""

from __future__ import annotations

from collections.abc import Iterator

from optisync.contracts.messages import Delta, Snapshot
from optisync.outbox.config import Config
from optisync.outbox.inputs import Watermark
from optisync.outbox.rows import Acked, Hole, InFlight, Item
from optisync.outbox.state import Outbox, status_name


def stream(
    config: Config, before: Outbox, given: Delta | Snapshot | Watermark, after: Outbox
) -> Iterator[str]:
    """The classes of a message that was not refused."""
    if given.epoch < before.numbers.epoch:
        yield "dead-epoch"
        return
    match given:
        case Delta():
            yield from _delta(config, before, given, after)
        case Snapshot():
            yield from _snapshot(before, given)
        case Watermark():
            yield from _watermark(before, given, after)
    acked = (m for m in before.queue if isinstance(m.status, Acked))
    if any(after.queue.get(member.seq) is None for member in acked):
        yield "covers"


def _delta(config: Config, before: Outbox, given: Delta, after: Outbox) -> Iterator[str]:
    onward = after.numbers.server_seq > before.numbers.server_seq
    yield "onward" if onward else "repeat"
    for label in given.settles:
        member = before.queue.get(label.seq)
        if label.client != config.client:
            yield "label-foreign"
        elif not isinstance(member, Item):
            yield "label-gone"
        else:
            yield f"label-{status_name(member) if member.sent else 'unsent'}"


def _snapshot(before: Outbox, given: Snapshot) -> Iterator[str]:
    reborn = given.epoch > before.numbers.epoch
    if not reborn and given.server_seq < before.numbers.server_seq:
        yield "older"
        return
    yield "new-epoch" if reborn else "same-epoch"
    named = {outcome.seq for outcome in given.outcomes}
    for member in before.queue:
        if reborn and isinstance(member.status, Acked):
            yield "ack-returns"
        if reborn and isinstance(member.status, InFlight):
            yield "lease-ends"
        if isinstance(member, Hole):
            continue
        if member.seq in named:
            yield f"outcome-{status_name(member) if member.sent else 'unsent'}"
        elif reborn and not given.client_known:
            yield "in-doubt" if member.sent else "unsent-stays"
        else:
            yield "keeps"


def _watermark(before: Outbox, given: Watermark, after: Outbox) -> Iterator[str]:
    known = before.numbers.watermark
    if known is not None and given.upto < known:
        yield "lower"
        return
    yield "first" if known is None else "equal" if given.upto == known else "onward"
    if after.numbers.counter > before.numbers.counter:
        yield "counter"
    named = {refusal.seq for refusal in given.refused or ()}
    for member in before.queue:
        if member.seq > given.upto:
            continue
        if isinstance(member, Hole):
            yield "number-gone"
        elif member.seq in named:
            yield "refuses"
        else:
            yield "no-verdict" if given.refused is None else "settles"
    if any(isinstance(m, Hole) and before.queue.get(m.seq) is None for m in after.queue):
        yield "lost-numbers"
