"""JSON values, names and numbers: what every other module speaks of.

A JSON value here is immutable: objects are `Obj`, arrays are tuples. Values may therefore be
shared freely between states, and a change is always a new value.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, NewType, TypeAlias, cast, final

from optisync.errors import ValueMalformed

ClientId = NewType("ClientId", str)
AtomKey = NewType("AtomKey", str)
ClientSeq = NewType("ClientSeq", int)
ServerSeq = NewType("ServerSeq", int)
Epoch = NewType("Epoch", int)
Version = NewType("Version", int)

MAX_INT: Final = 2**53 - 1  # RFC 8259 section 6: beyond it, implementations disagree on the value
MAX_DEPTH: Final = 100
_SURROGATE: Final = re.compile("[\ud800-\udfff]")

if TYPE_CHECKING:
    Json: TypeAlias = bool | int | float | str | tuple["Json", ...] | "Obj" | None
else:  # what checks at run time need: no reference that only this module can resolve
    Json = bool | int | float | str | tuple | Mapping | None


@final
class Obj(Mapping[str, Json]):
    """An immutable JSON object; equality is `same`, so `{"x": true}` and `{"x": 1}` differ.

    >>> Obj({"x": 1}).put("y", 2)
    Obj({'x': 1, 'y': 2})
    """

    __slots__ = ("_hash", "_members")

    def __init__(self, members: Mapping[str, Json] | Iterable[tuple[str, Json]] = ()) -> None:
        self._members: Final[dict[str, Json]] = dict(members)
        self._hash: int | None = None

    def __getitem__(self, key: str) -> Json:
        return self._members[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, key: object) -> bool:
        return key in self._members

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Obj) and same(self, other)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._members.items()))
        return self._hash

    def __repr__(self) -> str:
        return f"Obj({self._members!r})"

    def put(self, key: str, value: Json) -> Obj:
        """This object with `key` set to `value`."""
        return Obj({**self._members, key: value})

    def drop(self, key: str) -> Obj:
        """This object without `key`; KeyError when it is not there."""
        members = dict(self._members)
        del members[key]
        return Obj(members)


def same(left: Json, right: Json) -> bool:
    """Equality of JSON values: numbers by value, booleans never numbers. [true-is-not-one]

    >>> same(1, 1.0), same(1, True), same((1,), (True,))
    (True, False, False)
    """
    if left is right:  # shared values, and there is no NaN here
        return True
    if left is None or isinstance(left, bool) or right is None or isinstance(right, bool):
        return False
    if isinstance(left, tuple):
        return isinstance(right, tuple) and len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, Obj):
        return (
            isinstance(right, Obj)
            and left.keys() == right.keys()
            and all(same(value, right[key]) for key, value in left.items())
        )
    return left == right


def depth(value: Json) -> int:
    """How many names lead to what is nested deepest in a value; 0 for a scalar.

    >>> depth(Obj({"a": (1, ())}))
    2
    """
    match value:
        case Obj():
            return max((1 + depth(member) for member in value.values()), default=0)
        case tuple():
            return max((1 + depth(item) for item in value), default=0)
        case _:
            return 0


def freeze(raw: object, where: str = "") -> Json:
    """The JSON value made of Python's own dicts and lists.

    `where` is the JSON Pointer of `raw` for messages. Raises ValueMalformed for anything that is
    not JSON: other types, non-finite numbers, integers beyond 2^53-1, nesting beyond MAX_DEPTH,
    text with a lone surrogate (no UTF-8 can carry it). 1.0 becomes 1, so that values that are the
    same have one canonical text.

    >>> freeze({"a": [1, None]})
    Obj({'a': (1, None)})
    """
    if where.count("/") > MAX_DEPTH:
        raise ValueMalformed(where[:40] + "..", f"nested deeper than {MAX_DEPTH}")
    match raw:
        case None | bool():
            return raw
        case str():
            return _text(raw, where)
        case int():
            if abs(raw) > MAX_INT:
                raise ValueMalformed(where, "integer beyond 2^53-1")
            return raw
        case float():
            if not math.isfinite(raw):
                raise ValueMalformed(where, f"{raw} is not a JSON number")
            return int(raw) if raw.is_integer() and abs(raw) <= MAX_INT else raw
        case list() | tuple():
            items = cast(tuple[object, ...], raw)
            return tuple(freeze(item, f"{where}/{i}") for i, item in enumerate(items))
        case dict() | Obj():
            members = cast(Mapping[object, object], raw)
            return Obj([_member(key, value, where) for key, value in members.items()])
        case _:
            raise ValueMalformed(where, f"{type(raw).__name__} is not a JSON value")


def _member(key: object, value: object, where: str) -> tuple[str, Json]:
    if not isinstance(key, str):
        raise ValueMalformed(where, f"object key {key!r} is not a string")
    _text(key, where)
    return key, freeze(value, f"{where}/{key.replace('~', '~0').replace('/', '~1')}")


def _text(text: str, where: str) -> str:
    if _SURROGATE.search(text):
        raise ValueMalformed(where, "text with a lone surrogate")
    return text


def parse(text: str | bytes) -> Json:
    """The JSON value written in `text` (RFC 8259). Raises ValueMalformed; duplicate keys included.

    >>> parse('{"a": [true]}')
    Obj({'a': (True,)})
    """
    try:
        raw: object = json.loads(text, object_pairs_hook=_unique_members)
    except (ValueError, RecursionError) as error:
        raise ValueMalformed("", str(error).splitlines()[0]) from None
    return freeze(raw)


def _unique_members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueMalformed("", "an object names the same key twice")
    return members


def dump(value: Json) -> str:
    """Canonical text of a value: keys sorted, no spaces.

    >>> dump(Obj({"b": (1, 2), "a": None}))
    '{"a":null,"b":[1,2]}'
    """
    return json.dumps(
        value, default=dict, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
