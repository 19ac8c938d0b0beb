"""JSON values: what is one, when two are the same, and that none can be changed."""

import json
import math
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reference.json_strategies import keys, values

from optisync.errors import ValueMalformed
from optisync.values import MAX_DEPTH, MAX_INT, Json, Obj, dump, freeze, parse, same


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (True, 1),
        (False, 0),
        (True, 1.0),
        (None, False),
        (None, 0),
        (1, "1"),
        ("", ()),
        ((), Obj()),
        ((1,), (True,)),
        ((1, 2), (1,)),
        ((1,), (1, 2)),
        (((),), ((), ())),
        (Obj({"x": 1}), Obj({"x": True})),
        (Obj({"x": None}), Obj()),
        (Obj({"x": 1}), Obj({"y": 1})),
        (Obj({"x": (Obj({"y": 0}),)}), Obj({"x": (Obj({"y": False}),)})),
    ],
)
def test_these_differ(left: Json, right: Json) -> None:
    """[true-is-not-one]"""
    assert not same(left, right)
    assert not same(right, left)
    assert Obj({"v": left}) != Obj({"v": right})


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, 1.0),
        (0, -0.0),
        (MAX_INT, float(MAX_INT)),
        ((1, Obj({"x": 2.0})), (1.0, Obj({"x": 2}))),
        (Obj({"a": 1, "b": 2}), Obj({"b": 2, "a": 1})),
    ],
)
def test_these_are_the_same(left: Json, right: Json) -> None:
    """[true-is-not-one]"""
    assert same(left, right)
    assert same(right, left)
    assert Obj({"v": left}) == Obj({"v": right})
    assert hash(Obj({"v": left})) == hash(Obj({"v": right}))


@given(values)
def test_same_is_reflexive_also_for_a_copy(value: Json) -> None:
    assert same(value, value)
    assert same(value, parse(dump(value)))


@given(values, values)
def test_same_is_symmetric_and_agrees_with_canonical_text(left: Json, right: Json) -> None:
    assert same(left, right) == same(right, left)
    assert same(left, right) == (dump(freeze(left)) == dump(freeze(right)))


@given(values, values, values)
def test_same_is_transitive_and_hash_follows_it(a: Json, b: Json, c: Json) -> None:
    if same(a, b) and same(b, c):
        assert same(a, c)
    if same(a, b):
        assert hash(Obj({"v": a})) == hash(Obj({"v": b}))


@given(st.dictionaries(keys, values, max_size=3), keys, values)
def test_an_object_is_a_value(members: dict[str, Json], key: str, value: Json) -> None:
    """[values-copied]"""
    given_members = dict(members)
    before = Obj(given_members)
    text = dump(before)
    given_members["new"] = 1
    after = before.put(key, value)
    assert same(after[key], value)
    assert set(after) == {*members, key}
    assert key not in after.drop(key)
    assert dump(before) == text


def test_an_object_cannot_be_assigned_to() -> None:
    value = Obj({"x": 1})
    with pytest.raises(TypeError):
        cast("dict[str, int]", value)["x"] = 2
    with pytest.raises(AttributeError):
        object.__setattr__(value, "extra", 2)
    with pytest.raises(KeyError):
        value.drop("y")
    assert value != {"x": 1}


@pytest.mark.parametrize(
    ("raw", "where", "reason"),
    [
        (math.nan, "", "not a JSON number"),
        ([math.inf], "/0", "not a JSON number"),
        ({"a": -math.inf}, "/a", "not a JSON number"),
        (MAX_INT + 1, "", "2^53-1"),
        ([-MAX_INT - 1], "/0", "2^53-1"),
        (10**400, "", "2^53-1"),
        ({1: 2}, "", "not a string"),
        ({"a": {None: 2}}, "/a", "not a string"),
        ({"a/b~": object()}, "/a~1b~0", "not a JSON value"),
        (b"x", "", "not a JSON value"),
        ({1, 2}, "", "not a JSON value"),
        (["\ud800"], "/0", "lone surrogate"),
        ({"a": {"\udfff": 1}}, "/a", "lone surrogate"),
        ("\udc00\ud800", "", "lone surrogate"),
    ],
)
def test_this_is_no_value(raw: object, where: str, reason: str) -> None:
    with pytest.raises(ValueMalformed) as refusal:
        freeze(raw)
    assert refusal.value.where == where
    assert reason in refusal.value.reason
    assert refusal.value.code == "value-malformed"
    assert (where or "the top") in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1,]",
        "nul",
        "NaN",
        "[Infinity]",
        "-Infinity",
        "1e999",
        "9007199254740992",
        "1" * 5000,
        '{"a":1,"a":1}',
        '[{"x":{"a":1,"b":2,"a":3}}]',
        r'"\ud800"',
        r'{"\udc00":1}',
        "[" * 200 + "]" * 200,
        "[" * 100_000,
        '{"a":' * 100_000,
        "01",
        "'x'",
        "1 2",
        b"\xff",
        b'"\xed\xa0\x80"',
    ],
    ids=lambda text: repr(text[:20]),
)
def test_this_text_is_no_value(text: str | bytes) -> None:
    with pytest.raises(ValueMalformed):
        parse(text)


def nested(depth: int) -> object:
    raw: object = 1
    for level in range(depth):
        raw = [raw] if level % 2 else {"k/": raw}
    return raw


def test_nesting_is_bounded_exactly() -> None:
    deepest = freeze(nested(MAX_DEPTH))
    assert same(parse(dump(deepest)), deepest)
    assert hash(deepest) == hash(freeze(nested(MAX_DEPTH)))
    with pytest.raises(ValueMalformed, match="nested deeper"):
        freeze(nested(MAX_DEPTH + 1))


@pytest.mark.parametrize("number", [0, 1, -1, MAX_INT, -MAX_INT, 0.5, 1e300, -5e-324])
def test_numbers_survive(number: float) -> None:
    value = parse(json.dumps(number))
    assert same(value, number)
    assert type(value) is type(number)


def test_surrogate_pairs_are_one_character() -> None:
    assert parse(r'"\ud83d\ude00"') == "\U0001f600"
    assert parse('"\U0001f600"'.encode()) == "\U0001f600"


@given(values)
def test_freeze_takes_what_json_gives(value: Json) -> None:
    assert same(freeze(json.loads(dump(value))), value)
    frozen = freeze(value)
    assert same(frozen, value)
    assert same(freeze(frozen), frozen)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Obj({"b": 1, "a": (True, None, "é")}), '{"a":[true,null,"é"],"b":1}'),
        (freeze(1.0), "1"),
        (freeze(-0.0), "0"),
        (freeze({"x": [2.0, 2.5]}), '{"x":[2,2.5]}'),
    ],
)
def test_canonical_text(value: Json, text: str) -> None:
    assert dump(value) == text
