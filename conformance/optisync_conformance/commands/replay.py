"""`optisync replay`: cases from files, told step by step."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click

from optisync_conformance.commands.common import (
    chosen_target,
    read_files,
    seconds,
    target_option,
)
from optisync_conformance.events import (
    Done,
    Event,
    Exit,
    RunEnded,
    RunStarted,
    Verdict,
)
from optisync_conformance.exits import EXITS
from optisync_conformance.runner import Runner, Settings, given
from optisync_conformance.session import SUITE, Options


@click.command(epilog=EXITS)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--timeout", callback=seconds, default="5s", metavar="TIME", help="Per answer.")
@target_option
def replay(files: Sequence[Path], timeout: float, name: str | None) -> int:
    """Run the cases of FILES again: `optisync replay FILE.. -- CMD`."""
    from optisync_conformance import strays
    from optisync_conformance.terminal import Terminal, console_for, show_steps

    target = chosen_target(name)
    cases = read_files(files)
    console = console_for()
    show = Terminal(console, most=len(cases))
    scripts = {case.id: case.script() for case in cases}

    def emit(event: Event) -> None:
        show(event)
        if isinstance(event, Done) and event.verdict in (Verdict.PASS, Verdict.BLIND):
            console.print(f"{event.verdict} {event.case}", markup=False, highlight=False)
            show_steps(console, scripts[event.case])

    strays.adopt_orphans()
    began = time.monotonic()
    settings = Settings(
        [given(cases)], probes=False, shrink=False, options=Options(timeout=timeout)
    )
    emit(RunStarted(SUITE, settings.options.seed, ("file",), (target.name,)))
    try:
        how: Exit = Runner(target, settings, emit).run().exit
    finally:
        strays.kill_orphans()
    emit(RunEnded(how, round(time.monotonic() - began, 3)))
    return how.code
