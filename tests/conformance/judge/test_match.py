import pytest

from optisync.values import Json, freeze
from optisync_conformance.match import difference, matches

AGREE: list[tuple[object, object]] = [
    ({"a": 1}, {"a": 1, "b": 2}),
    ({"$any": True}, None),
    ({"$has": [1, 3]}, [1, 2, 3]),
    ({"$hasnt": [{"e": "x"}]}, [{"e": "y"}, 1]),
    ({"$unordered": [{"a": 1}, {"a": 1, "b": 2}]}, [{"a": 1, "b": 2}, {"a": 1}]),
    ({"$all_of": [1, 2]}, [2, 2, 1]),
    ({"$all_of": [1]}, []),
    ({"$one_of": [1, {"a": 2}]}, {"a": 2}),
    ([{"a": {"$any": True}}], [{"a": [7]}]),
]
DIFFER: list[tuple[object, object, str, str]] = [
    ({"a": 1}, {"b": 1}, "a", "missing"),
    ({"a": 1}, 3, "", "differs"),
    ({"a": {"b": 1}}, {"a": {"b": True}}, "a/b", "differs"),
    ([1, 2], [2, 1], "", "order"),
    ([1, 2], [1], "1", "missing"),
    ([1, 2, 3], [1, 3], "1", "missing"),
    ([1, 3], [1, 2, 3], "1", "extra"),
    ([1, 2], [1, 2, 3], "2", "extra"),
    ([], [1], "0", "extra"),
    ([{"e": 1}, {"e": 2}], [{"e": 1}, {"e": 3}], "1/e", "differs"),
    ({"$has": [3, 1]}, [1, 3], "", "order"),
    ({"$has": [4]}, [1, 3], "", "missing"),
    ({"$has": [1, 1]}, [1], "", "order"),
    ({"$hasnt": [2]}, [1, 2], "1", "extra"),
    ({"$unordered": [1, 1, 2]}, [1, 2, 2], "", "differs"),
    ({"$all_of": [1]}, [1, 2], "1", "differs"),
    ({"$one_of": [1, 2]}, 3, "", "differs"),
    ({"$has": [1]}, {"a": 1}, "", "differs"),
]


@pytest.mark.parametrize(("expected", "got"), AGREE)
def test_agrees(expected: object, got: object) -> None:
    assert matches(freeze(expected), freeze(got))


@pytest.mark.parametrize(("expected", "got", "path", "kind"), DIFFER)
def test_differs(expected: object, got: object, path: str, kind: str) -> None:
    found = difference(freeze(expected), freeze(got))
    assert found is not None
    assert ("/".join(found.path), found.kind) == (path, kind)


def test_exactly_means_no_other_member_at_any_depth() -> None:
    expected: Json = freeze({"a": {"x": 1}})
    assert matches(expected, freeze({"a": {"x": 1, "y": 2}}))
    found = difference(expected, freeze({"a": {"x": 1, "y": 2}}), exact=True)
    assert found is not None and (found.path, found.kind) == (("a", "y"), "extra")


def test_a_matching_needs_an_element_for_each() -> None:
    # Greedy pairing would give {"a": 1} the element that only the other can have.
    expected = freeze({"$unordered": [{}, {"a": 1}]})
    assert matches(expected, freeze([{"a": 1}, {"b": 1}]))
    assert not matches(expected, freeze([{"c": 1}, {"b": 1}]))
