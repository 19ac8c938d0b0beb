"""A look that is enough to see that a value is what `freeze` makes: copies take time."""

from __future__ import annotations

from math import isfinite
from typing import Final, cast

from optisync.patch import Add, Op, Remove, Replace, Test
from optisync.values import MAX_DEPTH, MAX_INT, Obj
from optisync.view import Create, Delete, Update, Upsert

_VALUED: Final = (Add, Replace, Test)


def is_text(value: str) -> bool:
    """Whether UTF-8 can carry it."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_plain(value: object, deep: int = MAX_DEPTH) -> bool:
    """Whether it is a frozen JSON value, nested at most so deep; False: it may still be one.

    >>> is_plain(Obj({"a": (1, None)})), is_plain(Obj({"a": (1, None)}), 1), is_plain([])
    (True, False, False)
    """
    if deep < 0:
        return False
    kind = type(value)
    if kind is str:
        text = cast(str, value)
        return text.isascii() or is_text(text)
    if kind is bool or value is None:
        return True
    if kind is int:
        return -MAX_INT <= cast(int, value) <= MAX_INT
    if kind is Obj:
        members = cast(Obj, value)
        for key in members:  # noqa: SIM110 - a generator takes half as long again
            if not (_is_name(key) and is_plain(members[key], deep - 1)):
                return False
        return True
    if kind is tuple:
        for item in cast(tuple[object, ...], value):  # noqa: SIM110
            if not is_plain(item, deep - 1):
                return False
        return True
    return kind is float and _is_fraction(cast(float, value))


def is_plain_change(change: object) -> bool:
    """Whether a change is made of frozen JSON values; False: it may still be."""
    match change:
        case Create(value) | Upsert(value, None):
            return is_plain(value)
        case Update(patch):
            return is_plain_patch(patch)
        case Upsert(value, patch):
            return is_plain(value) and is_plain_patch(patch)
        case Delete():
            return True
        case _:
            return False


def is_plain_patch(patch: object) -> bool:
    """Whether a patch is made of operations on frozen JSON values; False: it may still be."""
    return type(patch) is tuple and all(map(_is_plain_op, cast(tuple[object, ...], patch)))


def _is_plain_op(raw: object) -> bool:
    if not isinstance(raw, Op):
        return False
    if not _is_path(raw.path):
        return False
    if isinstance(raw, _VALUED):
        return is_plain(raw.value)
    return isinstance(raw, Remove) or _is_path(raw.source)


def _is_path(path: object) -> bool:
    if type(path) is not tuple:
        return False
    return all(type(token) is str and is_plain(token) for token in cast(tuple[object, ...], path))


def _is_name(key: object) -> bool:
    return type(key) is str and (key.isascii() or is_text(key))


def _is_fraction(value: float) -> bool:
    return isfinite(value) and not value.is_integer()
