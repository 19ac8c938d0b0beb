"""Columns of the SQLite store as values."""

from __future__ import annotations

from typing import TypeVar, cast

import msgspec

from optisync.contracts.entry import Entity, EntityId, Resource, Stamp
from optisync.errors import OptisyncError
from optisync.values import Epoch, Json, Obj, Version, parse
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


def is_text(value: str) -> bool:
    """Whether it was UTF-8 in the store."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def change_of(text: str) -> Change:
    """A change from its JSON. Raises Unreadable."""
    try:
        ((_, change),) = changes_from_json(Obj({"change": json_of(text, "change")}))
    except OptisyncError as error:
        raise Unreadable(str(error)) from None
    return change


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
