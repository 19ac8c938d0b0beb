"""`optisync selftest`: the suite tried on faulty versions of the reference."""

from __future__ import annotations

from pathlib import Path

import click

from optisync_conformance.faults import FaultError
from optisync_conformance.selftesting import report


@click.command()
@click.option("--quick", is_flag=True, help="Core alone, and fewer mechanical mutants.")
@click.option("--cover/--no-cover", default=None, help="Try the cover pack too, or not.")
@click.option("--mutants", "size", type=click.IntRange(0), help="So many mechanical mutants.")
@click.option("--matrix", type=click.Path(path_type=Path), help="Write which case catches which.")
def selftest(quick: bool, cover: bool | None, size: int | None, matrix: Path | None) -> int:
    """Try every faulty version: is it caught, by how many cases, how shortly.

    A faulty version is good if it changes at most fifteen lines and passes 80 % of core; the suite
    is good if each is caught, also by a case that was not written for it, in at most six steps.
    """
    try:
        return report(quick, not quick if cover is None else cover, size, matrix)
    except FaultError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"cannot write {matrix}: {error.strerror}") from None
