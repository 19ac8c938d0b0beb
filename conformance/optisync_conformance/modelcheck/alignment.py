"""The ops driver as a model: how an exchange is written in ``models/Alignment.tla``.

An exchange is what is sent and what came back so far; adding an entry puts the operations out, an
answer what the entries hear. Every list of entries and answers within the scope is a state, so the
graphs compare grouping and alignment for all of them.

The mapping: an entry is ``[id, resource, entity, action, options]``, options are the names of their
members (whose values are true), an operation is its number in the request, a foreign one 0. What
the driver only passes through has one fixed value; another value is refused.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, TypeAlias, assert_never

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    IdempotencyKey,
    Millis,
    Resource,
    Unknown,
    WriteEntry,
    WriteEntryResult,
    Written,
)
from optisync.contracts.messages import Refused
from optisync.contracts.query import Rows
from optisync.contracts.remote import (
    Done,
    Failed,
    OpId,
    RemoteError,
    WriteOp,
    WriteResultData,
)
from optisync.transport.alignment import Aligned, Code, Diagnostic, align
from optisync.transport.errors import EntryIdRepeated
from optisync.transport.grouping import Outgoing, write_ops
from optisync.values import Obj, Version
from optisync.view import Create, Delete, Upsert

from .alignment_classes import CLASSES as CLASSES
from .alignment_classes import classes
from .outbox import NotMapped, number, only
from .values import Plain, Value, of
from .worlds import Subject, module_text

Input: TypeAlias = Outgoing | Done | Failed
#: The operations, or what the entries hear; and the code of an error or "".
Out: TypeAlias = tuple[tuple[WriteOp, ...] | tuple[Aligned], str]

REQUEST: Final = "q"


@dataclass(frozen=True)
class Exchange:
    """What is sent, and what came back so far."""

    outgoing: tuple[Outgoing, ...] = ()
    answers: tuple[Done | Failed, ...] = ()


def op_id(op: int) -> OpId:
    """The id of an operation of the request by its number; 0: of none."""
    return OpId(f"{REQUEST}.{op}" if op else "other")


def _op(given: OpId) -> int:
    if given == "other":
        return 0
    only(given == op_id(int(given.rpartition(".")[2])), given)
    return int(given.rpartition(".")[2])


def _outcome(outcome: Written | Refused | Unknown) -> Plain:
    none: dict[str, Plain] = {"kind": "unknown", "version": -1, "code": "", "after": -1}
    match outcome:
        case Written(version, server_seq, ids, row):
            only(server_seq is None and not ids and row is None, outcome)
            return {**none, "kind": "written", "version": number(version)}
        case Refused(code):
            return {**none, "kind": "refused", "code": code}
        case Unknown(after):
            return {**none, "after": number(after)}
        case _:
            assert_never(outcome)


def _result(result: WriteEntryResult) -> Plain:
    return {"id": result.entry_id, "outcome": _outcome(result.outcome)}


def _entry(entry: WriteEntry, options: Obj) -> Plain:
    only(entry == plain_entry(entry), entry)
    only(all(value is True for value in options.values()), options)
    row = {"resource": entry.entity.resource, "entity": entry.entity.id}
    action = type(entry.change).__name__.lower()
    names = ",".join(sorted(options))
    return {"id": entry.entry_id, **row, "action": action, "options": names}


def plain_entry(entry: WriteEntry) -> WriteEntry:
    """The entry with this id, entity and action, and nothing else to tell."""
    match entry.change:
        case Create() | Upsert() | Delete():
            key = IdempotencyKey(entry.entry_id)
            return WriteEntry(entry.entry_id, key, entry.entity, entry.change)
        case _:
            raise NotMapped(f"{entry.change} is no action of the model")


@lru_cache(maxsize=4096)
def _outgoing(given: Outgoing) -> Value:
    return of(_entry(given.entry, given.options))


@lru_cache(maxsize=4096)
def _answer(answer: Done | Failed) -> Value:
    none: Plain = {"code": "", "definite": False, "after": -1}
    match answer:
        case Done(op, WriteResultData(results)):
            told = tuple(map(_result, results))
            return of({"kind": "done", "op": _op(op), "results": told, "error": none})
        case Done(op, data):
            only(data == Rows(()), answer)
            return of({"kind": "rows", "op": _op(op), "results": (), "error": none})
        case Failed(op, RemoteError(code, definite, after)):
            why: Plain = {"code": code, "definite": definite, "after": number(after)}
            return of({"kind": "failed", "op": _op(op), "results": (), "error": why})
        case _:
            assert_never(answer)


def _diagnostic(given: Diagnostic) -> Plain:
    only(given.code is not Code.MALFORMED and given.where is None, given)
    return {"code": given.code.value, "id": given.entry_id or ""}


@lru_cache(maxsize=4096)
def _effect(effect: WriteOp | Aligned) -> Value:
    match effect:
        case WriteOp(_, resource, entries, options):
            listed = tuple(_entry(entry, options) for entry in entries)
            names = ",".join(sorted(options))
            return of({"resource": resource, "options": names, "entries": listed})
        case Aligned(results, diagnostics):
            odd = tuple(map(_diagnostic, diagnostics))
            return of({"results": tuple(map(_result, results)), "diagnostics": odd})
        case _:
            assert_never(effect)


def encode_input(given: Input) -> Value:
    """The input as the model's record."""
    if isinstance(given, Outgoing):
        return of({"kind": "add", "entry": _outgoing(given)})
    return of({"kind": "answer", "answer": _answer(given)})


