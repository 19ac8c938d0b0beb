"""Steps, effects and differences in few words, for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final, cast

# Members whose default says nothing, by the value that says nothing.
_SILENT: Final[Mapping[str, object]] = {
    "epoch": 1, "sent": True, "settles": [], "data": "with", "code": "no", "ms": 60000,
    "client_known": True, "outcomes": {}, "version": None, "nth": 1, "times": 1,
    "stored": True, "limit": 100, "owner": "w", "skips": [], "temporary": False, "after": [],
    "optimistic": True, "stale_number": False, "scope": "default", "origin": "user", "at": 0,
    "mode": "strict", "on_timeout": "reject", "versions": {}, "throw": False,
    "base_epoch": 1, "options": {},
}  # fmt: skip


def members_of(value: object) -> dict[str, object]:
    """The members of a JSON object; none if it is something else."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def compact(value: object) -> str:
    """JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def step_text(step: object) -> str:
    """One step of a script.

    >>> step_text({"do": "register", "m": "$m1", "atoms": {"a": [{"op": "remove", "path": "/x"}]}})
    'register $m1 a: remove /x'
    >>> step_text({"do": "settle", "lease": "$l1", "results": [{"m": "$m1", "ok": 5}]})
    'settle $l1: $m1 ok 5'
    >>> step_text({"do": "dispatch", "m": "$m1", "resource": "r", "entity": "a", "change": []})
    'dispatch $m1 r/a: no operations'
    >>> done = {"op": "$o1", "results": [{"m": "$m1", "ok": True, "version": 2}]}
    >>> entry = {"m": "$m1", "resource": "r", "entity": "a", "change": {"create": 1}}
    >>> step_text({"do": "exchange", "entries": [entry], "reply": [done]})
    'exchange $m1 r/a: create 1 <- $o1: $m1 ok version 2'
    """
    if not isinstance(step, dict):
        return compact(step)
    members = {k: v for k, v in cast("dict[str, object]", step).items() if k != "then"}
    verb = str(members.pop("do", "?"))
    return f"{verb} {_entry(members)}" if "change" in members else " ".join([verb, *_told(members)])


def _told(members: dict[str, object]) -> Iterator[str]:
    """What names it, then what is unusual about it; the longest comes last."""
    name = " of ".join(str(members.pop(key)) for key in _NAMES if key in members)
    if "resource" in members and "entity" in members:
        where = f"{members.pop('resource')}/{members.pop('entity')}"
        name = f"{name} {where}" if name else where
    long = {key: members.pop(key) for key in _LONG if key in members}
    if name:
        yield f"{name}:" if long.keys() & {"entries", "results"} else name
    for key, value in (members | long).items():
        told = "" if key == "inverse" or value == _SILENT.get(key, ...) else _member(key, value)
        if told:
            yield told


_NAMES: Final = ("w", "m", "lease", "request")
_LONG: Final = (
    "atoms", "entries", "results", "skips", "floor", "persist_key", "context", "reply",
)  # fmt: skip

# Members of `with` that say nothing when they are as here.
_USUAL: Final[Mapping[str, object]] = {
    "epoch": 1, "variant": "labelled", "strategy": "client-wins", "dense": False,
    "limits": {"pending": 1000, "buffer": 100}, "docs": {}, "mode": "entity",
    "lease_ms": 30000, "max_attempts": 5, "delay_ms": 1000, "max_delay_ms": 60000,
    "versions": {}, "history": 100, "remembered": 1000,
}  # fmt: skip
_CAPACITIES: Final = (10_000, 100_000)


def setting_text(setting: object) -> str:
    """What is unusual about `with`; empty when nothing is.

    >>> setting_text({"docs": {"a": 1}, "epoch": 1, "dense": True})
    'with docs {"a": 1}, dense true'
    """
    if not isinstance(setting, dict):
        return ""
    members = cast("dict[str, object]", setting)
    told = [_member(key, value) for key, value in members.items() if not _is_usual(key, value)]
    return f"with {', '.join(told)}" if told else ""


def _is_usual(key: str, value: object) -> bool:
    return value == _USUAL.get(key) or (key == "capacity" and value in _CAPACITIES)


def _member(key: str, value: object) -> str:
    match key, value:
        case "atoms", dict():
            return changes_text(cast("dict[str, object]", value))
        case "patch", list():
            return patch_text(cast("list[object]", value))
        case "steps", list():
            return "[" + " | ".join(map(step_text, cast("list[object]", value))) + "]"
        case "call", dict():
            return f"call ({step_text(cast('object', value))})"
        case "entries" | "results", list():
            return "; ".join(map(_entry, cast("list[object]", value)))
        case "skips", list():
            ranges = cast("list[list[str]]", value)
            return f"(skips {', '.join(' to '.join(dict.fromkeys(each)) for each in ranges)})"
        case "floor", _:
            return f"(floor {value})"
        case "reply", None:
            return "<- nothing"
        case "reply", list():
            return "<- " + " | ".join(map(_result, cast("list[object]", value)))
        case "error", dict():
            return f"error {' '.join(_told(dict(cast('dict[str, object]', value))))}"
        case "ok" | "definite" | "unknown" | "temporary" | "again" | "in_doubt" | "absent", True:
            return key.replace("_", " ")
        case "optimistic", False:
            return "not optimistic"
        case "stale_number", True:
            return "under a used number"
        case "status" | "answer" | "mode", str():
            return value
        case "context" | "ok" | "row", dict():
            return _among(key, cast("dict[str, object]", value))
        case "rows", list():
            rows = cast("list[object]", value)
            return "; ".join(" ".join(_told(dict(members_of(row)))) for row in rows)
        case "enqueued" | "writes" | "after", list():
            return f"{key} {', '.join(map(str, cast('list[object]', value)))}"
        case "settles", list():
            return "settles " + ", ".join(map(_label, cast("list[object]", value)))
        case _:
            return f"{key} {value if isinstance(value, str) else compact(value)}"


def _among(key: str, members: dict[str, object]) -> str:
    """What a member says that has members of its own; a context that is usual says nothing."""
    told = " ".join(_told(dict(members)))
    return told if key == "context" else f"{key} {told}".rstrip()


def _entry(entry: object) -> str:
    """One write of a batch, or what became of it: its name, its entity, the rest."""
    if not isinstance(entry, dict):
        return compact(entry)
    members = dict(cast("dict[str, object]", entry))
    change = f": {_change(members.pop('change'))}" if "change" in members else ""
    return " ".join(_told(members)) + change


def _result(result: object) -> str:
    """The result of an operation: whose it says it is, then what it holds."""
    members = dict(members_of(result))
    if "op" not in members or not isinstance(members.get("results", []), list):
        return compact(result)
    return f"{members.pop('op')}: {' '.join(_told(members)) or 'nothing'}"


def _label(label: object) -> str:
    if not isinstance(label, dict):
        return compact(label)
    members = dict(cast("dict[str, object]", label))
    foreign = "another client's " if members.pop("client", None) == "other" else ""
    return f"{foreign}{' '.join(_told(members))}"


def changes_text(changes: Mapping[str, object]) -> str:
    """Changes by atom.

    >>> changes_text({"a": {"create": 1}, "b": {"delete": True}})
    'a: create 1; b: delete'
    """
    return "; ".join(f"{atom}: {_change(change)}" for atom, change in changes.items()) or "nothing"


def _change(change: object) -> str:
    match change:
        case list():
            return patch_text(cast("list[object]", change))
        case {"delete": True}:
            return "delete"
        case dict():
            members = cast("dict[str, object]", change)
            return " ".join(_part(key, value) for key, value in members.items())
        case _:
            return compact(change)


def _part(key: str, value: object) -> str:
    if key == "patch" and isinstance(value, list):
        return f"else {patch_text(cast('list[object]', value))}"
    return f"{key} {compact(value)}"


def patch_text(patch: list[object]) -> str:
    """The operations of an RFC 6902 patch.

    >>> patch_text([{"op": "add", "path": "/x", "value": 1}, {"op": "remove", "path": ""}])
    'add /x = 1, remove all'
    """
    return ", ".join(map(_operation, patch)) or "no operations"


def _operation(operation: object) -> str:
    members = members_of(operation)
    op, path = members.get("op"), members.get("path")
    if not isinstance(op, str) or not isinstance(path, str):
        return compact(operation)
    if "value" in members:
        return f"{op} {path or 'all'} = {compact(members['value'])}"
    if "from" in members:
        return f"{op} {members['from'] or 'all'} to {path or 'all'}"
    return f"{op} {path or 'all'}"


def effect_text(effect: object) -> str:
    """One observed effect.

    >>> effect_text({"e": "request", "after": 1, "upto": 3})
    'request after 1 upto 3'
    >>> effect_text({"e": "send", "lease": "$l1", "entries": [{"m": "$m1"}], "floor": "$m1"})
    'send $l1: $m1 (floor $m1)'
    """
    if not isinstance(effect, dict):
        return compact(effect)
    members = dict(cast("dict[str, object]", effect))
    return " ".join([str(members.pop("e", "?")), *_told(members)])


def out_text(out: object) -> str:
    """What the engine answered.

    >>> out_text({"err": "queue-full", "text": "no room"}), out_text({"ok": {}})
    ('refused: queue-full', 'ok')
    """
    answer = cast("dict[str, object]", out) if isinstance(out, dict) else {}
    if "err" in answer:
        return f"refused: {answer['err']}"
    if "open" in answer:
        return "no answer yet"
    return f"ok {compact(answer['ok'])}" if answer.get("ok") else "ok"


def pretty(value: object, width: int = 38) -> str:
    """JSON on as many lines as it takes to stay readable within `width`."""
    line = compact(value)
    if len(line) <= width:
        return line
    return json.dumps(value, ensure_ascii=False, indent=1)
