"""Requests as a backend reads them: strictly, since what it does not know may change the meaning.

Transport options are the exception: who does not know one leaves it out.
"""

from __future__ import annotations

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    IdempotencyKey,
    Millis,
    Resource,
    Stamp,
    WriteEntry,
)
from optisync.contracts.query import ChangesSpec, QuerySpec
from optisync.contracts.remote import (
    ChangesPullOp,
    OpId,
    QueryOp,
    RemoteOp,
    RemoteOpKind,
    WriteOp,
)
from optisync.errors import PatchMalformed
from optisync.patch import Patch, patch_from_json
from optisync.transport.errors import WireMalformed
from optisync.transport.reading import count, flag, items, members, required, text
from optisync.values import Epoch, Json, Obj, ServerSeq, Version
from optisync.view import Change, Create, Delete, Update, Upsert

_ENTRY = ("action", "entryId", "entityId", "baseEpoch", "baseVersion", "temporary", "meta")
_CONTENT = {
    "create": ("value",),
    "update": ("patch",),
    "upsert": ("value", "patch"),
    "delete": (),
}


def ops_from_json(raw: Json) -> tuple[RemoteOp, ...]:
    """The inverse of `ops_to_json`. Raises WireMalformed. [wire-round-trip] [request-strict]"""
    given = items(required(members(raw, "", ("ops",)), "ops", ""), "/ops")
    return tuple(_op(each, f"/ops/{index}") for index, each in enumerate(given))


def _op(raw: Json, where: str) -> RemoteOp:
    op = members(raw, where)
    op_id = OpId(text(required(op, "opId", where), f"{where}/opId"))
    match required(op, "kind", where):
        case RemoteOpKind.WRITE.value:
            return _write(op_id, *_asked(op, "write", where, ("resource", "entries", "options")))
        case RemoteOpKind.QUERY.value:
            return _query(op_id, *_asked(op, "query", where, ("resource", "where", "limit")))
        case RemoteOpKind.CHANGES_PULL.value:
            return _pull(op_id, *_asked(op, "pull", where, ("resource", "after", "limit")))
        case _:
            raise WireMalformed(f"{where}/kind", "write, query or changes.pull is expected")


def _asked(op: Obj, name: str, where: str, known: tuple[str, ...]) -> tuple[Obj, str]:
    members(op, where, ("opId", "kind", name))
    here = f"{where}/{name}"
    return members(required(op, name, where), here, known), here


def _write(op_id: OpId, raw: Obj, where: str) -> WriteOp:
    resource = _resource(raw, where)
    given = items(required(raw, "entries", where), f"{where}/entries")
    entries = (entry_from_json(e, resource, f"{where}/entries/{i}") for i, e in enumerate(given))
    options = members(raw.get("options", Obj()), f"{where}/options")
    return WriteOp(op_id, resource, tuple(entries), options)


def _query(op_id: OpId, raw: Obj, where: str) -> QueryOp:
    wanted = members(raw.get("where", Obj()), f"{where}/where")
    return QueryOp(op_id, QuerySpec(_resource(raw, where), wanted, _limit(raw, where)))


def _pull(op_id: OpId, raw: Obj, where: str) -> ChangesPullOp:
    after = ServerSeq(count(required(raw, "after", where), f"{where}/after"))
    return ChangesPullOp(op_id, ChangesSpec(_resource(raw, where), after, _limit(raw, where)))


def _resource(raw: Obj, where: str) -> Resource:
    return Resource(text(required(raw, "resource", where), f"{where}/resource"))


def _limit(raw: Obj, where: str) -> int | None:
    return count(raw["limit"], f"{where}/limit") if "limit" in raw else None


def entry_from_json(raw: Json, resource: Resource, where: str = "") -> WriteEntry:
    """The inverse of `entry_to_json`. Raises WireMalformed."""
    entry = members(raw, where)
    change = _change(entry, where)
    meta = members(required(entry, "meta", where), f"{where}/meta")
    members(meta, f"{where}/meta", ("idempotencyKey", "clientTimeMs"))
    key = text(required(meta, "idempotencyKey", f"{where}/meta"), f"{where}/meta/idempotencyKey")
    return WriteEntry(
        entry_id=EntryId(text(required(entry, "entryId", where), f"{where}/entryId")),
        idempotency_key=IdempotencyKey(key),
        entity=Entity(
            resource, EntityId(text(required(entry, "entityId", where), f"{where}/entityId"))
        ),
        change=change,
        base=_base(entry, where),
        temporary=flag(entry.get("temporary", False), f"{where}/temporary"),
        client_time_ms=Millis(count(meta.get("clientTimeMs", 0), f"{where}/meta/clientTimeMs")),
    )


def _base(entry: Obj, where: str) -> Stamp | None:
    if "baseVersion" not in entry and "baseEpoch" not in entry:
        return None
    epoch = count(required(entry, "baseEpoch", where), f"{where}/baseEpoch")
    version = count(required(entry, "baseVersion", where), f"{where}/baseVersion")
    return Stamp(Epoch(epoch), Version(version))


def _change(entry: Obj, where: str) -> Change:
    action = required(entry, "action", where)
    content = _CONTENT.get(action) if isinstance(action, str) else None
    if content is None:
        raise WireMalformed(f"{where}/action", "create, update, upsert or delete is expected")
    members(entry, where, (*_ENTRY, *content))
    match action:
        case "create":
            return Create(required(entry, "value", where))
        case "update":
            return Update(_patch(required(entry, "patch", where), where))
        case "upsert":
            patch = _patch(entry["patch"], where) if "patch" in entry else None
            return Upsert(required(entry, "value", where), patch)
        case _:
            return Delete()


def _patch(raw: Json, where: str) -> Patch:
    try:
        return patch_from_json(raw, f"{where}/patch")
    except PatchMalformed as error:
        raise WireMalformed(error.where, error.reason) from None
