"""The rejected rules, read from `specs/rejected.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from optisync.coordinator.config import Config, Limits, Variant
from optisync.values import Json, Obj, freeze
from optisync.view import changes_from_json
from optisync_conformance.faults import find_fault
from optisync_conformance.register.actions import ACTIONS, Scope
from optisync_conformance.register.variants import Edit, build
from optisync_conformance.register.world import ME, Host, Property, Rules

ALWAYS = ("register", "accept", "refuse", "foreign", "deliver")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A rejected rule: what it says, which property it breaks, and where to look for it.

    `fault` names the faulty version of the suite that it is, if it is one.
    """

    name: str
    sentence: str
    property: Property
    scope_name: str
    scope: Scope
    reference: Rules
    variant: Rules
    fault: str


class RegisterMalformed(ValueError):
    """A data file of the register says something that cannot be."""


def read_toml(path: Path) -> Obj:
    """A TOML file as a JSON value. Raises RegisterMalformed naming the place."""
    try:
        raw: object = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise RegisterMalformed(f"{path.name}: {error}") from None
    return cast(Obj, freeze(raw))


def read_rules(path: Path) -> tuple[Rejected, ...]:
    """All rejected rules, in the order of the file. Raises RegisterMalformed, EditMisses."""
    data = read_toml(path)
    scopes = member(data, "scope", "")
    return tuple(_rule(rule, scopes) for rule in items(data, "rule"))


def scope_texts(path: Path) -> tuple[tuple[str, str], ...]:
    """Name and description of each scope."""
    scopes = member(read_toml(path), "scope", "")
    return tuple((name, text(member(scopes, name, ""), "about")) for name in scopes)


@dataclass(frozen=True, slots=True)
class Promise:
    """What a variant of the coordinator keeps, with the server that it is made for."""

    variant: str
    wire: str
    rules: Rules
    scope: Scope
    breaks: tuple[Property, ...]


def read_promises(path: Path) -> tuple[Promise, ...]:
    """The variants of the coordinator, each with the properties it is known to break."""
    data = read_toml(path)
    scopes = member(data, "scope", "")
    return tuple(_promise(raw, scopes) for raw in items(data, "promise"))


def _promise(raw: Obj, scopes: Obj) -> Promise:
    rules = Rules(
        build(),
        Config(ME, Variant(text(raw, "name"))),
        labels=raw.get("labels", True) is True,
        positions=raw.get("positions", True) is True,
    )
    actions = (*ALWAYS, *strings(raw, "actions"))
    scope = _scope(member(scopes, text(raw, "scope"), "promise"), actions)
    breaks = tuple(Property(name) for name in strings(raw, "breaks"))
    return Promise(text(raw, "name"), text(raw, "wire"), rules, scope, breaks)


def _rule(rule: Obj, scopes: Obj) -> Rejected:
    name, scope_name = text(rule, "name"), text(rule, "scope")
    actions = actions_of(rule, ALWAYS, ACTIONS)
    config = Config(ME, limits=Limits(pending=cast(int, rule.get("pending_limit", 1000))))
    literal = Config(ME, Variant(rule.get("variant", "labelled")), limits=config.limits)
    variant = Rules(
        build(edits(rule)),
        literal,
        Host(rule.get("host", "correct")),
        labels=rule.get("labels", True) is True,
        positions=rule.get("positions", True) is True,
    )
    return Rejected(
        name,
        text(rule, "sentence"),
        Property(text(rule, "property")),
        scope_name,
        _scope(member(scopes, scope_name, f"rule {name}"), actions),
        Rules(build(), config),
        variant,
        text(rule, "fault") if "fault" in rule else "",
    )


def actions_of(rule: Obj, always: Sequence[str], known: Container[str]) -> tuple[str, ...]:
    """What may happen in the scripts of a rule. Raises RegisterMalformed."""
    actions = (*always, *strings(rule, "actions"))
    unknown = sorted(action for action in actions if action not in known)
    if unknown:
        raise RegisterMalformed(f"rule {text(rule, 'name')}: no such actions: {', '.join(unknown)}")
    return actions


def edits(rule: Obj) -> tuple[Edit, ...]:
    """The lines a rule replaces: its own, or those of a faulty version of the suite."""
    if "fault" in rule:
        fault = find_fault(text(rule, "fault"))
        return tuple(Edit(r.module.removeprefix("optisync."), r.old, r.new) for r in fault.replace)
    return tuple(
        Edit(text(e, "module"), text(e, "old"), text(e, "new")) for e in items(rule, "edits")
    )


def _scope(raw: Obj, actions: tuple[str, ...]) -> Scope:
    return Scope(
        member(raw, "docs", "scope"),
        tuple(changes_from_json(change) for change in _array(raw, "own")),
        tuple(changes_from_json(change) for change in _array(raw, "foreign")),
        actions,
    )


# --- reading ------------------------------------------------------------------------------------


def member(raw: Obj, key: str, where: str) -> Obj:
    """An object inside an object."""
    found = raw.get(key)
    if not isinstance(found, Obj):
        raise RegisterMalformed(f"{where or 'the file'}: {key!r} must be a table")
    return found


def text(raw: Obj, key: str) -> str:
    """A text inside an object."""
    found = raw.get(key)
    if not isinstance(found, str):
        raise RegisterMalformed(
            f"{raw.get('name', raw.get('says', 'an entry'))}: {key!r} must be a text"
        )
    return found


def items(raw: Obj, key: str) -> tuple[Obj, ...]:
    """The objects of an array inside an object; none if there is no array."""
    return tuple(item for item in _array(raw, key) if isinstance(item, Obj))


def strings(raw: Obj, key: str) -> tuple[str, ...]:
    """The texts of an array inside an object; none if there is no array."""
    return tuple(item for item in _array(raw, key) if isinstance(item, str))


def _array(raw: Obj, key: str) -> tuple[Json, ...]:
    found = raw.get(key, ())
    if not isinstance(found, tuple):
        raise RegisterMalformed(f"{key!r} must be an array")
    return found
