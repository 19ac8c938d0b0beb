"""`optisync selftest`: does the suite catch what it is there to catch?"""

from __future__ import annotations

import click


@click.command()
@click.option("--quick", is_flag=True, help="Core alone, and fewer mechanical mutants.")
@click.option("--mutants", "size", type=click.IntRange(0), help="How many mechanical mutants.")
def selftest(quick: bool, size: int | None) -> None:
    """Try the cases on every faulty version of the reference, and on mechanical mutants.

    Ends with exit code 1 if a faulty version is not caught as it should be.
    """
    from optisync_conformance.selftesting import report

    raise SystemExit(report(quick, size))
