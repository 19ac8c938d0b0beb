"""RFC 6902 on immutable documents: one test a rule, then the laws."""

import pytest
from hypothesis import given, target
from hypothesis import strategies as st
from tests.reference.json_strategies import keys, patches, values

from optisync.errors import PatchInapplicable, PatchMalformed
from optisync.patch import (
    Patch,
    Path,
    apply,
    invert,
    overlap,
    parse_pointer,
    patch_from_json,
    patch_to_json,
    pointer,
)
from optisync.values import Json, Obj, dump, freeze, parse, same


def patch_of(text: str) -> Patch:
    return patch_from_json(parse(text))


APPLIES = [
    ("add a member", '{"a":1}', '[{"op":"add","path":"/b","value":2}]', '{"a":1,"b":2}'),
    ("add replaces a member", '{"a":1}', '[{"op":"add","path":"/a","value":2}]', '{"a":2}'),
    ("add the document", "null", '[{"op":"add","path":"","value":[]}]', "[]"),
    ("add inserts", "[0,1]", '[{"op":"add","path":"/1","value":"x"}]', '[0,"x",1]'),
    ("add at the end by -", "[0]", '[{"op":"add","path":"/-","value":1}]', "[0,1]"),
    ("add at the end by position", "[0]", '[{"op":"add","path":"/1","value":1}]', "[0,1]"),
    ("- is a plain key", "{}", '[{"op":"add","path":"/-","value":1}]', '{"-":1}'),
    ("the empty key", "{}", '[{"op":"add","path":"/","value":1}]', '{"":1}'),
    ("01 is a plain key", "{}", '[{"op":"add","path":"/01","value":1}]', '{"01":1}'),
    ("escapes", '{"a/b":{"~1":0}}', '[{"op":"remove","path":"/a~1b/~01"}]', '{"a/b":{}}'),
    ("remove an item", "[0,1,2]", '[{"op":"remove","path":"/1"}]', "[0,2]"),
    ("replace by null", '{"a":1}', '[{"op":"replace","path":"/a","value":null}]', '{"a":null}'),
    ("replace the document", "1", '[{"op":"replace","path":"","value":2}]', "2"),
    ("move a member", '{"a":1}', '[{"op":"move","from":"/a","path":"/b"}]', '{"b":1}'),
    ("move onto itself", '{"a":1}', '[{"op":"move","from":"/a","path":"/a"}]', '{"a":1}'),
    ("move the document onto itself", "[1]", '[{"op":"move","from":"","path":""}]', "[1]"),
    ("move back", "[0,1,2]", '[{"op":"move","from":"/2","path":"/0"}]', "[2,0,1]"),
    ("move counts after taking", "[0,1,2]", '[{"op":"move","from":"/0","path":"/2"}]', "[1,2,0]"),
    ("move up", '{"a":{"b":1}}', '[{"op":"move","from":"/a/b","path":"/a"}]', '{"a":1}'),
    ("move to the top", '{"a":1}', '[{"op":"move","from":"/a","path":""}]', "1"),
    ("copy into itself", '{"a":1}', '[{"op":"copy","from":"","path":"/b"}]', '{"a":1,"b":{"a":1}}'),
    ("copy inserts", "[1]", '[{"op":"copy","from":"/0","path":"/0"}]', "[1,1]"),
    ("test numbers by value", "[1]", '[{"op":"test","path":"/0","value":1.0}]', "[1]"),
    ("test objects", '{"a":1,"b":2}', '[{"op":"test","path":"","value":{"b":2,"a":1}}]', None),
    ("nothing", '{"a":1}', "[]", '{"a":1}'),
    ("proto", "{}", '[{"op":"add","path":"/__proto__","value":{"x":1}}]', '{"__proto__":{"x":1}}'),
    ("ctor", '{"constructor":{}}', '[{"op":"remove","path":"/constructor"}]', "{}"),
]


