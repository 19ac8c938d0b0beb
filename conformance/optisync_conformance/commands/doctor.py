"""`optisync doctor`: is this adapter fit to be run, and what to do if not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from optisync_conformance.cases import Case
from optisync_conformance.commands.common import (
    chosen_target,
    profile_option,
    seconds,
    select,
    target_option,
)
from optisync_conformance.events import (
    RED,
    Done,
    Event,
    Exit,
    Probed,
    TargetEnded,
    TargetStarted,
    Verdict,
)
from optisync_conformance.exits import EXITS
from optisync_conformance.runner import Runner, Settings, given
from optisync_conformance.session import Options

_SMOKE = 8


@click.command(epilog=EXITS)
@profile_option
@click.option("--timeout", callback=seconds, default="5s", metavar="TIME", help="Per answer.")
@target_option
def doctor(profiles: Sequence[str], timeout: float, name: str | None) -> int:
    """Try an adapter: hello, probes, and a few simple cases: `optisync doctor -- CMD`."""
    from optisync_conformance import strays

    target = chosen_target(name)
    cases = tuple(smoke(select("core", profiles, ())))
    settings = Settings(
        [given(cases)], profiles=tuple(profiles), whole=False, options=Options(timeout=timeout)
    )
    events: list[Event] = []

    def emit(event: Event) -> None:
        events.append(event)
        for line in _lines(event):
            click.echo(line)

    strays.adopt_orphans()
    try:
        how = Runner(target, settings, emit).run().exit
    finally:
        strays.kill_orphans()
    click.echo(_advice(how, any(isinstance(event, Probed) and not event.ok for event in events)))
    return how.code


def smoke(cases: Sequence[Case]) -> Iterator[Case]:
    """The shortest cases of each profile, and one in which somebody else changes something."""
    for profile in dict.fromkeys(case.profile for case in cases):
        mine = sorted(
            (case for case in cases if case.profile == profile), key=lambda case: len(case.steps)
        )
        chosen = mine[:_SMOKE]
        foreign = next((case for case in mine if _is_foreign(case)), None)
        yield from chosen
        if foreign is not None and foreign not in chosen:
            yield foreign


def _is_foreign(case: Case) -> bool:
    verbs = [step.do for step in case.steps]
    return any(
        (do["do"] == "delta" and not do["settles"] and do.get("atoms"))
        or (do["do"] == "push" and "atoms" in do)
        for do in verbs
    )


def _lines(event: Event) -> Iterator[str]:
    match event:
        case TargetStarted(impl=impl) if impl is not None:
            yield f"ok    speaks protocol 1: {impl.name} {impl.version} {impl.language}".rstrip()
            for name, scope in event.profiles.items():
                lacks = f"lacks {', '.join(scope.lacks)}" if scope.lacks else "lacks nothing"
                yield f"ok    profile {name}: sees {', '.join(scope.sees)}; {lacks}"
        case Probed():
            yield f"{'ok   ' if event.ok else 'FAIL '} {event.probe}: {event.text}"
            if not event.ok:
                yield f"      remedy: {event.remedy}"
        case Done():
            bad = event.verdict in RED
            text = event.detail.text if event.detail else event.note
            yield f"{'FAIL ' if bad else 'ok   '} {event.case}: {event.verdict} {text}".rstrip()
            if bad and event.detail and event.verdict is not Verdict.FAIL:
                yield from (f"      {line}" for line in event.detail.stderr.splitlines()[-5:])
                if remedy := _remedy(event.detail.text):
                    yield f"      remedy: {remedy}"
        case TargetEnded(reason=reason) if reason:
            yield f"FAIL  {reason}"
            yield from (f"      {line}" for line in event.stderr.splitlines()[-12:])
            if remedy := _remedy(reason):
                yield f"      remedy: {remedy}"
        case _:
            return


_REMEDIES = {
    "cannot start": "run the command by hand in this directory and see what it says",
    "exit code": "run the command by hand; it has to read stdin and stay until stdin is closed",
    "no answer to the hello": "answer each line at once, and flush stdout after each",
    "not JSON": "print logs to stderr: console.error, print(.., file=sys.stderr)",
    "first line": 'answer {"t":"hello",..} with a hello of your own',
    "speaks protocol": 'answer with "protocol":1',
    "never asked": "answer with the `id` of the run",
    "answered twice": "write one line for each run",
    "has no step": "play the step, or let it throw `Unsupported` with a cap of `lacks`",
    "answered internal": "a call that the engine refuses is `err` with its code (kit: `Refused`)",
    "longer than": "report the fields of the protocol and not the engine's whole state",
}


def _remedy(reason: str) -> str:
    return next((text for mark, text in _REMEDIES.items() if mark in reason), "")


def _advice(how: Exit, probe_failed: bool) -> str:
    match how:
        case Exit.CONFORMANT:
            return "The adapter is fit: `optisync run -- CMD` runs everything."
        case Exit.INCONCLUSIVE:
            return "Nothing could be scored: `sees` is too small, or `lacks` too large."
        case Exit.UNUSABLE | Exit.SUITE_BUG:
            return "The adapter cannot be used yet."
        case Exit.INTERRUPTED:
            return "Interrupted: nothing is known of the rest."
        case Exit.FAILURE if probe_failed:
            return "Mend failed probes first: until then no verdict can be believed."
        case Exit.FAILURE:
            return (
                "The adapter can be run. A failed case is the engine's fault or the adapter's:"
                " `optisync run --case ID -- CMD` tells it in full."
            )
