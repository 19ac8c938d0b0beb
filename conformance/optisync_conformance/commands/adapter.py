"""`optisync adapter`: the reference, or a faulty version of it, as an adapter."""

from __future__ import annotations

from functools import partial

import click


@click.command()
@click.option("--mutant", metavar="NAME", help="A faulty version instead of the reference.")
@click.option("--list", "list_only", is_flag=True, help="List the faulty versions.")
@click.option(
    "--store",
    type=click.Choice(["memory", "sqlite"]),
    default="memory",
    show_default=True,
    help="Where the outbox keeps its rows; sqlite: a file for each script, removed afterwards.",
)
def adapter(mutant: str | None, list_only: bool, store: str) -> None:
    """Speak protocol 1 on stdin and stdout, with the reference behind it."""
    from optisync_conformance.reference.run import run_script
    from optisync_conformance.reference.stdio import serve_stdio

    if store == "sqlite":
        if mutant is not None:
            raise click.UsageError("a faulty version keeps its rows in memory")
        from optisync_conformance.reference.stores import sqlite_stores

        with sqlite_stores() as make:
            serve_stdio(partial(run_script, store=make), "optisync reference over SQLite")
        return
    if not list_only and mutant is None:
        serve_stdio(run_script)
        return
    from optisync_conformance.faults import FaultError, faults, load_fault

    try:
        if list_only:
            for fault in faults():
                click.echo(f"{fault.name} [{fault.requirement}]\n    {fault.why}")
        else:
            assert mutant is not None
            serve_stdio(load_fault(mutant), f"optisync reference with the fault {mutant}")
    except FaultError as error:
        raise click.ClickException(str(error)) from None
