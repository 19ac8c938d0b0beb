"""TLA+ values as immutable, canonical Python values, and the text TLC prints for them.

A value is one of: ``int``, ``str``, `Bool`, `Model`, `Tup`, `Rec`, `SetOf`, `Fn`. All are hashable
and compare by content; two values are equal exactly when TLA+ says so:

* ``Bool(True)`` is not ``1`` (Python's ``True == 1``, so a raw ``bool`` is never a value here);
* a function whose domain is ``1..n`` *is* a tuple, one whose domain is a set of strings *is* a
  record, and the empty function is ``<<>>`` (TLC prints them so): build functions with `function`,
  which decides;
* the string ``"a"`` and the model value ``a`` differ; a set of pairs and a record differ.

The classes are named tuples with a ``kind`` field: hashing and equality run in C, and the tag keeps
classes apart.

>>> of({"n": 1, "seen": frozenset({"a"}), "log": (True,)})  # doctest: +ELLIPSIS
Rec(fields=(('log', Tup(items=(Bool(value=True, kind='bool'),), ...
>>> show(of({"n": 1, "log": (True, "x")}))
'[log |-> <<TRUE, "x">>, n |-> 1]'
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, assert_never

if TYPE_CHECKING:
    Value: TypeAlias = "int | str | Bool | Model | Tup | Rec | SetOf | Fn"
    #: What `of` accepts: plain Python, values mixed in anywhere.
    Plain: TypeAlias = bool | Value | Sequence["Plain"] | frozenset["Plain"] | Mapping[str, "Plain"]
else:  # typeguard cannot follow recursive aliases
    Value = int | str | tuple
    Plain = int | str | Sequence | frozenset | Mapping


class Bool(NamedTuple):
    """``TRUE`` or ``FALSE``."""

    value: bool
    kind: Literal["bool"] = "bool"


class Model(NamedTuple):
    """A model value: an atom that a configuration file declares, equal to itself alone."""

    name: str
    kind: Literal["model"] = "model"


class Tup(NamedTuple):
    """A tuple or sequence, ``<<a, b>>``; also every function whose domain is ``1..n``."""

    items: tuple[Value, ...]
    kind: Literal["tuple"] = "tuple"


class Rec(NamedTuple):
    """A record with at least one field, fields sorted by name; also a function over strings."""

    fields: tuple[tuple[str, Value], ...]
    kind: Literal["record"] = "record"


class SetOf(NamedTuple):
    """A finite set."""

    items: frozenset[Value]
    kind: Literal["set"] = "set"


class Fn(NamedTuple):
    """A function that is neither a tuple nor a record, as its set of (argument, result) pairs."""

    pairs: frozenset[tuple[Value, Value]]
    kind: Literal["function"] = "function"


TRUE = Bool(True)
FALSE = Bool(False)
EMPTY = Tup(())


class NotCanonical(ValueError):
    """A hand-built value breaks the canonical form: a raw ``bool``, an unsorted record, ..."""


def record(fields: Mapping[str, Value]) -> Value:
    """The record with these fields (``<<>>`` when there are none)."""
    return Rec(tuple(sorted(fields.items(), key=_first))) if fields else EMPTY


def function(pairs: Iterable[tuple[Value, Value]]) -> Value:
    """The function with these (argument, result) pairs as a tuple, a record or `Fn`."""
    table: dict[Value, Value] = dict(pairs)
    if all(index in table for index in range(1, len(table) + 1)):
        return Tup(tuple(table[index] for index in range(1, len(table) + 1)))
    named = {key: value for key, value in table.items() if isinstance(key, str)}
    return record(named) if len(named) == len(table) else Fn(frozenset(table.items()))


def of(plain: Plain) -> Value:
    """Plain Python as a value: bool, int, str, list or tuple, frozenset, dict; values stay.

    For a function whose arguments are not strings, use `function`.
    Raises TypeError for anything else (a ``None``, a float): say what it stands for first.
    """
    match plain:
        case Bool() | Model() | Tup() | Rec() | SetOf() | Fn() | str():
            return plain
        case bool():
            return TRUE if plain else FALSE
        case int():
            return plain
        case frozenset():
            return SetOf(frozenset(of(item) for item in plain))
        case Mapping():
            return record({key: of(value) for key, value in plain.items()})
        case Sequence():
            return Tup(tuple(of(item) for item in plain))
    raise TypeError(f"{plain!r} has no TLA+ value")


def show(value: Value) -> str:
    """The value in TLA+ syntax on one line, sets and fields in a fixed order; TLC reads it back."""
    match value:
        case int():
            return str(value)
        case str():
            return quote(value)
        case Bool():
            return "TRUE" if value.value else "FALSE"
        case Model():
            return value.name
        case Tup():
            return "<<" + ", ".join(show(item) for item in value.items) + ">>"
        case Rec():
            return _show_record(value)
        case SetOf():
            return "{" + ", ".join(sorted((show(item) for item in value.items), key=_natural)) + "}"
        case Fn():
            pairs = sorted((show(key), show(item)) for key, item in value.pairs)
            return "(" + " @@ ".join(f"{key} :> {item}" for key, item in pairs) + ")"
    assert_never(value)


def _show_record(value: Rec) -> str:
    if all(_FIELD.fullmatch(name) for name, _ in value.fields):
        return "[" + ", ".join(f"{name} |-> {show(item)}" for name, item in value.fields) + "]"
    pairs = (f"{quote(name)} :> {show(item)}" for name, item in value.fields)
    return "(" + " @@ ".join(pairs) + ")"


_FIELD = re.compile(r"[A-Za-z]\w*", re.ASCII)
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\f": "\\f"}


def quote(text: str) -> str:
    """A string literal of TLA+."""
    return '"' + "".join(_ESCAPES.get(char, char) for char in text) + '"'


def check_canonical(value: object, where: str = "value") -> None:
    """Raise `NotCanonical`, naming the place, unless `of` or the parser could have built it."""
    match value:
        case bool():
            raise NotCanonical(f"{where}: a raw Python bool; use TRUE/FALSE or values.of")
        case int() | str() | Bool() | Model():
            return
        case Tup():
            for index, item in enumerate(value.items, 1):
                check_canonical(item, f"{where}[{index}]")
        case Rec():
            names = [name for name, _ in value.fields]
            if not names or names != sorted(set(names)):
                raise NotCanonical(f"{where}: record fields {names} are not sorted and unique")
            for name, item in value.fields:
                check_canonical(item, f"{where}.{name}")
        case SetOf():
            for item in value.items:
                check_canonical(item, f"{where}{{..}}")
        case Fn():
            if function(value.pairs) != value:
                raise NotCanonical(
                    f"{where}: this function is a tuple or a record; use values.function"
                )
            for key, item in value.pairs:
                check_canonical(key, f"{where} domain")
                check_canonical(item, f"{where}[{show(key)}]")
        case _:
            raise NotCanonical(f"{where}: {value!r} is no TLA+ value; use values.of")


def _first(pair: tuple[str, Value]) -> str:
    return pair[0]


def _natural(text: str) -> tuple[int, int, str]:
    digits = text.removeprefix("-").isdigit()
    return (0, int(text), "") if digits else (1, 0, text)
