"""Transition classes of the outbox: what can happen at an edge, beside what it changes.

A class is read off the state before, the input and the answer; it needs no scope. An edge is in
every class that describes it: a snapshot may end a lease and reject a child. A refused input is in
the class of its kind and error code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, assert_never

from optisync.contracts.messages import Accepted, Delta, Refused, Snapshot
from optisync.machine import Step
from optisync.outbox.config import Config
from optisync.outbox.effects import Diag, Effect, Enqueued, ParkedEntry, Save, Send, Told
from optisync.outbox.inputs import (
    Abandon,
    Cancel,
    Consume,
    Enqueue,
    GiveUp,
    HasRead,
    Input,
    Release,
    Reserve,
    Restart,
    Resume,
    Retry,
    Settle,
    Take,
    Tick,
    Unknown,
    Watermark,
)
from optisync.outbox.lease import holds, sendable
from optisync.outbox.rows import Hole, Item
from optisync.outbox.state import Outbox, status_name

from .outbox_class_names import CLASSES
from .outbox_stream import stream

__all__ = ["CLASSES", "classes"]

Done = Step[Outbox, Effect]
_NAMES: Final[dict[type, str]] = {GiveUp: "give-up", HasRead: "read"}


def classes(config: Config, before: Outbox, given: Input, done: Done) -> frozenset[str]:
    """The transition classes of one step; at least one.

    >>> from optisync.outbox.state import start
    >>> from optisync.outbox.step import step
    >>> from optisync.values import ClientId, Epoch
    >>> me, origin = Config(ClientId("me")), start(Epoch(1))
    >>> classes(me, origin, Take(), step(me, origin, Take()))
    frozenset({'take:number'})
    """
    kind = _NAMES.get(type(given), type(given).__name__.lower())
    if done.error is not None:
        return frozenset({f"{kind}:{done.error.code}"})
    found = {f"{kind}:{what}" for what in _of_input(config, before, given, done)}
    return frozenset({*found, *_consequences(before, given, done)})


def _of_input(config: Config, before: Outbox, given: Input, done: Done) -> Iterator[str]:
    match given:
        case Take():
            yield "number"
        case GiveUp(seq):
            yield "gone" if done.state.queue.get(seq) is None else "skip"
        case Enqueue():
            yield from _enqueue(before, given, done)
        case Reserve():
            yield _reserve(config, before, done)
        case Settle():
            yield from _settle(before, given)
        case Release():
            yield "held" if done.effects else "fenced"
        case Delta() | Snapshot() | Watermark():
            yield from stream(config, before, given, done.state)
        case Cancel() | Abandon() | Resume():
            yield "done"
        case HasRead():
            yield "lifts" if done.effects else "nothing"
        case Consume():
            yield "some" if done.effects else "nothing"
        case Tick(now):
            yield "expires" if done.effects else "nothing"
            if now < before.now:
                yield "earlier"
        case Restart():
            yield from _restart(before)
        case _:
            assert_never(given)


def _enqueue(before: Outbox, given: Enqueue, done: Done) -> Iterator[str]:
    if len(given.entries) > 1:
        yield "batch"
    for effect in done.effects:
        if not isinstance(effect, Enqueued):
            continue
        item = done.state.queue.get(effect.seq)
        if effect.again:
            old = before.queue.get(effect.seq)
            stored = isinstance(old, Item) and isinstance(item, Item) and old.stored != item.stored
            yield "again-stored" if stored else "again"
            if given.seqs:
                yield "again-spare-number"
        elif isinstance(item, Item):
            yield "taken-number" if given.seqs else "next-number"
            if not item.stored:
                yield "direct"
            if item.after:
                yield "waits"
            if item.entry not in given.entries:
                yield "renamed"


def _reserve(config: Config, before: Outbox, done: Done) -> str:
    sends = [effect for effect in done.effects if isinstance(effect, Send)]
    if not sends:
        if before.now < before.wait_until:
            return "backs-off"
        return "nothing"
    items, skips = sends[0].items, sends[0].skips
    if not items:
        return "skips-only"
    if any(_sent(before, item) for item in items):
        return "again"
    if any(item.base != item.entry.base for item in items):
        return "own-version"
    if len(list(sendable(config, before))) > len(items) + sum(b - a + 1 for a, b in skips):
        return "limited"
    return "with-skips" if skips else "first"


def _sent(before: Outbox, item: Item) -> bool:
    old = before.queue.get(item.seq)
    return isinstance(old, Item) and old.sent


def _settle(before: Outbox, given: Settle) -> Iterator[str]:
    if given.epoch != before.numbers.epoch:
        yield "dead-epoch" if given.epoch < before.numbers.epoch else "resync"
        return
    for result in given.results:
        item = before.queue.named(result.entry_id)
        if item is None:
            yield "not-queued"
        elif given.token < item.first:
            yield "earlier-entry"
        else:
            held = holds(item, given.token)
            match result.outcome:
                case Accepted() | Refused():
                    word = "accepted" if isinstance(result.outcome, Accepted) else "refused"
                    yield f"{word}-{'unsent' if not item.sent else status_name(item)}"
                    if not held and item.sent:
                        yield "any-lease"
                case Retry():
                    yield "retry" if held else "retry-fenced"
                case Unknown():
                    yield "unknown" if held else "unknown-fenced"
    if before.failures:
        yield "after-failures"


def _restart(before: Outbox) -> Iterator[str]:
    yield "life"
    for member in before.queue:
        if isinstance(member, Item) and not member.stored:
            yield "direct-settled" if member.told else "direct-lost"
        elif isinstance(member, Hole):
            yield f"{status_name(member)}-number"
        else:
            yield status_name(member)
    if before.reports:
        yield "tells-again"


def _consequences(before: Outbox, given: Input, done: Done) -> Iterator[str]:
    """What follows, whatever the input was."""
    for effect in done.effects:
        match effect:
            case Diag(code):
                yield f"diag:{code.value}"
            case ParkedEntry():
                yield "park:too-often"
            case Told(report) if isinstance(report.verdict, Refused):
                if report.verdict.code in ("parent-rejected", "base-unknown"):
                    yield f"orphan:{report.verdict.code}"
            case Save() if not isinstance(given, Take | Enqueue | Reserve | Tick | Restart):
                yield from _learnt(before, done.state)
            case _:
                pass


def _learnt(before: Outbox, after: Outbox) -> Iterator[str]:
    if any(real is not None and real != before.aliases.get(t) for t, real in after.aliases.items()):
        yield "learn:ids"
    for entity, own in after.versions.items():
        if own != before.versions.get(entity):
            yield "learn:version" if own.since == own.stamp else "learn:chained-version"
