"""The command group ``optisync models``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from .commands import Place


@click.group(name="models")
def models_group() -> None:
    """Check the formal models and their mutants."""


@models_group.command()
@click.option("--full", is_flag=True, help="Run the large scopes too.")
@click.option("--only", metavar="NAME", help="One check or module; patterns like 'seq*' too.")
def check(full: bool, only: str | None) -> None:
    """Check every model in its scopes against the expected number of states."""
    from . import commands

    sys.exit(_interruptible(lambda place: commands.check(place, full, only)))


@models_group.command()
@click.option("--only", metavar="NAME", help="One mutant or module; patterns like 'seq*' too.")
def mutants(only: str | None) -> None:
    """Remove one guard at a time: the pinned property must fail each time."""
    from . import commands

    sys.exit(_interruptible(lambda place: commands.mutants(place, only)))


@models_group.command()
@click.argument("machine", type=click.Choice(["alignment", "coordinator", "outbox", "pipeline"]))
@click.option("--write", is_flag=True, help="Write the generated modules of the scopes first.")
@click.option("--only", metavar="NAME", help="One scope; patterns like 'cover*' too.")
def graph(machine: str, write: bool, only: str | None) -> None:
    """Compare a machine with its model, state by state and edge by edge."""
    from . import graph_command
    from .alignment import ALIGNMENT
    from .coordinator_graph import COORDINATOR
    from .outbox_graph import OUTBOX
    from .pipeline_graph import PIPELINE

    def compare(place: Place) -> int:
        match machine:
            case "alignment":
                return graph_command.run(ALIGNMENT, place, write, only)
            case "outbox":
                return graph_command.run(OUTBOX, place, write, only)
            case "pipeline":
                return graph_command.run(PIPELINE, place, write, only)
            case _:
                return graph_command.run(COORDINATOR, place, write, only)

    sys.exit(_interruptible(compare))


def _interruptible(run: Callable[[Place], int]) -> int:
    from optisync_conformance.resources import resource_dir

    from . import report
    from .commands import Place

    out, err = report.consoles()
    try:
        return run(Place(resource_dir("models"), resource_dir("adapters"), out, err))
    except FileNotFoundError as error:
        err.print(f"error: {error}", markup=False, soft_wrap=True)
        return 2
    except KeyboardInterrupt:
        err.print("interrupted; every TLC run was stopped")
        return 130
