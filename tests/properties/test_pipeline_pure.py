"""The pure parts of the pipeline against plain definitions: changes in a row, patches of rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optisync import patch as rfc6902
from optisync.contracts.entry import Resource, atom_of
from optisync.errors import ChangeInapplicable, PatchInapplicable
from optisync.patch import Add, Copy, Move, Op, Patch, Remove, Replace, apply
from optisync.pipeline.compose import compose, writes_of
from optisync.pipeline.errors import EventMalformed
from optisync.pipeline.events import Patches
from optisync.values import AtomKey, Json, Obj
from optisync.view import ABSENT, Change, Create, Delete, Doc, Update, apply_change

AT = AtomKey("t/a")
NAMES: tuple[str, ...] = ("x", "y")
ROWS: tuple[str, ...] = ("a", "b")
numbers = st.integers(0, 2)


def one_of(texts: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.sampled_from(texts)


names, rows = one_of(NAMES), one_of(ROWS)
values: st.SearchStrategy[Json] = st.one_of(
    numbers, st.dictionaries(names, numbers, max_size=2).map(Obj)
)
documents: st.SearchStrategy[Doc] = st.just(ABSENT) | values
paths = st.lists(names, max_size=1).map(tuple)
fields = st.sampled_from([(name,) for name in NAMES])
operations: st.SearchStrategy[Op] = st.one_of(
    st.builds(Add, paths, values),
    st.builds(Replace, paths, values),
    st.builds(Remove, fields),
    st.builds(Copy, fields, fields),
    st.builds(Move, fields, fields),
    st.builds(rfc6902.Test, paths, values),
)
patches: st.SearchStrategy[Patch] = st.lists(operations, min_size=1, max_size=3).map(tuple)
changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(Create, values),
    st.builds(Update, patches),
    st.just(Delete()),
)


def done(doc: Doc, *made: Change | None) -> Doc | None:
    """What changes in a row make of a document; None: one of them does not apply."""
    for change in made:
        try:
            doc = doc if change is None else apply_change(AT, doc, change)
        except ChangeInapplicable:
            return None
    return doc


def both(doc: Doc, first: Change | None, then: Change) -> None:
    """[patches-to-entries]: one change does what two in a row do, wherever both apply.

    Of the changes that patches and inverses consist of: there are no upserts among them.
    """
    want = done(doc, first, then)
    try:
        found = done(doc, compose(first, then))
    except ChangeInapplicable:
        assert want is None, "it can apply"
        return
    assert want is None or found == want


@given(documents, st.none() | changes, changes)
def test_composing_two_changes_is_applying_both(
    doc: Doc, first: Change | None, then: Change
) -> None:
    both(doc, first, then)


KINDS: tuple[Change, ...] = (
    Create(Obj({"x": 1})),
    Update((Replace(("x",), 2),)),
    Update((Replace((), 3),)),
    Delete(),
)


@pytest.mark.parametrize("then", KINDS, ids=repr)
@pytest.mark.parametrize("first", KINDS, ids=repr)
def test_every_pair_of_kinds_composes_or_never_applies(first: Change, then: Change) -> None:
    for doc in (ABSENT, Obj({"x": 0}), Obj({"y": 0})):
        both(doc, first, then)


row_names = st.sampled_from([(row,) for row in ROWS])
inside = st.tuples(rows, names)


def copied(row: str, to: str, source: str) -> Op:
    return Copy((row, to), (row, source))


def moved(row: str, to: str, source: str) -> Op:
    return Move((row, to), (row, source))


row_operations: st.SearchStrategy[Op] = st.one_of(
    st.builds(Add, row_names | inside, values),
    st.builds(Replace, row_names | inside, values),
    st.builds(Remove, row_names | inside),
    st.builds(rfc6902.Test, row_names | inside, values),
    st.builds(copied, rows, names, names),
    st.builds(moved, rows, names, names),
)
tables = st.dictionaries(rows, values, max_size=2).map(Obj)


def patched(table: Json, patch: Patch) -> Json | None:
    """The rows after a patch; None: it does not apply. The `add` of a row needs it absent."""
    for op in patch:
        assert isinstance(table, Obj)
        if isinstance(op, Add) and len(op.path) == 1 and op.path[0] in table:
            return None
        try:
            table = apply(table, (op,))
        except PatchInapplicable:
            return None
    return table


@given(tables, st.lists(row_operations, min_size=1, max_size=4).map(tuple))
def test_the_writes_of_a_patch_do_to_each_row_what_the_patch_does(table: Obj, patch: Patch) -> None:
    """[patches-to-entries] [event-malformed]: wherever the patch applies."""
    want = patched(table, patch)
    try:
        writes = writes_of(Patches(Resource("t"), patch))
    except EventMalformed:
        assert want in (None, table), "it can apply, and changes something"
        return
    found_rows = [write.entity.id for write in writes]
    named = list(dict.fromkeys(op.path[0] for op in patch))
    each_once = [name for name in named if name in found_rows]
    assert found_rows == each_once, "each row once, as first mentioned"
    if want is None:
        return
    for name in named:
        change = next((w.change for w in writes if w.entity.id == name), None)
        found = done(table.get(name, ABSENT), change)
        assert isinstance(want, Obj)
        assert found == want.get(name, ABSENT)
    assert len({atom_of(write.entity) for write in writes}) == len(writes)
