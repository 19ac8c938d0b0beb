"""The command `optisync`."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import click

from optisync_conformance.exits import EXITS

# Commands by name: the module is loaded only when the command is used.
_COMMANDS: Final = {
    "run": "commands.run:run",
    "doctor": "commands.doctor:doctor",
    "replay": "commands.replay:replay",
    "list": "commands.listing:list_",
    "show": "commands.listing:show",
    "adapter": "commands.adapter:adapter",
    "selftest": "commands.selftest:selftest",
    "spec": "commands.spec:spec",
    "models": "modelcheck.cli:models_group",
    "report": "commands.report:report",
}


# Nothing is missed when nobody reads these to their end.
_TELLING: Final = (["list"], ["show"])


class _PipeClosed(Exception):
    pass


class _Lazy(click.Group):
    """Loads a command when it is asked for."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click would end with 1, which says that a run failed
            raise _PipeClosed from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: object = getattr(import_module(f"optisync_conformance.{module}"), name)
        assert isinstance(command, click.Command)
        return command


@click.command(cls=_Lazy, epilog=EXITS)
@click.version_option(package_name="optisync")
def commands() -> None:
    """Hold a sync engine against the specification of optimistic sync."""


def main(words: Sequence[str] | None = None) -> None:
    """The command line: a mistake of the user is one line and exit code 2, a bug of ours 5."""
    gc.set_threshold(100_000, 20, 20)  # frames are trees: looking for cycles in them is in vain
    given = list(sys.argv[1:] if words is None else words)
    # What follows `--` is a command of the user's, not ours to read.
    cut = given.index("--") if "--" in given else len(given)
    ours, theirs = given[:cut], tuple(given[cut + 1 :])
    try:
        code = commands.main(ours, prog_name="optisync", standalone_mode=False, obj=theirs)
    except click.exceptions.Abort:
        click.echo("optisync: interrupted", err=True)
        sys.exit(130)
    except click.ClickException as error:
        _say(error)
        sys.exit(2)
    except _PipeClosed:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0 if given[:1] in _TELLING else 141)
    except Exception as error:
        if os.environ.get("OPTISYNC_TRACEBACK"):
            raise
        where = _place(error)
        click.echo(
            f"optisync: a bug of the suite: {type(error).__name__}: {error} ({where}); "
            "OPTISYNC_TRACEBACK=1 shows all of it",
            err=True,
        )
        sys.exit(5)
    sys.exit(code if isinstance(code, int) else 0)


def _say(error: click.ClickException) -> None:
    if isinstance(error, click.UsageError) and error.ctx is not None:
        click.echo(f"{error.format_message()} (see {error.ctx.command_path} --help)", err=True)
    else:
        click.echo(f"optisync: {error.format_message()}", err=True)


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "nowhere"
    return f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
