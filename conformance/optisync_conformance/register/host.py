"""The client of the small world: a coordinator and the host that keeps its documents.

The host does both of what `optisync.coordinator.effects` allows: it folds at each Changed, and it
follows undo, redo and apply; the search compares the two.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from optisync.contracts.messages import Refused, Snapshot
from optisync.coordinator.effects import (
    Acked,
    Apply,
    Changed,
    Effect,
    InDoubt,
    Load,
    Redo,
    Rejected,
    Request,
    Resync,
    StoreCounter,
    Undo,
)
from optisync.coordinator.inputs import Applied, Generate, Input, Register
from optisync.coordinator.state import Coordinator
from optisync.errors import ChangeInapplicable
from optisync.patch import Replace
from optisync.server.step import Fetch, Pull
from optisync.values import ClientSeq
from optisync.view import Changes, Docs, Update, apply_changes, invert_changes
from optisync_conformance.register.world import (
    ME,
    Host,
    Own,
    Property,
    Rules,
    World,
    ask_server,
    broken,
    documents_at,
    expected,
    history,
    view,
)

Calls: TypeAlias = tuple[Input, ...]


def tell_client(rules: Rules, world: World, first: Docs, given: Input) -> World:
    """One input of the coordinator, run to completion, with everything the host does for it."""
    waiting: list[Input] = [given]
    while waiting:
        world, calls, port = _one(rules, world, first, waiting.pop(0))
        if port is not None:
            world, ok = _apply(rules, world, port)
            waiting.insert(0, Applied(ok))
        waiting += calls
    return world


def _one(
    rules: Rules, world: World, first: Docs, given: Input
) -> tuple[World, Calls, Apply | Load | None]:
    """One step: the effects are performed, but for the apply or load that ends it."""
    before = world.client
    done = rules.machines.client(rules.config, before, given)
    if done.error is not None:
        return world, (), None
    world = replace(world, client=done.state)
    if isinstance(given, Register):
        if given.seq not in {own.seq for own in world.own}:
            own = Own(given.seq, given.changes, given.changes)
            world = replace(world, own=(*world.own, own))
        world = _redo(rules, world, given.seq, given.changes)
    later: Calls = ()
    port: Apply | Load | None = None
    for effect in done.effects:
        if isinstance(effect, Apply | Load):
            port = effect
        elif isinstance(effect, Changed):
            world, calls = _changed(rules, world, first, before)
            later += calls
        else:
            world = _perform(rules, world, effect)
    return _check(rules, world, first, before), later, port


def _changed(rules: Rules, world: World, first: Docs, before: Coordinator) -> tuple[World, Calls]:
    """An observer looks, and may make a call of its own."""
    removed = len(world.client.pending) < len(before.pending)
    seen = before if removed and rules.host is Host.TELLS_FIRST else world.client
    shows = view(rules, world, seen)
    if shows != expected(world, first, world.client.confirmed):
        world = replace(broken(world, Property.OVERLAY), seen=shows)
    if world.push != view(rules, world, world.client):
        world = broken(world, Property.PLAN)
    if world.hook is None:
        return world, ()
    meant, given = world.hook, rules.machines.client(rules.config, world.client, Generate())
    world = replace(world, hook=None, client=given.state)
    for effect in given.effects:
        world = _perform(rules, world, effect)
    call = Register(world.client.generated, meant)
    if rules.host is not Host.NESTED:
        return world, (call,)
    return _one(rules, world, first, call)[0], ()


def _apply(rules: Rules, world: World, effect: Apply | Load) -> tuple[World, bool]:
    if world.fails:
        return replace(world, fails=False), False
    if isinstance(effect, Load):
        docs, gone = effect.snapshot.docs, world.gone | _ended_by(world, effect.snapshot)
        if effect.snapshot.epoch > world.client.confirmed.epoch:
            gone |= _settled(world)  # what a restore takes back, it takes back
        return replace(world, docs=docs, push=docs, gone=gone), True
    times = 2 if rules.host is Host.APPLIES_TWICE else 1
    try:
        docs = apply_changes(world.docs, effect.delta.changes)
        for _ in range(times - 1):
            docs = apply_changes(docs, effect.delta.changes)
    except ChangeInapplicable:
        return world, False
    return replace(world, docs=docs, push=_try(world.push, effect.delta.changes)), True


def _settled(world: World) -> frozenset[ClientSeq]:
    labels = (c.label for c in history(world, world.client.confirmed))
    return frozenset(label.seq for label in labels if label.client == ME)


def _ended_by(world: World, snapshot: Snapshot) -> frozenset[ClientSeq]:
    """The mutations that a snapshot ends without their being in its documents, or in doubt."""
    refused = {o.seq for o in snapshot.outcomes if isinstance(o.verdict, Refused)}
    if snapshot.client_known or snapshot.epoch == world.client.confirmed.epoch:
        return frozenset(refused)
    return frozenset(refused | {own.seq for own in world.own} - {o.seq for o in snapshot.outcomes})


def _try(docs: Docs, changes: Changes) -> Docs:
    try:
        return apply_changes(docs, changes)
    except ChangeInapplicable:
        return docs


def _redo(rules: Rules, world: World, seq: ClientSeq, changes: Changes) -> World:
    inverses = dict(world.inverses)
    kept = inverses.pop(seq, None)
    try:
        fresh = invert_changes(world.push, changes)
    except ChangeInapplicable:
        return replace(world, inverses=tuple(inverses.items()))
    first = rules.host is Host.FIRST_INVERSE and kept is not None
    inverses[seq] = kept if first and kept is not None else fresh
    push = apply_changes(world.push, changes)
    return replace(world, push=push, inverses=tuple(inverses.items()))


def _perform(rules: Rules, world: World, effect: Effect) -> World:
    match effect:
        case StoreCounter(upto):
            return replace(world, counter=upto)
        case Undo(seq):
            inverse = dict(world.inverses).get(seq)
            return world if inverse is None else replace(world, push=_try(world.push, inverse))
        case Redo(seq, changes):
            return _redo(rules, world, seq, changes)
        case Acked(seq):
            return _told(world, seq, "acked")
        case Rejected(seq):
            return _told(world, seq, "rejected")
        case InDoubt(seq):
            return _told(world, seq, "in-doubt")
        case Request(after, upto):
            pull = Pull(ME, world.client.confirmed.epoch, after, upto)
            return ask_server(rules, world, pull)
        case Resync():
            return ask_server(rules, world, Fetch(ME))
        case _:
            return world


def _told(world: World, seq: ClientSeq, verdict: str) -> World:
    """A verdict is told; it must be the only one, and what the server decided."""
    own = next((own for own in world.own if own.seq == seq), None)
    commits = (c for log in world.histories for c in log if c.label.client == ME)
    accepted = own is not None and (seq, own.changes) in {(c.label.seq, c.changes) for c in commits}
    refused = own is not None and own.meant in world.refused
    true = {"acked": accepted, "rejected": refused, "in-doubt": True}[verdict]
    once = seq not in dict(world.told)
    told = replace(world, told=(*world.told, (seq, verdict)))
    return told if true and once else broken(told, Property.SETTLED_ONCE)


def _check(rules: Rules, world: World, first: Docs, before: Coordinator) -> World:
    """What must hold between two steps, whoever looks."""
    at = world.client.confirmed
    if world.docs != documents_at(world, first, at) or at < before.confirmed:
        world = broken(world, Property.PREFIX)
    shows = view(rules, world, world.client)
    if shows != expected(world, first, at):
        world = replace(broken(world, Property.OVERLAY), seen=shows)
    return world


def whole_value(shown_now: Docs, meant: Changes) -> Changes:
    """What an application registers that writes whole documents as it shows them."""
    after = _try(shown_now, meant)
    return tuple((atom, Update((Replace((), after[atom]),))) for atom, _ in meant)
