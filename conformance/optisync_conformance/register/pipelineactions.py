"""What can happen in the pipeline's small world, and what happens when the network heals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from optisync.contracts.entry import Entity, EntityId, Row, WriteEntryResult, Written
from optisync.contracts.messages import Accepted, Delta, Label, Outcome, Refused, Snapshot
from optisync.errors import OptisyncError
from optisync.patch import Replace
from optisync.pipeline.inputs import (
    Abandon,
    Cancel,
    Confirmed,
    Decided,
    Direction,
    Dispatch,
    Drain,
    Failed,
    Fetched,
    FetchedRow,
    Hydrate,
    NoAnswer,
    Persisted,
    Revert,
)
from optisync.pipeline.pending import Place
from optisync.pipeline.revert import inverses
from optisync.pipeline.state import version_seen
from optisync.values import AtomKey, ClientSeq, Epoch, ServerSeq, Version
from optisync.view import ABSENT, Doc, Update, apply_changes
from optisync_conformance.register.pipelineworld import (
    FIRST_ROWS,
    ME,
    ROW,
    ROWS,
    Answer,
    Commit,
    Planned,
    Promise,
    Request,
    World,
    begin,
    checked,
    execute,
    tell,
    version,
    write_of,
)
from optisync_conformance.register.search import Action, Game
from optisync_conformance.register.variants import PipelineStep

ACTIONS: Final = {
    "dispatch": "the application dispatches its next write",
    "drain": "the drain window ends",
    "serve": "a request reaches the server and is executed",
    "refuse": "a request reaches the server and is refused",
    "fail": "persistence fails for good before anything is sent",
    "lose": "persistence gives up waiting for an answer",
    "answer": "an answer arrives",
    "delta": "the next delta arrives",
    "foreign": "somebody else writes row `a`",
    "read": "row `a` is read, and the rows arrive",
    "ask": "row `a` is read; the rows are on their way",
    "late": "the rows that were on their way arrive",
    "undo": "the user takes the last action back",
    "cancel": "the application cancels its first write",
    "restore": "the server is restored from the backup of its beginning, in a new epoch",
    "snapshot": "the client takes in a snapshot of the server's epoch",
    "hydrate": "row `a` comes from a cache, as it was in the beginning",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """The writes of the application, the actions allowed, and whether the server has a stream."""

    own: tuple[Planned, ...]
    actions: tuple[str, ...]
    stream: bool = True


def game(step: PipelineStep, scope: Scope) -> Game[World, Promise]:
    """The world of a scope with a pipeline, to be explored."""
    return Game(
        begin(scope.stream),
        partial(enabled, scope),
        partial(act, step, scope),
        lambda world: world.broken,
        Promise.ENDS,
        lambda world: ended(heal(step, scope, world)),
    )


def enabled(scope: Scope, world: World) -> Iterator[Action]:
    """Every action of the scope that means something now, in a fixed order."""
    allowed = scope.actions
    if "dispatch" in allowed and world.written < len(scope.own):
        yield ("dispatch",)
    if "drain" in allowed and world.pipe.queue:
        yield ("drain",)
    for message in world.wire:
        verbs = ["answer"] if isinstance(message, Answer) else ["serve", "refuse"]
        if isinstance(message, Request) and message.awaited:
            verbs += ["fail", "lose"]
        yield from ((verb, message.name) for verb in verbs if verb in allowed)
    here = world.pipe.epoch == world.epoch
    if "delta" in allowed and here and any(c.at > world.pipe.server_seq for c in world.log):
        yield ("delta",)
    if "snapshot" in allowed and not here:
        yield ("snapshot",)
    if "late" in allowed and world.late is not None:
        yield ("late",)
    for once in ("foreign", "read", "ask", "undo", "cancel", "restore", "hydrate"):
        sense = once not in ("undo", "cancel") or world.written > 0
        if once in allowed and once not in world.used and sense:
            yield (once,)


def act(step: PipelineStep, scope: Scope, world: World, action: Action) -> World:
    """The world after one action; what cannot happen in it leaves it as it was."""
    return checked(_act(step, scope, replace(world, broken=frozenset()), action))


def _act(step: PipelineStep, scope: Scope, world: World, action: Action) -> World:
    match action:
        case ("dispatch",):
            return _dispatch(step, scope, world)
        case ("drain",):
            return tell(step, world, Drain())
        case ("answer", name):
            return _answer(step, world, name)
        case (verb, name):
            return _request(step, world, verb, name)
        case ("delta",):
            return _delta(step, world)
        case ("snapshot",):
            return _snapshot(step, world)
        case ("late",) if world.late is not None:
            seen, doc = world.late
            return _read(step, replace(world, late=None), seen, doc)
        case (once,):
            return _once(step, replace(world, used=world.used | {once}), once)
        case _:
            return world


def _dispatch(step: PipelineStep, scope: Scope, world: World) -> World:
    number = ClientSeq(world.pipe.numbered + 1)
    planned = scope.own[world.written]
    write = write_of(planned, number)
    saw = version_seen(world.pipe, write.entity)
    at = world.pipe.server_seq if world.stream else (0 if saw is None else saw.version)
    before = world.pipe
    world = replace(world, written=world.written + 1)
    world = tell(step, world, Dispatch(write, (number,)))
    if world.pipe is before:
        return world
    noted = world.noted | {number} if planned.kind in ("note", "mark") else world.noted
    return replace(world, saw=(*world.saw, (number, at)), noted=noted)


def _once(step: PipelineStep, world: World, once: str) -> World:
    atom = AtomKey("rows/a")
    match once:
        case "foreign":
            at = ServerSeq(len(world.log) + 1)
            change = Update((Replace(("x",), -1),))
            if atom not in world.rows:
                return world
            rows = apply_changes(world.rows, ((atom, change),))
            return replace(
                world, rows=rows, log=(*world.log, Commit(at, ClientSeq(0), atom, change))
            )
        case "read":
            return _read(step, world, version(world, atom), world.rows.get(atom, ABSENT))
        case "ask":
            return replace(world, late=(version(world, atom), world.rows.get(atom, ABSENT)))
        case "undo":
            return _undo(step, world)
        case "cancel":
            return tell(step, world, Cancel(1))
        case "restore":
            had = {c.seq for c in world.log if c.at <= world.pipe.server_seq}
            again = replace(world, epoch=Epoch(world.epoch + 1), taken_back=frozenset(had))
            return replace(again, log=(), decided=(), rows=FIRST_ROWS)
        case _:
            return tell(step, world, Hydrate((_row(ROW, None),)))


def _undo(step: PipelineStep, world: World) -> World:
    try:
        found = inverses(world.pipe, Direction.UNDO, "default")
    except OptisyncError:
        return world
    first = world.pipe.numbered + 1
    seqs = tuple(ClientSeq(first + index) for index in range(len(found)))
    at = world.pipe.server_seq if world.stream else len(world.log)
    world = replace(world, saw=(*world.saw, *((seq, int(at)) for seq in seqs)))
    return tell(step, world, Revert(Direction.UNDO, seqs))


def _row(doc: Doc, seen: Version | None) -> FetchedRow:
    return FetchedRow(Entity(ROWS, EntityId("a")), Row(doc), seen)


def _read(step: PipelineStep, world: World, seen: Version, doc: Doc) -> World:
    return tell(step, world, Fetched((_row(doc, seen),)))


def _request(step: PipelineStep, world: World, verb: str, name: str) -> World:
    request = next((m for m in world.wire if m.name == name), None)
    if not isinstance(request, Request):
        return world
    rest = tuple(m for m in world.wire if m is not request)
    if verb == "fail":
        world = replace(world, wire=rest, gone=world.gone | {*request.seqs})
        return tell(step, world, Persisted(request.handle, Failed("store-failed")))
    if verb == "lose":
        lost = replace(request, awaited=False)
        world = replace(world, wire=tuple(lost if m is request else m for m in world.wire))
        return tell(step, world, Persisted(request.handle, NoAnswer()))
    if request.epoch != world.epoch:
        return replace(world, wire=rest)
    for entry, seq in zip(request.entries, request.seqs, strict=True):
        world = execute(world, entry, seq, verb == "refuse")
    verdicts = tuple(dict(world.decided)[seq] for seq in request.seqs)
    return replace(world, wire=(*rest, Answer(request, verdicts)))


def _answer(step: PipelineStep, world: World, name: str) -> World:
    answer = next((m for m in world.wire if m.name == name), None)
    if not isinstance(answer, Answer):
        return world
    world = replace(world, wire=tuple(m for m in world.wire if m is not answer))
    request = answer.request
    results = tuple(
        WriteEntryResult(entry.entry_id, verdict)
        for entry, verdict in zip(request.entries, answer.verdicts, strict=True)
    )
    if request.awaited:
        return tell(step, world, Persisted(request.handle, Confirmed(results, request.epoch)))
    for result in results:
        if not isinstance(result.outcome, Written | Refused):
            continue
        world = tell(step, world, Decided(result.entry_id, result.outcome, request.epoch))
    return world


def _delta(step: PipelineStep, world: World) -> World:
    commit = next(c for c in world.log if c.at > world.pipe.server_seq)
    labels = (Label(ME, commit.seq, Version(commit.at), commit.ids),) if commit.seq else ()
    prev = ServerSeq(commit.at - 1)
    changes = ((commit.atom, commit.changes),)
    return tell(step, world, Delta(world.epoch, commit.at, prev, changes, labels))


def _snapshot(step: PipelineStep, world: World) -> World:
    outcomes = tuple(Outcome(seq, _outcome(verdict)) for seq, verdict in sorted(world.decided))
    at = ServerSeq(len(world.log))
    versions = tuple((AtomKey(a), version(world, AtomKey(a))) for a in world.rows)
    given = Snapshot(world.epoch, at, world.rows, outcomes, versions=versions)
    return tell(step, world, given)


def _outcome(verdict: Written | Refused) -> Accepted | Refused:
    if isinstance(verdict, Refused):
        return verdict
    return Accepted(verdict.server_seq or ServerSeq(0), verdict.version, verdict.ids)


# --- the end ------------------------------------------------------------------------------------


def heal(step: PipelineStep, scope: Scope, world: World) -> World:
    """The world once the network works: all is drained, served, answered, applied and read."""
    for _ in range(6):
        before = (world.pipe, world.rows, world.wire)
        world = _act(step, scope, world, ("drain",))
        for message in world.wire:
            if isinstance(message, Request):
                world = _request(step, world, "serve", message.name)
        for message in world.wire:
            if isinstance(message, Answer):
                world = _answer(step, world, message.name)
        if world.pipe.epoch != world.epoch:
            world = _snapshot(step, world)
        while world.stream and any(c.at > world.pipe.server_seq for c in world.log):
            world = _delta(step, world)
        if not world.stream:
            world = _read_all(step, world)
        world = _given_up(step, world)
        if (world.pipe, world.rows, world.wire) == before:
            break
    return world


def _read_all(step: PipelineStep, world: World) -> World:
    for atom in ("rows/a", "rows/b"):
        key = AtomKey(atom)
        row = Row(world.rows.get(key, ABSENT))
        entity = Entity(ROWS, EntityId(atom.removeprefix("rows/")))
        read = FetchedRow(entity, row, version(world, key))
        world = tell(step, world, Fetched((read,)))
    return world


def _given_up(step: PipelineStep, world: World) -> World:
    """What nobody will decide any more: the server was restored since."""
    asked = {seq for message in world.wire for seq in _seqs(message)}
    for mutation in world.pipe.pending:
        if mutation.status is Place.UNKNOWN and mutation.seq not in asked:
            world = tell(step, world, Abandon(mutation.ticket))
    return world


def _seqs(message: Request | Answer) -> tuple[ClientSeq, ...]:
    return message.seqs if isinstance(message, Request) else message.request.seqs


def ended(world: World) -> bool:
    """Whether nothing is pending, and what is shown is what the server has."""
    return len(world.pipe.pending) == 0 and world.pipe.docs == world.rows