@pytest.mark.parametrize(("name", "doc", "patch", "result"), APPLIES, ids=[r[0] for r in APPLIES])
def test_applies(name: str, doc: str, patch: str, result: str | None) -> None:
    before = parse(doc)
    after = apply(before, patch_of(patch))
    assert dump(after) == dump(parse(result or doc))
    assert dump(before) == dump(parse(doc))
    assert same(apply(after, invert(before, patch_of(patch))), before)


REFUSED = [
    ("test true against 1", "[1]", '{"op":"test","path":"/0","value":true}'),
    ("test null against absent", "{}", '{"op":"test","path":"/a","value":null}'),
    ("test a string against a number", "[1]", '{"op":"test","path":"/0","value":"1"}'),
    ("replace what is absent", "{}", '{"op":"replace","path":"/a","value":1}'),
    ("replace below null", '{"a":null}', '{"op":"replace","path":"/a/b","value":1}'),
    ("add below what is absent", "{}", '{"op":"add","path":"/a/b","value":1}'),
    ("add below a string", '{"a":"x"}', '{"op":"add","path":"/a/0","value":1}'),
    ("add past the end", "[0]", '{"op":"add","path":"/2","value":1}'),
    ("add at a word", "[0]", '{"op":"add","path":"/x","value":1}'),
    ("add at 00", "[0,1]", '{"op":"add","path":"/00","value":1}'),
    ("add at 01", "[0,1]", '{"op":"add","path":"/01","value":1}'),
    ("add at -1", "[0,1]", '{"op":"add","path":"/-1","value":1}'),
    ("add at +1", "[0,1]", '{"op":"add","path":"/+1","value":1}'),
    ("add at 1e0", "[0,1]", '{"op":"add","path":"/1e0","value":1}'),
    ("add at a foreign digit", "[0,1]", '{"op":"add","path":"/\\u0661","value":1}'),
    ("add at a digit and a newline", "[0,1]", '{"op":"add","path":"/1\\n","value":1}'),
    ("add at a huge number", "[0]", '{"op":"add","path":"/99999999999999999999","value":1}'),
    ("remove past the end", "[0]", '{"op":"remove","path":"/1"}'),
    ("remove -", "[0]", '{"op":"remove","path":"/-"}'),
    ("remove what is absent", "{}", '{"op":"remove","path":"/a"}'),
    ("remove the document", "{}", '{"op":"remove","path":""}'),
    ("remove an inherited name", "{}", '{"op":"remove","path":"/__proto__"}'),
    ("read an inherited name", "{}", '{"op":"copy","from":"/constructor","path":"/a"}'),
    ("add below an inherited name", "{}", '{"op":"add","path":"/__proto__/x","value":1}'),
    ("move into itself", '{"a":{}}', '{"op":"move","from":"/a","path":"/a/b"}'),
    ("move an item into the next", "[{},{}]", '{"op":"move","from":"/0","path":"/0/b"}'),
    ("move the document", '{"a":1}', '{"op":"move","from":"","path":"/a"}'),
    ("move what is absent", "{}", '{"op":"move","from":"/a","path":"/b"}'),
    ("move what is absent onto itself", "{}", '{"op":"move","from":"/a","path":"/a"}'),
    ("move past the end", "[0,1]", '{"op":"move","from":"/0","path":"/2"}'),
    ("copy what is absent", "{}", '{"op":"copy","from":"/a","path":"/b"}'),
    ("copy past the end", "[0]", '{"op":"copy","from":"/0","path":"/2"}'),
]


@pytest.mark.parametrize(("name", "doc", "op"), REFUSED, ids=[r[0] for r in REFUSED])
def test_is_refused_whole(name: str, doc: str, op: str) -> None:
    """[patch-whole-or-not]"""
    before = parse(doc)
    first = '{"op":"test","path":"","value":' + doc + "}"
    patch = patch_of(f'[{first},{op},{{"op":"add","path":"","value":"never"}}]')
    for attempt in (apply, invert):
        with pytest.raises(PatchInapplicable) as refusal:
            attempt(before, patch)
        assert (refusal.value.index, refusal.value.code) == (1, "patch-inapplicable")
        assert str(refusal.value).startswith("operation 1 does not apply: ")
    assert dump(before) == dump(parse(doc))


