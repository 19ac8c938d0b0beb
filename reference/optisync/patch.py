"""RFC 6902 JSON Patch on immutable documents: apply, invert, overlap.

A patch applies wholly or not at all. Documents are values, so `apply` returns a new document and
the old one stays what it was. Paths are JSON Pointers (RFC 6901) held as tuples of tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias, assert_never

from optisync.errors import PatchInapplicable, PatchMalformed
from optisync.values import MAX_DEPTH, Json, Obj, depth, same

Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Add:
    """Insert into an array, or set an object member or the whole document."""

    op: ClassVar[str] = "add"
    path: Path
    value: Json

    def __eq__(self, other: object) -> bool:  # Python's own takes true for 1
        if not isinstance(other, Add):
            return NotImplemented
        return self.path == other.path and same(self.value, other.value)


@dataclass(frozen=True, slots=True)
class Remove:
    """Take away what must be there."""

    op: ClassVar[str] = "remove"
    path: Path


@dataclass(frozen=True, slots=True)
class Replace:
    """Set what must be there."""

    op: ClassVar[str] = "replace"
    path: Path
    value: Json

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Replace):
            return NotImplemented
        return self.path == other.path and same(self.value, other.value)


@dataclass(frozen=True, slots=True)
class Move:
    """Remove at `source`, then add here; the value is the one found then."""

    op: ClassVar[str] = "move"
    path: Path
    source: Path


@dataclass(frozen=True, slots=True)
class Copy:
    """Add here what is at `source` then."""

    op: ClassVar[str] = "copy"
    path: Path
    source: Path


@dataclass(frozen=True, slots=True)
class Test:
    """Apply the rest only if the value here is this one."""

    op: ClassVar[str] = "test"
    path: Path
    value: Json

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Test):
            return NotImplemented
        return self.path == other.path and same(self.value, other.value)


Op: TypeAlias = Add | Remove | Replace | Move | Copy | Test
Patch: TypeAlias = tuple[Op, ...]


def apply(doc: Json, patch: Patch) -> Json:
    """`doc` after all operations, in order; raises PatchInapplicable. [patch-whole-or-not]

    >>> apply(Obj({"x": 1}), (Replace(("x",), 2), Add(("y",), 3)))
    Obj({'x': 2, 'y': 3})
    """
    for index, op in enumerate(patch):
        try:
            doc = _apply_op(doc, op)
        except _Missing as missing:
            raise PatchInapplicable(index, str(missing)) from None
    return doc


def invert(doc: Json, patch: Patch) -> Patch:
    """The patch that takes `apply(doc, patch)` back to `doc`. [patch-inverse]

    The inverse belongs to this document: recorded on another one it restores the wrong value.

    >>> invert(Obj({"x": 1}), (Replace(("x",), 2), Add(("y",), 3)))
    (Remove(path=('y',)), Replace(path=('x',), value=1))
    """
    undo: Patch = ()
    for index, op in enumerate(patch):
        try:
            after = _apply_op(doc, op)
            undo = _invert_op(doc, op) + undo
        except _Missing as missing:
            raise PatchInapplicable(index, str(missing)) from None
        doc = after
    return undo


def overlap(left: Patch, right: Patch) -> bool:
    """Whether a path of one patch equals or is a prefix of one of the other. [conflict-is-overlap]

    Two positions of one array always overlap: an insertion moves its neighbours. Patches that do
    not overlap commute.

    >>> overlap((Remove(("a", "0")),), (Remove(("a", "7", "x")),))
    True
    """
    return any(_meet(a, b) for a in _touched(left) for b in _touched(right))


def _touched(patch: Patch) -> frozenset[Path]:
    sources = {op.source for op in patch if isinstance(op, Move | Copy)}
    return frozenset({op.path for op in patch} | sources)


def _meet(left: Path, right: Path) -> bool:
    for a, b in zip(left, right, strict=False):
        if a != b:
            return _is_position(a) and _is_position(b)
    return True


def _is_position(token: str) -> bool:
    return token == "-" or _INDEX.fullmatch(token) is not None


def _apply_op(doc: Json, op: Op) -> Json:
    # [patch-rfc6902] [values-copied]: a value never changes, so sharing one is copying it
    _check_depth(doc, op)
    match op:
        case Add(path, value):
            return _add(doc, path, value)
        case Remove(path):
            return _remove(doc, path)
        case Replace(path, value):
            _get(doc, path)
            return _set(doc, path, value)
        case Move(path, source):
            value = _get(doc, source)
            if path == source:
                return doc
            if path[: len(source)] == source:
                raise _Missing(f"{pointer(source)} cannot move into itself")
            return _add(_remove(doc, source), path, value)
        case Copy(path, source):
            return _add(doc, path, _get(doc, source))
        case Test(path, value):
            if not same(_get(doc, path), value):
                raise _Missing(f"the value at {pointer(path)} differs")
            return doc
        case _:
            assert_never(op)


def _check_depth(doc: Json, op: Op) -> None:
    """What a patch builds must be a document that `parse` can read again."""
    match op:
        case Add(path, value) | Replace(path, value):
            pass
        case Move(path, source) | Copy(path, source):
            value = _get(doc, source)
        case Remove() | Test():
            return
        case _:
            assert_never(op)
    if len(path) + depth(value) > MAX_DEPTH:
        raise _Missing(f"{pointer(path)} would be nested deeper than {MAX_DEPTH}")


def _invert_op(doc: Json, op: Op) -> Patch:
    match op:
        case Add(path) | Copy(path):
            return _invert_add(doc, path)
        case Remove(path):
            return (Add(path, _get(doc, path)),)
        case Replace(path):
            return (Replace(path, _get(doc, path)),)
        case Move(path, source):
            if path == source:
                return ()
            rest = _remove(doc, source)
            return (*_invert_add(rest, path), Add(source, _get(doc, source)))
        case Test():
            return ()
        case _:
            assert_never(op)


def _invert_add(doc: Json, path: Path) -> Patch:
    if not path:
        return (Replace((), doc),)
    parent = _get(doc, path[:-1])
    if isinstance(parent, tuple):
        last = path[-1] if path[-1] != "-" else str(len(parent))
        return (Remove((*path[:-1], last)),)
    if isinstance(parent, Obj) and path[-1] in parent:
        return (Replace(path, parent[path[-1]]),)
    return (Remove(path),)


class _Missing(Exception):
    """Why one operation does not apply; `apply` and `invert` turn it into PatchInapplicable."""


_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,15}")


def _index(items: tuple[Json, ...], token: str, path: Path, past_end: bool) -> int:
    if token == "-" and past_end:
        return len(items)
    if _INDEX.fullmatch(token) is None:
        raise _Missing(f"{token!r} in {pointer(path)} is not an array position")
    index = int(token)
    if index >= len(items) + past_end:
        raise _Missing(f"{pointer(path)} is past the end of an array of {len(items)}")
    return index


def _get(doc: Json, path: Path) -> Json:
    for token in path:
        match doc:
            case Obj() if token in doc:
                doc = doc[token]
            case tuple():
                doc = doc[_index(doc, token, path, past_end=False)]
            case _:
                raise _Missing(f"there is nothing at {pointer(path)}")
    return doc


def _set(doc: Json, path: Path, value: Json) -> Json:
    """`doc` with the value at an existing `path`, or a new object member, set to `value`."""
    if not path:
        return value
    token, rest = path[0], path[1:]
    match doc:
        case Obj():
            child = doc[token] if rest else None
            return doc.put(token, _set(child, rest, value))
        case tuple():
            at = _index(doc, token, path, past_end=False)
            return (*doc[:at], _set(doc[at], rest, value), *doc[at + 1 :])
        case _:
            raise _Missing(f"there is nothing at {pointer(path)}")


def _add(doc: Json, path: Path, value: Json) -> Json:
    if not path:
        return value
    parent = _get(doc, path[:-1])
    match parent:
        case Obj():
            return _set(doc, path, value)
        case tuple():
            at = _index(parent, path[-1], path, past_end=True)
            return _set(doc, path[:-1], (*parent[:at], value, *parent[at:]))
        case _:
            raise _Missing(f"{pointer(path[:-1])} holds neither an object nor an array")


def _remove(doc: Json, path: Path) -> Json:
    if not path:
        raise _Missing("the whole document cannot be removed by a patch; delete it instead")
    _get(doc, path)
    parent = _get(doc, path[:-1])
    match parent:
        case Obj():
            return _set(doc, path[:-1], parent.drop(path[-1]))
        case tuple():
            at = int(path[-1])
            return _set(doc, path[:-1], (*parent[:at], *parent[at + 1 :]))
        case _:
            raise _Missing(f"there is nothing at {pointer(path)}")


def pointer(path: Path) -> str:
    """RFC 6901 text of a path.

    >>> pointer(("a/b", "0"))
    '/a~1b/0'
    """
    return "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in path)


def parse_pointer(text: str) -> Path:
    """The path written as a JSON Pointer. Raises ValueError."""
    if text and not text.startswith("/"):
        raise ValueError(f"JSON Pointer {text!r} does not start with '/'")
    if re.search(r"~(?![01])", text):
        raise ValueError(f"JSON Pointer {text!r} has a '~' that is neither ~0 nor ~1")
    return tuple(t.replace("~1", "/").replace("~0", "~") for t in text.split("/")[1:])


def patch_from_json(raw: Json, where: str = "") -> Patch:
    """The patch written as an RFC 6902 array. Unknown members are ignored, as section 4 says.

    `where` is the JSON Pointer of `raw` for messages. Raises PatchMalformed.

    >>> patch_from_json((Obj({"op": "remove", "path": "/x"}),))
    (Remove(path=('x',)),)
    """
    if not isinstance(raw, tuple):
        raise PatchMalformed(where, "a patch is an array of operations")
    return tuple(_op_from_json(item, f"{where}/{index}") for index, item in enumerate(raw))


def _op_from_json(raw: Json, where: str) -> Op:
    if not isinstance(raw, Obj):
        raise PatchMalformed(where, "an operation is an object")
    path = _member_path(raw, "path", where)
    match raw.get("op"):
        case "add":
            return Add(path, _member_value(raw, where))
        case "remove":
            return Remove(path)
        case "replace":
            return Replace(path, _member_value(raw, where))
        case "move":
            return Move(path, _member_path(raw, "from", where))
        case "copy":
            return Copy(path, _member_path(raw, "from", where))
        case "test":
            return Test(path, _member_value(raw, where))
        case other:
            raise PatchMalformed(f"{where}/op", f"{other!r} is not an operation")


def _member_value(raw: Obj, where: str) -> Json:
    if "value" not in raw:
        raise PatchMalformed(where, "'value' is missing")
    return raw["value"]


def _member_path(raw: Obj, name: str, where: str) -> Path:
    text = raw.get(name)
    if not isinstance(text, str):
        raise PatchMalformed(f"{where}/{name}", "a JSON Pointer is expected")
    try:
        return parse_pointer(text)
    except ValueError as error:
        raise PatchMalformed(f"{where}/{name}", str(error)) from None


def patch_to_json(patch: Iterable[Op]) -> Json:
    """The RFC 6902 array of a patch; the inverse of `patch_from_json`."""
    return tuple(_op_to_json(op) for op in patch)


def _op_to_json(op: Op) -> Obj:
    members: dict[str, Json] = {"op": op.op, "path": pointer(op.path)}
    match op:
        case Add() | Replace() | Test():
            members["value"] = op.value
        case Move() | Copy():
            members["from"] = pointer(op.source)
        case Remove():
            pass
        case _:
            assert_never(op)
    return Obj(members)
