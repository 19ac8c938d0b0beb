"""What can happen in the small world: the actions of a scope, and the end of everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from optisync.contracts.messages import Refused, Reject
from optisync.coordinator.inputs import Generate, Register, Tick
from optisync.coordinator.state import start
from optisync.server.state import decided, documents
from optisync.server.step import Base, Beat, Compact, Elsewhere, Fetch, Forget, Restore, Submit
from optisync.values import ClientSeq, ServerSeq, Version
from optisync.view import Changes, Docs
from optisync_conformance.register.host import tell_client, whole_value
from optisync_conformance.register.search import Action, Game
from optisync_conformance.register.world import (
    ME,
    OTHER,
    Host,
    Own,
    Property,
    Rules,
    World,
    ask_server,
    begin,
    view,
)

ACTIONS: Final = {
    "register": "the client registers its next mutation",
    "repeat": "the client registers the last number again",
    "hook": "the next change callback will register the next mutation",
    "accept": "the server receives a mutation and accepts it",
    "refuse": "the server receives a mutation and refuses it",
    "resend": "the server receives a mutation a second time",
    "foreign": "the server accepts the next write of somebody else",
    "deliver": "a message on the wire arrives, in any order",
    "in-order": "messages arrive only in the order in which they were sent",
    "duplicate": "what arrived may arrive again",
    "lose": "a message on the wire is lost",
    "fetch": "the client asks for a snapshot",
    "tick": "the retry interval passes",
    "fail": "the next apply of the host fails",
    "crash": "the client dies and starts again, with its documents and its counter",
    "restore": "the server is restored from the backup of its beginning, in a new epoch",
    "forget": "the server loses its memory of the client",
    "compact": "the server drops its history",
    "elsewhere": "another stream takes the next number of the server",
}
"""What a scope may allow."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Documents, the mutations of the client and of somebody else, and the actions allowed."""

    docs: Docs
    own: tuple[Changes, ...]
    foreign: tuple[Changes, ...]
    actions: tuple[str, ...]


def game(rules: Rules, scope: Scope) -> Game[World, Property]:
    """The world of a scope under some rules, to be explored."""
    return Game(
        begin(scope.docs),
        partial(enabled, scope),
        partial(act, rules, scope),
        lambda world: world.broken,
        Property.CONVERGENCE,
        lambda world: converged(rules, deliver_all(rules, scope, world)),
    )


# --- what can happen ----------------------------------------------------------------------------


def enabled(scope: Scope, world: World) -> Iterator[Action]:
    """Every action of the scope that means something now, in a fixed order."""
    allowed = scope.actions
    next_own = len(world.own) + (world.hook is not None) + _lost_lives(world)
    if next_own < len(scope.own):
        yield from ((name,) for name in ("register", "hook") if name in allowed)
    known = {row.seq for row in world.server.table if row.client == ME}
    known |= {c.label.seq for c in world.histories[-1] if c.label.client == ME}
    for own in world.own:
        if world.server.epoch == world.client.confirmed.epoch:
            names = ["resend"] if own.seq in known else ["accept", "refuse"]
            if "forget" in world.used:
                names = []
            yield from ((name, str(own.seq)) for name in names if name in allowed)
    if world.foreign < len(scope.foreign) and "foreign" in allowed:
        yield ("foreign",)
    for name, _ in world.wire[:1] if "in-order" in allowed else world.wire:
        yield from ((verb, name) for verb in ("deliver", "lose") if verb in allowed)
    for once in ("repeat", "fetch", "fail", "crash", "restore", "forget", "compact", "elsewhere"):
        sense = {"repeat": bool(world.own), "forget": bool(known)}.get(once, True)
        if once in allowed and once not in world.used and sense:
            yield (once,)
    if "tick" in allowed:
        yield ("tick",)


def _lost_lives(world: World) -> int:
    return sum(1 for name in world.used if name.startswith("life:"))


