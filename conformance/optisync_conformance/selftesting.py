"""What `optisync selftest` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from optisync_conformance.cases import Case, load_pack
from optisync_conformance.faults import faults
from optisync_conformance.mutation import mutants, sample
from optisync_conformance.selftest import Mutated, Tried, try_faults, try_mutants

QUICK: Final = 40
FULL: Final = 200

Item = TypeVar("Item")


def report(quick: bool, with_cover: bool, size: int | None, matrix: Path | None) -> int:
    """Try everything, print it, write the matrix of faults and cases; the exit code.

    Raises FaultError, and OSError if the matrix cannot be written.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    core = load_pack(["core"])
    cover = load_pack(["cover"]) if with_cover else ()
    tried = _watched(try_faults(core, cover), len(faults()), "faulty versions", console)
    console.print(_table(tried))
    if matrix is not None:
        matrix.write_bytes(msgspec.json.format(msgspec.json.encode(_matrix(tried)), indent=1))
    _say_cases(console, core, tried)
    every = mutants()
    chosen = sample(every, (QUICK if quick else FULL) if size is None else size)
    mutated = _watched(try_mutants(chosen, core, cover), len(chosen), "mutants", console)
    _say_mutants(console, mutated, len(every))
    bad = [each for each in tried if each.problems]
    console.print(
        f"{len(tried) - len(bad)} of {len(tried)} faulty versions caught as they should be"
        f" ({len(core)} core cases, {len(cover)} cover cases)"
    )
    return 1 if bad or not tried else 0


def _watched(items: Iterable[Item], total: int, what: str, console: Console) -> list[Item]:
    shown = track(items, what, total=total, console=console, transient=True)
    return list(shown if console.is_terminal else items)


def _table(tried: Sequence[Tried]) -> Table:
    table = Table(box=SIMPLE)
    for column in ("faulty version", "requirement"):
        table.add_column(column, overflow="fold", no_wrap=True)
    for column in ("lines", "passes", "core", "independent", "steps"):
        table.add_column(column, justify="right")
    table.add_column("")
    for each in tried:
        cover = "+cover" if each.cover else ""
        table.add_row(
            each.fault.name,
            each.fault.requirement,
            str(each.fault.lines),
            f"{each.share:.0%}",
            str(len(each.killers)),
            f"{len(each.independent)}{cover}",
            "" if each.steps is None else str(each.steps),
            escape("; ".join(each.problems)),
            style="red" if each.problems else "",
        )
    return table


def _matrix(tried: Sequence[Tried]) -> dict[str, dict[str, object]]:
    return {
        each.fault.name: {
            "requirement": each.fault.requirement,
            "lines": each.fault.lines,
            "passes": round(each.share, 4),
            "killers": each.killers,
            "independent": each.independent,
            "cover": each.cover,
            "steps": each.steps,
            "problems": each.problems,
        }
        for each in tried
    }


def _say_cases(console: Console, core: Sequence[Case], tried: Sequence[Tried]) -> None:
    kills = Counter(name for each in tried for name in each.killers)
    idle = [case.id for case in core if not kills[case.id]]
    console.print(f"{len(core) - len(idle)} of {len(core)} core cases catch a faulty version")
    for name in idle:
        console.print(f"  none is caught by {name}", highlight=False)


def _say_mutants(console: Console, mutated: Sequence[Mutated], every: int) -> None:
    left = [each for each in mutated if each.killer is None]
    console.print(
        f"mechanical mutants: {len(mutated) - len(left)} of {len(mutated)} caught"
        f" (a sample of {every})"
    )
    for line in _survivors(left):
        console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)


def _survivors(left: Sequence[Mutated]) -> Iterator[str]:
    for each in left:
        yield f"survives: {each.mutant.module}:{each.mutant.line} {each.mutant.what}"
