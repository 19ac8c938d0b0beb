"""The pipeline as a model: how its Python values are written in ``models/Batching.tla``.

The mapping, in full. Numbers, booleans and names are themselves; a frozen dataclass is the record
of its fields, an input, effect, change or status with a field ``kind`` more; a tuple is a sequence;
a map is the set of its entries; numbers that a write depends on are a set. A missing number is -1,
a missing stamp has both its numbers -1, a missing text is "". An id of an entry or an action is
``[owner, number]``; one that is no number of anybody has the number -1.

A document is ``[a, b]``: a number from 1 on and a text; the absent one is ``[0, ""]``. A change is
``[kind, doc, patch]``; an operation of a patch replaces one member or, with the place "", the whole
document. What only passes through has one fixed value; another value is refused, so the encoding is
injective and nothing can go astray on the way. What follows from the rest (the indexes of the
pending writes, who is awaited) is left out, and must follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, TypeAlias, cast

from optisync.contracts.entry import Entity, EntityId, Resource, Stamp
from optisync.contracts.messages import Ids
from optisync.patch import Op, Patch, Replace
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Effect
from optisync.pipeline.events import Context, Write
from optisync.pipeline.pending import Accepted, Mutation, Status
from optisync.pipeline.state import Pipeline, QueuedEvent, Segment, Stacks, Ticket, Unit, Wait
from optisync.values import AtomKey, Json, Obj
from optisync.view import ABSENT, Change, Changes, Create, Delete, Doc, Docs, Update, Upsert

from .outbox import NotMapped, number, only, stamp
from .values import Plain, Value, of

NO_DOC: Final[Plain] = {"a": 0, "b": ""}
NO_NAME: Final[Plain] = {"owner": "", "number": -1}

#: The ordered effects of a step, and the code of its error or "".
Out: TypeAlias = tuple[tuple[Effect, ...], str]
Fields: TypeAlias = Mapping[str, Plain]


def text(given: str | None) -> str:
    """A text that is not empty, or the model's "" for none."""
    only(given != "", given)
    return given or ""


def name(given: str | None) -> Plain:
    """An id of an entry or an action: whose it is, and his which."""
    if given is None:
        return NO_NAME
    owner, slash, last = given.rpartition("/")
    if slash and last.isdecimal():
        only(str(int(last)) == last, given)
        return {"owner": owner, "number": int(last)}
    only(given != "", given)
    return {"owner": given, "number": -1}


def entity(given: Entity) -> Plain:
    """An entity, which is its own atom."""
    only("/" not in given.resource and "~" not in given.resource, given)
    return {"resource": given.resource, "id": given.id}


def entity_at(atom: AtomKey) -> Plain:
    """The entity with this atom."""
    resource, _, row = atom.partition("/")
    return entity(Entity(Resource(resource), EntityId(row)))


def doc_of(a: int, b: str) -> Obj:
    """The document that the model writes ``[a, b]``."""
    return Obj({"a": a, "b": b})


def doc(given: Doc) -> Plain:
    """A document, or the absent one. Raises `NotMapped`."""
    match given:
        case Obj() if set(given) == {"a", "b"}:
            a, b = given["a"], given["b"]
            only(type(a) is int and a >= 1 and isinstance(b, str), given)
            return {"a": cast(int, a), "b": cast(str, b)}
        case _ if given is ABSENT:
            return NO_DOC
        case _:
            raise NotMapped(f"{given} is no document of the model")


def _op(op: Op) -> Plain:
    match op:
        case Replace((), value):
            return {"place": "", "doc": doc(value)}
        case Replace(("a",), value):
            only(type(value) is int, op)
            return {"place": "a", "doc": {"a": cast(int, value), "b": ""}}
        case Replace(("b",), value):
            only(isinstance(value, str), op)
            return {"place": "b", "doc": {"a": 0, "b": cast(str, value)}}
        case _:
            raise NotMapped(f"{op} is no operation of the model")


@lru_cache(maxsize=4096)
def change(given: Change | None) -> Value:
    """A change, or the model's NoChange."""
    match given:
        case None:
            return _change("none")
        case Create(value):
            return _change("create", value)
        case Update(patch):
            return _change("update", ABSENT, patch)
        case Upsert(value, patch):
            only(patch != (), given)
            return _change("upsert", value, patch or ())
        case Delete():
            return _change("delete")


def _change(kind: str, value: Json | Doc = ABSENT, patch: Patch = ()) -> Value:
    return of({"kind": kind, "doc": doc(value), "patch": tuple(map(_op, patch))})


def changes(given: Changes) -> Plain:
    """One change for each of several entities."""
    only(len(dict(given)) == len(given), given)
    return tuple({"entity": entity_at(atom), "change": change(one)} for atom, one in given)


def docs(given: Docs) -> Plain:
    """Documents by entity."""
    rows = ((AtomKey(atom), given[atom]) for atom in given)
    return frozenset(of({"entity": entity_at(atom), "doc": doc(value)}) for atom, value in rows)


def ids(given: Ids) -> Plain:
    """Temporary ids and the ids they got."""
    return tuple({"temporary": temporary, "id": text(real)} for temporary, real in given)


