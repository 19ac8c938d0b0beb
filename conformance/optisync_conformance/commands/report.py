"""`optisync report`: recorded runs, merged and rendered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from optisync_conformance.events import Event, RunEnded, RunStarted, decode
from optisync_conformance.reports.files import ReportError, Stream, check, wanted, write


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--report", "reports", multiple=True, metavar="KIND=FILE", help="json, junit, ..")
def report(files: Sequence[Path], reports: Sequence[str]) -> None:
    """Merge recorded runs (`--report ndjson=FILE`) and render them anew."""
    from optisync_conformance.terminal import Terminal, console_for

    events: list[Event] = []
    for path in files:
        try:
            events += decode(path.read_bytes())
        except OSError as error:
            raise click.ClickException(f"{path}: {error.strerror}") from None
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise click.ClickException(f"{path}: not a recorded run: {error}") from None
    merged = _merged(events)
    try:
        wishes = [wanted(text) for text in reports]
        check(wishes)
        stream = Stream(wishes)
        for event in merged:
            stream.write(event)
        stream.close()
        write(merged, wishes)
    except ReportError as error:
        raise click.ClickException(str(error)) from None
    show = Terminal(console_for())
    for event in merged:
        show(event)


def _merged(events: Sequence[Event]) -> list[Event]:
    """One run: one beginning, one end as bad as the worst."""
    from optisync_conformance.events import worst

    begins = [event for event in events if isinstance(event, RunStarted)]
    ends = [event for event in events if isinstance(event, RunEnded)]
    inner = [event for event in events if not isinstance(event, RunStarted | RunEnded)]
    total = RunEnded(worst([end.exit for end in ends]), sum(end.seconds for end in ends))
    return [*begins[:1], *inner, total]