def _word(outcome: Written | Refused | Unknown) -> str:
    match outcome:
        case Written(version):
            return "ok" if version is None else f"ok v{version}"
        case Refused(code):
            return code
        case Unknown(after):
            return "unknown" if after is None else f"in {after}"
        case _:
            assert_never(outcome)


def label(given: Input) -> str:
    """A short name of an input."""
    match given:
        case Outgoing(entry, options):
            action = type(entry.change).__name__.lower()
            where = f"{entry.entity.resource}/{entry.entity.id}"
            return " ".join(("add", entry.entry_id, action, where, *options))
        case Done(op, WriteResultData(results)):
            told = "".join(f" {r.entry_id}:{_word(r.outcome)}" for r in results)
            return f"answer {op}{told}"
        case Done(op):
            return f"answer {op} rows"
        case Failed(op, error):
            return f"failed {op} {'' if error.definite else 'perhaps '}{error.code}"
        case _:
            assert_never(given)


@dataclass(frozen=True)
class Scope:
    """Every exchange of so many entries and answers of an alphabet."""

    inputs: tuple[Input, ...]
    entries: int
    answers: int
    found: Counter[str] | None = field(default=None, compare=False)
    name: str = "exchange"
    about: str = "every list of entries and answers: permuted, missing, doubled, foreign, failed"
    module: str = "Alignment_exchange"
    initial: Exchange = Exchange()

    @property
    def alphabet(self) -> tuple[tuple[str, Input], ...]:
        """The inputs with their labels."""
        return tuple((label(given), given) for given in self.inputs)

    @property
    def text(self) -> str:
        """The scope's module."""
        inputs = [encode_input(given) for given in self.inputs]
        world = _WORLD.format(entries=self.entries, answers=self.answers)
        return module_text("alignment", self.module, self.about, of("none"), inputs, world)

    @property
    def overrides(self) -> dict[str, str]:
        """The rules: see Alignment_laws."""
        return {"Run": "Step"}

    def step(self, state: Exchange, given: Input) -> tuple[Exchange, Out]:
        """One entry or answer more."""
        if not isinstance(given, Outgoing):
            after = replace(state, answers=(*state.answers, given))
            aligned = align(write_ops(REQUEST, after.outgoing), after.answers)
            self._count(after, classes(after.outgoing, given, aligned))
            return after, ((aligned,), "")
        after = replace(state, outgoing=(*state.outgoing, given))
        try:
            ops = write_ops(REQUEST, after.outgoing)
        except EntryIdRepeated as error:
            self._count(state, ["add:entry-id-repeated"])
            return state, ((), error.code)
        self._count(after, classes(after.outgoing, given, ops))
        return after, (ops, "")

    def _count(self, after: Exchange, names: list[str]) -> None:
        if self.found is not None and self.inside(after):
            self.found.update(names)

    def inside(self, state: Exchange) -> bool:
        """Whether it has no more entries and answers than the scope."""
        return len(state.outgoing) <= self.entries and len(state.answers) <= self.answers

    def counting(self, found: Counter[str]) -> Scope:
        """The same scope, counting the classes of its edges."""
        return replace(self, found=found)

    def encode(self, state: Exchange) -> Value:
        """The model's ``s``."""
        sent = tuple(map(_outgoing, state.outgoing))
        return of({"outgoing": sent, "answers": tuple(map(_answer, state.answers))})

    def encode_out(self, out: Out) -> Value:
        """The model's ``out``."""
        effects, error = out
        return of({"effects": tuple(map(_effect, effects)), "error": error})


