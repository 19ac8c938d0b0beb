"""`optisync selftest`: the suite tried on faulty versions of the reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from optisync_conformance.cases import Case
from optisync_conformance.commands.common import select
from optisync_conformance.faults import FaultError
from optisync_conformance.mutation import mutants as mutants_of_all
from optisync_conformance.mutation import sample
from optisync_conformance.selftest import Tried, try_faults, try_mutants


@click.command()
@click.option("--cover/--no-cover", default=False, help="Try the cover pack too.")
@click.option("--matrix", type=click.Path(path_type=Path), help="Write which case catches which.")
@click.option(
    "--mutants", type=click.IntRange(0), default=0, help="So many mechanical mutants too."
)
def selftest(cover: bool, matrix: Path | None, mutants: int) -> int:
    """Try every faulty version: is it caught, by how many cases, how shortly.

    A faulty version is good if it changes at most fifteen lines and passes 80 % of core; the suite
    is good if each is caught, also by a case that was not written for it, in at most six steps.
    """
    core = select("core", (), ())
    extra = select("cover", (), ()) if cover else ()
    tried: list[Tried] = []
    try:
        for each in try_faults(core, extra):
            tried.append(each)
            click.echo(_line(each))
    except FaultError as error:
        raise click.ClickException(str(error)) from None
    idle = sorted({case.id for case in core} - {case for each in tried for case in each.killers})
    bad = [each for each in tried if each.problems]
    click.echo(f"{len(tried)} faulty versions, {len(tried) - len(bad)} as they should be")
    click.echo(f"{len(core)} cases of core, {len(core) - len(idle)} catch a faulty version")
    for case in idle:
        click.echo(f"  catches none: {case}")
    if matrix is not None:
        _write(matrix, tried)
    if mutants:
        _mechanical(mutants, core, extra)
    return 1 if bad else 0


def _mechanical(size: int, core: Sequence[Case], cover: Sequence[Case]) -> None:
    """Single changes of the source, made by rule: how many are caught, and which are not."""
    chosen = sample(mutants_of_all(), size)
    survivors = [each.mutant for each in try_mutants(chosen, core, cover) if each.killer is None]
    click.echo(f"{len(chosen)} mechanical mutants, {len(chosen) - len(survivors)} caught")
    for mutant in survivors:
        click.echo(f"  survives: {mutant.module}:{mutant.line} {mutant.what}")


def _line(tried: Tried) -> str:
    caught = f"{len(tried.killers)} of {tried.core}, {len(tried.independent)} not written for it"
    steps = f", shortest {tried.steps} steps" if tried.steps is not None else ""
    wrong = f"  WRONG: {'; '.join(tried.problems)}" if tried.problems else ""
    return f"{tried.fault.name:40} {caught}{steps}{wrong}"


def _write(path: Path, tried: Sequence[Tried]) -> None:
    import msgspec

    content = {
        each.fault.name: {
            "requirement": each.fault.requirement,
            "lines": each.fault.lines,
            "passes": round(each.share, 4),
            "killers": each.killers,
            "cover": each.cover,
            "steps": each.steps,
            "problems": each.problems,
        }
        for each in tried
    }
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}") from None
