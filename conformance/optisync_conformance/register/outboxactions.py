"""What can happen in the outbox's small world, and what happens when the network heals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from optisync.contracts.entry import Millis, Stamp
from optisync.contracts.messages import Accepted, Delta, Label, Outcome, Refused, Snapshot
from optisync.outbox.config import Config, Mode
from optisync.outbox.inputs import (
    Abandon,
    Cancel,
    Enqueue,
    GiveUp,
    HasRead,
    Release,
    Reserve,
    Restart,
    Result,
    Resume,
    Retry,
    Settle,
    Take,
    Tick,
    Watermark,
)
from optisync.outbox.rows import Item, Parked
from optisync.values import ClientSeq, Epoch, Obj, ServerSeq, Version
from optisync_conformance.register.outboxworld import (
    ME,
    Answer,
    Commit,
    Promise,
    Request,
    World,
    Write,
    begin,
    checked,
    dangling,
    entry_of,
    tell,
)
from optisync_conformance.register.search import Action, Game
from optisync_conformance.register.variants import OutboxStep

ACTIONS: Final = {
    "write": "the application enqueues its next write",
    "take": "a number is taken and not used",
    "send": "a worker reserves what may be sent",
    "serve": "a request reaches the server and is executed",
    "refuse": "a request reaches the server and is refused",
    "busy": "a request reaches the server, which answers `not now`",
    "unreachable": "a request does not reach the server; its lease is released",
    "answer": "a result arrives",
    "delta": "the next delta arrives",
    "lose": "a result is lost",
    "expire": "the leases run out",
    "wait": "the back-off passes",
    "foreign": "somebody else writes row `a`",
    "cancel": "the application cancels its first write",
    "abandon": "the application abandons its first write",
    "crash": "the process dies and starts again over its store",
    "restore": "the server is restored from the backup of its beginning, in a new epoch",
    "snapshot": "the client takes in a snapshot of the server's epoch",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """An outbox under test, and whether the server's labels carry versions."""

    step: OutboxStep
    config: Config
    label_versions: bool = True


@dataclass(frozen=True, slots=True)
class Scope:
    """The writes of the application, and the actions allowed."""

    own: tuple[Write, ...]
    actions: tuple[str, ...]


def game(rules: Rules, scope: Scope) -> Game[World, Promise]:
    """The world of a scope under some rules, to be explored."""
    return Game(
        begin(),
        partial(enabled, scope),
        partial(act, rules, scope),
        lambda world: world.broken,
        Promise.DRAINS,
        lambda world: drained(heal(rules, scope, world)),
    )


def enabled(scope: Scope, world: World) -> Iterator[Action]:
    """Every action of the scope that means something now, in a fixed order."""
    allowed, numbers = scope.actions, world.box.numbers
    if "write" in allowed and world.written < len(scope.own):
        yield ("write",)
    if "send" in allowed:
        yield ("send",)
    for message in world.wire:
        verbs = ["answer", "lose"] if isinstance(message, Answer) else ["serve"]
        if isinstance(message, Request) and message.item is not None:
            verbs += ["refuse", "busy", "unreachable"]
        yield from ((verb, message.name) for verb in verbs if verb in allowed)
    here = numbers.epoch == world.epoch
    if "delta" in allowed and here and any(c.at > numbers.server_seq for c in world.log):
        yield ("delta",)
    if "snapshot" in allowed and not here:
        yield ("snapshot",)
    for again in ("expire", "wait"):
        if again in allowed:
            yield (again,)
    for once in ("take", "foreign", "cancel", "abandon", "crash", "restore"):
        sense = {"cancel": bool(world.written), "abandon": bool(world.written)}.get(once, True)
        if once in allowed and once not in world.used and sense:
            yield (once,)


def act(rules: Rules, scope: Scope, world: World, action: Action) -> World:
    """The world after one action; what cannot happen in it leaves it as it was."""
    return checked(_act(rules, scope, replace(world, broken=frozenset()), action))


def _act(rules: Rules, scope: Scope, world: World, action: Action) -> World:
    now = world.box.now
    match action:
        case ("write",):
            return _write(rules, scope, world)
        case ("send",):
            return tell(rules.step, rules.config, world, Reserve(9, "w"))
        case ("serve" | "refuse" | "busy" | "unreachable" | "answer" | "lose" as verb, name):
            return _message(rules, world, verb, name)
        case ("delta",):
            return _delta(rules, world)
        case ("snapshot",):
            return _snapshot(rules, world)
        case ("expire",):
            later = Tick(Millis(now + rules.config.lease_ms))
            return tell(rules.step, rules.config, world, later)
        case ("wait",):
            later = Tick(Millis(now + rules.config.max_delay_ms))
            return tell(rules.step, rules.config, world, later)
        case (once,):
            return _once(rules, replace(world, used=world.used | {once}), once)
        case _:
            raise ValueError(f"no such action: {action}")


