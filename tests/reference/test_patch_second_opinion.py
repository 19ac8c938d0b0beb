"""PyPI `jsonpatch` on the same patches. A disagreement would have to be excused here, by name."""

import json
from typing import Protocol, cast

import jsonpatch
import jsonpointer
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reference.json_strategies import patches, values
from tests.reference.test_patch import APPLIES, MALFORMED, REFUSED

from optisync.errors import OptisyncError
from optisync.patch import apply, patch_from_json, patch_to_json
from optisync.values import Json, dump, freeze, parse


class JsonPatchModule(Protocol):
    """The part of `jsonpatch` used here; the package ships no types."""

    def apply_patch(self, doc: object, patch: object) -> object: ...


theirs = cast(JsonPatchModule, jsonpatch)
REFUSALS = cast(
    "tuple[type[Exception], ...]",
    (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException),
)


def their_outcome(doc: Json, patch: Json) -> str:
    """Canonical text of their result, or `refused`."""
    try:
        return dump(freeze(theirs.apply_patch(json.loads(dump(doc)), json.loads(dump(patch)))))
    except REFUSALS:
        return "refused"


def our_outcome(doc: Json, patch: Json) -> str:
    try:
        return dump(freeze(apply(doc, patch_from_json(patch))))
    except OptisyncError:
        return "refused"


BY_HAND = [
    *((doc, patch) for _, doc, patch, _ in APPLIES),
    *((doc, f"[{op}]") for _, doc, op in REFUSED),
    *(('{"a":{"b":1}}', patch) for patch, _, _ in MALFORMED),
]


@pytest.mark.parametrize(("doc", "patch"), BY_HAND)
def test_both_agree_by_hand(doc: str, patch: str) -> None:
    assert our_outcome(parse(doc), parse(patch)) == their_outcome(parse(doc), parse(patch))


@settings(max_examples=400)
@given(st.data(), values)
def test_both_agree(data: st.DataObject, doc: Json) -> None:
    """[patch-rfc6902]"""
    doc = freeze(doc)
    patch = data.draw(patches(doc))
    wire = freeze(patch_to_json(patch))
    assert our_outcome(doc, wire) == their_outcome(doc, wire)
