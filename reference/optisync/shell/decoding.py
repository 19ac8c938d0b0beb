"""Columns of the SQLite store as values."""

from __future__ import annotations

import json
from typing import TypeVar, cast

import msgspec

from optisync.contracts.entry import Entity, EntityId, Resource, Stamp
from optisync.errors import OptisyncError
from optisync.shell.plain import is_text
from optisync.values import Epoch, Json, Obj, Version, freeze, parse
from optisync.view import Change, changes_from_json

Decoded = TypeVar("Decoded")


class Unreadable(Exception):
    """A stored row is not one that was written here; the message says why."""


def shaped(columns: dict[str, object], shape: object) -> object:
    """The columns of a row as a struct of that shape; NULL is no column. Raises Unreadable."""
    for name, value in columns.items():
        if isinstance(value, str) and not is_text(value):
            raise Unreadable(f"{name}: no UTF-8")
    present = {name: value for name, value in columns.items() if value is not None}
    try:
        return cast(object, msgspec.convert(present, shape))
    except msgspec.ValidationError as error:
        raise Unreadable(str(error).replace("field", "column")) from None


def change_of(text: str) -> Change:
    """A change from its JSON; each value in it is as deep as a value may be. Raises Unreadable."""
    try:
        raw: object = json.loads(text, object_pairs_hook=_members)
        ((_, change),) = changes_from_json(Obj({"change": _with_values(raw)}))
    except (OptisyncError, ValueError, RecursionError) as error:
        raise Unreadable(f"change: {error}") from None
    return change


def _with_values(raw: object) -> Json:
    match raw:
        case list():
            return _operations(cast(list[object], raw))
        case dict():
            members = cast(dict[str, object], raw)
            return Obj({k: _member(k, value) for k, value in members.items()})
        case _:
            return freeze(raw)


def _member(name: str, value: object) -> Json:
    if name == "patch" and isinstance(value, list):
        return _operations(cast(list[object], value))
    return freeze(value)


def _operations(raw: list[object]) -> Json:
    return tuple(
        Obj({name: freeze(value) for name, value in cast(dict[str, object], item).items()})
        if isinstance(item, dict)
        else freeze(item)
        for item in raw
    )


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Unreadable("change: an object names the same key twice")
    return members


def json_of(text: str, column: str) -> Json:
    """A value from its JSON. Raises Unreadable."""
    try:
        return parse(text)
    except OptisyncError as error:
        raise Unreadable(f"{column}: {error}") from None


def list_of(text: str, shape: type[Decoded]) -> Decoded:
    """A list of names or numbers from its JSON. Raises Unreadable."""
    try:
        return msgspec.json.decode(text, type=shape)
    except msgspec.DecodeError as error:
        raise Unreadable(str(error)) from None


def stamp_of(epoch: int | None, version: int | None) -> Stamp | None:
    """A version in its epoch, if there is one. Raises Unreadable for one without the other."""
    if epoch is None and version is None:
        return None
    if epoch is None or version is None:
        raise Unreadable("a version without its epoch, or an epoch without its version")
    return Stamp(Epoch(epoch), Version(version))


def version_of(version: int | None) -> Version | None:
    """A version, if there is one."""
    return None if version is None else Version(version)


def entity_of(resource: str, name: str) -> Entity:
    """What a row is about."""
    return Entity(Resource(resource), EntityId(name))