def _write(rules: Rules, scope: Scope, world: World) -> World:
    if world.written >= len(scope.own):
        return world
    write = scope.own[world.written]
    entry = entry_of(world, world.written + 1, write)
    saw = 0 if write.stale else world.box.numbers.server_seq
    before = world.box
    name = str(entry.entry_id)
    world = replace(world, written=world.written + 1, planned=(*world.planned, (name, saw)))
    if write.direct:
        world = replace(world, direct=world.direct | {name})
    world = tell(rules.step, rules.config, world, Enqueue((entry,), stored=not write.direct))
    refused = world.box == before
    return replace(world, lost=world.lost | {name}) if refused else world


def _once(rules: Rules, world: World, once: str) -> World:
    step, config = rules.step, rules.config
    names = [m.entry.entry_id for m in world.box.queue if isinstance(m, Item)]
    match once:
        case "take":
            world = tell(step, config, world, Take())
            return replace(world, taken=world.box.numbers.counter)
        case "foreign":
            at = ServerSeq(len(world.log) + 1)
            entity = entry_of(world, 0, Write("a")).entity
            return replace(world, log=(*world.log, Commit(at, ClientSeq(0), "", entity)))
        case "cancel" if names:
            return tell(step, config, world, Cancel(names[0]))
        case "abandon" if names:
            return tell(step, config, world, Abandon(names[0]))
        case "crash":
            lost = world.lost | world.direct
            dead = replace(world, box=world.saved, lost=lost, taken=ClientSeq(0))
            return tell(step, config, dead, Restart())
        case "restore":
            return replace(
                world,
                epoch=Epoch(world.epoch + 1),
                log=(),
                decided=(),
                next_seq=ClientSeq(1),
            )
        case _:
            return world


# --- the server and the wire --------------------------------------------------------------------


def _message(rules: Rules, world: World, verb: str, name: str) -> World:
    message = next((m for m in world.wire if m.name == name), None)
    if message is None:
        return world
    if isinstance(message, Answer):
        world = replace(world, wire=tuple(m for m in world.wire if m is not message))
        given = Settle(message.token, message.epoch, (Result(message.entry_id, message.outcome),))
        return world if verb == "lose" else tell(rules.step, rules.config, world, given)
    if verb == "unreachable":
        world = replace(world, wire=tuple(m for m in world.wire if m is not message))
        return tell(rules.step, rules.config, world, Release(message.token))
    if message.epoch != world.epoch:
        return world
    return _submitted(rules, world, message, verb)


def _submitted(rules: Rules, world: World, request: Request, verb: str) -> World:
    ordered = rules.config.mode is Mode.ORDERED
    if request.item is None:
        first, last = request.skip
        if first <= world.next_seq <= last:
            world = replace(world, next_seq=ClientSeq(last + 1))
        return world
    item = request.item
    if verb == "busy":
        world = replace(world, wire=tuple(m for m in world.wire if m is not request))
        world = replace(world, busy=(*world.busy, str(item.entry.entry_id)))
        again = Settle(request.token, request.epoch, (Result(item.entry.entry_id, Retry()),))
        return tell(rules.step, rules.config, world, again)
    if ordered and item.seq > world.next_seq:  # a watermark server waits for every number
        return world
    known = dict(world.decided).get(item.seq)
    if known is None and not (ordered and item.seq < world.next_seq):
        world, known = _decide(world, item, verb == "refuse")
    if known is None:
        return world
    if ordered:
        world = replace(world, next_seq=ClientSeq(max(world.next_seq, item.seq + 1)))
    answer = Answer(request.epoch, request.token, item.entry.entry_id, known)
    others = tuple(m for m in world.wire if m.name != answer.name)
    return replace(world, wire=(*others, answer))


