"""The mutations of the random runs, and what a naive server makes of them."""

import copy
import json
from collections.abc import Callable
from typing import Protocol, cast

import jsonpatch
import jsonpointer

from optisync.patch import Copy, Move, Op, Remove
from optisync.values import Json, dump, freeze, parse
from optisync.view import Changes, Create, Delete, Docs, Update, Upsert, changes_from_json

Choose = Callable[[int], int]
"""Give a number below the one given."""

# N is a number that is never the same twice. Numbers 4 and 5 are the pair that a rollback plan
# narrowed to one atom gets wrong; 6 to 8 make a duplicated or a lost effect visible.
TEMPLATES = [
    '{"a":[{"op":"replace","path":"/x","value":N}]}',
    '{"a":[{"op":"add","path":"/y","value":N}]}',
    '{"a":[{"op":"add","path":"/x","value":true}],"b":{"upsert":N}}',
    '{"b":[{"op":"test","path":"","value":true},{"op":"replace","path":"","value":N}]}',
    '{"a":[{"op":"add","path":"/o","value":{}}]}',
    '{"a":[{"op":"add","path":"/o/k","value":N}],"b":{"upsert":{"y":N}}}',
    '{"a":[{"op":"add","path":"/l/-","value":N}]}',
    '{"a":[{"op":"add","path":"/l/0","value":N}]}',
    '{"a":[{"op":"remove","path":"/l/0"}]}',
    '{"a":[{"op":"move","from":"/x","path":"/z"}]}',
    '{"a":[{"op":"copy","from":"/l","path":"/x"}],"c":{"create":N}}',
    '{"b":{"create":N}}',
    '{"b":{"delete":true}}',
    '{"b":{"upsert":1,"patch":[{"op":"add","path":"/k","value":N}]}}',
    '{"a":{"delete":true}}',
    '{"a":{"create":{"x":0,"l":[N]}}}',
    '{"c":{"delete":true},"a":[{"op":"remove","path":"/o"}]}',
    "{}",
]
START = '{"a":{"x":0,"l":[]}}'


def some_changes(choose: Choose, fresh: int) -> Changes:
    """The changes of a new mutation."""
    return changes_from_json(parse(TEMPLATES[choose(len(TEMPLATES))].replace("N", str(fresh))))


class JsonPatchModule(Protocol):
    """The part of `jsonpatch` used here; the package ships no types."""

    def apply_patch(self, doc: object, patch: object) -> object: ...


_jsonpatch = cast(JsonPatchModule, jsonpatch)
_REFUSALS = cast(
    "tuple[type[Exception], ...]",
    (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException),
)


def applied_naively(docs: dict[str, object], changes: Changes) -> dict[str, object] | None:
    """Python's own documents after the changes, or None; nothing of `optisync` computes here."""
    docs = copy.deepcopy(docs)
    for atom, change in changes:
        match change:
            case Create(value) if atom not in docs:
                docs[atom] = plain(value)
            case Delete() if atom in docs:
                del docs[atom]
            case Upsert(value, patch) if atom not in docs or patch is None:
                docs[atom] = plain(value)
            case Update(patch) | Upsert(_, patch) if atom in docs and patch is not None:
                wire = [plain_op(op) for op in patch]
                try:
                    docs[atom] = _jsonpatch.apply_patch(docs[atom], wire)
                except _REFUSALS:
                    return None
            case _:
                return None
    return docs


def plain_op(op: Op) -> dict[str, object]:
    """An operation as the dictionary that `jsonpatch` reads; paths here need no escapes."""
    found: dict[str, object] = {"op": op.op, "path": "".join(f"/{token}" for token in op.path)}
    if isinstance(op, Move | Copy):
        found["from"] = "".join(f"/{token}" for token in op.source)
    elif not isinstance(op, Remove):
        found["value"] = plain(op.value)
    return found


def plain(value: Json) -> object:
    """A value as Python's own lists and dictionaries."""
    return cast(object, json.loads(dump(value)))


def documents(docs: dict[str, object]) -> Docs:
    """Python's own documents as the values they are compared with."""
    return cast(Docs, freeze(docs))
