"""A run on the terminal: one progress line while it lasts, then the failures, the summary last."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, assert_never

from optisync_conformance.events import (
    RED,
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
)
from optisync_conformance.reports.collect import Report, TargetReport
from optisync_conformance.reports.plain import divergence
from optisync_conformance.telling import pretty, setting_text, step_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_STYLE: Final = {Verdict.PASS: "green", Verdict.XFAIL: "yellow", Verdict.BLIND: "yellow"}
_NAMED: Final = 20
_EXIT_STYLE: Final = {Exit.CONFORMANT: "green", Exit.INCONCLUSIVE: "yellow"}
_EVERY: Final = 0.1
_WIDE: Final = 10_000


class Terminal:
    """Shows the events of a run as they come; `most` failures of a target are told in full."""

    def __init__(self, console: Console, most: int = 10) -> None:
        self._console = console
        self._most = most
        self._report = Report()
        self._total = 0
        self._done = 0
        self._since = time.monotonic()
        self._drawn = 0.0

    def __call__(self, event: Event) -> None:
        """Take one event and show what there is to show."""
        self._report.take(event)
        match event:
            case RunStarted() | Stale() | TargetSkipped() | Probed():
                return
            case TargetStarted():
                self._total, self._done, self._since = 0, 0, time.monotonic()
            case Planned():
                self._total = event.total
                self._draw(event.target)
            case Done():
                self._done += 1
                if time.monotonic() - self._drawn > _EVERY:
                    self._draw(event.target)
            case TargetEnded():
                self._erase()
                self._tell(self._report.of(event.target))
            case RunEnded():
                self._erase()
                self._summary(event)
            case _:
                assert_never(event)

    def _draw(self, target: str) -> None:
        if not self._console.is_terminal:
            return
        self._drawn = time.monotonic()
        rate = self._done / max(self._drawn - self._since, 1e-3)
        left = f", {(self._total - self._done) / rate:.0f} s left" if rate > 0 else ""
        line = f"{target}: {self._done}/{self._total}, {rate:.0f}/s{left}"
        self._write("\r" + line[: self._console.width - 1].ljust(self._console.width - 1))

    def _erase(self) -> None:
        if self._console.is_terminal:
            self._write("\r" + " " * (self._console.width - 1) + "\r")

    def _write(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()

    def _tell(self, target: TargetReport) -> None:
        red = target.red
        for done in red[: self._most]:
            show_failure(self._console, done, target.name)
        if len(red) > self._most:
            self._print(f"{target.name}: {len(red) - self._most} more failures", "bold")
            named = self._most + _NAMED
            for done in red[self._most : named]:
                self._print(f"  {done.verdict} {done.case} [{done.requirement}]", whole=True)
            if len(red) > named:
                self._print(f"  and {len(red) - named} more; --report json=FILE names them all")
        for probe in target.probes:
            if not probe.ok:
                self._print(f"{target.name}: probe {probe.probe}: {probe.text}", "red")
                self._print(f"  {probe.remedy}")
        for text in target.stale:
            self._print(f"{target.name}: {text}", "red")
        if target.ended and target.ended.reason:
            style = _EXIT_STYLE.get(target.ended.exit, "red")
            self._print(f"{target.name}: {target.ended.reason}", style)
            if target.ended.stderr:
                self._print(_indented(target.ended.stderr))

    def _summary(self, event: RunEnded) -> None:
        self._table()
        for target in self._report.targets.values():
            self._broken(target)
            self._unjudged(target)
        style = _EXIT_STYLE.get(event.exit, "red")
        self._print(
            f"{event.exit.value} in {event.seconds:.1f} s (exit code {event.exit.code})", style
        )

    def _table(self) -> None:
        from rich.markup import escape
        from rich.table import Table

        targets, columns = self._report.targets, self._report.columns
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("target", no_wrap=True, min_width=max(map(len, targets), default=0))
        for verdict in columns:
            table.add_column(verdict.value, justify="right", no_wrap=True)
        table.add_column("result")
        for target in targets.values():
            table.add_row(escape(target.name), *_cells(target, columns), _result(target))
        wide = self._console.options.update(width=_WIDE)
        if self._console.measure(table, options=wide).minimum <= self._console.width:
            self._console.print(table)
            return
        for target in targets.values():  # as a table its words would have to be broken
            told = zip(columns, _cells(target, columns), strict=True)
            counts = "" if target.skipped else ", ".join(f"{name} {cell}" for name, cell in told)
            for line in filter(None, (f"{escape(target.name)}: {_result(target)}", counts)):
                self._console.print(line, highlight=False)

    def _broken(self, target: TargetReport) -> None:
        if not target.broken:
            return
        self._print(f"\n{target.name} breaks", "bold")
        for slug, found in target.broken.items():
            self._print(f"  {slug}: {_how_many(found)}", whole=True)

    def _unjudged(self, target: TargetReport) -> None:
        if not target.unjudged:
            return
        self._print(f"\n{target.name}: what could not be judged", "bold")
        for text, found in target.unjudged.items():
            self._print(f"  {text}: {_how_many(found)}")

    def _print(self, text: str, style: str = "", whole: bool = False) -> None:
        self._console.print(text, style=style, markup=False, highlight=False, soft_wrap=whole)


def _how_many(found: Sequence[Done]) -> str:
    expected = sum(done.verdict is Verdict.XFAIL for done in found)
    known = f", {expected} of them known" if expected else ""
    return f"{len(found)} case{'s' * (len(found) != 1)}{known}"


def _cells(target: TargetReport, columns: Sequence[Verdict]) -> list[str]:
    if target.skipped:
        return ["-"] * len(columns)
    cells: list[str] = []
    for verdict in columns:
        number = target.counts[verdict]
        style = ("red" if verdict in RED else _STYLE.get(verdict, "")) if number else ""
        cells.append(f"[{style}]{number}[/]" if style else str(number))
    return cells


def _result(target: TargetReport) -> str:
    from rich.markup import escape

    if target.skipped:
        return f"[yellow]skipped: {escape(target.skipped)}[/]"
    style = _EXIT_STYLE.get(target.exit, "red")
    return f"[{style}]{target.exit.value}[/]"


def show_failure(console: Console, done: Done, target: str = "") -> None:
    """One failure: the sentence it breaks, the shortest script, the difference, how to replay."""
    from rich.rule import Rule
    from rich.text import Text

    def say(text: str, style: str = "") -> None:
        console.print(text, style=style, markup=False, highlight=False)

    name = f"{target}: {done.case}" if target else done.case
    title = Text(f"{done.verdict.upper()} {name}", "bold red")
    if len(title) < console.width - 4:
        console.print(Rule(title, align="left", style="red"))
    else:  # a rule would cut the name, which somebody may want to copy
        console.print(title, soft_wrap=True)
    detail = done.detail
    if detail is None:
        say(done.note)
        return
    if detail.sentence:
        say(f"{detail.sentence} [{done.requirement}]", "bold")
    if done.note:
        say(done.note)
    show_steps(console, detail.steps, detail.step, detail.setting)
    say(divergence(detail), "red")
    if detail.path:
        _show_difference(console, detail)
    if detail.others:
        say(f"{len(detail.others)} more differences, the first: {detail.others[0]}")
    if detail.stderr:
        say("stderr:", "bold")
        say(_indented(detail.stderr))
    if detail.replay:
        console.print(detail.replay, style="cyan", markup=False, highlight=False, soft_wrap=True)


def show_steps(
    console: Console, steps: Sequence[object], here: int = 0, setting: object = None
) -> None:
    """A script as a numbered table; the step `here` (from 1) is marked."""
    from rich.table import Table
    from rich.text import Text

    if unusual := setting_text(setting):
        console.print(unusual, style="dim", markup=False, highlight=False)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for number, step in enumerate(steps, 1):
        mark = " <-- here" if number == here else ""
        style = "bold red" if number == here else ""
        table.add_row(Text(f"{number}"), Text(step_text(step) + mark, style))
    console.print(table)


def _show_difference(console: Console, detail: Detail) -> None:
    from rich.table import Table
    from rich.text import Text

    width = max(20, console.width // 2 - 4)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("expected", overflow="fold", ratio=1)
    table.add_column("got", overflow="fold", ratio=1)
    left, right = pretty(detail.expected, width), pretty(detail.got, width)
    table.add_row(Text(left, "green"), _marked(left, right))
    console.print(table)


def _marked(left: str, right: str) -> Text:
    """`right` with the lines that are not in `left` in red."""
    from difflib import ndiff

    from rich.text import Text as RichText

    text = RichText()
    for line in ndiff(left.splitlines(), right.splitlines()):
        if line.startswith(("  ", "+ ")):
            text.append(line[2:] + "\n", "red" if line.startswith("+") else "")
    text.rstrip()
    return text


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines()[-12:])


def console_for(stream_is_stderr: bool = False) -> Console:
    """The console to print on; plain when the output is no terminal or NO_COLOR is set."""
    from rich.console import Console

    class Broken(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # the command line says how it ends

    return Broken(file=sys.stderr if stream_is_stderr else sys.stdout, soft_wrap=False)
