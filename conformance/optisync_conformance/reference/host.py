"""What the profiles share: effects in order, hooks on them, outcomes of calls, plain JSON."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TypeAlias

from msgspec import UNSET, UnsetType

from optisync.errors import OptisyncError
from optisync.values import Json, Obj, freeze
from optisync.view import Changes, changes_from_json
from optisync_conformance.frames import Json as Plain
from optisync_conformance.script import Hook, ScriptError, read_step
from optisync_conformance.script import Step as ScriptStep

Observation: TypeAlias = dict[str, Plain]
Out: TypeAlias = dict[str, Plain]
Call: TypeAlias = Callable[[ScriptStep], Out]

OK: Out = {"ok": {}}


class Planned(Exception):
    """The failure of a callback that the script asked for."""


def thaw(value: Json) -> Plain:
    """A value as Python's own dicts and lists.

    >>> thaw(Obj({"a": (1, None)}))
    {'a': [1, None]}
    """
    if isinstance(value, Obj):
        return {key: thaw(member) for key, member in value.items()}
    if isinstance(value, tuple):
        return [thaw(item) for item in value]
    return value


def documents(raw: Mapping[str, object]) -> Obj:
    """The documents of a script. Raises ScriptError."""
    frozen = value(raw)
    if not isinstance(frozen, Obj):
        raise ScriptError("documents are an object with a member for each atom")
    return frozen


def value(raw: object) -> Json:
    """A value of a script. Raises ScriptError."""
    try:
        return freeze(raw)
    except OptisyncError as error:
        raise ScriptError(str(error)) from None


def changes(raw: Mapping[str, object]) -> Changes:
    """The changes of a script. Raises ScriptError."""
    try:
        return changes_from_json(value(raw))
    except OptisyncError as error:
        raise ScriptError(str(error)) from None


def given(member: int | UnsetType) -> int | None:
    """A number, or None where the script leaves it out."""
    return None if isinstance(member, UnsetType) else member


class Recorder:
    """The effects of the step in progress, and the hooks waiting for effects to come."""

    def __init__(self, profile: str, call: Call) -> None:
        self._profile = profile
        self._call = call
        self._effects: list[Plain] = []
        self._hooks: list[tuple[Hook, int]] = []

    def arm(self, hook: Hook) -> None:
        """Wait for the nth effect of a name from now on."""
        self._hooks.append((hook, hook.nth))

    def taken(self) -> list[Plain]:
        """The effects since the last call."""
        effects, self._effects = self._effects, []
        return effects

    def tell(self, effect: dict[str, Plain], failing: bool = False) -> None:
        """Record an effect, then do what its hooks ask for. Raises Planned.

        `failing`: the port fails by plan. A throw on the effect of a port is such a failure too;
        the effect says so.
        """
        due = self._due(str(effect["e"]))
        throws = failing or any(hook.throw for hook in due)
        is_port = effect["e"] in ("apply", "load")
        self._effects.append(effect | {"failed": True} if throws and is_port else effect)
        for hook in due:
            if hook.call is not UNSET:
                self._make(hook.call)
        if throws:
            raise Planned(f"the script wants this {effect['e']} to fail")

    def _due(self, name: str) -> list[Hook]:
        counted = [(hook, left - (hook.on == name)) for hook, left in self._hooks]
        self._hooks = [(hook, left) for hook, left in counted if left]
        return [hook for hook, left in counted if not left]

    def _make(self, call: dict[str, object]) -> None:
        self._call(read_step(self._profile, call))


def forget_planned(errors: deque[Exception], *others: type[Exception]) -> None:
    """What the script asked for, or is of another of these types, went wrong as it should.

    Anything else is raised.
    """
    for error in errors:
        if not isinstance(error, (Planned, *others)):
            raise error
    errors.clear()


def outcome(call: Callable[[], Out]) -> Out:
    """What the engine answers: the call's own result, or its refusal."""
    try:
        return call()
    except OptisyncError as refusal:
        return {"err": refusal.code, "text": str(refusal)}
    except Planned as escaped:
        return {"err": "callback-failure-escaped", "text": str(escaped)}
