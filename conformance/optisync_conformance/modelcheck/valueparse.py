"""Reads the values TLC prints: into `values.Value`, fast enough for dumps of 100,000 states.

States of one machine share most of their parts, so the parser works from the inside out: each
innermost bracket is looked up by its text and replaced by a short reference (``#17``); only a text
never met before is taken apart. Strings are pulled out first, so brackets and commas inside them
cannot mislead.

>>> Parser().value('[a |-> <<1, {TRUE}>>, b |-> "x, ]"]')  # doctest: +ELLIPSIS
Rec(fields=(('a', Tup(items=(1, SetOf(items=frozenset({Bool(value=True, ...
"""

from __future__ import annotations

import re

from .values import FALSE, TRUE, Model, SetOf, Tup, Value, function, record

_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
# One character per bracket and arrow, so that "innermost group" is a plain character class.
_OPEN, _CLOSE, _MAPS, _ARROW, _MERGE = "\x06", "\x07", "\x03", "\x04", "\x05"
_GROUP = re.compile(f"[{_OPEN}{{(\\[][^{_OPEN}{_CLOSE}{{}}()\\[\\]]*[{_CLOSE}}})\\]]")
_INTERVAL = re.compile(r"(-?\d+)\.\.(-?\d+)")
_NAME = re.compile(r"\w+")
_UNESCAPE = {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}


class ValueSyntaxError(ValueError):
    """Text that is not a value as TLC prints them."""


def _unescape(match: re.Match[str]) -> str:
    char = match.group(1)
    return _UNESCAPE.get(char, char)


class Parser:
    """Parses value texts; keeps what it has seen, so use one instance for one dump.

    Memory grows with the number of distinct parts, not with the length of the input.
    """

    def __init__(self) -> None:
        self._values: list[Value] = []
        self._groups: dict[str, str] = {}
        self._strings: dict[str, str] = {}
        self._atoms: dict[str, Value] = {"TRUE": TRUE, "FALSE": FALSE}

    def value(self, text: str) -> Value:
        """The value written in ``text`` (whitespace around tokens is free).

        Raises `ValueSyntaxError` naming the text.
        """
        rest = _STRING.sub(self._string, text) if '"' in text else text
        rest = rest.replace("|->", _MAPS).replace(":>", _ARROW).replace("@@", _MERGE)
        rest = rest.replace("<<", _OPEN).replace(">>", _CLOSE)
        found = 1
        while found:
            rest, found = _GROUP.subn(self._group, rest)
        try:
            return self._atom(rest)
        except ValueSyntaxError as error:
            raise ValueSyntaxError(f"{error} in the value {_clip(text)}") from None

    def _string(self, match: re.Match[str]) -> str:
        raw = match.group(1)
        ref = self._strings.get(raw)
        if ref is None:
            ref = self._refer(_ESCAPED.sub(_unescape, raw))
            self._strings[raw] = ref
        return ref

    def _group(self, match: re.Match[str]) -> str:
        text = match.group()
        ref = self._groups.get(text)
        if ref is None:
            ref = self._refer(self._take_apart(text))
            self._groups[text] = ref
        return ref

    def _refer(self, value: Value) -> str:
        ref = f"#{len(self._values)}"
        self._values.append(value)
        self._atoms[ref] = value
        return ref

    def _take_apart(self, group: str) -> Value:
        inner = group[1:-1]
        match group[0] + group[-1]:
            case "\x06\x07":
                return Tup(tuple(self._atom(item) for item in _split(inner, ",")))
            case "{}":
                return SetOf(frozenset(self._atom(item) for item in _split(inner, ",")))
            case "[]":
                pairs = (self._pair(item, _MAPS) for item in _split(inner, ","))
                return record({key.strip(): self._atom(value) for key, value in pairs})
            case "()":
                pairs = (self._pair(item, _ARROW) for item in _split(inner, _MERGE))
                return function((self._atom(key), self._atom(value)) for key, value in pairs)
            case brackets:
                raise ValueSyntaxError(f"brackets {brackets!r} do not match")

    def _pair(self, text: str, arrow: str) -> tuple[str, str]:
        key, found, value = text.partition(arrow)
        if not found:
            raise ValueSyntaxError(f"no arrow in {_clip(text)}")
        return key, value

    def _atom(self, raw: str) -> Value:
        text = raw.strip()
        known = self._atoms.get(text)
        if known is None:
            known = self._new_atom(text)
            self._atoms[text] = known
        return known

    def _new_atom(self, text: str) -> Value:
        if text.removeprefix("-").isdecimal():
            return int(text)
        if interval := _INTERVAL.fullmatch(text):
            low, high = int(interval.group(1)), int(interval.group(2))
            return SetOf(frozenset(range(low, high + 1)))
        if _NAME.fullmatch(text):
            return Model(text)
        raise ValueSyntaxError(f"cannot read {_clip(text)}")


def _split(inner: str, separator: str) -> list[str]:
    return inner.split(separator) if inner.strip() else []


def _clip(text: str) -> str:
    return repr(text if len(text) <= 120 else text[:117] + "...")


_VARIABLE = re.compile(r"^(?:/\\ )?(\w+) = ", re.MULTILINE)
_CONJUNCT = re.compile(r"^/\\ (\w+) = ", re.MULTILINE)


def split_state(text: str) -> list[tuple[str, str]]:
    r"""The (variable, value text) pairs of a state as TLC prints it.

    >>> split_state('/\\ x = 1\n/\\ y = <<"/\\ z = ">>')
    [('x', '1'), ('y', '<<"/\\ z = ">>')]
    """
    body = text.strip()
    if not body.startswith("/\\ "):
        # A module with a single variable: no bullet.
        first = _VARIABLE.match(body)
        if first is None:
            raise ValueSyntaxError(f"no variable in the state {_clip(body)}")
        return [(first.group(1), body[first.end() :])]
    # A bullet at the start of a line is always a variable: wrapped values are indented, and a
    # newline inside a string is printed as \n.
    marks = list(_CONJUNCT.finditer(body))
    ends = [mark.start() for mark in marks[1:]] + [len(body)]
    return [
        (mark.group(1), body[mark.end() : end].strip())
        for mark, end in zip(marks, ends, strict=True)
    ]