MALFORMED = [
    ("{}", "", "array of operations"),
    ("[1]", "/0", "an operation is an object"),
    ('[{"op":"add","path":"","value":1},{"path":""}]', "/1/op", "not an operation"),
    ('[{"op":"spam","path":""}]', "/0/op", "'spam' is not an operation"),
    ('[{"op":"ADD","path":"","value":1}]', "/0/op", "not an operation"),
    ('[{"op":"add","path":""}]', "/0", "'value' is missing"),
    ('[{"op":"replace","path":""}]', "/0", "'value' is missing"),
    ('[{"op":"test","path":""}]', "/0", "'value' is missing"),
    ('[{"op":"remove"}]', "/0/path", "JSON Pointer is expected"),
    ('[{"op":"remove","path":null}]', "/0/path", "JSON Pointer is expected"),
    ('[{"op":"remove","path":"a"}]', "/0/path", "does not start with '/'"),
    ('[{"op":"remove","path":"/a~"}]', "/0/path", "neither ~0 nor ~1"),
    ('[{"op":"remove","path":"/a~2b"}]', "/0/path", "neither ~0 nor ~1"),
    ('[{"op":"move","path":"/a"}]', "/0/from", "JSON Pointer is expected"),
    ('[{"op":"copy","path":"/a","from":"b"}]', "/0/from", "does not start with '/'"),
]


@pytest.mark.parametrize(("text", "where", "reason"), MALFORMED, ids=[r[0] for r in MALFORMED])
def test_is_malformed(text: str, where: str, reason: str) -> None:
    with pytest.raises(PatchMalformed) as refusal:
        patch_of(text)
    assert refusal.value.where == where
    assert reason in refusal.value.reason
    assert str(refusal.value) == (
        f"malformed patch at {where or 'the top'}: {refusal.value.reason}"
    )


def test_unknown_members_are_ignored_and_not_written() -> None:
    patch = patch_of('[{"op":"remove","path":"/a","value":1,"from":3,"x":{}}]')
    assert dump(patch_to_json(patch)) == '[{"op":"remove","path":"/a"}]'


def test_the_value_null_is_a_value() -> None:
    patch = patch_of('[{"op":"add","path":"/a","value":null}]')
    assert dump(apply(Obj(), patch)) == '{"a":null}'


OVERLAP = [
    ("", "/a/b", True),
    ("/a", "/a", True),
    ("/a", "/a/b", True),
    ("/a", "/ab", False),
    ("/a/b", "/a/c", False),
    ("/l/0", "/l/1", True),
    ("/l/0/x", "/l/7/y", True),
    ("/l/-", "/l/3", True),
    ("/l/0", "/m/0", False),
    ("/l/0", "/l/x", False),
    ("/l/0", "/l/00", False),
]


@pytest.mark.parametrize(("left", "right", "meet"), OVERLAP)
def test_overlap(left: str, right: str, meet: bool) -> None:
    """[conflict-is-overlap]"""
    mine = patch_of(f'[{{"op":"remove","path":"{left}"}}]')
    others = [
        f'[{{"op":"add","path":"{right}","value":1}}]',
        f'[{{"op":"test","path":"{right}","value":1}}]',
        f'[{{"op":"move","from":"{right}","path":"/elsewhere/x"}}]',
        f'[{{"op":"copy","from":"/elsewhere/x","path":"{right}"}}]',
        f'[{{"op":"remove","path":"/elsewhere/x"}},{{"op":"remove","path":"{right}"}}]',
    ]
    for other in map(patch_of, others):
        assert overlap(mine, other) is meet
        assert overlap(other, mine) is meet
    assert not overlap(mine, ())


