"""The report as JUnit XML, for machines that show test results."""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree

from optisync_conformance.events import Done, Verdict
from optisync_conformance.reports.collect import Report
from optisync_conformance.reports.plain import failure_text

_SKIPPED: Final = (Verdict.BLIND, Verdict.UNSUPPORTED, Verdict.NOT_RUN, Verdict.XFAIL)


def to_junit(report: Report) -> bytes:
    """The report as JUnit XML: a suite per target, a test per case and per probe."""
    root = ElementTree.Element("testsuites", name="optisync")
    for target in report.targets.values():
        suite = ElementTree.SubElement(root, "testsuite", name=target.name)
        skipped = sum(target.counts[verdict] for verdict in _SKIPPED)
        failed = [probe for probe in target.probes if not probe.ok]
        reason = target.skipped or (target.ended.reason if target.ended else "")
        tests = len(target.done) + len(target.probes) + len(target.stale) + bool(reason)
        suite.set("tests", str(tests))
        stuck = sum(_is_error(done) for done in target.red)
        suite.set("failures", str(len(target.red) - stuck + len(failed) + len(target.stale)))
        suite.set("skipped", str(skipped + bool(target.skipped)))
        suite.set("errors", str(stuck + int(bool(reason) and not target.skipped)))
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
        case verdict if verdict in _SKIPPED:
            _say(test, "skipped", f"{done.verdict}: {done.note or text}", "")
        case _:
            tag = "error" if _is_error(done) else "failure"
            _say(test, tag, f"{done.verdict}: {text}", failure_text(done))


def _is_error(done: Done) -> bool:
    """Whether there was nothing to judge."""
    return done.detail is not None and not done.judged


def _test(suite: ElementTree.Element, group: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=group, name=_clean(name))


def _say(test: ElementTree.Element, tag: str, message: str, text: str) -> None:
    ElementTree.SubElement(test, tag, message=_clean(message)).text = _clean(text)


def _clean(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(
        c if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff") else "\ufffd" for c in text
    )
