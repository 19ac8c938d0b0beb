"""A small world: one client, its host, a wire, the authority, and somebody else who writes.

The world knows what really happened (which mutation is in which history), so it can say after
every step what a client must show, without asking the coordinator.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, TypeAlias

from optisync.contracts.messages import Ack, Delta, Head, Message, Reject, Snapshot
from optisync.coordinator.config import Config
from optisync.coordinator.inputs import Input
from optisync.coordinator.state import Coordinator, Position, shown, start
from optisync.server.state import Commit, Server
from optisync.server.state import start as start_server
from optisync.server.step import Input as ServerInput
from optisync.server.step import Send
from optisync.values import ClientId, ClientSeq, Epoch, ServerSeq
from optisync.view import (
    Changes,
    Docs,
    Overlay,
    apply_changes,
    fold,
)
from optisync_conformance.register.variants import Machines

Calls: TypeAlias = tuple[Input, ...]

ME: Final = ClientId("me")
OTHER: Final = ClientId("other")


class Property(Enum):
    """What must hold after every step, and (CONVERGENCE) once everything has been delivered."""

    PREFIX = "PREFIX"
    OVERLAY = "OVERLAY"
    PLAN = "PLAN"
    SETTLED_ONCE = "SETTLED-ONCE"
    CONVERGENCE = "CONVERGENCE"


class Host(Enum):
    """How the host of the coordinator behaves; all but CORRECT are rejected rules."""

    CORRECT = "correct"
    FIRST_INVERSE = "first-inverse"
    """Redo keeps the inverse recorded at registration."""
    NO_COUNTER = "no-counter"
    """A new life counts from what is in its queue."""
    WHOLE_VALUE = "whole-value"
    """The application registers the whole document as it is shown, not its own change."""
    TELLS_FIRST = "tells-first"
    """Observers are called before a mutation is removed."""
    NESTED = "nested"
    """A call made from a callback runs at once."""
    APPLIES_TWICE = "applies-twice"
    """Two consumers of one port."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is compared: machines, host, and what the server's messages carry."""

    machines: Machines
    config: Config
    host: Host = Host.CORRECT
    labels: bool = True
    positions: bool = True


@dataclass(frozen=True, slots=True)
class Own:
    """A mutation of this life of the client: its number, its own change, and what it registered."""

    seq: ClientSeq
    meant: Changes
    changes: Changes


@dataclass(frozen=True, slots=True)
class World:
    """The whole state.

    `docs`: the host's confirmed documents; `push`: what a host shows that follows the plan, with
    `inverses`. `histories`: by epoch, everything committed in it. `wire`: messages on their way to
    the client. `own`: what it registered in this life, `gone`: told to it as refused or given up.
    `decided`: all verdicts of the server, `told`: all verdicts the client gave out.
    `broken`: properties the last step broke; `seen`: the wrong view that somebody saw in it.
    """

    client: Coordinator
    docs: Docs
    push: Docs
    server: Server
    histories: tuple[tuple[Commit, ...], ...] = ((),)
    inverses: tuple[tuple[ClientSeq, Changes], ...] = ()
    wire: tuple[tuple[str, Message], ...] = ()
    own: tuple[Own, ...] = ()
    gone: frozenset[ClientSeq] = frozenset()
    refused: frozenset[Changes] = frozenset()
    told: tuple[tuple[ClientSeq, str], ...] = ()
    foreign: int = 0
    counter: ClientSeq = ClientSeq(0)
    fails: bool = False
    hook: Changes | None = None
    used: frozenset[str] = frozenset()
    seen: Docs | None = None
    broken: frozenset[Property] = frozenset()


def begin(docs: Docs) -> World:
    """Nothing has happened; client and server hold `docs`."""
    client = start(Position(Epoch(1), ServerSeq(0)))
    return World(client, docs, docs, start_server(Epoch(1), docs))


# --- what must be shown -------------------------------------------------------------------------


def history(world: World, at: Position) -> tuple[Commit, ...]:
    """What is in the documents at a position, in order."""
    commits = world.histories[at.epoch - 1] if at.epoch <= len(world.histories) else ()
    return tuple(c for c in commits if c.server_seq <= at.server_seq)


def documents_at(world: World, docs: Docs, at: Position) -> Docs:
    """The documents at a position; `docs` are the first ones."""
    for commit in history(world, at):
        docs = apply_changes(docs, commit.changes)
    return docs


def view(rules: Rules, world: World, client: Coordinator) -> Docs:
    """What a host shows that folds."""
    overlays = (Overlay(p.seq, p.changes) for p in shown(client))
    return rules.machines.fold(world.docs, overlays).view


def expected(world: World, first: Docs, at: Position) -> Docs:
    """What must be shown: the history up to `at`, and every own mutation that is not in it."""
    there = {(c.label.seq, c.changes) for c in history(world, at) if c.label.client == ME}
    missing = (
        Overlay(own.seq, own.meant)
        for own in world.own
        if own.seq not in world.gone and (own.seq, own.changes) not in there
    )
    return fold(documents_at(world, first, at), missing).view


# --- the wire -----------------------------------------------------------------------------------


def _name(message: Message) -> str:
    epoch = "" if message.epoch == 1 else f" of epoch {message.epoch}"
    match message:
        case Ack():
            return f"ack #{message.seq}{epoch}"
        case Reject():
            return f"reject #{message.seq}{epoch}"
        case Delta():
            return f"delta {message.server_seq}{epoch}"
        case Head():
            return f"head {message.server_seq}{epoch}"
        case Snapshot():
            said = f", {len(message.outcomes)} outcomes" if message.outcomes else ""
            return f"snapshot at {message.server_seq}{said}{epoch}"


def ask_server(rules: Rules, world: World, given: ServerInput) -> World:
    """The server answers; what is for this client goes on the wire."""
    done = rules.machines.server(world.server, given)
    if done.error is not None:
        return world
    wire = dict(world.wire)
    for effect in done.effects:
        if isinstance(effect, Send) and effect.to != ME:
            continue
        sent = _as_sent(rules, effect.message)
        wire[_name(sent)] = sent
    here = world.histories[-1]
    last = here[-1].server_seq if here else ServerSeq(0)
    new = tuple(c for c in done.state.log if c.server_seq > last)
    histories = (*world.histories[:-1], here + new)
    if done.state.epoch > world.server.epoch:
        histories = (*world.histories, done.state.log)
    world = replace(world, server=done.state, wire=tuple(wire.items()), histories=histories)
    labels = [(c.label.client, c.label.seq) for c in histories[-1]]
    return world if len(set(labels)) == len(labels) else broken(world, Property.SETTLED_ONCE)


def _as_sent(rules: Rules, message: Message) -> Message:
    if isinstance(message, Delta) and not rules.labels:
        return replace(message, settles=())
    if isinstance(message, Ack) and not rules.positions:
        return replace(message, server_seq=None)
    return message


def broken(world: World, what: Property) -> World:
    """The world, with a property broken in this step."""
    return replace(world, broken=world.broken | {what})
