"""An expectation against what was observed: partial objects, exact arrays, matchers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from optisync.values import Json, Obj, same
from optisync.view import ABSENT, Doc

Kind: TypeAlias = Literal[
    "differs", "missing", "extra", "order", "accepted", "code", "open", "hang", "crash"
]
MATCHERS: Final = frozenset({"$any", "$has", "$hasnt", "$unordered", "$all_of", "$one_of"})


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where something else was observed. `ABSENT`: nothing there."""

    path: tuple[str, ...]
    kind: Kind
    expected: Doc
    got: Doc


def difference(
    expected: Json, got: Json, *, exact: bool = False, path: tuple[str, ...] = ()
) -> Difference | None:
    """The first difference, or None. `exact`: objects have no other members than expected.

    >>> difference(Obj({"a": 1}), Obj({"a": 1, "b": 2})) is None
    True
    >>> difference((1, 2), (2, 1)).kind
    'order'
    """
    if isinstance(expected, Obj):
        matcher = next((key for key in expected if key in MATCHERS), None)
        if matcher is not None:
            return _matched(matcher, expected[matcher], got, exact, path)
        if not isinstance(got, Obj):
            return Difference(path, "differs", expected, got)
        return _objects(expected, got, exact, path)
    if isinstance(expected, tuple) and isinstance(got, tuple):
        return _arrays(expected, got, exact, path)
    return None if same(expected, got) else Difference(path, "differs", expected, got)


def matches(expected: Json, got: Json, exact: bool = False) -> bool:
    """Whether there is no difference."""
    return difference(expected, got, exact=exact) is None


def _objects(expected: Obj, got: Obj, exact: bool, path: tuple[str, ...]) -> Difference | None:
    for key, value in expected.items():
        if key not in got:
            return Difference((*path, key), "missing", value, ABSENT)
        found = difference(value, got[key], exact=exact, path=(*path, key))
        if found is not None:
            return found
    extra = next((key for key in got if key not in expected), None) if exact else None
    return None if extra is None else Difference((*path, extra), "extra", ABSENT, got[extra])


def _arrays(
    expected: tuple[Json, ...], got: tuple[Json, ...], exact: bool, path: tuple[str, ...]
) -> Difference | None:
    at = _first_mismatch(expected, got, exact)
    if at is None:
        return None
    here = (*path, str(at))
    if len(got) < len(expected) and _alike(expected[at + 1 :], got[at:], exact):
        return Difference(here, "missing", expected[at], ABSENT)
    if len(got) > len(expected) and _alike(expected[at:], got[at + 1 :], exact):
        return Difference(here, "extra", ABSENT, got[at])
    if len(got) == len(expected) and _assigned(expected, got, exact):
        return Difference(path, "order", expected, got)
    if at >= len(got):
        return Difference(here, "missing", expected[at], ABSENT)
    if at >= len(expected):
        return Difference(here, "extra", ABSENT, got[at])
    return difference(expected[at], got[at], exact=exact, path=here)


def _first_mismatch(expected: tuple[Json, ...], got: tuple[Json, ...], exact: bool) -> int | None:
    pairs = enumerate(zip(expected, got, strict=False))
    shorter = min(len(expected), len(got))
    end = None if len(expected) == len(got) else shorter
    return next((i for i, (e, g) in pairs if not matches(e, g, exact)), end)


def _alike(expected: tuple[Json, ...], got: tuple[Json, ...], exact: bool) -> bool:
    """Whether the shorter of two arrays is like the start of the longer one."""
    return all(matches(e, g, exact) for e, g in zip(expected, got, strict=False))


def _assigned(expected: Sequence[Json], got: Sequence[Json], exact: bool) -> bool:
    """Whether each expected element has an observed one of its own (a perfect matching)."""
    taken: dict[int, int] = {}

    def place(index: int, tried: set[int]) -> bool:
        for at, value in enumerate(got):
            if at in tried or not matches(expected[index], value, exact):
                continue
            tried.add(at)
            if at not in taken or place(taken[at], tried):
                taken[at] = index
                return True
        return False

    return all(place(index, set()) for index in range(len(expected)))


def _matched(
    matcher: str, operand: Json, got: Json, exact: bool, path: tuple[str, ...]
) -> Difference | None:
    wanted = operand if isinstance(operand, tuple) else ()
    whole = Obj({matcher: operand})
    if matcher == "$any":
        return None
    if matcher == "$one_of":
        found = any(matches(each, got, exact) for each in wanted)
        return None if found else Difference(path, "differs", whole, got)
    if not isinstance(got, tuple):
        return Difference(path, "differs", whole, got)
    match matcher:
        case "$has":
            return _has(wanted, got, exact, path)
        case "$hasnt":
            bad = (i for i, v in enumerate(got) if any(matches(w, v, exact) for w in wanted))
            at = next(bad, None)
            return None if at is None else Difference((*path, str(at)), "extra", ABSENT, got[at])
        case "$all_of":
            bad = (i for i, v in enumerate(got) if not any(matches(w, v, exact) for w in wanted))
            at = next(bad, None)
            return None if at is None else Difference((*path, str(at)), "differs", whole, got[at])
        case _:
            fits = len(wanted) == len(got) and _assigned(wanted, got, exact)
            return None if fits else Difference(path, "differs", whole, got)


def _has(
    wanted: tuple[Json, ...], got: tuple[Json, ...], exact: bool, path: tuple[str, ...]
) -> Difference | None:
    at = 0
    for each in wanted:
        hit = next((i for i in range(at, len(got)) if matches(each, got[i], exact)), None)
        if hit is None:
            kind: Kind = "order" if any(matches(each, v, exact) for v in got[:at]) else "missing"
            return Difference(path, kind, each, got)
        at = hit + 1
    return None
