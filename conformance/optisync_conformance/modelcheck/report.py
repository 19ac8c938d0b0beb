"""Tables and explanations of the model commands, for wide, narrow and plain terminals."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .judge import Verdict

#: Below this many columns every row is printed as a few lines instead.
WIDE = 100
_PLAIN_WIDTH = 160
_STYLES = {"ok": "green", "FAILED": "bold red", "inconclusive": "yellow"}


def consoles() -> tuple[Console, Console]:
    """Consoles for results (stdout) and progress (stderr); output to a file is not cut."""

    def console(stderr: bool) -> Console:
        stream = sys.stderr if stderr else sys.stdout
        plain = not stream.isatty() and "COLUMNS" not in os.environ
        return Console(stderr=stderr, width=_PLAIN_WIDTH if plain else None, highlight=False)

    return console(stderr=False), console(stderr=True)


def print_table(
    console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """One row per entry; the last column is the verdict. Columns named ``# ..`` are numbers."""
    headings = [column.removeprefix("# ") for column in columns]
    console.print(Text(title, style="bold"))
    if console.width < WIDE:
        for row in rows:
            console.print(_verdict(row[-1]), Text(row[0], style="bold"))
            details = zip(headings[1:-1], row[1:-1], strict=True)
            console.print(Text("   " + ", ".join(f"{name} {value}" for name, value in details)))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column, heading in zip(columns, headings, strict=True):
        right = column.startswith("# ")
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row[:-1]), _verdict(row[-1]))
    console.print(table)


def _verdict(word: str) -> Text:
    return Text(word, style=_STYLES.get(word, ""))


def print_problems(console: Console, verdicts: Sequence[tuple[str, Verdict]]) -> None:
    """What is wrong with each entry, and the counterexample where there is one."""
    for name, verdict in verdicts:
        for problem in verdict.problems:
            _line(console, f"{name}: {problem}")
        for count, step in enumerate(verdict.trace, 1):
            _line(console, f"  {count}. {step.text()}")


def print_summary(console: Console, what: str, verdicts: Sequence[Verdict], seconds: float) -> None:
    """The last line."""
    words = [verdict.word for verdict in verdicts]
    parts = [f"{words.count(word)} {word}" for word in ("ok", "FAILED", "inconclusive")]
    shown = [part for part in parts if not part.startswith("0 ")]
    _line(console, f"{len(words)} {what}: {', '.join(shown)}; {seconds:.0f} s")


def _line(console: Console, text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)


def exit_code(verdicts: Sequence[Verdict]) -> int:
    """0 all as expected, 1 something failed, 4 nothing failed but something is inconclusive."""
    words = {verdict.word for verdict in verdicts}
    return 1 if "FAILED" in words else 4 if "inconclusive" in words else 0
