"""Transition classes of the pipeline: what can happen at an edge, beside what it changes.

A class is read off the state before, the input and the answer; it needs no scope. An edge is in
every class that describes it. A refused input is in the class of its kind and error code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from optisync.contracts.entry import Unknown, Written
from optisync.contracts.messages import Delta, Refused, Snapshot
from optisync.machine import Step
from optisync.pipeline.config import Config
from optisync.pipeline.effects import (
    Answered,
    Changed,
    Diag,
    Effect,
    Persist,
    Resync,
    Schedule,
    Stale,
    Told,
    Withdraw,
)
from optisync.pipeline.events import Patches
from optisync.pipeline.inputs import (
    Abandon,
    Await,
    Begin,
    Cancel,
    Confirmed,
    Decided,
    Dispatch,
    Drain,
    Enqueued,
    Failed,
    Fetched,
    Hydrate,
    InDoubt,
    Input,
    NoAnswer,
    Outcome,
    Persisted,
    Revert,
    Tick,
)
from optisync.pipeline.pending import Place
from optisync.pipeline.schedule import key_of
from optisync.pipeline.state import Pipeline, Stacks
from optisync.pipeline.turn import entry_id_of
from optisync.values import ClientSeq

from .pipeline_class_names import CLASSES
from .pipeline_documents import documents, place_of

__all__ = ["CLASSES", "classes"]

Done = Step[Pipeline, Effect]


def classes(config: Config, before: Pipeline, given: Input, done: Done) -> frozenset[str]:
    """The transition classes of one step; at least one.

    >>> from optisync.pipeline.state import start
    >>> from optisync.pipeline.step import step
    >>> from optisync.values import ClientId
    >>> me, origin = Config(ClientId("me")), start()
    >>> classes(me, origin, Begin(), step(me, origin, Begin()))
    frozenset({'begin:ticket'})
    """
    name = type(given).__name__.lower()
    kind = given.direction.value if isinstance(given, Revert) else name
    if done.error is not None:
        return frozenset({f"{kind}:{done.error.code}"})
    found = {f"{kind}:{what}" for what in _of_input(config, before, given, done)}
    return frozenset({*found, *_consequences(before, given, done)})


def _of_input(config: Config, before: Pipeline, given: Input, done: Done) -> Iterator[str]:
    match given:
        case Begin():
            yield "ticket"
        case Dispatch():
            yield from _dispatch(before, given, done.state)
        case Drain():
            yield from _drain(before, done.state)
        case Persisted(handle, outcome):
            asked = before.handed.get(handle)
            yield from ("again",) if asked is None else _answer(config, asked, outcome)
        case Decided():
            yield _decided(config, before, given)
        case Delta() | Snapshot() | Fetched() | Hydrate():
            yield from documents(config, before, given, done.state)
        case Await():
            answered = any(isinstance(effect, Answered) for effect in done.effects)
            yield "answered" if answered else "waits"
        case Cancel():
            withdraws = any(isinstance(effect, Withdraw) for effect in done.effects)
            yield "withdraws" if withdraws else "removes"
        case Abandon(ticket):
            known = before.tickets[ticket]
            yield "undecided" if known.undecided else "told"
        case Revert():
            yield from _revert(before, given, done.state)
        case Tick(now):
            ends = any(isinstance(effect, Answered) for effect in done.effects)
            yield "ends" if ends else "earlier" if now < before.now else "nothing"
        case _:
            assert_never(given)


def _dispatch(before: Pipeline, given: Dispatch, after: Pipeline) -> Iterator[str]:
    yield "patches" if isinstance(given.event, Patches) else "write"
    if given.ticket is not None:
        yield "begun-ticket"
    if not given.optimistic:
        yield "unseen"
    if given.context.action_id is None:
        source = given.context.scope, given.context.origin
        yield "action-again" if source in before.window else "action-new"
    planned = [after.pending.members[seq] for seq in given.seqs]
    if any(m.makers for m in planned):
        yield "child"
    if any(not isinstance(given.event, Patches) and m.write != given.event for m in planned):
        yield "renamed"
    known = before.versions
    for m in planned:
        own = before.pending.of(m.write.entity)
        if m.base is not None and own and m.base not in known.values():
            yield "own-version"
    yield from _units(before, given, after)


def _units(before: Pipeline, given: Dispatch, after: Pipeline) -> Iterator[str]:
    scope = given.context.scope
    old, new = (state.history.get(scope) or Stacks() for state in (before, after))
    if old.redo and not new.redo:
        yield "ends-redo"
    if old.undo and len(new.undo) == len(old.undo):
        yield "same-unit" if new.undo[0].seqs[0] == old.undo[0].seqs[0] else "oldest-unit-goes"
    if new == old:
        yield "no-unit"


def _drain(before: Pipeline, after: Pipeline) -> Iterator[str]:
    if not before.queue:
        yield "nothing"
    for one, two in zip(before.queue, before.queue[1:], strict=False):
        apart = not any({*one.seqs, *two.seqs} <= set(seqs) for seqs in _runs(before, after))
        if not apart:
            yield "joins"
        elif key_of(one) != key_of(two):
            yield "keys"
        elif one.kind is not two.kind:
            yield "kinds"
        elif set(two.entities) & set(one.entities):
            yield "entity"
        elif set(two.after) & set(one.seqs):
            yield "child"
    for event in before.queue:
        if not any(seq in before.pending.members for seq in event.seqs):
            yield "came-to-nothing"


def _runs(before: Pipeline, after: Pipeline) -> list[tuple[ClientSeq, ...]]:
    """The numbers of each segment that this drain made."""
    made = [tuple(segment.seqs) for segment in after.waiting]
    return made + [seqs for handle, seqs in after.handed.items() if handle not in before.handed]


def _answer(config: Config, asked: tuple[ClientSeq, ...], outcome: Outcome) -> Iterator[str]:
    ids = [entry_id_of(config, seq) for seq in asked]
    match outcome:
        case Confirmed(results):
            named = [result.entry_id for result in results]
            yield "all" if set(ids) <= set(named) else "part"
            if named != [entry for entry in ids if entry in named]:
                yield "other-order"
            if any(named.count(entry) > 1 for entry in ids):
                yield "doubled"
        case Enqueued(stored):
            yield "stored" if set(ids) <= set(stored) else "stored-part"
        case Failed():
            yield "failed"
        case NoAnswer():
            yield "no-answer"
        case _:
            assert_never(outcome)


def _decided(config: Config, before: Pipeline, given: Decided) -> str:
    mutation = next(
        (m for m in before.pending if entry_id_of(config, m.seq) == given.entry_id), None
    )
    if mutation is None:
        return "not-pending"
    if given.epoch is not None and given.epoch != before.epoch:
        return "other-epoch"
    words = {Written: "written", Refused: "refused", InDoubt: "in-doubt", Unknown: "unknown"}
    return f"{words[type(given.verdict)]}-{place_of(mutation)}"


def _revert(before: Pipeline, given: Revert, after: Pipeline) -> Iterator[str]:
    planned = [after.pending.members[seq] for seq in given.seqs]
    yield "waits" if any(m.needs for m in planned) else "free"
    if len(planned) > 1:
        yield "several"
    stacks = before.history[given.scope]
    units = stacks.undo if given.direction.value == "undo" else stacks.redo
    if not any(seq in before.members for seq in units[-1].seqs):
        yield "passes-over"


def _consequences(before: Pipeline, given: Input, done: Done) -> Iterator[str]:
    """What follows, whatever the input was."""
    for effect in done.effects:
        yield from _effect(before, effect)
    yield from _names(before, done.state)
    if any(number not in done.state.tickets for number in before.tickets):
        yield "verdict:forgotten"
    before_waiting = {seq for segment in before.waiting for seq in segment.seqs}
    handed = {s for effect in done.effects if isinstance(effect, Persist) for s in effect.seqs}
    left = {seq for segment in done.state.waiting for seq in segment.seqs}
    if not isinstance(given, Drain) and handed & before_waiting:
        yield "handed:later"
    if any(handed & set(s.seqs) and left & set(s.seqs) for s in before.waiting):
        yield "handed:in-parts"


def _names(before: Pipeline, after: Pipeline) -> Iterator[str]:
    for temporary, real in after.aliases.items():
        if temporary not in before.aliases:
            yield "name:came-to-nothing" if real is None else "name:given"
        elif before.aliases[temporary] != real:
            yield "name:given-anew"
    for mutation in before.pending:
        gone = after.pending.get(mutation.seq) is None
        parents = {*mutation.makers, *mutation.needs}
        dropped = any(p in before.pending.members and after.pending.get(p) is None for p in parents)
        if gone and dropped and mutation.status is Place.WAITING:
            yield "orphan:maker" if mutation.makers else "orphan:need"


def _effect(before: Pipeline, effect: Effect) -> Iterator[str]:
    match effect:
        case Told(_, status):
            yield f"told:{status.value}"
        case Answered(_, answer):
            yield f"answered:{answer.value}"
        case Diag(code):
            yield f"diag:{code.value}"
        case Stale():
            yield "stale:asked"
        case Resync():
            yield "resync:asked"
        case Persist(_, entries):
            if len(entries) > 1:
                yield "persist:several"
            if any(entry.depends_on for entry in entries):
                yield "persist:after-others"
            if any(entry.base is not None for entry in entries):
                yield "persist:on-version"
        case Schedule():
            yield "schedule:first"
        case Changed() | Withdraw():
            return
        case _:
            assert_never(effect)
