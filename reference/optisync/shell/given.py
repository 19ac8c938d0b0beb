"""What a caller without types may give for a write, made into what the type promises."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from optisync.contracts.entry import WriteEntry
from optisync.coordinator.given import changes_given
from optisync.values import MAX_INT, Obj
from optisync.view import Create, Delete, Upsert


def entry_given(raw: object) -> WriteEntry:
    """The entry with its values frozen and checked.

    Raises TypeError for what is no WriteEntry, PatchMalformed, and ValueMalformed.
    """
    if not isinstance(raw, WriteEntry):
        raise TypeError(f"a WriteEntry is expected, not {type(raw).__name__}")
    change = raw.change
    if isinstance(change, Delete) or (isinstance(change, Create) and _is_plain(change.value)):
        return raw
    if isinstance(change, Upsert) and change.patch is None and _is_plain(change.value):
        return raw
    ((_, frozen),) = changes_given({"change": change})
    return replace(raw, change=frozen)


def _is_plain(value: object) -> bool:
    """Whether a look is enough to see a frozen JSON value: most are, and copies take time."""
    match value:
        case str():
            return value.isascii()
        case bool() | None:
            return True
        case int():
            return abs(value) <= MAX_INT
        case tuple():
            return all(map(_is_plain, cast(tuple[object, ...], value)))
        case Obj():
            return all(k.isascii() and _is_plain(v) for k, v in value.items())
        case _:
            return False
