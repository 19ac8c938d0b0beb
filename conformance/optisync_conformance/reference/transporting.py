"""Profile `transport`: the ops driver, and a wire whose other end is the script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from msgspec import UNSET, UnsetType

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    IdempotencyKey,
    Resource,
    Row,
    Stamp,
    Unknown,
    WriteEntry,
    Written,
)
from optisync.contracts.messages import Refused
from optisync.contracts.query import ChangesSpec, QuerySpec, ReadFailed, ReadRow, Rows
from optisync.errors import OptisyncError
from optisync.transport.alignment import Diagnostic, Outcome
from optisync.transport.driver import (
    NOTHING,
    Answer,
    Outgoing,
    ops_to_json,
    read_op,
    read_results,
    write_ops,
    write_results,
)
from optisync.transport.requests import entry_from_json
from optisync.values import AtomKey, Epoch, Json, Obj, ServerSeq, Version
from optisync.view import ABSENT, Change
from optisync_conformance.frames import Json as Plain
from optisync_conformance.reference import host
from optisync_conformance.reference.host import OK, Observation, Out, thaw
from optisync_conformance.reference.outboxtelling import change_json
from optisync_conformance.script import ScriptError
from optisync_conformance.script import Step as ScriptStep
from optisync_conformance.scripttransport import (
    EntryReply,
    ErrorReply,
    Exchange,
    OpReply,
    PullChanges,
    Query,
    RawReply,
    ReadReply,
    Reply,
    RowReply,
    SentEntry,
)


def run(steps: Sequence[ScriptStep]) -> list[Observation]:
    """One observation after start and one for each step."""
    client = _Client()
    observed = [client.observe(OK)]
    for step in steps:
        observed.append(client.observe(client.take(step)))
    return observed


class _Client:
    """What went out last and what came of it; nothing else outlives a step."""

    def __init__(self) -> None:
        self._effects: list[Plain] = []
        self._ops: list[Plain] = []
        self._sent: list[Plain] = []
        self._results: list[Plain] = []
        self._rows: Plain = None

    def take(self, step: ScriptStep) -> Out:
        try:
            match step:
                case Exchange(entries, reply):
                    self._exchange(entries, reply)
                case Query(resource, reply, where, limit):
                    wanted = host.documents(where)
                    self._read(QuerySpec(Resource(resource), wanted, host.given(limit)), reply)
                case PullChanges(resource, after, reply, limit):
                    place = ServerSeq(after)
                    self._read(ChangesSpec(Resource(resource), place, host.given(limit)), reply)
                case _:
                    raise ScriptError("this is no step of profile transport")
        except OptisyncError as refusal:
            return {"err": refusal.code, "text": str(refusal)}
        return OK

    def _exchange(self, entries: Sequence[SentEntry], reply: Reply) -> None:
        ops = write_ops("q", [Outgoing(_entry(e), host.documents(e.options)) for e in entries])
        self._went(ops_to_json(ops), {entry.m: entry for entry in entries})
        aligned = write_results(ops, _answer(reply))
        self._results = [{"m": r.entry_id, **_outcome(r.outcome)} for r in aligned.results]
        self._effects += [_diagnostic(each) for each in aligned.diagnostics]

    def _read(self, spec: QuerySpec | ChangesSpec, reply: Reply) -> None:
        self._went(ops_to_json([read_op("q", spec)]), {})
        self._rows = _rows(read_results("q", spec, _answer(reply)))

    def _went(self, request: Obj, entries: Mapping[str, SentEntry]) -> None:
        """What stands in the request, as a backend reads it."""
        self._ops, self._sent = [], []
        ops = request["ops"]
        for op in ops if isinstance(ops, tuple) else ():
            assert isinstance(op, Obj)
            asked = op[{"changes.pull": "pull"}.get(str(op["kind"]), str(op["kind"]))]
            assert isinstance(asked, Obj)
            told = {name: thaw(member) for name, member in asked.items() if name != "entries"}
            if op["kind"] == "write":
                told["entries"] = [self._told(e, asked, entries) for e in _items(asked["entries"])]
            self._ops.append({"kind": str(op["kind"]), **told})

    def _told(self, raw: Json, op: Obj, entries: Mapping[str, SentEntry]) -> Plain:
        entry = entry_from_json(raw, Resource(str(op["resource"])))
        name, scripted = str(entry.entry_id), entries.get(entry.entry_id)
        told: dict[str, Plain] = {"m": name, "entity": entry.entity.id}
        told["change"] = change_json(entry.change)
        if entry.base is not None:
            told |= {"base": entry.base.version, "base_epoch": entry.base.epoch}
        if entry.temporary:
            told["temporary"] = True
        if scripted is not None and scripted.key is not UNSET:
            told["key"] = entry.idempotency_key
        elif entry.idempotency_key != f"key-of-{name}":
            self._effects.append({"e": "key-changed", "m": name})
        self._sent.append(told)
        return name

    def observe(self, out: Out) -> Observation:
        effects, self._effects = self._effects, []
        observed: Observation = {"out": out, "effects": effects, "ops": self._ops}
        observed |= {"sent": self._sent, "results": self._results, "rows": self._rows}
        return observed


def _entry(raw: SentEntry) -> WriteEntry:
    base = host.given(raw.base)
    return WriteEntry(
        entry_id=EntryId(raw.m),
        idempotency_key=IdempotencyKey(f"key-of-{raw.m}" if raw.key is UNSET else raw.key),
        entity=Entity(Resource(raw.resource), EntityId(raw.entity)),
        change=_change(raw.change),
        base=None if base is None else Stamp(Epoch(raw.base_epoch), Version(base)),
        temporary=raw.temporary,
    )


def _change(raw: object) -> Change:
    return host.changes({AtomKey("entity"): raw})[0][1]


def _items(value: Json) -> tuple[Json, ...]:
    return value if isinstance(value, tuple) else ()


def _answer(reply: Reply) -> Answer:
    """What comes back, in the form of the wire."""
    match reply:
        case None:
            return NOTHING
        case RawReply(raw):
            return host.value(raw)
        case tuple():
            return Obj({"results": tuple(_op_reply(each) for each in reply)})
        case _:
            assert_never(reply)


def _op_reply(reply: OpReply) -> Json:
    if reply.raw is not UNSET:
        return _raw(reply.raw, "opId", None if reply.op is UNSET else _op_id(reply.op))
    name: dict[str, Json] = {"opId": _op_id(str(reply.op))}
    if not isinstance(reply.error, UnsetType):
        return Obj({**name, "ok": False, "error": _error(reply.error)})
    if not isinstance(reply.rows, UnsetType):
        cursor: dict[str, Json] = {} if reply.cursor is UNSET else {"cursor": reply.cursor}
        rows = tuple(_read_reply(row) for row in reply.rows)
        return Obj({**name, "ok": True, "data": Obj({"rows": rows, **cursor})})
    results = () if isinstance(reply.results, UnsetType) else reply.results
    told = tuple(_entry_reply(each) for each in results)
    return Obj({**name, "ok": True, "data": Obj({"results": told})})


def _op_id(name: str) -> str:
    """`$o2` is the second operation that went out."""
    return f"q.{name.removeprefix('$o')}"


def _raw(raw: object, member: str, name: str | None) -> Json:
    """What stands there as it is, and who is meant, if it has a name."""
    value = host.value(raw)
    return value.put(member, name) if isinstance(value, Obj) and name is not None else value


def _entry_reply(reply: EntryReply) -> Json:
    if reply.raw is not UNSET:
        return _raw(reply.raw, "entryId", None if reply.m is UNSET else reply.m)
    told: dict[str, Json] = {"entryId": str(reply.m), "ok": reply.ok is True}
    if not isinstance(reply.error, UnsetType):
        return Obj({**told, "error": _error(reply.error)})
    numbers = (("version", reply.version), ("serverSeq", reply.seq))
    told |= {name: number for name, number in numbers if not isinstance(number, UnsetType)}
    if not isinstance(reply.ids, UnsetType):
        told["ids"] = Obj(reply.ids)
    if not isinstance(reply.row, UnsetType):
        told["row"] = _row_reply(reply.row)
    return Obj(told)


def _error(reply: ErrorReply) -> Obj:
    told: dict[str, Json] = {"code": reply.code, "definite": reply.definite}
    retry = host.given(reply.retry)
    return Obj(told if retry is None else {**told, "retryAfterMs": retry})


def _row_reply(reply: RowReply | ReadReply) -> Obj:
    return Obj({"absent": True} if reply.doc is UNSET else {"doc": host.value(reply.doc)})


def _read_reply(reply: ReadReply) -> Json:
    if reply.raw is not UNSET:
        return host.value(reply.raw)
    version = host.given(reply.version)
    return Obj({"entityId": str(reply.entity), "version": version, **_row_reply(reply)})


def _outcome(outcome: Outcome) -> dict[str, Plain]:
    match outcome:
        case Refused(code):
            return {"rejected": code}
        case Unknown(after):
            return {"unknown": True} if after is None else {"unknown": True, "retry": after}
        case Written(version, seq, ids, row):
            told: dict[str, Plain] = {"ok": True}
            if version is not None:
                told["version"] = version
            if seq is not None:
                told["seq"] = seq
            if ids:
                told["ids"] = dict[str, Plain](ids)
            return told if row is None else {**told, "row": _row(row)}
        case _:
            assert_never(outcome)


def _row(row: Row) -> dict[str, Plain]:
    return {"absent": True} if row.doc is ABSENT else {"doc": thaw(row.doc)}


def _rows(read: Rows | ReadFailed) -> Plain:
    match read:
        case Rows(found, cursor):
            rows: list[Plain] = [_read_row(row) for row in found]
            return {"rows": rows} if cursor is None else {"rows": rows, "cursor": cursor}
        case ReadFailed(code, definite, after):
            told: dict[str, Plain] = {"failed": code, "definite": definite}
            return told if after is None else {**told, "retry": after}
        case _:
            assert_never(read)


def _read_row(row: ReadRow) -> Plain:
    return {"entity": row.entity.id, "version": row.version, **_row(row.row)}


def _diagnostic(diagnostic: Diagnostic) -> Plain:
    told: dict[str, Plain] = {"e": "diag", "code": diagnostic.code.value}
    if diagnostic.entry_id is not None:
        told["m"] = str(diagnostic.entry_id)
    return told if diagnostic.where is None else {**told, "where": diagnostic.where}
