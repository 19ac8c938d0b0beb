"""What a caller without types may give, made into what the types promise: frozen, and checked.

A value that the caller can still change, or that is no JSON, would be found out much later, in
somebody else's fold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from optisync.errors import PatchMalformed, ValueMalformed
from optisync.patch import Add, Copy, Move, Op, Patch, Path, Remove, Replace, Test, pointer
from optisync.values import AtomKey, Json, freeze
from optisync.view import Change, Changes, Create, Delete, Update, Upsert, changes_of


def value_given(raw: object, where: str = "") -> Json:
    """The frozen value; raises ValueMalformed, with `where` before its place.

    >>> value_given([1.0, {}])
    (1, Obj({}))
    """
    try:
        return freeze(raw)
    except ValueMalformed as error:
        raise ValueMalformed(where + error.where, error.reason) from None


def changes_given(raw: object) -> Changes:
    """The changes by atom; a tuple of operations is an Update.

    RFC 6902 JSON is not taken for operations: `view.changes_from_json` reads it. Raises
    PatchMalformed and ValueMalformed with a JSON Pointer from the atom to the place.

    >>> changes_given({"a": (Remove(("x",)),)})
    (('a', Update(patch=(Remove(path=('x',)),))),)
    """
    if not isinstance(raw, Mapping):
        raise PatchMalformed("", f"{type(raw).__name__} is not a mapping from atoms to changes")
    by_atom = cast(Mapping[object, object], raw)
    return changes_of(dict(_change_of_atom(key, change) for key, change in by_atom.items()))


def _change_of_atom(key: object, change: object) -> tuple[AtomKey, Change]:
    if not isinstance(key, str) or not key:
        raise PatchMalformed("", f"an atom key is a non-empty string, not {key!r}")
    where = pointer((key,))
    value_given(key, where)
    return AtomKey(key), _change(change, where)


def _change(raw: object, where: str) -> Change:
    match raw:
        case tuple():
            return Update(_patch(cast(object, raw), where))
        case Update(patch):
            return Update(_patch(patch, where))
        case Create(value):
            return Create(value_given(value, where))
        case Upsert(value, None):
            return Upsert(value_given(value, where))
        case Upsert(value, patch):
            return Upsert(value_given(value, where), _patch(patch, where))
        case Delete():
            return raw
        case _:
            raise PatchMalformed(where, f"{type(raw).__name__} is neither operations nor a change")


def _patch(raw: object, where: str) -> Patch:
    if not isinstance(raw, tuple):
        raise PatchMalformed(where, f"a patch is a tuple of operations, not {type(raw).__name__}")
    items = cast(tuple[object, ...], raw)
    return tuple(_op(item, f"{where}/{index}") for index, item in enumerate(items))


def _op(raw: object, where: str) -> Op:
    match raw:
        case Add(path, value) | Replace(path, value) | Test(path, value):
            return type(raw)(_path(path, f"{where}/path"), value_given(value, f"{where}/value"))
        case Move(path, source) | Copy(path, source):
            return type(raw)(_path(path, f"{where}/path"), _path(source, f"{where}/from"))
        case Remove(path):
            return Remove(_path(path, f"{where}/path"))
        case _:
            raise PatchMalformed(where, f"{type(raw).__name__} is not an operation")


def _path(raw: object, where: str) -> Path:
    if not isinstance(raw, tuple):
        raise PatchMalformed(where, f"a path is a tuple of tokens, not {type(raw).__name__}")
    tokens = cast(tuple[object, ...], raw)
    return tuple(_token(token, where) for token in tokens)


def _token(raw: object, where: str) -> str:
    if not isinstance(raw, str):
        raise PatchMalformed(where, f"{raw!r} is not a token")
    value_given(raw, where)
    return raw
