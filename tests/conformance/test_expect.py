"""Files of expected failures: true, or red."""

from __future__ import annotations

from pathlib import Path

import pytest

from optisync_conformance.events import Verdict
from optisync_conformance.expect import (
    MOST,
    Entry,
    ExpectError,
    Finding,
    dump,
    fixed,
    load,
    settle,
    stale,
)

MARK = "rollback-is-removal @ reject#1 : view differs"
ENTRY = Entry(case="view.reject-*", fingerprint=(MARK,), kind="defect", link="defects/one.mjs")
TEXT = dump([ENTRY])


def finding(verdict: Verdict, mark: str = "", case: str = "view.reject-first") -> Finding:
    return Finding(case, verdict, mark)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (finding(Verdict.FAIL, MARK), Verdict.XFAIL),
        (finding(Verdict.FAIL, "another"), Verdict.FAIL),
        (finding(Verdict.CRASH, MARK), Verdict.CRASH),
        (finding(Verdict.PASS), Verdict.XPASS),
        (finding(Verdict.BLIND), Verdict.XPASS),
        (finding(Verdict.FLAKY, MARK), Verdict.FLAKY),
        (finding(Verdict.UNSUPPORTED), Verdict.UNSUPPORTED),
        (finding(Verdict.FAIL, MARK, "view.other"), Verdict.FAIL),
        (finding(Verdict.PASS, "", "view.other"), Verdict.PASS),
    ],
)
def test_a_finding_is_seen_in_the_light_of_the_file(found: Finding, verdict: Verdict) -> None:
    assert settle([ENTRY], found).verdict is verdict


def test_an_entry_that_matches_nothing_is_stale() -> None:
    assert "matches no case" in stale([ENTRY], [finding(Verdict.PASS, "", "view.other")])[0]


def test_an_entry_that_matches_too_much_is_stale() -> None:
    many = [finding(Verdict.FAIL, MARK, f"view.reject-{n}") for n in range(MOST + 1)]
    assert f"matches {MOST + 1} cases" in stale([ENTRY], many)[0]
    assert stale([ENTRY], many[:-1]) == []


def test_a_fingerprint_that_no_case_has_is_stale() -> None:
    entry = Entry(case="*", fingerprint=(MARK, "gone"), kind="defect", link="x")
    assert stale([entry], [finding(Verdict.FAIL, MARK)]) == [
        "expected failure 1 (*): no case fails with 'gone' any more"
    ]


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "expect.toml"
    odd = Entry(
        case='a"b\\c', result="crash", fingerprint=("é\n", "x"), kind="documented-design", link="l"
    )
    path.write_text(dump([ENTRY, odd], "# why\n"), encoding="utf-8")
    assert load(path) == (ENTRY, odd)


def test_a_fixed_file_expects_what_was_found() -> None:
    found = [
        finding(Verdict.FAIL, "new", "view.reject-first"),
        finding(Verdict.PASS, "", "view.reject-last"),
        finding(Verdict.CRASH, "boom", "view.other"),
    ]
    entries = fixed([ENTRY], found)
    assert [(e.case, e.result, e.fingerprint, e.link) for e in entries] == [
        ("view.reject-first", "fail", ("new",), "defects/one.mjs"),
        ("view.other", "crash", ("boom",), ""),
    ]
    settled = [settle(entries, each).verdict for each in found]
    assert settled == [Verdict.XFAIL, Verdict.PASS, Verdict.XFAIL]
    assert stale(entries, found) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[expect]\n", "expect.toml: "),
        ('[[expect]]\ncase = "a"\n', "missing required field `fingerprint`"),
        (TEXT.replace('"defect"', '"bug"'), "Invalid enum value 'bug'"),
        (TEXT.replace('link = "defects/one.mjs"', 'link = ""'), "entry 1 (view.reject-*): `link`"),
        (TEXT + "foo = 1\n", "unknown field `foo`"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "expect.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ExpectError) as caught:
        load(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
