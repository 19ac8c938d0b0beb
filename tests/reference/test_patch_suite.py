"""The public json-patch-test-suite: every record that is not disabled."""

import json
from pathlib import Path
from typing import NotRequired, TypedDict, cast

import pytest

from optisync.errors import OptisyncError
from optisync.patch import apply, invert, patch_from_json
from optisync.values import dump, freeze

DATA = Path(__file__).parents[1] / "data" / "json-patch-test-suite"


class Record(TypedDict):
    doc: object
    patch: NotRequired[object]  # absent where the record is only a comment
    comment: NotRequired[str]
    expected: NotRequired[object]
    error: NotRequired[str]
    disabled: NotRequired[bool]


def records() -> list[tuple[str, Record]]:
    return [
        (f"{name}[{i}] {record.get('comment', record.get('error', ''))}", record)
        for name in ("tests", "spec_tests")
        for i, record in enumerate(
            cast("list[Record]", json.loads((DATA / f"{name}.json").read_text("utf-8")))
        )
        if "patch" in record
    ]


ALL = records()
ENABLED = [pytest.param(record, id=name) for name, record in ALL if not record.get("disabled")]


def test_nothing_was_lost() -> None:
    """Counted by hand in the two files; an emptied file would pass everything."""
    assert (len(ALL), len(ENABLED)) == (95, 91)


@pytest.mark.parametrize("record", ENABLED)
def test_record(record: Record) -> None:
    """[patch-rfc6902] [patch-inverse]"""
    doc = freeze(record["doc"])
    if "error" in record:
        with pytest.raises(OptisyncError) as refusal:
            apply(doc, patch_from_json(freeze(record.get("patch"))))
        assert refusal.value.code in ("patch-inapplicable", "patch-malformed")
        return
    patch = patch_from_json(freeze(record.get("patch")))
    after = apply(doc, patch)
    if "expected" in record:
        assert dump(after) == dump(freeze(record["expected"]))
    assert dump(apply(after, invert(doc, patch))) == dump(doc)