def act(rules: Rules, scope: Scope, world: World, action: Action) -> World:
    """The world after one action; what cannot happen in it leaves it as it was."""
    world = replace(world, broken=frozenset(), seen=None)
    match action:
        case ("register",) | ("hook",):
            return _register(rules, scope, world, hook=action == ("hook",))
        case ("repeat",):
            last = world.own[-1]
            again = Register(last.seq, last.changes)
            return tell_client(rules, _use(world, "repeat"), scope.docs, again)
        case ("accept" | "refuse" | "resend" as how, seq):
            return _submit(rules, world, ClientSeq(int(seq)), how)
        case ("foreign",):
            write = Submit(
                OTHER,
                world.server.epoch,
                ClientSeq(world.foreign + 1),
                scope.foreign[world.foreign],
            )
            return replace(ask_server(rules, world, write), foreign=world.foreign + 1)
        case ("deliver", name):
            return _deliver(rules, scope, world, name, "duplicate" not in scope.actions)
        case ("lose", name):
            return replace(world, wire=tuple(item for item in world.wire if item[0] != name))
        case ("tick",):
            return tell_client(rules, world, scope.docs, Tick())
        case ("crash",):
            return _crash(rules, world)
        case ("fail",):
            return replace(_use(world, "fail"), fails=True)
        case (name,):
            return _server_event(rules, _use(world, name), name)
        case _:
            raise ValueError(f"no such action: {action}")


def _use(world: World, name: str) -> World:
    return replace(world, used=world.used | {name})


def _register(rules: Rules, scope: Scope, world: World, *, hook: bool) -> World:
    meant = scope.own[len(world.own) + _lost_lives(world)]
    world = tell_client(rules, world, scope.docs, Generate())
    if hook:
        return replace(world, hook=meant)
    seq, changes = world.client.generated, meant
    if rules.host is Host.WHOLE_VALUE:
        changes = whole_value(view(rules, world, world.client), meant)
    before = world
    world = replace(world, own=(*world.own, Own(seq, meant, changes)))
    world = tell_client(rules, world, scope.docs, Register(seq, changes))
    return before if world.client == before.client else world


def _submit(rules: Rules, world: World, seq: ClientSeq, how: str) -> World:
    own = next((own for own in world.own if own.seq == seq), None)
    if own is None:
        return world
    bases: tuple[Base, ...] = ()
    if how == "refuse":
        bases = (Base(own.changes[0][0], world.client.confirmed.epoch, Version(-1)),)
    write = Submit(ME, world.client.confirmed.epoch, seq, own.changes, bases)
    world = ask_server(rules, world, write)
    row = decided(world.server, ME, seq)
    refused = row is not None and isinstance(row.verdict, Refused)
    return replace(world, refused=world.refused | {own.meant}) if refused else world


def _deliver(rules: Rules, scope: Scope, world: World, name: str, once: bool) -> World:
    message = dict(world.wire).get(name)
    if message is None:
        return world
    if once:
        world = replace(world, wire=tuple(item for item in world.wire if item[0] != name))
    at, gone = world.client.confirmed, world.gone
    if isinstance(message, Reject) and message.epoch == at.epoch:
        gone |= {message.seq}
    return tell_client(rules, replace(world, gone=gone), scope.docs, message)


def _crash(rules: Rules, world: World) -> World:
    counter = ClientSeq(0) if rules.host is Host.NO_COUNTER else world.counter
    lives = frozenset(f"life:{i}" for i in range(len(world.own)))
    return replace(
        world,
        client=start(world.client.confirmed, counter),
        push=world.docs,
        inverses=(),
        own=(),
        gone=frozenset(),
        told=(),
        hook=None,
        used=world.used | lives | {"crash"},
    )


def _server_event(rules: Rules, world: World, name: str) -> World:
    match name:
        case "fetch":
            return ask_server(rules, world, Fetch(ME))
        case "restore":
            world = ask_server(rules, world, Restore(ServerSeq(0)))
            return ask_server(rules, world, Beat())
        case "forget":
            return ask_server(rules, world, Forget(ME))
        case "compact":
            upto = world.server.log[-1].server_seq if world.server.log else ServerSeq(0)
            return ask_server(rules, world, Compact(upto))
        case "elsewhere":
            return ask_server(rules, world, Elsewhere())
        case _:
            raise ValueError(f"no such action: {name}")


# --- the end ------------------------------------------------------------------------------------


def deliver_all(rules: Rules, scope: Scope, world: World) -> World:
    """The world once every message has arrived, in order, and nobody writes any more."""
    world = replace(world, fails=False)
    for _ in range(6):
        before = world
        for own in world.own:
            world = _submit(rules, world, own.seq, "accept")
        for name, _ in world.wire:
            world = _deliver(rules, scope, world, name, True)
        world = ask_server(rules, world, Beat())
        for name, _ in world.wire:
            world = _deliver(rules, scope, world, name, True)
        world = tell_client(rules, world, scope.docs, Tick())
        if world == before:
            break
    return world


def converged(rules: Rules, world: World) -> bool:
    """Whether nothing is pending and client and server show the same."""
    truth = documents(world.server)
    return (
        world.client.pending == ()
        and world.docs == truth
        and view(rules, world, world.client) == truth
        and world.push == truth
    )