def _add(name: str, row: str, change: Create | Upsert | Delete, *options: str) -> Outgoing:
    resource, _, row_id = row.partition("/")
    entity = Entity(Resource(resource), EntityId(row_id))
    entry = WriteEntry(EntryId(name), IdempotencyKey(name), entity, change)
    return Outgoing(entry, Obj(dict.fromkeys(options, True)))


def _done(op: int, **said: Written | Refused | Unknown) -> Done:
    results = tuple(WriteEntryResult(EntryId(name), outcome) for name, outcome in said.items())
    return Done(op_id(op), WriteResultData(results))


def exchange() -> Scope:
    """The scope that is compared and checked."""
    ok, other, no = Written(), Written(Version(2)), Refused("no")
    x = WriteEntryResult(EntryId("x"), ok)
    later = RemoteError("busy", definite=False, after=Millis(5))
    inputs: tuple[Input, ...] = (
        _add("x", "r/a", Upsert(0)),
        _add("y", "r/a", Delete()),
        _add("z", "r/b", Upsert(0), "old", "returning"),
        _add("u", "r/a", Upsert(0), "returning", "old"),
        _add("w", "q/a", Create(0)),
        _done(1, y=no, x=ok),
        _done(2, x=ok, z=other),
        Done(op_id(1), WriteResultData((x, x, WriteEntryResult(EntryId("z"), no)))),
        _done(0, w=ok, v=ok),
        Failed(op_id(1), RemoteError("denied", definite=True)),
        Failed(op_id(2), later),
        Failed(op_id(0), RemoteError("denied", definite=True)),
        Done(op_id(2), Rows(())),
    )
    return Scope(inputs, 3, 2)


ALIGNMENT: Final[Subject[Exchange, Input, Out]] = Subject(
    "alignment", (exchange(),), (), {}, CLASSES
)

_WORLD = """\
Init == s = Start

Taken(i) == Run(Config, s, Alphabet[i])

\\* No more than {entries} entries and {answers} answers.
Inside(taken) == Len(taken.state.outgoing) <= {entries} /\\ Len(taken.state.answers) <= {answers}

Offered == DOMAIN Alphabet

Apply(i) == (LET taken == Taken(i) IN Inside(taken) /\\ s' = taken.state)

Next == \\E i \\in Offered : Apply(i)

\\* What answers say is looked at for two entries.
Two == Len(s.outgoing) <= 2
Order == OrderLaw
PerEntity == EntityLaw
Groups == GroupLaw
Total == TotalLaw
Own == Two => OwnLaw
Permuted == Two => PermutedLaw
Doubled == Two => DoubledLaw
Loss == Two => LossLaw
Told == Two => StrangerLaw"""
