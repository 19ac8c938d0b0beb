"""The one view engine: confirmed documents, overlays on top, and the view as their fold.

An overlay is one mutation's own change. Rolling back is removing an overlay and folding again;
nothing ever restores a saved copy. The fold is the rule; anything faster must equal it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias, assert_never

from optisync.errors import ChangeInapplicable, PatchInapplicable, PatchMalformed
from optisync.patch import (
    Patch,
    Replace,
    apply,
    invert,
    overlap,
    patch_from_json,
    patch_to_json,
    pointer,
)
from optisync.values import AtomKey, ClientSeq, Json, Obj, same

Docs: TypeAlias = Obj
"""Documents by atom key. An atom that is not a member is absent; `null` is a document."""


class _Absence(Enum):
    ABSENT = "absent"


ABSENT: Final = _Absence.ABSENT
Doc: TypeAlias = Json | _Absence


@dataclass(frozen=True, slots=True)
class Create:
    """Needs an absent document."""

    value: Json

    def __eq__(self, other: object) -> bool:  # Python's own takes true for 1
        return isinstance(other, Create) and same(self.value, other.value)


@dataclass(frozen=True, slots=True)
class Update:
    """Needs a present document to which the patch applies."""

    patch: Patch


@dataclass(frozen=True, slots=True)
class Upsert:
    """Sets an absent document to `value`; patches a present one, or replaces it without a patch."""

    value: Json
    patch: Patch | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Upsert):
            return NotImplemented
        return self.patch == other.patch and same(self.value, other.value)


@dataclass(frozen=True, slots=True)
class Delete:
    """Needs a present document."""


Change: TypeAlias = Create | Update | Upsert | Delete
Changes: TypeAlias = tuple[tuple[AtomKey, Change], ...]
"""One change for each of several atoms, sorted by atom: applied to all of them or to none."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """One mutation's own change, in its place among the others. Withheld: not shown for now."""

    seq: ClientSeq
    changes: Changes
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class Folded:
    """What is shown, and which shown overlays contribute nothing because they do not apply."""

    view: Docs
    inapplicable: tuple[ClientSeq, ...]


def fold(confirmed: Docs, overlays: Iterable[Overlay]) -> Folded:
    """The view: overlays applied to the confirmed documents in the order given. [view-is-fold]

    Nothing else enters into it. [foreign-change-visible] [rejection-shows-server]

    An overlay that does not apply contributes nothing, to any of its atoms, and is tried again at
    the next fold; a withheld one is passed over.

    >>> fold(Obj({"a": 1}), [Overlay(ClientSeq(1), ((AtomKey("a"), Create(2)),))])
    Folded(view=Obj({'a': 1}), inapplicable=(1,))
    """
    view = confirmed
    inapplicable: list[ClientSeq] = []
    for overlay in overlays:
        if overlay.withheld:
            continue
        try:
            view = apply_changes(view, overlay.changes)  # [several-atoms-whole]
        except ChangeInapplicable:
            inapplicable.append(overlay.seq)  # [inapplicable-stays-pending]
    return Folded(view, tuple(inapplicable))


def apply_changes(docs: Docs, changes: Changes) -> Docs:
    """`docs` after every change. Raises ChangeInapplicable, with no document touched."""
    for atom, change in changes:
        docs = _put(docs, atom, apply_change(atom, docs.get(atom, ABSENT), change))
    return docs


def invert_changes(docs: Docs, changes: Changes) -> Changes:
    """The changes that take `apply_changes(docs, changes)` back to exactly `docs`."""
    return tuple((a, _invert_change(a, docs.get(a, ABSENT), change)) for a, change in changes)


def changes_overlap(left: Changes, right: Changes) -> bool:
    """Whether two sets of changes conflict: the same atom, and paths that meet in it."""
    return any(a == b and _change_overlap(mine, theirs) for a, mine in left for b, theirs in right)


def apply_change(atom: AtomKey, doc: Doc, change: Change) -> Doc:
    """The four write actions against a present or absent document. [write-action-table]

    | | absent | present |
    |---|---|---|
    | create | its value | ChangeInapplicable |
    | update | ChangeInapplicable | patched |
    | upsert | its value | patched, or its value |
    | delete | ChangeInapplicable | absent |
    """
    match change:
        case Create(value) if doc is ABSENT:
            return value
        case Upsert(value, patch) if doc is ABSENT or patch is None:
            return value
        case Update(patch) | Upsert(_, patch) if doc is not ABSENT and patch is not None:
            try:
                return apply(doc, patch)
            except PatchInapplicable as error:
                raise ChangeInapplicable(atom, str(error)) from None
        case Delete() if doc is not ABSENT:
            return ABSENT
        case _:
            state = "absent" if doc is ABSENT else "present"
            raise ChangeInapplicable(atom, f"{type(change).__name__.lower()} of {state} document")


def _invert_change(atom: AtomKey, doc: Doc, change: Change) -> Change:
    apply_change(atom, doc, change)
    if doc is ABSENT:
        return Delete()
    match change:
        case Update(patch):
            return Update(invert(doc, patch))
        case Upsert(_, patch):
            return Update((Replace((), doc),) if patch is None else invert(doc, patch))
        case Create() | Delete():
            return Create(doc)
        case _:
            assert_never(change)


def _change_overlap(left: Change, right: Change) -> bool:
    if isinstance(left, Update) and isinstance(right, Update):
        return overlap(left.patch, right.patch)
    return True


def _put(docs: Docs, atom: AtomKey, doc: Doc) -> Docs:
    return docs.drop(atom) if doc is ABSENT else docs.put(atom, doc)


def changes_of(by_atom: Mapping[AtomKey, Change]) -> Changes:
    """Changes in their canonical order."""
    return tuple(sorted(by_atom.items(), key=lambda item: item[0]))


def changes_from_json(raw: Json) -> Changes:
    """Changes written as `{atom: patch | {create: v} | {upsert: v, patch?: p} | {delete: true}}`.

    Raises PatchMalformed with a pointer to the place.
    """
    if not isinstance(raw, Obj):
        raise PatchMalformed("", "changes are an object with a member for each atom")
    if "" in raw:
        raise PatchMalformed("/", "an atom key is a non-empty string")
    return changes_of({AtomKey(atom): _change_from_json(raw[atom], atom) for atom in raw})


def _change_from_json(raw: Json, atom: str) -> Change:
    where = pointer((atom,))
    match raw:
        case tuple():
            return Update(patch_from_json(raw, where))
        case Obj() if set(raw) == {"create"}:
            return Create(raw["create"])
        case Obj() if set(raw) == {"upsert"}:
            return Upsert(raw["upsert"])
        case Obj() if set(raw) == {"upsert", "patch"}:
            return Upsert(raw["upsert"], patch_from_json(raw["patch"], f"{where}/patch"))
        case Obj() if set(raw) == {"delete"} and raw["delete"] is True:
            return Delete()
        case _:
            raise PatchMalformed(where, "a patch, {create}, {upsert, patch?} or {delete: true}")


def changes_to_json(changes: Changes) -> Obj:
    """The inverse of `changes_from_json`."""
    return Obj([(atom, _change_to_json(change)) for atom, change in changes])


def _change_to_json(change: Change) -> Json:
    match change:
        case Create(value):
            return Obj({"create": value})
        case Update(patch):
            return patch_to_json(patch)
        case Upsert(value, patch):
            merged = {} if patch is None else {"patch": patch_to_json(patch)}
            return Obj({"upsert": value, **merged})
        case Delete():
            return Obj({"delete": True})
        case _:
            assert_never(change)
