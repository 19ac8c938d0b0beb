"""Writing reports: `json=FILE`, `ndjson=FILE`, `junit=FILE`, `html=FILE`, `md=FILE`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final
from xml.etree import ElementTree

import msgspec

from optisync_conformance.events import Done, Event, Verdict, encode
from optisync_conformance.reports.collect import Report, TargetReport, collect

KINDS: Final = ("json", "ndjson", "junit", "html", "md")


class ReportError(Exception):
    """A report that cannot be written; the text names it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One report to write."""

    kind: str
    path: Path


def wanted(text: str) -> Wanted:
    """What `KIND=FILE` asks for. Raises ReportError.

    >>> wanted("json=out.json").kind
    'json'
    """
    kind, equals, name = text.partition("=")
    if kind not in KINDS or not equals or not name:
        raise ReportError(f"--report takes KIND=FILE with KIND one of {', '.join(KINDS)}: {text!r}")
    return Wanted(kind, Path(name))


class Stream:
    """The `ndjson` reports of a run, written line by line while it lasts."""

    def __init__(self, reports: Sequence[Wanted]) -> None:
        self._files: list[BinaryIO] = []
        for report in reports:
            if report.kind == "ndjson":
                try:
                    self._files.append(report.path.open("wb"))
                except OSError as error:
                    raise ReportError(f"cannot write {report.path}: {error.strerror}") from None

    def write(self, event: Event) -> None:
        """Add one event."""
        for file in self._files:
            file.write(encode(event))
            file.flush()

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()


def write(events: Sequence[Event], reports: Sequence[Wanted]) -> None:
    """Write every report but `ndjson`, which `Stream` writes. Raises ReportError."""
    whole = collect(events)
    for report in reports:
        if report.kind == "ndjson":
            continue
        content = _content(report.kind, whole)
        try:
            report.path.parent.mkdir(parents=True, exist_ok=True)
            report.path.write_bytes(content)
        except OSError as error:
            raise ReportError(f"cannot write {report.path}: {error.strerror}") from None


def _content(kind: str, whole: Report) -> bytes:
    match kind:
        case "json":
            return to_json(whole)
        case "junit":
            return to_junit(whole)
        case "html":
            from optisync_conformance.reports.html import to_html

            return to_html(whole).encode()
        case _:
            from optisync_conformance.reports.markdown import to_markdown

            return to_markdown(whole).encode()


def to_json(report: Report) -> bytes:
    """The report as one JSON object, indented."""
    value = {
        "run": report.started,
        "exit": report.ended.exit if report.ended else None,
        "targets": [_target(target) for target in report.targets.values()],
    }
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def _target(target: TargetReport) -> dict[str, object]:
    return {
        "name": target.name,
        "exit": target.ended.exit if target.ended else None,
        "skipped": target.skipped,
        "reason": target.ended.reason if target.ended else "",
        "impl": target.started.impl if target.started else None,
        "profiles": target.started.profiles if target.started else {},
        "counts": {verdict.value: target.counts[verdict] for verdict in Verdict},
        "broken": {slug: [done.case for done in found] for slug, found in target.broken.items()},
        "probes": target.probes,
        "stale": target.stale,
        "cases": target.done,
    }


def to_junit(report: Report) -> bytes:
    """The report as JUnit XML: a suite per target, a test per case and per probe."""
    root = ElementTree.Element("testsuites", name="optisync")
    for target in report.targets.values():
        suite = ElementTree.SubElement(root, "testsuite", name=target.name)
        skipped = sum(target.counts[v] for v in (Verdict.UNSUPPORTED, Verdict.NOT_RUN))
        failed = [probe for probe in target.probes if not probe.ok]
        reason = target.skipped or (target.ended.reason if target.ended else "")
        tests = len(target.done) + len(target.probes) + len(target.stale) + bool(reason)
        suite.set("tests", str(tests))
        suite.set("failures", str(len(target.red) + len(failed) + len(target.stale)))
        suite.set("skipped", str(skipped + bool(target.skipped)))
        suite.set("errors", str(int(bool(reason) and not target.skipped)))
        for done in target.done:
            _case(suite, target.name, done)
        for probe in target.probes:
            test = _test(suite, target.name, f"probe {probe.probe}")
            if not probe.ok:
                _say(test, "failure", probe.text, probe.remedy)
        for text in target.stale:
            _say(_test(suite, target.name, text), "failure", text, "")
        if reason:
            test = _test(suite, target.name, "adapter")
            _say(test, "skipped" if target.skipped else "error", reason, "")
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _case(suite: ElementTree.Element, target: str, done: Done) -> None:
    test = _test(suite, f"{target}.{done.profile}", done.case)
    test.set("time", f"{done.seconds:.4f}")
    text = done.detail.text if done.detail else done.note
    match done.verdict:
        case Verdict.PASS:
            return
        case Verdict.BLIND | Verdict.UNSUPPORTED | Verdict.NOT_RUN | Verdict.XFAIL:
            _say(test, "skipped", f"{done.verdict}: {done.note or text}", "")
        case _:
            from optisync_conformance.reports.plain import failure_text

            _say(test, "failure", f"{done.verdict}: {text}", failure_text(done))


def _test(suite: ElementTree.Element, group: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=group, name=_clean(name))


def _say(test: ElementTree.Element, tag: str, message: str, text: str) -> None:
    ElementTree.SubElement(test, tag, message=_clean(message)).text = _clean(text)


def _clean(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(
        c if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff") else "\ufffd" for c in text
    )