def context(given: Context) -> Plain:
    """Where an event comes from."""
    where: Fields = {"scope": given.scope, "origin": given.origin, "at": given.timestamp}
    return {**where, "action": name(given.action_id), "label": text(given.label)}


def write(given: Write) -> Plain:
    """One change of one entity."""
    about: Fields = {"entity": entity(given.entity), "temporary": given.temporary}
    return {**about, "change": change(given.change)}


def numbers(given: Iterable[int]) -> Plain:
    """Numbers that are kept ascending, as a set."""
    listed = list(given)
    only(listed == sorted(set(listed)), listed)
    return frozenset(listed)


def status(given: Status) -> Plain:
    """Where a write is."""
    if isinstance(given, Accepted):
        at: Fields = {"server_seq": number(given.server_seq), "version": number(given.version)}
        return {"kind": "accepted", **at}
    return {"kind": given.value, "server_seq": -1, "version": -1}


@lru_cache(maxsize=4096)
def _mutation(given: Mutation) -> Value:
    return of(
        {
            "seq": given.seq,
            "ticket": given.ticket,
            "write": write(given.write),
            "base": stamp(given.base),
            "optimistic": given.optimistic,
            "makers": numbers(given.makers),
            "needs": numbers(given.needs),
            "status": status(given.status),
        }
    )


def _wait(given: Wait) -> Plain:
    ends: Fields = {"until": number(given.until), "on_timeout": given.on_timeout.value}
    return {"number": given.number, "mode": given.mode.value, **ends}


@lru_cache(maxsize=4096)
def _ticket(number_: int, given: Ticket) -> Value:
    seq, code = (-1, "") if given.refused is None else given.refused
    return of(
        {
            "number": number_,
            "first": number(given.first),
            "undecided": given.undecided,
            "status": given.status.value,
            "refused": {"seq": seq, "code": code},
            "doubt": given.doubt,
            "waits": tuple(map(_wait, given.waits)),
        }
    )


@lru_cache(maxsize=4096)
def _event(given: QueuedEvent) -> Value:
    return of(
        {
            "seqs": given.seqs,
            "entities": tuple(map(entity, given.entities)),
            "after": numbers(given.after),
            "kind": given.kind.value,
            "context": context(given.context),
            "persist_key": text(given.persist_key),
        }
    )


@lru_cache(maxsize=4096)
def _segment(given: Segment) -> Value:
    where: Fields = {"context": context(given.context), "persist_key": text(given.persist_key)}
    return of({"seqs": given.seqs, **where})


def _units(units: tuple[Unit, ...]) -> Plain:
    return tuple({"action": name(unit.action_id), "seqs": unit.seqs} for unit in units)


@lru_cache(maxsize=4096)
def _stacks(scope: str, given: Stacks) -> Value:
    return of({"scope": scope, "undo": _units(given.undo), "redo": _units(given.redo)})


def _stamped(atom: AtomKey, known: Stamp) -> Value:
    return of({"entity": entity_at(atom), "stamp": stamp(known)})


def encode_config(config: Config) -> Value:
    """The configuration as the model's record."""
    limits: Fields = {"history": config.history, "remembered": config.remembered}
    return of({"client": config.client, "capacity": config.capacity, **limits})


def _follows(state: Pipeline) -> None:
    """What the model leaves out follows from the rest."""
    waited = {number_ for number_, ticket in state.tickets.items() if ticket.waits}
    only(set(state.awaited) == waited, state.awaited)
    accepted = {m.seq for m in state.pending if isinstance(m.status, Accepted)}
    only(set(state.pending.accepted) == accepted, state.pending.accepted)


def encode_state(state: Pipeline) -> Value:
    """The state as the model's record."""
    _follows(state)
    handed = state.handed.items()
    aliases = ({"temporary": t, "id": text(real)} for t, real in state.aliases.items())
    window = (
        {"scope": scope, "origin": origin, "action": name(action)}
        for (scope, origin), action in state.window.items()
    )
    members = (
        {"seq": seq, "write": write(member.write), "inverse": change(member.inverse)}
        for seq, member in state.members.items()
    )
    return of(
        {
            "docs": docs(state.docs),
            "epoch": state.epoch,
            "server_seq": state.server_seq,
            "loaded": state.loaded,
            "hydrated": frozenset(of(entity_at(atom)) for atom in state.hydrated),
            "doubted": frozenset(of(entity_at(atom)) for atom in state.doubted),
            "versions": frozenset(_stamped(*item) for item in state.versions.items()),
            "aliases": frozenset(map(of, aliases)),
            "pending": tuple(map(_mutation, state.pending)),
            "numbered": state.numbered,
            "queue": tuple(map(_event, state.queue)),
            "window": frozenset(map(of, window)),
            "waiting": tuple(map(_segment, state.waiting)),
            "handed": frozenset(of({"handle": h, "seqs": seqs}) for h, seqs in handed),
            "tickets": frozenset(_ticket(*item) for item in state.tickets.items()),
            "begun": state.begun,
            "decided": state.decided,
            "now": state.now,
            "members": frozenset(map(of, members)),
            "history": frozenset(_stacks(*item) for item in state.history.items()),
        }
    )
