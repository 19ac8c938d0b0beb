"""A small world around an outbox: a store, a wire, an authority, and somebody else who writes.

The world knows what really happened at the server, so it can say after every step what broke,
without asking the outbox.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    IdempotencyKey,
    Resource,
    Stamp,
    WriteEntry,
    mentions,
)
from optisync.contracts.messages import Accepted, Refused
from optisync.outbox.config import Config
from optisync.outbox.effects import Save, Send, Told
from optisync.outbox.inputs import Input
from optisync.outbox.rows import InDoubt, InFlight, Item, Parked
from optisync.outbox.state import Outbox, overlays, start, with_row
from optisync.patch import Add
from optisync.values import ClientId, ClientSeq, Epoch, Obj, ServerSeq, Version
from optisync.view import Change, Create, Update, Upsert
from optisync_conformance.register.variants import OutboxStep

ME = ClientId("me")


class Promise(Enum):
    """What must hold after every step, and (DRAINS) once the network heals."""

    ONCE = "ONCE"
    ORDER = "ORDER"
    VERDICT = "VERDICT"
    NO_BLIND_WRITE = "NO-BLIND-WRITE"
    SHOWN_ONCE = "SHOWN-ONCE"
    NO_DANGLING_ID = "NO-DANGLING-ID"
    NO_FALSE_CONFLICT = "NO-FALSE-CONFLICT"
    ONE_IN_FLIGHT = "ONE-IN-FLIGHT"
    PARKED_BY_ANSWERS = "PARKED-BY-ANSWERS"
    DRAINS = "DRAINS"


@dataclass(frozen=True, slots=True)
class Write:
    """A write of the script. `parent`: the temporary id it mentions, if it does. `stale`: its plan
    saw the documents of the beginning."""

    entity: str
    kind: str = "update"
    parent: str = ""
    direct: bool = False
    stale: bool = False

    @property
    def temporary(self) -> bool:
        """Whether the server gives the row its id."""
        return self.entity.startswith("tmp")


@dataclass(frozen=True, slots=True)
class Request:
    """One entry on its way to the server; `item` None: a range of numbers never to be used."""

    epoch: Epoch
    token: int
    item: Item | None
    skip: tuple[ClientSeq, ClientSeq] = (ClientSeq(0), ClientSeq(0))

    @property
    def name(self) -> str:
        """What readers call it."""
        if self.item is None:
            first, last = self.skip
            return f"skip {first}-{last}" if first != last else f"skip {first}"
        return f"request {self.item.entry.entry_id}"


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict of one entry on its way back."""

    epoch: Epoch
    token: int
    entry_id: EntryId
    outcome: Accepted | Refused

    @property
    def name(self) -> str:
        """What readers call it."""
        return f"result {self.entry_id}"


@dataclass(frozen=True, slots=True)
class Commit:
    """What the server executed. `seq` 0: somebody else's; `saw`: the version its plan had seen."""

    at: ServerSeq
    seq: ClientSeq
    entry_id: str
    entity: Entity
    saw: int = 0


@dataclass(frozen=True, slots=True)
class World:
    """The whole state.

    `box` is the live outbox, `saved` what its store would load. `log` and `decided` are the
    server's, of this epoch; `next_seq`: the first number a watermark server has not decided.
    `planned`: by entry, the version its plan saw. `told`: every verdict the application heard.
    `executed`: entries executed in any epoch. `busy`: answers "not now". `taken`: a number that
    this life may still use. `broken`: what the last step broke.
    """

    box: Outbox
    saved: Outbox
    written: int = 0
    wire: tuple[Request | Answer, ...] = ()
    log: tuple[Commit, ...] = ()
    decided: tuple[tuple[ClientSeq, Accepted | Refused], ...] = ()
    epoch: Epoch = Epoch(1)
    next_seq: ClientSeq = ClientSeq(1)
    planned: tuple[tuple[str, int], ...] = ()
    direct: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()
    told: tuple[tuple[str, str], ...] = ()
    executed: frozenset[str] = frozenset()
    busy: tuple[str, ...] = ()
    taken: ClientSeq = ClientSeq(0)
    used: frozenset[str] = frozenset()
    broken: frozenset[Promise] = frozenset()


def begin() -> World:
    """Nothing has happened; the rows `a` and `b` exist at version 0."""
    box = start(Epoch(1))
    return World(box, box)