def outcome(doc: Json, *in_order: Patch) -> Json:
    """The document after the patches, each wholly or not at all, as a fold takes them."""
    for patch in in_order:
        try:
            doc = apply(doc, patch)
        except PatchInapplicable:
            continue
    return doc


@given(st.data(), values)
def test_the_inverse_takes_back_exactly(data: st.DataObject, doc: Json) -> None:
    """[patch-inverse]"""
    patch = data.draw(patches(doc))
    try:
        after = apply(doc, patch)
    except PatchInapplicable as refusal:
        with pytest.raises(PatchInapplicable) as again:
            invert(doc, patch)
        assert again.value == refusal
        return
    undo = invert(doc, patch)
    target(len(undo))
    assert dump(apply(after, undo)) == dump(doc)
    assert same(apply(doc, invert(after, undo)), after)


@given(st.data(), values)
def test_disjoint_patches_commute(data: st.DataObject, doc: Json) -> None:
    """[conflict-is-overlap]"""
    left, right = data.draw(patches(doc, 2)), data.draw(patches(doc, 2))
    if not overlap(left, right):
        target(len(left) + len(right))
        assert same(outcome(doc, left, right), outcome(doc, right, left))


@given(st.data(), values)
def test_whole_or_not_at_all(data: st.DataObject, doc: Json) -> None:
    """[patch-whole-or-not] [values-copied]"""
    patch = data.draw(patches(doc))
    text = dump(doc)
    one_by_one: list[bool] = []
    here = doc
    for op in patch:
        try:
            here = apply(here, (op,))
        except PatchInapplicable:
            one_by_one.append(False)
            break
        one_by_one.append(True)
    if all(one_by_one):
        assert same(apply(doc, patch), here)
    else:
        with pytest.raises(PatchInapplicable) as refusal:
            apply(doc, patch)
        assert refusal.value.index == len(one_by_one) - 1
    assert dump(doc) == text


@given(st.data(), values)
def test_json_round_trip(data: st.DataObject, doc: Json) -> None:
    patch = data.draw(patches(doc))
    wire = patch_to_json(patch)
    assert patch_from_json(wire) == patch
    assert dump(patch_to_json(patch_from_json(parse(dump(wire))))) == dump(freeze(wire))


@given(st.lists(keys))
def test_pointer_round_trip(tokens: list[str]) -> None:
    path: Path = tuple(tokens)
    assert parse_pointer(pointer(path)) == path


@pytest.mark.parametrize(
    ("text", "path"),
    [("", ()), ("/", ("",)), ("//", ("", "")), ("/~01", ("~1",)), ("/~10", ("/0",))],
)
def test_pointers(text: str, path: Path) -> None:
    assert parse_pointer(text) == path
    assert pointer(path) == text


def test_deep_documents() -> None:
    path = "/a" * 90
    doc = freeze(1)
    for _ in range(90):
        doc = Obj({"a": doc})
    patch = patch_of(f'[{{"op":"replace","path":"{path}","value":2}}]')
    after = apply(doc, patch)
    assert same(apply(after, invert(doc, patch)), doc)
    assert not same(after, doc)


def test_a_patch_cannot_build_what_parse_cannot_read() -> None:
    """[patch-whole-or-not]"""
    grow = patch_from_json(parse('[{"op":"copy","from":"","path":"/a"}]'))
    assert parse(dump(apply(Obj({}), grow * 100)))
    with pytest.raises(PatchInapplicable, match="nested deeper than 100"):
        apply(Obj({}), grow * 101)
    deepest = parse("[" * 101 + "]" * 101)
    add = patch_from_json((Obj({"op": "add", "path": "/-", "value": deepest}),))
    with pytest.raises(PatchInapplicable, match="nested deeper than 100"):
        apply((), add)
