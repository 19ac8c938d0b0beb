"""What a caller without types may give, made into what the types promise; or refused.

What is of another type would be found out much later: by the store's next reader, as damage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from reprlib import repr as shown
from typing import ClassVar, TypeAlias, TypeVar, cast

from optisync.contracts.entry import WriteEntry
from optisync.coordinator.given import changes_given, value_given
from optisync.errors import OptisyncError
from optisync.patch import pointer
from optisync.shell.plain import is_plain, is_plain_change, is_text
from optisync.values import MAX_INT, AtomKey, Obj
from optisync.view import Change, Changes, Docs

Item = TypeVar("Item")
Check: TypeAlias = Callable[[object, str], None]
"""Raises InputMalformed, with the place, for what is not of a type."""


@dataclass(unsafe_hash=True)
class InputMalformed(OptisyncError):
    """What was given is not of the type that is promised at `where`."""

    code: ClassVar[str] = "input-malformed"
    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


def wrong(where: str, wanted: str, value: object) -> InputMalformed:
    """The refusal of a value."""
    return InputMalformed(where, f"{wanted} is expected, not {shown(value)}")


def whole(value: object, where: str) -> None:
    """An integer that every implementation can hold; a boolean is none."""
    if type(value) is not int or abs(value) > MAX_INT:
        raise wrong(where, "a whole number up to 2^53-1", value)


def natural(value: object, where: str) -> None:
    """A position, or another number from 0 on."""
    if type(value) is not int or not 0 <= value <= MAX_INT:
        raise wrong(where, "a whole number from 0 to 2^53-1", value)


def text(value: object, where: str) -> None:
    """A string that UTF-8 can carry."""
    if not isinstance(value, str) or not is_text(value):
        raise wrong(where, "text without lone surrogates", value)


def flag(value: object, where: str) -> None:
    """True or False."""
    if type(value) is not bool:
        raise wrong(where, "True or False", value)


def anything(value: object, where: str) -> None:
    """What is looked at elsewhere."""


def a_tuple(value: object, where: str) -> None:
    """A tuple of what is looked at elsewhere."""
    if not isinstance(value, tuple):
        raise wrong(where, "a tuple", value)


def maybe(check: Check) -> Check:
    """None, or what the check takes."""

    def checked(value: object, where: str) -> None:
        if value is not None:
            check(value, where)

    return checked


def each(check: Check) -> Check:
    """A tuple of what the check takes."""

    def checked(value: object, where: str) -> None:
        a_tuple(value, where)
        for index, item in enumerate(cast(tuple[object, ...], value)):
            check(item, f"{where}[{index}]")

    return checked


def pair(value: object, where: str) -> None:
    """A temporary id and the server's."""
    each(text)(value, where)
    if len(cast(tuple[object, ...], value)) != 2:
        raise wrong(where, "a temporary id and its id", value)


def versioned(value: object, where: str) -> None:
    """A name and the version of what it names."""
    a_tuple(value, where)
    found = cast(tuple[object, ...], value)
    if len(found) != 2:
        raise wrong(where, "a name and a version", value)
    text(found[0], f"{where}[0]")
    whole(found[1], f"{where}[1]")


def one_of(*classes: type, fields: Mapping[type, Mapping[str, Check]]) -> Check:
    """An object of one of the classes, whose fields pass their checks."""
    names = " or ".join(kind.__name__ for kind in classes)

    def checked(value: object, where: str) -> None:
        if type(value) not in classes:
            raise wrong(where, names, value)
        for name, check in fields[type(value)].items():
            check(getattr(value, name), f"{where}.{name}")

    return checked


def sequence(raw: Iterable[Item], where: str) -> tuple[Item, ...]:
    """The items of a sequence, or of what can be gone through once."""
    try:
        items = tuple(raw)
    except TypeError:
        raise wrong(where, "a sequence", raw) from None
    if isinstance(raw, str | bytes | dict):
        raise wrong(where, "a sequence", cast(object, raw))
    return items


def change_given(raw: object, where: str) -> Change:
    """The change with its values frozen. Raises PatchMalformed, and ValueMalformed."""
    if is_plain_change(raw):
        return cast(Change, raw)
    ((_, frozen),) = changes_given({where: raw})
    return frozen


def changes_of_delta(raw: object, where: str) -> Changes:
    """The changes of a delta with their values frozen."""
    if not isinstance(raw, tuple):
        raise wrong(where, "a tuple of atoms with their changes", raw)
    return tuple(
        _atom_and_change(item, f"{where}[{index}]")
        for index, item in enumerate(cast(tuple[object, ...], raw))
    )


def _atom_and_change(given: object, where: str) -> tuple[AtomKey, Change]:
    items = cast(tuple[object, ...], given) if isinstance(given, tuple) else ()
    if len(items) == 2:
        atom = items[0]
        if isinstance(atom, str) and atom and is_text(atom):
            return AtomKey(atom), change_given(items[1], atom)
    raise wrong(where, "an atom with its change", items or None)


def docs_given(raw: object, where: str) -> Docs:
    """The documents of a snapshot, frozen: each may be as deep as a value may be."""
    if not isinstance(raw, dict | Obj):
        raise wrong(where, "an object of documents by atom", raw)
    docs = cast(Mapping[object, object], raw)
    for atom in docs:
        text(atom, f"{where}: an atom")
    if isinstance(raw, Obj) and all(map(is_plain, docs.values())):
        return raw
    return Obj([(str(atom), value_given(doc, pointer((str(atom),)))) for atom, doc in docs.items()])


def entry_given(raw: WriteEntry) -> WriteEntry:
    """The entry, its values frozen. [content-copied] Raises PatchMalformed, ValueMalformed."""
    change = change_given(raw.change, "change")
    return raw if change is raw.change else replace(raw, change=change)
