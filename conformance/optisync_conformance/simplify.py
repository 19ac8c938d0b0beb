"""Simpler variants of a case: less in its steps and its setting, plain names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from optisync.values import Json, Obj, dump, freeze
from optisync_conformance.cases import Case, Step
from optisync_conformance.script import filled_setting

_NAME: Final = re.compile(r'"(\$[a-z][a-z0-9]*)"')


def simpler(case: Case) -> Iterator[Case]:
    """Variants that hold less, each by one thing, in a fixed order."""
    for setting in _settings(case):
        yield replace(case, setting=setting)
    for index, step in enumerate(case.steps):
        for do in _lesser_step(step.do):
            steps = (*case.steps[:index], Step(do, step.then), *case.steps[index + 1 :])
            yield replace(case, steps=steps)


def _settings(case: Case) -> Iterator[Obj]:
    plain = freeze(filled_setting(case.profile, {}))
    assert isinstance(plain, Obj)
    for key, value in case.setting.items():
        if key == "docs" and isinstance(value, Obj):
            for docs in _lesser_documents(value):
                yield case.setting.put("docs", docs)
        elif value != plain[key]:
            yield case.setting.put(key, plain[key])


def _lesser_documents(docs: Obj) -> Iterator[Obj]:
    yield from (docs.drop(atom) for atom in docs)
    for atom, document in docs.items():
        if isinstance(document, Obj):
            yield from (docs.put(atom, document.drop(key)) for key in document)
        if isinstance(document, tuple) and document:
            yield docs.put(atom, document[:-1])


def _lesser_step(do: Obj) -> Iterator[Obj]:
    match do["do"]:
        case "together":
            yield from _lesser_list(do, "steps")
        case "hook" if isinstance(call := do.get("call"), Obj):
            yield from (do.put("call", inner) for inner in _lesser_step(call))
        case "apply" | "invert":
            yield from _lesser_list(do, "patch")
        case _:
            pass
    atoms = do.get("atoms")
    if isinstance(atoms, Obj):
        # A write that writes nothing is no write that an application makes.
        least = 1 if do["do"] in ("register", "mutate") else 0
        yield from (do.put("atoms", lesser) for lesser in _lesser_atoms(atoms, least))
    if isinstance(docs := do.get("docs"), Obj):
        yield from (do.put("docs", lesser) for lesser in _lesser_documents(docs))
    if isinstance(outcomes := do.get("outcomes"), Obj):
        yield from (do.put("outcomes", outcomes.drop(name)) for name in outcomes)
    yield from _lesser_list(do, "settles")
    if "version" in do:
        yield do.drop("version")


def _lesser_list(do: Obj, member: str) -> Iterator[Obj]:
    items = do.get(member)
    if isinstance(items, tuple):
        for index in range(len(items)):
            yield do.put(member, items[:index] + items[index + 1 :])


def _lesser_atoms(atoms: Obj, least: int) -> Iterator[Obj]:
    if len(atoms) > least:
        yield from (atoms.drop(atom) for atom in atoms)
    for atom, change in atoms.items():
        if isinstance(change, tuple) and len(change) > 1:
            for index in range(len(change)):
                yield atoms.put(atom, change[:index] + change[index + 1 :])


def renamed(case: Case) -> Case:
    """The case with its mutations called $m1, $m2, .., its leases $l1, .. and waits $w1, .. in the
    order in which they appear. $o1 is not a name: it is the first operation that goes out."""
    names: dict[str, str] = {}
    for step in case.steps:
        for name in _NAME.findall(dump(step.do)):
            kind = name[:2] if name.startswith(("$l", "$o", "$w")) else "$m"
            if kind == "$o":
                continue
            names.setdefault(name, f"{kind}{sum(n.startswith(kind) for n in names.values()) + 1}")
    steps = tuple(
        Step(_object(_rename(step.do, names)), _object(_rename(step.then, names)))
        for step in case.steps
    )
    return replace(case, steps=steps)


def _rename(value: Json, names: dict[str, str]) -> Json:
    match value:
        case str():
            return names.get(value, value)
        case tuple():
            return tuple(_rename(item, names) for item in value)
        case Obj():
            return Obj([(names.get(k, k), _rename(v, names)) for k, v in value.items()])
        case _:
            return value


def _object(value: Json) -> Obj:
    return value if isinstance(value, Obj) else Obj()
