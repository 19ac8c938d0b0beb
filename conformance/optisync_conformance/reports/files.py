"""Writing reports: `json=FILE`, `ndjson=FILE`, `junit=FILE`, `html=FILE`, `md=FILE`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

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


def check(reports: Sequence[Wanted]) -> None:
    """See, before anything is run, that there is a place for each. Raises ReportError."""
    for path in (report.path for report in reports):
        if not path.parent.is_dir():
            raise ReportError(f"cannot write {path}: there is no directory {path.parent}")
        if path.is_dir():
            raise ReportError(f"cannot write {path}: it is a directory")


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
            report.path.write_bytes(content)
        except OSError as error:
            raise ReportError(f"cannot write {report.path}: {error.strerror}") from None


def _content(kind: str, whole: Report) -> bytes:
    match kind:
        case "json":
            return to_json(whole)
        case "junit":
            from optisync_conformance.reports.junit import to_junit

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
        "broken": _names(target.broken),
        "unjudged": _names(target.unjudged),
        "probes": target.probes,
        "stale": target.stale,
        "cases": target.done,
    }


def _names(found: Mapping[str, Sequence[Done]]) -> dict[str, list[str]]:
    return {name: [done.case for done in cases] for name, cases in found.items()}
