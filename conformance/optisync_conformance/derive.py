"""What a host of a coordinator shows: folded here from what the coordinator told it.

`view` is what a host shows that folds `pending` over the documents it was told to apply;
`push_view` what a host shows that follows undo and redo and records every inverse afresh; `shown`
the views at each change notification.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from optisync.errors import OptisyncError
from optisync.values import ClientSeq, Json, Obj
from optisync.view import (
    Changes,
    Overlay,
    apply_changes,
    changes_from_json,
    fold,
    invert_changes,
)


@dataclass(frozen=True, slots=True)
class Derived:
    """What the two kinds of host show after a step, and what was shown during it."""

    view: Obj
    push_view: Obj
    shown: tuple[Json, ...]


class Hosts:
    """Both hosts of one script. Feed it the steps and observations in order."""

    def __init__(self, docs: Obj, steps: Iterable[Obj]) -> None:
        self._confirmed = docs
        self._pushed = docs
        self._inverses: dict[str, Changes] = {}
        self._atoms: dict[str, Changes] = {}
        self._awaited: list[str] = []
        self._loads: dict[tuple[Json, Json], Obj] = {}
        for step in steps:
            for each in flattened(step):
                if each.get("do") == "snapshot":
                    self._loads[each["epoch"], each["seq"]] = _object(each["docs"])

    def view(self, pending: Json) -> Obj:
        """The fold of some pending mutations over the documents now."""
        overlays = (
            Overlay(ClientSeq(index), changes)
            for index, entry in enumerate(pending if isinstance(pending, tuple) else ())
            if (changes := self._changes(entry)) is not None
        )
        return fold(self._confirmed, overlays).view

    def follow(self, step: Obj | None, observation: Obj) -> Derived:
        """Take in a step and what was observed of it; None: the start."""
        if step is not None:
            self._expect_registrations(step)
        shown: list[Json] = []
        effects = observation.get("effects", ())
        for effect in effects if isinstance(effects, tuple) else ():
            if isinstance(effect, Obj):
                self._effect(effect, shown)
        pending = observation.get("pending", ())
        self._show_registered(pending)
        self._awaited.clear()
        if step is not None and step["do"] == "crash":
            self._pushed, self._inverses = self._confirmed, {}
        return Derived(self.view(pending), self._pushed, tuple(shown))

    def _expect_registrations(self, step: Obj) -> None:
        for each in flattened(step):
            name = each.get("m")
            changes = read_changes(each.get("atoms"))
            if each["do"] == "register" and isinstance(name, str) and changes is not None:
                if name not in self._inverses:
                    self._atoms[name] = changes
                self._awaited.append(name)

    def _effect(self, effect: Obj, shown: list[Json]) -> None:
        match effect.get("e"):
            case "apply" if effect.get("failed") is not True:
                changes = read_changes(effect.get("atoms"))
                self._confirmed = _applied(self._confirmed, changes)
                self._pushed = _applied(self._pushed, changes)
            case "load" if effect.get("failed") is not True:
                place = effect.get("epoch"), effect.get("seq")
                self._confirmed = self._pushed = self._loads.get(place, self._confirmed)
            case "undo":
                self._undo(str(effect.get("m")), read_changes(effect.get("atoms")))
            case "redo":
                name, changes = str(effect.get("m")), read_changes(effect.get("atoms"))
                self._apply_again(name, self._atoms.get(name) if changes is None else changes)
            case "change":
                pending = effect.get("pending", ())
                self._show_registered(pending)
                shown.append(self.view(pending))
            case _:
                pass

    def _show_registered(self, pending: Json) -> None:
        """The application applies a registered mutation itself; here, once it is first seen."""
        seen = {_name(entry) for entry in pending} if isinstance(pending, tuple) else set[str]()
        for name in [name for name in self._awaited if name in seen]:
            self._awaited.remove(name)
            if name not in self._inverses:
                self._apply_again(name, self._atoms[name])

    def _undo(self, name: str, given: Changes | None) -> None:
        recorded = self._inverses.pop(name, None)
        self._pushed = _applied(self._pushed, recorded if given is None else given)

    def _apply_again(self, name: str, changes: Changes | None) -> None:
        if changes is None:
            return
        try:
            inverse = invert_changes(self._pushed, changes)
        except OptisyncError:  # inapplicable: it contributes nothing, and nothing is to be undone
            self._inverses[name] = ()
            return
        self._inverses[name] = inverse
        self._pushed = apply_changes(self._pushed, changes)

    def _changes(self, entry: Json) -> Changes | None:
        own = read_changes(entry.get("atoms")) if isinstance(entry, Obj) else None
        return self._atoms.get(_name(entry)) if own is None else own


def flattened(step: Obj) -> tuple[Obj, ...]:
    """A step and the steps in it: those of `together`, the call of a hook.

    >>> [s["do"] for s in flattened(Obj({"do": "together", "steps": (Obj({"do": "tick"}),)}))]
    ['together', 'tick']
    """
    steps = step.get("steps", ())
    inner = steps if isinstance(steps, tuple) else ()
    call = step.get("call")
    return (step, *(each for each in (*inner, call) if isinstance(each, Obj)))


def read_changes(raw: Json) -> Changes | None:
    """Changes as they are written; None if they are not, or not valid."""
    try:
        return None if raw is None else changes_from_json(raw)
    except OptisyncError:
        return None


def _applied(docs: Obj, changes: Changes | None) -> Obj:
    try:
        return docs if changes is None else apply_changes(docs, changes)
    except OptisyncError:
        return docs


def _name(entry: Json) -> str:
    name = entry.get("m") if isinstance(entry, Obj) else entry
    return name if isinstance(name, str) else ""


def _object(raw: Json) -> Obj:
    return raw if isinstance(raw, Obj) else Obj()
