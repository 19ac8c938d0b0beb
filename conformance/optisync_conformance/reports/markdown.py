"""The report as Markdown: the summary, then each failure with its sequence."""

from __future__ import annotations

from collections.abc import Iterator

from optisync_conformance.events import Done
from optisync_conformance.reports.collect import Report, TargetReport
from optisync_conformance.reports.diagram import mermaid
from optisync_conformance.reports.plain import failure_text


def to_markdown(report: Report) -> str:
    """The whole report."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    columns = report.columns
    yield "# Conformance"
    yield ""
    yield "| target | " + " | ".join(columns) + " | result |"
    yield "|---|" + "---:|" * len(columns) + "---|"
    for target in report.targets.values():
        counts = " | ".join(str(target.counts[verdict]) for verdict in columns)
        result = "skipped: " + target.skipped if target.skipped else target.exit.value
        yield f"| {_cell(target.name)} | {counts} | {_cell(result)} |"
    for target in report.targets.values():
        yield from _target(target)


def _target(target: TargetReport) -> Iterator[str]:
    failed = [probe for probe in target.probes if not probe.ok]
    if not (target.red or target.broken or target.unjudged or target.stale or failed):
        return
    yield ""
    yield f"## {target.name}"
    yield ""
    for probe in failed:
        yield f"* probe `{probe.probe}`: {probe.text}. {probe.remedy}"
    for text in target.stale:
        yield f"* {text}"
    for slug, found in target.broken.items():
        yield f"* breaks `{slug}` in {len(found)} case{'s' * (len(found) != 1)}"
    for text, found in target.unjudged.items():
        yield f"* did not carry out {len(found)} case{'s' * (len(found) != 1)}: {text}"
    for done in target.red:
        yield from _failure(done)


def _failure(done: Done) -> Iterator[str]:
    yield ""
    yield f"### {done.case}: {done.verdict}"
    yield ""
    yield from ("```text", failure_text(done).replace("```", "'''"), "```")
    if done.detail and done.detail.steps:
        yield ""
        yield from ("```mermaid", mermaid(done.detail), "```")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
