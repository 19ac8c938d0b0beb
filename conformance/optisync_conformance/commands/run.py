"""`optisync run`: the scored run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import click

from optisync_conformance import expect, targets
from optisync_conformance.cases import CaseError
from optisync_conformance.commands.common import (
    Shard,
    adapter_command,
    case_option,
    loaders,
    pack_option,
    packs_of,
    profile_option,
    replay_command,
    seconds,
    shard_of,
    targets_of,
)
from optisync_conformance.events import (
    Event,
    Exit,
    RunEnded,
    RunStarted,
    TargetSkipped,
    worst,
)
from optisync_conformance.exits import EXITS
from optisync_conformance.reports.files import ReportError, Stream, Wanted, check, wanted, write
from optisync_conformance.requirements import RequirementError
from optisync_conformance.runner import Emit, Ended, Runner, Settings
from optisync_conformance.session import SUITE, Options
from optisync_conformance.targets import Target


@click.command(epilog=EXITS)
@profile_option
@pack_option
@case_option
@click.option("--target", "names", multiple=True, help="Only this target of optisync.toml.")
@click.option("--expect", "expect_file", type=click.Path(path_type=Path), help="Known failures.")
@click.option("--fix-expect", is_flag=True, help="Rewrite the file of known failures.")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, help="Adapter processes at once.")
@click.option(
    "--shard", callback=shard_of, default="1/1", metavar="I/N", help="Only this part of the cases."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option(
    "--timeout",
    callback=seconds,
    default="5s",
    metavar="TIME",
    show_default=True,
    help="Per answer.",
)
@click.option("--start-timeout", callback=seconds, default="20s", metavar="TIME", help="Hello.")
@click.option("--report", "reports", multiple=True, metavar="KIND=FILE", help="json, ndjson, ..")
@click.option("--show", "most", type=click.IntRange(0), default=10, help="Failures told in full.")
@click.option("--probes/--no-probes", default=True, help="Probe the adapter itself.")
@click.argument("words", nargs=-1, metavar="[-- CMD]")
def run(
    profiles: Sequence[str],
    packs: str,
    patterns: Sequence[str],
    names: Sequence[str],
    expect_file: Path | None,
    fix_expect: bool,
    jobs: int,
    shard: Shard,
    seed: int,
    timeout: float,
    start_timeout: float,
    reports: Sequence[str],
    most: int,
    probes: bool,
    words: Sequence[str],
) -> int:
    """Run the cases against an adapter: `optisync run -- CMD`.

    CMD is the command that starts the adapter, or one word: tcp:HOST:PORT, unix:PATH,
    py:MODULE:FACTORY. Without CMD the targets of optisync.toml are run.
    """
    if words:
        raise click.UsageError(f"put -- before the command: optisync run -- {' '.join(words)}")
    try:
        files = [wanted(text) for text in reports]
        check(files)
        chosen = _targets(adapter_command(), names, expect_file)
    except (ReportError, targets.TargetsError) as error:
        raise click.ClickException(str(error)) from None
    if fix_expect and not any(target.expect for target in chosen):
        raise click.ClickException("--fix-expect needs --expect FILE, or targets that name one")
    settings = Settings(
        packs=loaders(packs, profiles, patterns, shard),
        profiles=tuple(profiles),
        jobs=jobs,
        probes=probes,
        whole=not (profiles or patterns) and shard.count == 1,
        options=Options(seed=seed, timeout=timeout, start_timeout=start_timeout),
        replay=replay_command,
    )
    return _run(chosen, settings, packs_of(packs), files, most, fix_expect)


def _targets(
    command: Sequence[str], names: Sequence[str], expect_file: Path | None
) -> list[Target]:
    from dataclasses import replace

    if command and names:
        raise targets.TargetsError("--target goes without a command")
    if command:
        return [replace(targets.of_command(command), expect=expect_file)]
    if expect_file is not None:
        raise targets.TargetsError("--expect goes with a command; targets name their own file")
    return targets_of(names)


def _run(
    chosen: Sequence[Target],
    settings: Settings,
    packs: tuple[str, ...],
    files: Sequence[Wanted],
    most: int,
    fix_expect: bool,
) -> int:
    from optisync_conformance import strays

    began = time.monotonic()
    events: list[Event] = []
    try:
        stream = Stream(files)
    except ReportError as error:
        raise click.ClickException(str(error)) from None

    def emit(event: Event) -> None:
        events.append(event)
        stream.write(event)
        show(event)

    strays.adopt_orphans()
    try:
        runners = (_runner(target, settings, emit, fix_expect) for target in chosen)
        first = next(runners, None)
        if first is not None:
            first.begin()
        from optisync_conformance.terminal import Terminal, console_for  # while the adapter starts

        show = Terminal(console_for(), most)
        emit(RunStarted(SUITE, settings.options.seed, packs, tuple(each.name for each in chosen)))
        how = worst(_exits(chosen, chain([first], runners), emit, fix_expect))
    finally:
        strays.kill_orphans()
    emit(RunEnded(how, round(time.monotonic() - began, 3)))
    stream.close()
    try:
        write(events, files)
    except ReportError as error:
        raise click.ClickException(str(error)) from None
    return how.code


def _exits(
    chosen: Sequence[Target], runners: Iterator[Runner | None], emit: Emit, fix: bool
) -> list[Exit]:
    """How each target that was run came out; after an interruption no other is begun."""
    exits: list[Exit] = []
    for target in chosen:
        if Exit.INTERRUPTED in exits:
            emit(TargetSkipped(target.name, "the run was interrupted"))
            continue
        how = _one(target, next(runners), emit, fix)
        exits += [] if how is None else [how]
    return exits


def _runner(target: Target, settings: Settings, emit: Emit, fix: bool) -> Runner | None:
    """What runs a target; None if something that it needs is missing."""
    if target.missing:
        return None
    try:
        if fix and target.expect and not target.expect.is_file():
            target.expect.touch()
        return Runner(target, settings, emit)
    except expect.ExpectError as error:
        raise click.ClickException(str(error)) from None


def _one(target: Target, runner: Runner | None, emit: Emit, fix: bool) -> Exit | None:
    if runner is None:
        emit(TargetSkipped(target.name, target.missing))
        return None
    try:
        ended = runner.run()
    except (CaseError, RequirementError) as error:
        raise click.ClickException(str(error)) from None
    if fix and target.expect and ended.exit is not Exit.INTERRUPTED:
        _rewrite(target.expect, ended)
    return ended.exit


def _rewrite(path: Path, ended: Ended) -> None:
    entries = expect.fixed(expect.load(path), ended.findings)
    path.write_text(expect.dump(entries, expect.head_of(path)), encoding="utf-8")
    click.echo(f"wrote {len(entries)} expected failures to {path}", err=True)
