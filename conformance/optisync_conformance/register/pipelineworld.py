"""A small world around a pipeline: persistence, an authority, and somebody else who writes.

The world knows what really happened at the server, so it can say after every step what broke,
without asking the pipeline.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from optisync.contracts.entry import (
    Entity,
    EntityId,
    Resource,
    Stamp,
    WriteEntry,
    Written,
    atom_of,
)
from optisync.contracts.messages import Refused
from optisync.errors import ChangeInapplicable
from optisync.patch import Add, Replace
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Persist, Stale, Told
from optisync.pipeline.events import Write
from optisync.pipeline.inputs import Input
from optisync.pipeline.state import Pipeline, TicketStatus, start, view
from optisync.values import AtomKey, ClientId, ClientSeq, Epoch, Json, Obj, ServerSeq, Version
from optisync.view import Change, Create, Delete, Doc, Docs, Update, Upsert, apply_changes
from optisync_conformance.register.variants import PipelineStep

ME = ClientId("me")
CONFIG = Config(ME)
ROWS = Resource("rows")
ROW = Obj({"l": (), "x": 0})
FIRST_ROWS = Obj({"rows/a": ROW, "rows/b": ROW})


class Promise(Enum):
    """What must hold after every step, and (ENDS) once the network heals."""

    SHOWN = "SHOWN"
    ORDER = "ORDER"
    VERDICT = "VERDICT"
    NO_BLIND_WRITE = "NO-BLIND-WRITE"
    NO_FALSE_CONFLICT = "NO-FALSE-CONFLICT"
    NO_STRAY_VALUE = "NO-STRAY-VALUE"
    NO_DANGLING_ID = "NO-DANGLING-ID"
    ENDS = "ENDS"


@dataclass(frozen=True, slots=True)
class Planned:
    """A write of the script: `note` appends its number to `l`, `mark` adds a member of its own
    (relative changes need a stream), `set` sets `x`."""

    kind: str
    entity: str
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A request on its way to the server; `awaited` until its sender gives the answer up."""

    handle: int
    entries: tuple[WriteEntry, ...]
    seqs: tuple[ClientSeq, ...]
    epoch: Epoch
    awaited: bool = True

    @property
    def name(self) -> str:
        """What readers call it."""
        return f"request of {' and '.join(f'w{seq}' for seq in self.seqs)}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said to a request, on its way back."""

    request: Request
    verdicts: tuple[Written | Refused, ...]

    @property
    def name(self) -> str:
        """What readers call it."""
        return self.request.name.replace("request of", "answer to")


@dataclass(frozen=True, slots=True)
class Commit:
    """What the server executed. `seq` 0: somebody else's; `saw`: how far its plan had seen."""

    at: ServerSeq
    seq: ClientSeq
    atom: AtomKey
    changes: Change
    ids: tuple[tuple[str, str], ...] = ()
    saw: int = 0


@dataclass(frozen=True, slots=True)
class World:
    """The whole state.

    `stream`: whether the server tells positions and deltas follow, or rows answer for themselves.
    `rows` and `log` are the server's. `saw`: by number, the position the plan of a write had seen;
    `noted`: those that append a note or add a mark; `taken_back`: those whose effect the client
    had and a restore took.
    `gone`: writes that were refused, failed or cancelled. `backup`: rows of the beginning.
    `late`: an old answer to a read, that may arrive. `broken`: what the last step broke.
    """

    pipe: Pipeline
    stream: bool
    written: int = 0
    wire: tuple[Request | Answer, ...] = ()
    rows: Docs = FIRST_ROWS
    log: tuple[Commit, ...] = ()
    decided: tuple[tuple[ClientSeq, Written | Refused], ...] = ()
    epoch: Epoch = Epoch(1)
    saw: tuple[tuple[ClientSeq, int], ...] = ()
    noted: frozenset[ClientSeq] = frozenset()
    taken_back: frozenset[ClientSeq] = frozenset()
    told: tuple[tuple[int, str], ...] = ()
    executed: frozenset[ClientSeq] = frozenset()
    gone: frozenset[ClientSeq] = frozenset()
    stale: tuple[str, ...] = ()
    late: tuple[Version, Doc] | None = None
    used: frozenset[str] = frozenset()
    broken: frozenset[Promise] = frozenset()


def begin(stream: bool) -> World:
    """Nothing has happened; the client has read rows `a` and `b`, at version 0."""
    world = World(start(), stream)
    stamps = [(AtomKey(atom), Stamp(Epoch(1), Version(0))) for atom in world.rows]
    return replace(world, pipe=start(world.rows, versions=stamps))


def change_of(planned: Planned, number: int) -> Change:
    """The change that the application plans."""
    value = Obj({"l": (number,), "x": number})
    match planned.kind:
        case "note":
            return Update((Add(("l", "-"), number),))
        case "mark":
            return Update((Add((f"m{number}",), 1),))
        case "set":
            return Update((Replace(("x",), number),))
        case "child":
            return Update((Add(("p",), planned.parent),))
        case "create":
            return Create(value)
        case "upsert":
            return Upsert(value)
        case _:
            return Delete()


def write_of(planned: Planned, number: int) -> Write:
    """The write that the application dispatches."""
    entity = Entity(ROWS, EntityId(planned.entity))
    temporary = planned.entity.startswith("tmp") and planned.kind == "create"
    return Write(entity, change_of(planned, number), temporary)


def version(world: World, atom: AtomKey) -> Version:
    """The version of a row at the server; 0 for one nobody has touched."""
    return Version(max((c.at for c in world.log if c.atom == atom), default=0))


