"""The transport's cover pack: every answer of a few forms to exchanges of two or three entries.

The profile keeps nothing from one exchange to the next, so a case is a row of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import permutations, product
from typing import Final, TypeAlias

from optisync.values import Json, Obj, freeze
from optisync_conformance.case import Case, Step, frozen_object, run_case
from optisync_conformance.reference.host import Observation
from optisync_conformance.script import filled_setting, filled_step

ROW: Final = 10
"""Exchanges in a case."""
_SEEN: Final = ("effects", "ops", "results")

Part: TypeAlias = Mapping[str, object]
Reply: TypeAlias = Sequence[Part]


def cases() -> Iterator[Case]:
    """Rows of exchanges with full expectations, always the same."""
    subjects = (
        ("results", "results of one operation", _ENTRIES[:2], _results()),
        ("operations", "results of two operations", _ENTRIES[:1] + _ENTRIES[2:], _operations()),
        ("orders", "the order of three results", _ENTRIES, _orders()),
    )
    for name, about, entries, replies in subjects:
        every = tuple(replies)
        for number, at in enumerate(range(0, len(every), ROW), 1):
            title = f"Answers, {about}: row {number}"
            yield _case(f"cover.transport-{name}.{number}", title, entries, every[at : at + ROW])


def _entry(name: str, resource: str) -> Part:
    written = {"m": name, "resource": resource, "entity": name.removeprefix("$")}
    return {**written, "change": {"create": {"x": 1}}}


_ENTRIES: Final = (_entry("$m1", "note"), _entry("$m2", "note"), _entry("$m3", "tag"))


def _ok(name: str, version: int = 3) -> Part:
    return {"m": name, "ok": True, "version": version}


def _error(definite: bool) -> Part:
    return {"code": "no", "definite": definite}


def _no(name: str, definite: bool = True) -> Part:
    return {"m": name, "error": _error(definite)}


def _results() -> Iterator[Reply]:
    """At most two results, of two entries and of a third that was not sent, in any order."""
    bad = ({"m": "$m1", "raw": {"ok": True, "version": "3"}}, {"raw": 7})
    said = (_ok("$m1"), _ok("$m1", 4), _no("$m1"), _no("$m1", definite=False), *bad)
    every = (*said, _ok("$m2"), _no("$m2"), _ok("$m9"))
    for length in range(3):
        for results in product(every, repeat=length):
            yield ({"op": "$o1", "results": results},)


def _operations() -> Iterator[Reply]:
    """At most two results of operations, ours and one that was not sent, in any order."""
    said: list[Part] = []
    for op, name in (("$o1", "$m1"), ("$o2", "$m3")):
        said += [{"op": op, "results": results} for results in ((), (_ok(name),), (_no(name),))]
        said += [{"op": op, "error": _error(definite)} for definite in (True, False)]
        said += [{"op": op, "raw": {"ok": True}}]
    said += [{"op": "$o1", "results": (_ok("$m3"),)}, {"op": "$o9", "results": (_ok("$m1"),)}]
    said += [{"op": "$o9", "error": _error(definite=True)}, {"raw": 7}]
    for length in range(3):
        yield from product(said, repeat=length)


def _orders() -> Iterator[Reply]:
    """Three results, one left out or repeated, in any order, divided between two operations."""
    whole = (_ok("$m1"), _no("$m2"), _ok("$m3", 5))
    for order in permutations(whole):
        for results in (order, order[:2], (*order, order[0])):
            for cut in range(len(results) + 1):
                first, second = results[:cut], results[cut:]
                yield ({"op": "$o2", "results": second}, {"op": "$o1", "results": first})


def _case(name: str, title: str, entries: Iterable[Part], row: Iterable[Reply]) -> Case:
    raw = [{"do": "exchange", "entries": [*entries], "reply": [*reply]} for reply in row]
    steps = tuple(Step(frozen_object(filled_step("transport", each)), Obj()) for each in raw)
    setting = frozen_object(filled_setting("transport", {}))
    bare = Case(name, title, "", "transport", setting, steps, "cover")
    observed = run_case(bare)[1:]
    told = tuple(_told(step, after) for step, after in zip(steps, observed, strict=True))
    names = [step.req for step in told]
    most = max(sorted(set(names)), key=names.count)
    return Case(name, title, most, "transport", setting, told, "cover")


def _told(step: Step, after: Observation) -> Step:
    then: dict[str, Json] = {"out": "ok", **{field: freeze(after[field]) for field in _SEEN}}
    return Step(step.do, Obj(then), _topic(step.do["reply"], after))


_TOPICS: Final = {
    "malformed": "malformed-is-unknown",
    "results-differ": "results-differ",
    "op-unasked": "op-unasked",
    "result-unasked": "result-unasked",
}


def _topic(reply: Json, after: Observation) -> str:
    """The requirement that a step is about: by what is odd, or by what the answer holds."""
    effects = freeze(after["effects"])
    codes = [each["code"] for each in _objects(effects)]
    odd = next((slug for code, slug in _TOPICS.items() if code in codes), None)
    if odd is not None:
        return odd
    if any("error" in each for each in _objects(reply)):
        return "failed-op-speaks-for-its-entries"
    named = [each.get("m") for op in _objects(reply) for each in _objects(op.get("results"))]
    if len(set(named)) < len(named):
        return "equal-results-one"
    missing = any("unknown" in each for each in _objects(freeze(after["results"])))
    return "missing-unknown" if missing else "align-by-entry-id"


def _objects(value: Json) -> tuple[Obj, ...]:
    items = value if isinstance(value, tuple) else ()
    return tuple(each for each in items if isinstance(each, Obj))