def _decide(world: World, item: Item, refuse: bool) -> tuple[World, Accepted | Refused]:
    entity = item.entry.entity
    verdict: Accepted | Refused = Refused("no")
    touched = [c.at for c in world.log if c.entity == entity]
    current = Stamp(world.epoch, Version(touched[-1] if touched else 0))
    conflict = item.base is not None and item.base != current
    if not refuse and not conflict:
        at = ServerSeq(len(world.log) + 1)
        ids = ((str(entity.id), f"id{item.seq}"),) if item.entry.temporary else ()
        verdict = Accepted(at, Version(at), ids)
        commit = Commit(at, item.seq, str(item.entry.entry_id), entity)
        executed = world.executed | {str(item.entry.entry_id)}
        world = replace(world, log=(*world.log, commit), executed=executed)
        if dangling(item):
            world = replace(world, broken=world.broken | {Promise.NO_DANGLING_ID})
    elif not refuse and item.base is not None and item.base.epoch == world.epoch:
        others = any(c.seq == 0 and c.entity == entity for c in world.log)
        if not others and not any(word == "in doubt" for _, word in world.told):
            world = replace(world, broken=world.broken | {Promise.NO_FALSE_CONFLICT})
    return replace(world, decided=(*world.decided, (item.seq, verdict))), verdict


def _delta(rules: Rules, world: World) -> World:
    cursor = world.box.numbers.server_seq
    commit = next(c for c in world.log if c.at > cursor)
    labels: tuple[Label, ...] = ()
    if commit.seq:
        verdict = dict(world.decided).get(commit.seq)
        ids = verdict.ids if isinstance(verdict, Accepted) else ()
        version = Version(commit.at) if rules.label_versions else None
        labels = (Label(ME, commit.seq, version, ids),)
    delta = Delta(world.epoch, commit.at, ServerSeq(commit.at - 1), (), labels)
    world = tell(rules.step, rules.config, world, delta)
    return _watermark(rules, world) if rules.config.mode is Mode.ORDERED else world


def _watermark(rules: Rules, world: World) -> World:
    cursor = world.box.numbers.server_seq
    decided = [seq for seq, verdict in world.decided if _at(verdict) <= cursor]
    upto = max([0, *decided])
    given = Watermark(world.epoch, cursor, ClientSeq(upto))
    return tell(rules.step, rules.config, world, given)


def _at(verdict: Accepted | Refused) -> int:
    return verdict.server_seq if isinstance(verdict, Accepted) else 0


def _snapshot(rules: Rules, world: World) -> World:
    outcomes = tuple(Outcome(seq, verdict) for seq, verdict in sorted(world.decided))
    at = ServerSeq(len(world.log))
    snapshot = Snapshot(world.epoch, at, Obj(), outcomes)
    world = tell(rules.step, rules.config, world, snapshot)
    return _watermark(rules, world) if rules.config.mode is Mode.ORDERED else world


# --- the end ------------------------------------------------------------------------------------


def heal(rules: Rules, scope: Scope, world: World) -> World:
    """The world once the network works: everything is sent, served, answered and applied."""
    if world.taken:
        world = tell(rules.step, rules.config, world, GiveUp(world.taken))
    for _ in range(8):
        before = (world.box.queue, world.log, world.wire)
        world = _act(rules, scope, world, ("expire",))
        world = _act(rules, scope, world, ("wait",))
        for doubt in world.box.doubts:
            world = tell(rules.step, rules.config, world, HasRead(doubt.entity))
        parked = [m for m in world.box.queue if isinstance(m.status, Parked)]
        for member in parked:
            if isinstance(member, Item):
                world = tell(rules.step, rules.config, world, Resume(member.entry.entry_id))
        world = _act(rules, scope, world, ("send",))
        for message in world.wire:
            if isinstance(message, Request):
                world = _message(rules, world, "serve", message.name)
        world = _act(rules, scope, world, ("expire",))  # a round trip may outlast a lease
        for message in world.wire:
            if isinstance(message, Answer):
                world = _message(rules, world, "answer", message.name)
        world = _catch_up(rules, scope, world)
        if (world.box.queue, world.log, world.wire) == before:
            break
    return world


def _catch_up(rules: Rules, scope: Scope, world: World) -> World:
    if world.box.numbers.epoch != world.epoch:
        world = _snapshot(rules, world)
    while ("delta",) in enabled(replace(scope, actions=("delta",)), world):
        world = _delta(rules, world)
    if rules.config.mode is Mode.ORDERED:
        upto = Watermark(world.epoch, world.box.numbers.server_seq, ClientSeq(world.next_seq - 1))
        world = tell(rules.step, rules.config, world, upto)
    return world


def drained(world: World) -> bool:
    """Whether the queue is empty and every write that was taken in has its verdict."""
    told = {name for name, _ in world.told}
    written = {name for name, _ in world.planned}
    left = [m for m in world.box.queue if isinstance(m, Item)]
    return not left and written - world.lost <= told