def tell(step: PipelineStep, world: World, given: Input) -> World:
    """The pipeline takes an input; what it hands over is on the wire at once."""
    done = step(CONFIG, world.pipe, given)
    world = replace(world, pipe=done.state)
    for effect in done.effects:
        match effect:
            case Persist(handle, entries, seqs):
                request = Request(handle, entries, seqs, world.pipe.epoch)
                world = replace(world, wire=(*world.wire, request))
            case Told(ticket, status):
                world = _told(world, ticket, status)
            case Stale(entity):
                world = replace(world, stale=(*world.stale, str(atom_of(entity))))
            case _:
                pass
    return world


def _told(world: World, ticket: int, status: TicketStatus) -> World:
    if status is TicketStatus.FAILED:
        world = replace(world, gone=world.gone | {ClientSeq(ticket)})
    return replace(world, told=(*world.told, (ticket, status.value)))


def execute(world: World, entry: WriteEntry, seq: ClientSeq, refuse: bool) -> World:
    """The server decides an entry, once: refused, in conflict, or executed."""
    if seq in dict(world.decided):
        return world
    atom, verdict = atom_of(entry.entity), None
    current = version(world, atom)
    conflict = entry.base is not None and (entry.base.epoch, entry.base.version) != (
        world.epoch,
        current,
    )
    ids = ((str(entry.entity.id), f"id{seq}"),) if entry.temporary else ()
    named = AtomKey(f"rows/id{seq}") if entry.temporary else atom
    try:
        rows = None if refuse or conflict else apply_changes(world.rows, ((named, entry.change),))
    except ChangeInapplicable:
        rows = None
    if rows is None:
        verdict = Refused("no")
        foreign = any(c.seq == 0 and c.atom == atom for c in world.log)
        if conflict and not refuse and not foreign and world.epoch == Epoch(1):
            world = replace(world, broken=world.broken | {Promise.NO_FALSE_CONFLICT})
        return replace(world, decided=(*world.decided, (seq, verdict)), gone=world.gone | {seq})
    at = ServerSeq(len(world.log) + 1)
    saw = dict(world.saw).get(seq, 0)
    commit = Commit(at, seq, named, entry.change, ids, saw)
    place = at if world.stream else None
    written = Written(Version(at), place, ids)
    world = replace(world, rows=rows, log=(*world.log, commit), executed=world.executed | {seq})
    return replace(world, decided=(*world.decided, (seq, written)))


def checked(world: World) -> World:
    """The world, with what its last step broke."""
    return replace(world, broken=world.broken | frozenset(_breaks(world)))


def _breaks(world: World) -> list[Promise]:
    found: list[Promise] = []
    mine = [commit for commit in world.log if commit.seq]
    for atom in {commit.atom for commit in mine}:
        order = [commit.seq for commit in mine if commit.atom == atom]
        if order != sorted(order):
            found.append(Promise.ORDER)
    if _verdicts_wrong(world):
        found.append(Promise.VERDICT)
    if any(_blind(world, commit) for commit in mine):
        found.append(Promise.NO_BLIND_WRITE)
    if any(_holds(row, number) for row in world.rows.values() for number in world.gone):
        found.append(Promise.NO_STRAY_VALUE)
    if any(_dangles(row) for row in world.rows.values()):
        found.append(Promise.NO_DANGLING_ID)
    if _shown_wrong(world):
        found.append(Promise.SHOWN)
    return found


def _verdicts_wrong(world: World) -> bool:
    final = [(t, word) for t, word in world.told if word not in ("enqueued", "pending")]
    several = len({ticket for ticket, _ in final}) < len(final)
    return several or any(
        (word == "failed" and ClientSeq(t) in world.executed)
        or (word == "confirmed" and ClientSeq(t) not in world.executed)
        for t, word in final
    )


def _blind(world: World, commit: Commit) -> bool:
    """Whether somebody else's write lies between what the plan saw and this commit."""
    between = range(commit.saw + 1, commit.at)
    return any(c.seq == 0 and c.atom == commit.atom and c.at in between for c in world.log)


def _holds(row: Json, number: int) -> bool:
    """Whether the row of the server holds the value of a write."""
    if not isinstance(row, Obj):
        return False
    notes = row.get("l", ())
    return row.get("x") == number or (isinstance(notes, tuple) and number in notes)


def _times(row: Json, number: int) -> int:
    """How often a row shows the note or mark of a write."""
    if not isinstance(row, Obj):
        return 0
    notes = row.get("l", ())
    return (notes.count(number) if isinstance(notes, tuple) else 0) + (f"m{number}" in row)


def _dangles(row: Json) -> bool:
    return isinstance(row, Obj) and str(row.get("p", "")).startswith("tmp")


def _shown_wrong(world: World) -> bool:
    """Whether the note of a write is not shown once, or that of one that is gone is shown; or a
    row that was deleted is back."""
    if world.pipe.epoch != world.epoch:
        return False
    shown = view(world.pipe).view
    doubt = {ticket for ticket, word in world.told if word == "in-doubt"}
    for seq, _ in world.saw:
        times = sum(_times(row, seq) for row in shown.values())
        told_gone = (int(seq), "failed") in world.told
        if seq in doubt or seq not in world.noted or seq in world.taken_back:
            continue
        if times != (0 if told_gone else 1):
            return True
    deleted = [c for c in world.log if isinstance(c.changes, Delete)]
    confirmed = {ticket for ticket, word in world.told if word == "confirmed"}
    return any(int(c.seq) in confirmed and c.atom in shown for c in deleted)
