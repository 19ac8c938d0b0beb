"""The requirements are read from the text; the table of their links is as generated."""

from __future__ import annotations

from pathlib import Path

import pytest

from optisync_conformance import spectable
from optisync_conformance.cli import main
from optisync_conformance.commands import spec
from optisync_conformance.links import python_tags, tla_tags
from optisync_conformance.requirements import RequirementError, get, load, parse
from optisync_conformance.spectable import Gap, GapError, rows, to_markdown, without_lines

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


PYTHON = '''"""Of the module. [rule-one]"""
LIMIT = 1  # [rule-two]

# [rule-three]
@decorated
def outer():
    """More. [rule-four]

    And [rule-five], but not [this] nor a[0-9] nor "[rule-six]".
    """
    text = "[no-rule]"

    def inner():
        # [rule-seven] [rule-eight]
        return text


class Thing:
    def method(self):
        return 1  # [rule-nine]
'''


def test_tags_of_python_are_in_comments_and_docstrings() -> None:
    assert [(tag.slug, tag.name, tag.line) for tag in python_tags(PYTHON, "module")] == [
        ("rule-one", "module", 1),
        ("rule-two", "module", 2),
        ("rule-three", "outer", 4),
        ("rule-four", "outer", 7),
        ("rule-five", "outer", 9),
        ("rule-six", "outer", 9),
        ("rule-seven", "outer.inner", 14),
        ("rule-eight", "outer.inner", 14),
        ("rule-nine", "Thing.method", 20),
    ]


def test_tags_of_a_module_are_in_comments() -> None:
    text = "(* [rule-one] *)\nRECURSIVE F(_)\nF(x) ==\n  x[no-rule] \\* [rule-two]\nG == 1\n"
    assert [(tag.slug, tag.name) for tag in tla_tags(text, "M")] == [
        ("rule-one", "M!F"),
        ("rule-two", "M!F"),
    ]


def test_the_table_is_as_generated() -> None:
    written = (ROOT / "specs" / "table.md").read_text(encoding="utf-8")
    generated = to_markdown(rows(ROOT / "tests"))
    stale = without_lines(written) != without_lines(generated)
    assert not stale, "run `optisync spec table --write specs/table.md`"


def test_every_requirement_is_linked_or_says_why_not() -> None:
    missing = {
        row.requirement.slug: row.unexplained for row in rows(ROOT / "tests") if row.unexplained
    }
    assert missing == {}


def test_every_link_leads_to_its_slug_or_name() -> None:
    for row in rows(ROOT / "tests"):
        for links in row.links.values():
            for link in links:
                line = (ROOT / link.path).read_text(encoding="utf-8").splitlines()[link.line - 1]
                assert f"[{row.requirement.slug}]" in line or f'"{link.name}"' in line


def test_a_link_that_goes_away_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "test_one.py").write_text('def test_it():\n    """[told-once]"""\n')
    left = {row.requirement.slug for row in rows(tmp_path) if "property" not in row.unexplained}
    assert left == {"told-once"}
    monkeypatch.setattr(spec, "_tests", lambda: tmp_path)
    with pytest.raises(SystemExit) as left_with:
        main(["spec", "table", "--check"])
    assert left_with.value.code == 1
    told = capsys.readouterr().out
    assert "label-settles has no link in property, and spec_gaps.toml gives no reason" in told
    assert "told-once has no link" not in told
    assert "specs/table.md is stale" in told


def test_a_tag_that_names_nothing_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text("\n# [told-twice]\n")
    with pytest.raises(GapError, match=r"tests/test_one\.py:2: .* no requirement 'told-twice'"):
        rows(tmp_path)


@pytest.mark.parametrize(
    ("requirement", "message"),
    [
        ("told-once", "told-once has a link in case after all"),
        ("told-*", r"told-\* has a link in case after all"),
        ("told-twice", "there is no requirement 'told-twice'"),
        ("clients.md", "there is no requirement 'clients.md'"),
    ],
)
def test_a_reason_that_is_not_true_is_a_mistake(
    requirement: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gap = Gap((requirement,), ("case",), "because")
    monkeypatch.setattr(spectable, "_gaps", lambda: (gap,))
    with pytest.raises(GapError, match=message):
        rows(ROOT / "tests")