def entry_of(world: World, number: int, write: Write) -> WriteEntry:
    """The entry that the application plans now, from the documents it has."""
    value = Obj({"parent": write.parent})
    patch = Update((Add(("v",), write.parent or number),))
    kinds: dict[str, Change] = {"create": Create(value), "upsert": Upsert(value), "update": patch}
    entity = Entity(Resource("rows"), EntityId(write.entity))
    saw = Version(0) if write.stale else seen_version(world, entity)
    epoch = world.box.numbers.epoch
    base = None if saw is None or write.kind != "update" else Stamp(epoch, saw)
    name = f"w{number}"
    return WriteEntry(
        EntryId(name),
        IdempotencyKey(name),
        entity,
        kinds[write.kind],
        base,
        write.temporary,
    )


def seen_version(world: World, entity: Entity) -> Version | None:
    """The version in the client's documents; rows with one letter exist from the beginning."""
    cursor = world.box.numbers.server_seq
    there = [c.at for c in world.log if c.entity == entity and c.at <= cursor]
    if there:
        return Version(there[-1])
    return Version(0) if len(entity.id) == 1 else None


def tell(step: OutboxStep, config: Config, world: World, given: Input) -> World:
    """The outbox takes an input; what it saves is durable, what it sends goes on the wire."""
    done = step(config, world.box, given)
    world = replace(world, box=done.state)
    for effect in done.effects:
        match effect:
            case Save(rows):
                saved = world.saved
                for row in rows:
                    saved = with_row(saved, row)
                world = replace(world, saved=saved)
            case Send(token, items, skips):
                epoch = world.box.numbers.epoch
                sent = tuple(Request(epoch, token, item) for item in items)
                ranges = tuple(Request(epoch, token, None, skip) for skip in skips)
                world = replace(world, wire=_unique((*world.wire, *ranges, *sent)))
            case Told(report):
                world = _told(world, report.entry_id, report.verdict)
            case _:
                pass
    return world


def _unique(wire: tuple[Request | Answer, ...]) -> tuple[Request | Answer, ...]:
    return tuple({message.name: message for message in wire}.values())


def _told(world: World, entry_id: str, verdict: Accepted | Refused | InDoubt) -> World:
    word = {Accepted: "confirmed", Refused: "rejected", InDoubt: "in doubt"}[type(verdict)]
    if (entry_id, word) in world.told:  # told again in a new life
        return world
    return replace(world, told=(*world.told, (entry_id, word)))


def checked(world: World) -> World:
    """The world, with what its last step broke."""
    return replace(world, broken=world.broken | frozenset(_breaks(world)))


def _breaks(world: World) -> list[Promise]:
    mine = [c for c in world.log if c.seq]
    verdicts = dict(world.told)
    found: list[Promise] = []
    if len({c.entry_id for c in mine}) < len(mine):
        found.append(Promise.ONCE)
    for entity in {c.entity for c in mine}:
        order = [c.seq for c in mine if c.entity == entity]
        if order != sorted(order):
            found.append(Promise.ORDER)
    several = len(verdicts) < len(world.told)
    wrong = any(
        (word == "confirmed" and name not in world.executed)
        or (word == "rejected" and name in {c.entry_id for c in mine})
        for name, word in verdicts.items()
    )
    if several or wrong:
        found.append(Promise.VERDICT)
    if any(_blind(world, commit) for commit in mine):
        found.append(Promise.NO_BLIND_WRITE)
    if _shown_wrong(world, verdicts):
        found.append(Promise.SHOWN_ONCE)
    items = [member for member in world.box.queue if isinstance(member, Item)]
    flying = [i.entry.entity for i in items if isinstance(i.status, InFlight)]
    if len(set(flying)) < len(flying):
        found.append(Promise.ONE_IN_FLIGHT)
    if any(isinstance(i.status, Parked) and i.entry.entry_id not in world.busy for i in items):
        found.append(Promise.PARKED_BY_ANSWERS)
    return found


def _blind(world: World, commit: Commit) -> bool:
    """Whether somebody else's write lies between what the plan saw and this commit."""
    between = range(dict(world.planned).get(commit.entry_id, 0) + 1, commit.at)
    return any(c.seq == 0 and c.entity == commit.entity and c.at in between for c in world.log)


def _shown_wrong(world: World, verdicts: dict[str, str]) -> bool:
    """Whether the effect of an executed write is shown not at all, or twice."""
    if world.box.numbers.epoch != world.epoch:
        return False
    shown = {item.entry.entry_id for item in overlays(world.box)}
    cursor = world.box.numbers.server_seq
    for commit in world.log:
        name = commit.entry_id
        exempt = name in world.lost or verdicts.get(name) == "in doubt"
        if commit.seq and not exempt and (commit.at <= cursor) == (name in shown):
            return True
    return False


def dangling(item: Item) -> bool:
    """Whether an entry mentions a temporary id that is not its own."""
    own = {str(item.entry.entity.id)} if item.entry.temporary else set[str]()
    return any(text.startswith("tmp") for text in mentions(item.entry) - own)
