"""The view engine: four write actions, overlays, and the laws of the fold."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reference.json_strategies import patches, values

from optisync.errors import ChangeInapplicable, PatchMalformed
from optisync.patch import Add, Remove, Replace
from optisync.patch import Test as Check
from optisync.values import AtomKey, ClientSeq, Json, Obj, dump, freeze, parse, same
from optisync.view import (
    ABSENT,
    Change,
    Changes,
    Create,
    Delete,
    Doc,
    Docs,
    Folded,
    Overlay,
    Update,
    Upsert,
    apply_change,
    apply_changes,
    changes_from_json,
    changes_of,
    changes_overlap,
    changes_to_json,
    fold,
    invert_changes,
)

A, B = AtomKey("a"), AtomKey("b")
DOC = Obj({"x": 1})
SET = (Replace(("x",), 2),)
STALE = (Remove(("gone",)),)

TABLE: list[tuple[str, Change, Doc, Doc | None]] = [
    ("create absent", Create(7), ABSENT, 7),
    ("create absent as null", Create(None), ABSENT, None),
    ("create present", Create(7), DOC, None),
    ("create over null", Create(7), None, None),
    ("update absent", Update(SET), ABSENT, None),
    ("update absent by nothing", Update(()), ABSENT, None),
    ("update present", Update(SET), DOC, Obj({"x": 2})),
    ("update null", Update((Replace((), 1),)), None, 1),
    ("update stale", Update(STALE), DOC, None),
    ("upsert absent", Upsert(7), ABSENT, 7),
    ("upsert absent with a patch", Upsert(7, SET), ABSENT, 7),
    ("upsert present", Upsert(7), DOC, 7),
    ("upsert present with a patch", Upsert(7, SET), DOC, Obj({"x": 2})),
    ("upsert present with no operation", Upsert(7, ()), DOC, DOC),
    ("upsert null", Upsert(7), None, 7),
    ("upsert stale", Upsert(7, STALE), DOC, None),
    ("delete absent", Delete(), ABSENT, None),
    ("delete present", Delete(), DOC, ABSENT),
    ("delete null", Delete(), None, ABSENT),
]
REFUSED = {
    "create present", "create over null", "update absent", "update absent by nothing",
    "update stale", "upsert stale", "delete absent",
}  # fmt: skip


@pytest.mark.parametrize(("name", "change", "doc", "result"), TABLE, ids=[r[0] for r in TABLE])
def test_write_actions(name: str, change: Change, doc: Doc, result: Doc) -> None:
    """[write-action-table]"""
    docs = Obj({"b": 0}) if doc is ABSENT else Obj({"a": doc, "b": 0})
    if name in REFUSED:
        with pytest.raises(ChangeInapplicable) as refusal:
            apply_change(A, doc, change)
        assert (refusal.value.atom, refusal.value.code) == ("a", "change-inapplicable")
        assert str(refusal.value).startswith("change of 'a' does not apply: ")
        for attempt in (apply_changes, invert_changes):
            with pytest.raises(ChangeInapplicable):
                attempt(docs, ((A, change),))
        return
    after = apply_change(A, doc, change)
    assert (after is ABSENT) == (result is ABSENT)
    assert Obj({"v": after} if after is not ABSENT else {}) == Obj(
        {"v": result} if result is not ABSENT else {}
    )
    applied = apply_changes(docs, ((A, change),))
    assert ("a" in applied) == (result is not ABSENT)
    assert apply_changes(applied, invert_changes(docs, ((A, change),))) == docs


@pytest.mark.parametrize(
    ("change", "state"), [(Create(1), "present"), (Update(()), "absent"), (Delete(), "absent")]
)
def test_the_refusal_says_what_was_there(change: Change, state: str) -> None:
    doc: Doc = DOC if state == "present" else ABSENT
    with pytest.raises(ChangeInapplicable, match=f"of {state} document"):
        apply_change(A, doc, change)


def overlay(seq: int, changes: dict[AtomKey, Change], withheld: bool = False) -> Overlay:
    return Overlay(ClientSeq(seq), changes_of(changes), withheld)


def test_several_atoms_are_changed_wholly_or_not_at_all() -> None:
    """[several-atoms-whole]"""
    both = overlay(1, {A: Update((Add(("o", "k"), 1),)), B: Create(True)})
    assert fold(Obj({"a": Obj()}), [both]) == Folded(Obj({"a": Obj()}), (ClientSeq(1),))
    late = overlay(1, {A: Update((Add(("p",), 1),)), B: Delete()})
    assert fold(Obj({"a": Obj()}), [late]) == Folded(Obj({"a": Obj()}), (ClientSeq(1),))
    first = overlay(1, {A: Update((Add(("o",), Obj()),))})
    second = overlay(2, {A: Update((Add(("o", "k"), 1),)), B: Create(True)})
    shown = fold(Obj({"a": Obj()}), [first, second])
    assert shown == Folded(Obj({"a": Obj({"o": Obj({"k": 1})}), "b": True}), ())
    assert fold(Obj({"a": Obj()}), [second]) == Folded(Obj({"a": Obj()}), (ClientSeq(2),))


def test_inapplicable_is_tried_again_and_withheld_is_not() -> None:
    """[inapplicable-stays-pending]"""
    late = overlay(2, {A: Update(SET)})
    assert fold(Obj(), [late]).inapplicable == (2,)
    assert fold(Obj({"a": DOC}), [late]) == Folded(Obj({"a": Obj({"x": 2})}), ())
    put_aside = overlay(2, {A: Update(SET)}, withheld=True)
    assert fold(Obj(), [put_aside]) == Folded(Obj(), ())
    assert fold(Obj({"a": DOC}), [put_aside]) == Folded(Obj({"a": DOC}), ())


def test_what_others_change_is_seen_and_what_is_rejected_is_not() -> None:
    """[foreign-change-visible] [rejection-shows-server]"""
    mine = overlay(1, {A: Update(SET)})
    before, after = Obj({"a": DOC, "b": 0}), Obj({"a": Obj({"x": 7, "y": 8}), "b": 9})
    assert fold(before, [mine]).view == Obj({"a": Obj({"x": 2}), "b": 0})
    assert fold(after, [mine]).view == Obj({"a": Obj({"x": 2, "y": 8}), "b": 9})
    assert fold(after, []).view == after


def test_one_overlay_that_does_not_apply_hides_no_other() -> None:
    """[inapplicable-stays-pending]"""
    queue = [
        overlay(1, {A: Update((Add(("p",), 1),))}),
        overlay(2, {A: Update((Check(("x",), True), Add(("q",), 1)))}),
        overlay(3, {A: Update((Add(("r",), 1),))}),
    ]
    assert fold(Obj({"a": DOC}), queue) == Folded(
        Obj({"a": Obj({"x": 1, "p": 1, "r": 1})}), (ClientSeq(2),)
    )


def test_the_first_of_two_writes_of_one_key_goes_and_the_second_stays() -> None:
    one, two = overlay(1, {A: Update(SET)}), overlay(2, {A: Update((Replace(("x",), 3),))})
    assert fold(Obj({"a": DOC}), [one, two]).view == Obj({"a": Obj({"x": 3})})
    assert fold(Obj({"a": DOC}), [two]).view == Obj({"a": Obj({"x": 3})})
    assert fold(Obj({"a": DOC}), []).view == Obj({"a": DOC})


CONFLICTS: list[tuple[str, Changes, Changes, bool]] = [
    ("other atoms", ((A, Delete()),), ((B, Delete()),), False),
    ("delete against anything", ((A, Delete()),), ((A, Update(())),), True),
    ("create against create", ((A, Create(1)),), ((A, Create(1)),), True),
    ("upsert against a patch", ((A, Upsert(1, SET)),), ((A, Update((Add(("z",), 1),))),), True),
    ("one path", ((A, Update(SET)),), ((A, Update(SET)),), True),
    ("other paths", ((A, Update(SET)),), ((A, Update((Add(("z",), 1),))),), False),
    ("one of two", ((A, Update(SET)), (B, Delete())), ((B, Delete()),), True),
    ("nothing", (), ((A, Delete()),), False),
]


@pytest.mark.parametrize(
    ("name", "left", "right", "meet"), CONFLICTS, ids=[r[0] for r in CONFLICTS]
)
def test_conflicts(name: str, left: Changes, right: Changes, meet: bool) -> None:
    """[conflict-is-overlap]"""
    assert changes_overlap(left, right) is meet
    assert changes_overlap(right, left) is meet


MALFORMED = [
    ("[]", "", "an object with a member for each atom"),
    ("null", "", "an object"),
    ('{"":[]}', "/", "non-empty"),
    ('{"a":1}', "/a", "a patch, {create}"),
    ('{"a":{}}', "/a", "a patch"),
    ('{"a":{"delete":false}}', "/a", "a patch"),
    ('{"a":{"delete":1}}', "/a", "a patch"),
    ('{"a":{"create":1,"delete":true}}', "/a", "a patch"),
    ('{"a":{"create":1,"patch":[]}}', "/a", "a patch"),
    ('{"a":{"patch":[]}}', "/a", "a patch"),
    ('{"a~/b":{}}', "/a~0~1b", "a patch"),
    ('{"a":[{"op":"remove"}]}', "/a/0/path", "a JSON Pointer"),
    ('{"a":{"upsert":1,"patch":[3]}}', "/a/patch/0", "an operation"),
    ('{"a":{"upsert":1,"patch":{}}}', "/a/patch", "array"),
]


@pytest.mark.parametrize(("text", "where", "reason"), MALFORMED, ids=[r[0] for r in MALFORMED])
def test_malformed_changes(text: str, where: str, reason: str) -> None:
    with pytest.raises(PatchMalformed) as refusal:
        changes_from_json(parse(text))
    assert refusal.value.where == where
    assert reason in refusal.value.reason


WRITTEN = '{"a":{"create":null},"b":[{"op":"remove","path":"/x"}],"c":{"delete":true},' + (
    '"d":{"upsert":1},"e":{"patch":[],"upsert":1}}'
)


def test_changes_are_written_as_they_are_read_and_sorted_by_atom() -> None:
    changes = changes_from_json(parse(WRITTEN))
    assert dump(changes_to_json(changes)) == WRITTEN
    assert [atom for atom, _ in changes] == ["a", "b", "c", "d", "e"]
    assert changes_of(dict(reversed(changes))) == changes


@st.composite
def change(draw: st.DrawFn, doc: Doc) -> Change:
    base: Json = Obj({"x": 0}) if doc is ABSENT else doc
    match draw(st.integers(0, 5)):
        case 0:
            return Create(draw(values))
        case 1:
            return Delete()
        case 2:
            return Upsert(draw(values), draw(st.none() | patches(base, 2)))
        case _:
            return Update(draw(patches(base, 3)))


@st.composite
def changes_for(draw: st.DrawFn, docs: Docs) -> Changes:
    atoms = draw(st.lists(st.sampled_from([A, B]), max_size=2, unique=True))
    return changes_of({atom: draw(change(docs.get(atom, ABSENT))) for atom in atoms})


@st.composite
def stacks(draw: st.DrawFn) -> tuple[Docs, tuple[Overlay, ...]]:
    """Confirmed documents, and overlays made while those before them were shown."""
    confirmed = Obj([(a, draw(values)) for a in sorted(draw(st.sets(st.sampled_from([A, B]))))])
    queue: tuple[Overlay, ...] = ()
    for seq in range(1, draw(st.integers(0, 4)) + 1):
        mine = draw(changes_for(fold(confirmed, queue).view))
        queue = (*queue, Overlay(ClientSeq(seq), mine, draw(st.integers(0, 4)) == 0))
    return confirmed, queue


@given(stacks())
def test_fold_is_one_overlay_after_another(stack: tuple[Docs, tuple[Overlay, ...]]) -> None:
    """[view-is-fold]"""
    confirmed, queue = stack
    text = dump(confirmed)
    view, skipped = confirmed, list[int]()
    for entry in queue:
        if entry.withheld:
            continue
        try:
            view = apply_changes(view, entry.changes)
        except ChangeInapplicable:
            skipped.append(entry.seq)
    assert fold(confirmed, queue) == Folded(view, tuple(ClientSeq(n) for n in skipped))
    assert dump(confirmed) == text
    assert fold(confirmed, ()) == Folded(confirmed, ())


@given(stacks(), st.integers(0, 4))
def test_fold_splits_anywhere(stack: tuple[Docs, tuple[Overlay, ...]], at: int) -> None:
    confirmed, queue = stack
    below = fold(confirmed, queue[:at])
    above = fold(below.view, queue[at:])
    assert fold(confirmed, queue) == Folded(above.view, below.inapplicable + above.inapplicable)


@given(stacks())
def test_what_contributes_nothing_can_go(stack: tuple[Docs, tuple[Overlay, ...]]) -> None:
    confirmed, queue = stack
    whole = fold(confirmed, queue)
    kept = [o for o in queue if o.seq not in whole.inapplicable and not o.withheld]
    assert fold(confirmed, kept) == Folded(whole.view, ())


@given(st.data(), stacks())
def test_settling_the_first_overlay_changes_no_view(
    data: st.DataObject, stack: tuple[Docs, tuple[Overlay, ...]]
) -> None:
    """Its changes as a delta, and its overlay gone: nobody can tell. [acked-data-once]"""
    confirmed, queue = stack
    first = Overlay(ClientSeq(0), data.draw(changes_for(confirmed)))
    before = fold(confirmed, (first, *queue))
    if first.seq not in before.inapplicable:
        assert fold(apply_changes(confirmed, first.changes), queue) == before


@given(stacks())
def test_undo_all_in_reverse_gives_confirmed(stack: tuple[Docs, tuple[Overlay, ...]]) -> None:
    confirmed, queue = stack
    view, undo = confirmed, list[Changes]()
    for entry in queue:
        try:
            inverse = invert_changes(view, entry.changes)
            view = apply_changes(view, entry.changes)
        except ChangeInapplicable:
            continue
        undo.append(inverse)
    for inverse in reversed(undo):
        view = apply_changes(view, inverse)
    assert view == confirmed


@given(st.data(), stacks())
def test_disjoint_changes_commute(
    data: st.DataObject, stack: tuple[Docs, tuple[Overlay, ...]]
) -> None:
    docs, _ = stack
    one = Overlay(ClientSeq(1), data.draw(changes_for(docs)))
    two = Overlay(ClientSeq(2), data.draw(changes_for(docs)))
    if not changes_overlap(one.changes, two.changes):
        left, right = fold(docs, (one, two)), fold(docs, (two, one))
        assert left.view == right.view
        assert set(left.inapplicable) == set(right.inapplicable)


@given(stacks())
def test_changes_round_trip(stack: tuple[Docs, tuple[Overlay, ...]]) -> None:
    for entry in stack[1]:
        wire = parse(dump(changes_to_json(entry.changes)))
        assert same(freeze(changes_to_json(changes_from_json(wire))), wire)
        assert changes_from_json(wire) == entry.changes


def test_changes_that_differ_as_json_are_not_equal() -> None:
    """Python takes true for 1; a mutation rewritten from one to the other did change."""
    for one, other in [
        (Create(True), Create(1)),
        (Create((0,)), Create((False,))),
        (Upsert(1), Upsert(True)),
        (Update((Add(("x",), 1),)), Update((Add(("x",), True),))),
        (Update((Replace(("x",), 1),)), Update((Replace(("x",), True),))),
        (Update((Check(("x",), 1),)), Update((Check(("x",), True),))),
    ]:
        assert one != other
        assert ((A, one),) != ((A, other),)
        assert ((A, one),) == ((A, copy.copy(one)),)
    assert Create(1) == Create(1.0)
    assert hash(Create(1)) == hash(Create(1.0))
