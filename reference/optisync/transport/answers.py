"""Answers as the driver reads them: never more than they say, and with the place of each fault.

What cannot be read says *unknown* of the entry or operation it names, and nothing where it names
none. [malformed-is-unknown]
"""

from __future__ import annotations

from dataclasses import dataclass

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    Millis,
    Resource,
    Row,
    Unknown,
    WriteEntryResult,
    Written,
)
from optisync.contracts.messages import Ids, Refused
from optisync.contracts.query import ReadFailed, ReadRow, Rows
from optisync.contracts.remote import (
    Done,
    Failed,
    OpId,
    RemoteError,
    RemoteOpResult,
    WriteResultData,
)
from optisync.patch import pointer
from optisync.transport.errors import WireMalformed
from optisync.transport.reading import count, flag, items, members, required, text
from optisync.values import Json, Obj, ServerSeq, Version
from optisync.view import ABSENT

UNREADABLE = RemoteError(WireMalformed.code, definite=False)
"""What is known of an operation whose answer cannot be read."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A part of an answer that cannot be read, and the entry it names. [fault-has-its-place]"""

    where: str
    reason: str
    entry_id: EntryId | None = None


def read_writes(raw: Json) -> tuple[tuple[RemoteOpResult, ...], tuple[Fault, ...]]:
    """The answer to writes, as far as it can be read. [malformed-spares-others]"""
    faults: list[Fault] = []
    try:
        given = items(required(members(raw, ""), "results", ""), "/results")
    except WireMalformed as error:
        return (), (Fault(error.where, error.reason),)
    found: list[RemoteOpResult] = []
    for index, each in enumerate(given):
        where = f"/results/{index}"
        try:
            found.append(_write_result(each, where, faults))
        except WireMalformed as error:
            faults.append(Fault(error.where, error.reason))
            if op_id := _name(each, "opId"):
                found.append(Failed(OpId(op_id), UNREADABLE))
    return tuple(found), tuple(faults)


def _write_result(raw: Json, where: str, faults: list[Fault]) -> RemoteOpResult:
    answer = members(raw, where)
    op_id = OpId(text(required(answer, "opId", where), f"{where}/opId"))
    if not _is_ok(answer, where, ("data",)):
        return Failed(op_id, _error(answer["error"], f"{where}/error"))
    here = f"{where}/data"
    data = members(required(answer, "data", where), here)
    given = items(required(data, "results", here), f"{here}/results")
    results = (_tried(e, f"{here}/results/{i}", faults) for i, e in enumerate(given))
    return Done(op_id, WriteResultData(tuple(each for each in results if each is not None)))


def _tried(raw: Json, where: str, faults: list[Fault]) -> WriteEntryResult | None:
    try:
        return entry_result_from_json(raw, where)
    except WireMalformed as error:
        name = _name(raw, "entryId")
        entry_id = EntryId(name) if name else None
        faults.append(Fault(error.where, error.reason, entry_id))
        return None if entry_id is None else WriteEntryResult(entry_id, Unknown())


def _name(raw: Json, member: str) -> str:
    """Whom a part names that cannot be read otherwise; "": nobody."""
    name = raw.get(member) if isinstance(raw, Obj) else None
    return name if isinstance(name, str) else ""


def entry_result_from_json(raw: Json, where: str = "") -> WriteEntryResult:
    """The inverse of `entry_result_to_json`. Raises WireMalformed. [verdict-read-wholly]"""
    result = members(raw, where)
    entry_id = EntryId(text(required(result, "entryId", where), f"{where}/entryId"))
    if _is_ok(result, where, ("version", "serverSeq", "ids", "row")):
        return WriteEntryResult(entry_id, _written(result, where))
    error = _error(result["error"], f"{where}/error")
    outcome = Refused(error.code) if error.definite else Unknown(error.after)
    return WriteEntryResult(entry_id, outcome)


def _is_ok(raw: Obj, where: str, of_success: tuple[str, ...]) -> bool:
    """Which of the two verdicts it is; one with members of the other is none."""
    ok = flag(required(raw, "ok", where), f"{where}/ok")
    if not ok:
        required(raw, "error", where)
    strange = next((name for name in (("error",) if ok else of_success) if name in raw), None)
    if strange is not None:
        raise WireMalformed(f"{where}/{strange}", f"does not go with ok {str(ok).lower()}")
    return ok


def _error(raw: Json, where: str) -> RemoteError:
    error = members(raw, where)
    code = text(required(error, "code", where), f"{where}/code")
    definite = flag(required(error, "definite", where), f"{where}/definite")
    if "retryAfterMs" not in error:
        return RemoteError(code, definite)
    after = Millis(count(error["retryAfterMs"], f"{where}/retryAfterMs"))
    if definite:
        raise WireMalformed(f"{where}/retryAfterMs", "what is refused for good has no later")
    return RemoteError(code, definite, after)


def _written(raw: Obj, where: str) -> Written:
    # [result-as-told]
    version, server_seq = (_number(raw, name, where) for name in ("version", "serverSeq"))
    return Written(
        version=None if version is None else Version(version),
        server_seq=None if server_seq is None else ServerSeq(server_seq),
        ids=_ids(raw["ids"], f"{where}/ids") if "ids" in raw else (),
        row=_row(raw["row"], f"{where}/row") if "row" in raw else None,
    )


def _number(raw: Obj, name: str, where: str) -> int | None:
    return count(raw[name], f"{where}/{name}") if name in raw else None


def _ids(raw: Json, where: str) -> Ids:
    pairs = members(raw, where).items()
    named = ((text(old, where), text(new, where + pointer((old,)))) for old, new in pairs)
    return tuple(sorted(named))


def _row(raw: Json, where: str) -> Row:
    row = members(raw, where)
    if ("doc" in row) == ("absent" in row) or row.get("absent", True) is not True:
        raise WireMalformed(where, 'either "doc" or "absent": true is expected')
    return Row(row.get("doc", ABSENT))


def read_rows(op_id: OpId, resource: Resource, raw: Json) -> Rows | ReadFailed:
    """The answer to one read: there is one, it is that operation's, and it can be read.

    [read-whole-or-failed]
    """
    try:
        given = items(required(members(raw, ""), "results", ""), "/results")
        if len(given) != 1:
            raise WireMalformed("/results", "one result is expected")
        answer = members(given[0], "/results/0")
        if required(answer, "opId", "/results/0") != op_id:
            raise WireMalformed("/results/0/opId", "another operation's result")
        if not _is_ok(answer, "/results/0", ("data",)):
            error = _error(answer["error"], "/results/0/error")
            return ReadFailed(error.code, error.definite, error.after)
        return _rows(required(answer, "data", "/results/0"), resource, "/results/0/data")
    except WireMalformed as error:
        return ReadFailed(error.code)


def _rows(raw: Json, resource: Resource, where: str) -> Rows:
    data = members(raw, where)
    given = items(required(data, "rows", where), f"{where}/rows")
    rows = tuple(_read_row(each, resource, f"{where}/rows/{i}") for i, each in enumerate(given))
    seen = {row.entity for row in rows}
    if len(seen) != len(rows):
        raise WireMalformed(f"{where}/rows", "an entity stands there twice")
    cursor = _number(data, "cursor", where)
    return Rows(rows, None if cursor is None else ServerSeq(cursor))


def _read_row(raw: Json, resource: Resource, where: str) -> ReadRow:
    row = members(raw, where)
    entity = EntityId(text(required(row, "entityId", where), f"{where}/entityId"))
    version = Version(count(required(row, "version", where), f"{where}/version"))
    return ReadRow(Entity(resource, entity), version, _row(row, where))
