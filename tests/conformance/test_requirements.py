"""The requirements are read from the text; the table of their links is as generated."""

from __future__ import annotations

from pathlib import Path

import pytest

from optisync_conformance.requirements import RequirementError, get, load, parse
from optisync_conformance.spectable import rows, to_markdown

ROOT = Path(__file__).resolve().parents[2]
TEXT = """
### first-rule
A host MUST ask for (after, upto]. Because of this.
Seen at: `out`, `view`.

### error-codes
A refusal MUST carry a code.
Codes: `first-rule`, `other`. Seen at: `out`.
"""


def test_a_requirement_is_taken_apart() -> None:
    first, _ = parse("x.md", TEXT)
    assert first.sentence == "A host MUST ask for (after, upto]."
    assert (first.reason, first.seen_at) == ("Because of this.", "`out`, `view`")
    assert (first.file, first.line, first.code) == ("x.md", 2, "first-rule")


def test_a_requirement_without_must_is_refused() -> None:
    with pytest.raises(RequirementError, match=r"x\.md:1: the first sentence of 'a' has no MUST"):
        parse("x.md", "### a\nIt may. It MUST.\n")


def test_an_unknown_requirement_is_told_with_its_neighbours() -> None:
    with pytest.raises(RequirementError, match="did you mean rollback-is-removal"):
        get("rollback-is-removed")


def test_every_requirement_is_stated() -> None:
    assert len(load()) > 70
    assert [r.slug for r in load().values() if len(r.sentence) < 30] == []


def test_the_table_is_as_generated() -> None:
    written = (ROOT / "specs" / "table.md").read_text(encoding="utf-8")
    generated = to_markdown(rows(ROOT / "tests"))
    assert written == generated, "run `optisync spec table --write specs/table.md`"


def test_every_requirement_is_linked_or_says_why_not() -> None:
    missing = {
        row.requirement.slug: row.unexplained for row in rows(ROOT / "tests") if row.unexplained
    }
    assert missing == {}
