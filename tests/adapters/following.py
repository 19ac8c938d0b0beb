"""A host that follows the plan of a coordinator shows what one shows that folds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from tests.adapters.drawing import Script, Thing

from optisync.errors import ChangeInapplicable
from optisync.values import ClientSeq, Obj, freeze
from optisync.view import Changes, Overlay, apply_changes, changes_from_json, fold, invert_changes
from optisync_conformance.frames import Json


class Follower:
    """A host that follows undo, redo, apply and load, and one that folds; they must agree."""

    def __init__(self, script: Script) -> None:
        self.confirmed = _docs(script.setting["docs"])
        self.pushed = self.confirmed
        self.changes: dict[str, Changes] = {}
        self.layers: list[tuple[str, Changes | None]] = []

    def registered(self, m: str, atoms: Json) -> None:
        """The application showed a mutation that was registered."""
        self.changes[m] = changes_from_json(freeze(atoms))
        self.redo(m, self.changes[m])

    def redo(self, m: str, changes: Changes) -> None:
        """Put a mutation on top, and record its inverse."""
        try:
            inverse = invert_changes(self.pushed, changes)
            self.pushed = apply_changes(self.pushed, changes)
            self.layers.append((m, inverse))
        except ChangeInapplicable:
            self.layers.append((m, None))

    def follow(self, effect: Thing) -> None:
        """Do what one effect asks for."""
        match effect["e"]:
            case "redo":
                m = str(effect["m"])
                given = effect.get("atoms")
                known = self.changes[m] if given is None else changes_from_json(freeze(given))
                self.redo(m, known)
            case "undo":
                m, recorded = self.layers.pop()
                assert m == effect["m"], f"undo of {effect['m']}, but {m} is on top"
                given = effect.get("atoms")
                inverse = changes_from_json(freeze(given)) if given is not None else recorded
                if inverse is not None:
                    self.pushed = apply_changes(self.pushed, inverse)
            case "apply" if "failed" not in effect:
                assert not self.layers, "a delta over overlays"
                self.pushed = apply_changes(self.pushed, changes_from_json(freeze(effect["atoms"])))
                self.confirmed = self.pushed
            case _:
                pass

    def folded(self, pending: Json) -> Obj:
        """What a host shows that folds."""
        assert isinstance(pending, list)
        overlays: list[Overlay] = []
        for number, entry in enumerate(pending):
            atoms = self._atoms(entry)
            overlays.append(Overlay(ClientSeq(number + 1), atoms))
        return fold(self.confirmed, overlays).view

    def _atoms(self, entry: Json) -> Changes:
        if isinstance(entry, dict):
            return changes_from_json(freeze(entry["atoms"]))
        return self.changes[str(entry)]


def _docs(raw: Json) -> Obj:
    docs = freeze(raw)
    assert isinstance(docs, Obj)
    return docs


def plan_difference(script: Script, observed: Sequence[Thing]) -> str | None:
    """Where following the plan shows something else than folding; None if nowhere.

    Scripts with snapshots, calls from callbacks, crashes or several steps at once are passed over.
    """
    if any(step["do"] in ("snapshot", "hook", "together", "crash") for step in script.steps):
        return None
    follower = Follower(script)
    for number, (step, observation) in enumerate(zip(script.steps, observed[1:], strict=True), 1):
        if step["do"] == "register" and "ok" in cast(Thing, observation["out"]):
            follower.registered(str(step["m"]), step["atoms"])
        for effect in cast(list[Thing], observation["effects"]):
            follower.follow(effect)
        folded = follower.folded(observation["pending"])
        if follower.pushed != folded:
            return f"step {number}: the plan shows {follower.pushed}, the fold {folded}"
    return None
