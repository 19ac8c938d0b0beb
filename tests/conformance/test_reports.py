"""Reports and the terminal, from one made-up run with everything in it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from rich.console import Console

from optisync_conformance.events import (
    Detail,
    Done,
    Event,
    Exit,
    Planned,
    Probed,
    RunEnded,
    RunStarted,
    Stale,
    TargetEnded,
    TargetSkipped,
    TargetStarted,
    Verdict,
    decode,
    encode,
    worst,
)
from optisync_conformance.frames import Impl, Scope
from optisync_conformance.reports.collect import collect
from optisync_conformance.reports.diagram import mermaid, svg
from optisync_conformance.reports.files import (
    ReportError,
    Stream,
    Wanted,
    check,
    to_json,
    wanted,
    write,
)
from optisync_conformance.reports.html import to_html
from optisync_conformance.reports.junit import to_junit
from optisync_conformance.reports.markdown import to_markdown
from optisync_conformance.terminal import Terminal

DETAIL = Detail(
    fingerprint="rollback-is-removal @ reject#1 : view differs",
    text="view/a/x differs",
    sentence="Rejecting a mutation MUST remove exactly that one.",
    step=2,
    path="view/a/x",
    expected=2,
    got={"<b>": "&"},
    steps=[
        {"do": "register", "m": "$m1", "atoms": {"a": [{"op": "remove", "path": "/x"}]}},
        {"do": "reject", "m": "$m1"},
    ],
    observations=[
        {"out": {"ok": {}}},
        {"out": {"ok": {}}, "effects": [{"e": "request", "after": 0, "upto": 1}]},
        {"out": {"err": "no"}, "effects": [{"e": "change", "pending": []}]},
    ],
    stderr="warning: <script>\x1b[31m",
    replay="optisync replay x.json -- adapter",
)
STUCK = Detail(
    fingerprint="view-is-fold @ run : bad-request",
    text="the adapter answered bad-request: no step tick",
    step=1,
    steps=[{"do": "tick", "ms": 60000}],
)
BAD = Done("one", "view.bad", "rollback-is-removal", "view", Verdict.FAIL, detail=DETAIL)
RUN: list[Event] = [
    RunStarted("0.1.0", 1, ("core",), ("one", "two")),
    TargetStarted("one", "adapter", Impl("an engine", "1"), {"view": Scope(("out",), ("clock",))}),
    Planned("one", 5),
    Done("one", "view.stuck", "view-is-fold", "view", Verdict.ERROR, detail=STUCK),
    Done("one", "view.good", "view-is-fold", "view", Verdict.PASS, 0.01),
    BAD,
    Done("one", "view.dim", "view-is-fold", "view", Verdict.BLIND, note="cannot see view"),
    Done("one", "view.known", "told-once", "view", Verdict.XFAIL, note="defect: x", detail=DETAIL),
    Probed("one", "extra-rest", False, "answers differently", "wait longer"),
    Probed("one", "clean-exit", True, "ends with its input"),
    Stale("one", "expected failure 1 (x) matches no case"),
    TargetEnded("one", Exit.FAILURE, 1.5),
    TargetSkipped("two", "needs node"),
    RunEnded(Exit.FAILURE, 2.0),
]


def shown(width: int, most: int = 10) -> str:
    return told(width, *RUN, most=most)


def told(width: int, *events: Event, most: int = 10) -> str:
    out = io.StringIO()
    terminal = Terminal(Console(file=out, width=width), most)
    for event in events:
        terminal(event)
    return out.getvalue()


def test_the_stream_reads_back() -> None:
    assert decode(b"".join(map(encode, RUN))) == RUN


def test_the_worst_target_decides() -> None:
    order = list(Exit)
    for index, each in enumerate(order):
        assert worst(order[: index + 1]) is each
    assert [each.code for each in order] == [0, 4, 1, 3, 5, 130]


def test_the_terminal_tells_a_failure_whole() -> None:
    text = shown(100)
    for part in (
        "FAIL one: view.bad",
        "Rejecting a mutation MUST remove exactly that one. [rollback-is-removal]",
        "1  register $m1 a: remove /x",
        "2  reject $m1 <-- here",
        "after step 2: view/a/x differs",
        "expected",
        "optisync replay x.json -- adapter",
        "probe extra-rest: answers differently",
        "wait longer",
        "skipped: needs node",
        "told-once: 1 case, 1 of them known",
        "one: what could not be judged",
        "  the adapter answered bad-request: no step tick: 1 case",
        "at step 1: the adapter answered bad-request: no step tick",
        "failure in 2.0 s (exit code 1)",
    ):
        assert part in text
    assert text.rstrip().endswith("failure in 2.0 s (exit code 1)")
    assert text.index("FAIL one: view.bad") < text.index("ERROR one: view.stuck")
    assert "view-is-fold" not in text  # of which nothing is known


def test_sixty_columns_without_colour_are_enough() -> None:
    text = shown(60)
    assert "\x1b" not in text.replace("\x1b[31m", "")  # only what the adapter itself printed
    longest = max((line for line in text.splitlines() if "optisync replay" not in line), key=len)
    assert len(longest) <= 60, longest


def test_forty_columns_break_no_word() -> None:
    lines = [line.rstrip() for line in shown(40, most=1).splitlines()]
    assert "one: failure" in lines and "two: skipped: needs node" in lines
    assert "pass 1, blind 1, fail 1, error 1," in lines
    assert "  error view.stuck [view-is-fold]" in lines
    assert "FAIL one: a.name-that-is-longer-than-forty-columns" in told(
        40,
        msgspec.structs.replace(BAD, case="a.name-that-is-longer-than-forty-columns"),
        TargetEnded("one", Exit.FAILURE, 1.5),
    )


def test_texts_that_differ_in_a_number_are_one() -> None:
    def unjudged(*texts: str) -> list[str]:
        details = [msgspec.structs.replace(STUCK, text=text) for text in texts]
        cases = [
            Done("one", f"x.{index}", "told-once", "view", Verdict.ERROR, detail=detail)
            for index, detail in enumerate(details)
        ]
        return [f"{text}: {len(each)}" for text, each in collect(cases).of("one").unjudged.items()]

    assert unjudged("no x, <STDIN> line 3.\n", "no x, <STDIN> line 33.\nmore", "no y, line 3") == [
        "no x, <STDIN> line N.: 2",
        "no y, line 3: 1",
    ]
    assert unjudged("line 3\n", "line 3") == ["line 3: 2"]


def test_many_failures_are_told_in_a_line_each() -> None:
    text = shown(100, most=0)
    assert "2 more failures" in text
    assert "fail view.bad [rollback-is-removal]" in text
    assert "reject $m1" not in text


def test_json_has_every_case_and_count() -> None:
    whole = json.loads(to_json(collect(RUN)))
    one, two = whole["targets"]
    assert (whole["exit"], one["exit"], two["skipped"]) == ("failure", "failure", "needs node")
    counts = {verdict for verdict, number in one["counts"].items() if number == 1}
    assert counts == {"pass", "fail", "blind", "xfail", "error"}
    assert one["broken"] == {"rollback-is-removal": ["view.bad"], "told-once": ["view.known"]}
    assert one["unjudged"] == {"the adapter answered bad-request: no step tick": ["view.stuck"]}
    assert len(one["cases"]) == 5


def test_junit_is_xml_whatever_was_printed() -> None:
    suite, other = ElementTree.fromstring(to_junit(collect(RUN)))
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("8", "3", "2")
    assert suite.get("errors") == "1"
    assert [test.get("name") for test in suite if test.find("error") is not None] == ["view.stuck"]
    assert (other.get("tests"), other.get("skipped"), other.get("errors")) == ("1", "1", "0")


def test_the_page_needs_nothing_else() -> None:
    page = to_html(collect(RUN))
    for outside in ("://", "<script", "src=", "@import", "url("):
        assert outside not in page
    assert "Rejecting a mutation MUST remove exactly that one." in page
    assert page.count("<svg") == 3
    ElementTree.fromstring(svg(DETAIL))
    assert "no step tick" in svg(STUCK) and "expected" not in svg(STUCK)


def test_the_diagram_shows_who_says_what() -> None:
    text = mermaid(DETAIL)
    assert "application->>engine: 1. register $m1" in text
    assert "engine-->>server: request after 0 upto 1" in text
    assert "server->>engine: 2. reject $m1" in text
    assert "engine-->>server: refused: no" in text
    assert "Note over engine: expected view/a/x: 2" in text


def test_markdown_has_the_summary_and_the_failure() -> None:
    text = to_markdown(collect(RUN))
    assert "| one | 1 | 1 | 1 | 1 | 0 | 0 | 1 | failure |" in text
    assert "* did not carry out 1 case: the adapter answered bad-request: no step tick" in text
    assert "### view.bad: fail" in text


def test_reports_are_written_where_they_are_wanted(tmp_path: Path) -> None:
    kinds = ("json", "junit", "html", "md")
    reports = [Wanted(kind, tmp_path / kind) for kind in kinds]
    write(RUN, reports)
    assert all(report.path.stat().st_size > 100 for report in reports)


@pytest.mark.parametrize("text", ["", "json", "json=", "pdf=x", "=x"])
def test_a_wrong_wish_is_refused(text: str) -> None:
    with pytest.raises(ReportError, match="KIND=FILE"):
        wanted(text)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for kind in ("json", "ndjson"):
        bad = [Wanted(kind, tmp_path / "file" / "x")]
        with pytest.raises(ReportError, match=r"cannot write .*: there is no directory"):
            check(bad)
        with pytest.raises(ReportError, match="cannot write"):
            Stream(bad)
            write(RUN, bad)
