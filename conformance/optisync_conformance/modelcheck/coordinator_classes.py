"""Transition classes of the coordinator: what can happen at an edge, beside what it changes.

A class is read off the state before, the input and the answer; it needs no scope. An edge is in
every class that describes it: an applied delta may settle one mutation and suspend another.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, assert_never

from optisync.contracts.messages import Ack, Delta, Head, Reject, Snapshot
from optisync.coordinator.config import Config
from optisync.coordinator.effects import Request, Resync
from optisync.coordinator.errors import PortBusy, PortIdle
from optisync.coordinator.inputs import Abandon, Applied, Generate, Input, Register, Sent, Tick
from optisync.coordinator.sequence import Place, place, predecessor
from optisync.coordinator.state import Coordinator, Position, Verdict, find, needs_resync
from optisync.values import ClientSeq

from .coordinator_applied import Done, applied, drained, known_of

CLASSES: Final[dict[str, str]] = {
    "port:busy": "refused while the host has not answered",
    "port:idle": "an answer of the host to nothing",
    "generate:within-block": "a number from the reserved block",
    "generate:new-block": "a number for which a block is reserved first",
    "generate:while-busy": "a number while the host has not answered",
    "register:next": "the number after the last one registered",
    "register:skips": "a number that leaves out others",
    "register:unsent": "a mutation that waits in a queue",
    "register:order": "refused: registered before, smaller, or never generated",
    "register:full": "refused: the queue is full",
    "sent:first": "a queued mutation leaves the process",
    "sent:again": "it had left before",
    "sent:unknown": "refused: not pending",
    "abandon:in-doubt": "an undecided mutation is given up",
    "abandon:after-restore": "given up after a restore of the server took its verdict back",
    "abandon:accepted": "refused: the server accepted it",
    "abandon:unknown": "refused: not pending",
    "ack:no-position": "refused: the ack names no position",
    "ack:lower-epoch": "of a dead epoch",
    "ack:higher-epoch": "of an epoch not fetched yet",
    "ack:keeps-overlay": "above the confirmed position",
    "ack:lifts": "lifts what a strategy put aside",
    "ack:covered": "at or below the confirmed position: retired",
    "ack:after-restore": "accepted again after a restore of the server",
    "ack:repeat": "again, while its delta is awaited",
    "ack:other-position": "again, at another position",
    "ack:repeat-settled": "again, after it was settled",
    "ack:contradictory": "after a rejection",
    "ack:late": "after it was given up",
    "ack:unknown": "of a mutation nobody knows",
    "reject:lower-epoch": "of a dead epoch",
    "reject:higher-epoch": "of an epoch not fetched yet",
    "reject:last": "of the last shown mutation",
    "reject:earlier": "of a mutation with later ones above it",
    "reject:withheld": "of a mutation that is put aside",
    "reject:after-restore": "rejected by a restored server that had accepted it",
    "reject:repeat": "again",
    "reject:contradictory": "after an acceptance",
    "reject:late": "after it was given up",
    "reject:unknown": "of a mutation nobody knows",
    "delta:malformed": "refused: no predecessor below itself",
    "delta:lower-epoch": "of a dead epoch",
    "delta:higher-epoch": "of an epoch not fetched yet",
    "delta:duplicate": "at or below the confirmed position",
    "delta:held-already": "its position is held back already",
    "delta:next": "next: handed to the host",
    "delta:overlap": "begins before the confirmed position and ends after it",
    "delta:gap-request": "held back; what is missing is asked for",
    "delta:gap-asked": "held back; what is missing was asked for before",
    "delta:gap-resyncing": "held back while a snapshot is awaited",
    "delta:gap-full": "not held back: as many nearer ones are",
    "delta:gap-displaces": "held back in place of one farther away",
    "head:lower-epoch": "of a dead epoch",
    "head:higher-epoch": "of an epoch not fetched yet",
    "head:ahead": "above every position heard of",
    "head:known": "nothing new",
    "snapshot:stale": "below the confirmed position",
    "snapshot:same": "at the confirmed position",
    "snapshot:ahead": "above the confirmed position",
    "snapshot:new-epoch": "of a higher epoch",
    "tick:nothing": "nothing was asked or announced",
    "tick:request-again": "the request is repeated",
    "tick:announced": "a position heard of and not reached is asked for",
    "tick:resync-again": "the resync is repeated",
    "applied:delta": "a delta was applied",
    "applied:delta-failed": "a delta could not be applied",
    "applied:snapshot": "a snapshot of the same epoch was loaded",
    "applied:snapshot-failed": "a snapshot could not be loaded",
    "applied:new-epoch": "a snapshot of a higher epoch was loaded",
    "label:settles": "a label retires a pending mutation, first news of it",
    "label:after-ack": "a label retires an acknowledged mutation",
    "label:after-restore": "a label retires a mutation whose verdict a restore took back",
    "label:repeat": "a label of a mutation that is settled",
    "label:contradictory": "a label of a rejected mutation",
    "label:late": "a label of a mutation given up",
    "label:unknown": "a label of a number nobody knows",
    "label:foreign": "a label of another client",
    "delta:covers": "an acknowledged mutation is covered without a label",
    "strategy:suspends": "a strategy puts a mutation aside",
    "strategy:resumes": "a strategy shows a mutation again",
    "strategy:replaces": "a strategy replaces the changes of an unsent mutation",
    "strategy:replace-sent": "a strategy wants to replace what was sent",
    "strategy:raised": "a strategy raises",
    "drain:next": "a delta held back is handed out at once",
    "drain:gap": "what is held back is still not next",
    "drain:duplicate": "a delta held back was overtaken",
    "drain:overlap": "a delta held back overlaps what was applied",
    "snapshot:outcome-covered": "an outcome at or below the snapshot: retired",
    "snapshot:outcome-above": "an outcome above the snapshot: an ack",
    "snapshot:outcome-lifts": "an outcome lifts what a strategy put aside",
    "snapshot:outcome-refused": "an outcome: refused",
    "snapshot:outcome-contradictory": "refused by the snapshot, accepted before",
    "snapshot:keeps-pending": "no outcome: still pending",
    "snapshot:acked-covered": "no outcome, acknowledged before at a position it covers",
    "snapshot:in-doubt": "a new epoch, and the server forgot this client: the sent is in doubt",
    "snapshot:unsent-stays": "a new epoch, and the server forgot this client: the unsent stays",
    "snapshot:ack-returns": "an ack of the dead epoch is taken back",
    "snapshot:drops-buffer": "deltas held back of the dead epoch are dropped",
    "snapshot:mends": "the stream can be continued again",
}


def classes(config: Config, before: Coordinator, given: Input, done: Done) -> frozenset[str]:
    """The transition classes of one step; at least one.

    >>> from optisync.coordinator.state import start
    >>> from optisync.coordinator.step import step
    >>> from optisync.values import ClientId, Epoch, ServerSeq
    >>> me, origin = Config(ClientId("me")), start(Position(Epoch(1), ServerSeq(0)))
    >>> classes(me, origin, Tick(), step(me, origin, Tick()))
    frozenset({'tick:nothing'})
    """
    match done.error:
        case PortBusy():
            return frozenset({"port:busy"})
        case PortIdle():
            return frozenset({"port:idle"})
        case _:
            return frozenset(_of_input(config, before, given, done))


def _of_input(config: Config, before: Coordinator, given: Input, done: Done) -> Iterator[str]:
    match given:
        case Generate():
            yield from _generate(before, done.state)
        case Register():
            yield from _register(before, given, done)
        case Sent(seq):
            entry = find(before, seq)
            yield f"sent:{'unknown' if entry is None else 'again' if entry.sent else 'first'}"
        case Abandon(seq):
            yield f"abandon:{_abandon(before, seq)}"
        case Ack() | Reject() | Delta() | Head() if given.epoch != before.confirmed.epoch:
            malformed = isinstance(given, Delta) and done.error is not None
            where = "lower-epoch" if given.epoch < before.confirmed.epoch else "higher-epoch"
            yield f"{type(given).__name__.lower()}:{'malformed' if malformed else where}"
        case Ack():
            yield from _ack(before, given, done)
        case Reject(seq=seq):
            yield from _reject(before, seq)
        case Delta():
            yield f"delta:{_delta(config, before, given, done)}"
        case Head(epoch, server_seq):
            ahead = Position(epoch, server_seq) > before.heard
            yield "head:ahead" if ahead else "head:known"
        case Snapshot():
            yield f"snapshot:{_snapshot(before, given)}"
        case Tick():
            yield f"tick:{_tick(before, done)}"
        case Applied(ok):
            yield from applied(config, before, ok, done)
            yield from drained(before, done)
        case _:
            assert_never(given)


def _generate(before: Coordinator, after: Coordinator) -> Iterator[str]:
    within = before.reserved == after.reserved
    yield "generate:within-block" if within else "generate:new-block"
    if before.port is not None:
        yield "generate:while-busy"


def _register(before: Coordinator, given: Register, done: Done) -> Iterator[str]:
    if done.error is not None:
        yield "register:full" if done.error.code == "queue-full" else "register:order"
        return
    yield "register:next" if given.seq == before.registered + 1 else "register:skips"
    if not given.sent:
        yield "register:unsent"


def _abandon(before: Coordinator, seq: ClientSeq) -> str:
    entry = find(before, seq)
    if entry is None:
        return "unknown"
    if entry.acked is not None:
        return "accepted"
    return "in-doubt" if known_of(before, seq) is None else "after-restore"


def _ack(before: Coordinator, given: Ack, done: Done) -> Iterator[str]:
    entry, known = find(before, given.seq), known_of(before, given.seq)
    if done.error is not None:
        yield "ack:no-position"
    elif entry is None:
        yield f"ack:{_settled(known, Verdict.CONFIRMED)}"
    elif entry.acked is not None:
        yield "ack:repeat" if entry.acked == given.server_seq else "ack:other-position"
    else:
        kept = find(done.state, given.seq) is not None
        yield "ack:keeps-overlay" if kept else "ack:covered"
        if kept and entry.withheld:
            yield "ack:lifts"
        if known is not None:
            yield "ack:after-restore"


def _settled(known: Verdict | None, verdict: Verdict) -> str:
    """What a verdict is about a mutation that is not pending."""
    if known is None:
        return "unknown"
    if known is verdict:
        return "repeat-settled" if verdict is Verdict.CONFIRMED else "repeat"
    return "late" if known is Verdict.IN_DOUBT else "contradictory"


def _reject(before: Coordinator, seq: ClientSeq) -> Iterator[str]:
    entry, known = find(before, seq), known_of(before, seq)
    if entry is None:
        yield f"reject:{_settled(known, Verdict.REJECTED)}"
    elif entry.acked is not None:
        yield "reject:contradictory"
    else:
        later = any(p.seq > seq and not p.withheld for p in before.pending)
        yield "reject:withheld" if entry.withheld else "reject:earlier" if later else "reject:last"
        if known is not None:
            yield "reject:after-restore"


def _delta(config: Config, before: Coordinator, given: Delta, done: Done) -> str:
    if done.error is not None:
        return "malformed"
    prev, confirmed = predecessor(given, config.dense), before.confirmed.server_seq
    match place(confirmed, prev, given.server_seq):
        case Place.DUPLICATE:
            return "duplicate"
        case Place.NEXT:
            return "next"
        case Place.OVERLAP:
            return "overlap"
        case Place.GAP:
            return _gap(before, given, done)


def _gap(before: Coordinator, given: Delta, done: Done) -> str:
    held = [delta.server_seq for delta in before.buffer]
    if given.server_seq in held:
        return "held-already"
    if given not in done.state.buffer:
        return "gap-full"
    if len(done.state.buffer) == len(held):
        return "gap-displaces"
    if any(isinstance(effect, Request) for effect in done.effects):
        return "gap-request"
    return "gap-resyncing" if needs_resync(before) else "gap-asked"


def _snapshot(before: Coordinator, given: Snapshot) -> str:
    at = Position(given.epoch, given.server_seq)
    if at < before.confirmed:
        return "stale"
    if at == before.confirmed:
        return "same"
    return "ahead" if at.epoch == before.confirmed.epoch else "new-epoch"


def _tick(before: Coordinator, done: Done) -> str:
    if any(isinstance(effect, Resync) for effect in done.effects):
        return "resync-again"
    if any(isinstance(effect, Request) for effect in done.effects):
        return "request-again" if before.requested is not None else "announced"
    return "nothing"
