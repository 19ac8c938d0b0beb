"""`optisync list` and `optisync show`: the cases and the requirements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import click

from optisync_conformance.cases import Case
from optisync_conformance.commands.common import (
    case_option,
    profile_option,
    select,
)
from optisync_conformance.requirements import get, load
from optisync_conformance.telling import compact, effect_text, setting_text, step_text


@click.command("list")
@profile_option
@click.option("--pack", "packs", default="core", show_default=True, help="The packs of cases.")
@case_option
@click.option("--requirements", "rules", is_flag=True, help="The requirements, with their cases.")
def list_(profiles: Sequence[str], packs: str, patterns: Sequence[str], rules: bool) -> None:
    """List the cases, or the requirements."""
    cases = select(packs, profiles, patterns)
    if rules:
        for requirement in load().values():
            number = sum(case.req == requirement.slug for case in cases)
            plural = "s" * (number != 1)
            click.echo(f"{requirement.slug} ({requirement.file}, {number} case{plural})")
            click.echo(f"    {requirement.sentence}")
        return
    for case in cases:
        click.echo(f"{case.id} [{case.req}]")
        click.echo(f"    {case.title}")


@click.command()
@click.argument("name", metavar="ID")
def show(name: str) -> None:
    """Show a case or a requirement."""
    # The cover pack is generated, which takes its time.
    cases = select("cover" if name.startswith("cover.") else "core", (), ())
    found = next((case for case in cases if case.id == name), None)
    if found is not None:
        _show_case(found)
        return
    if name not in load():
        raise click.ClickException(_unknown(name, [*load(), *(case.id for case in cases)]))
    requirement = get(name)
    click.echo(f"{requirement.slug} ({requirement.file}:{requirement.line})")
    click.echo(f"  {requirement.sentence}")
    if requirement.reason:
        click.echo(f"  {requirement.reason}")
    click.echo(f"  Seen at: {requirement.seen_at or 'not stated'}")
    for case in cases:
        if case.req == name:
            click.echo(f"  case {case.id}: {case.title}")


def _unknown(name: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=3)
    hint = "`optisync list` and `optisync list --requirements` name them"
    hint = f"did you mean {' or '.join(close)}?" if close else hint
    return f"there is no case and no requirement {name!r}; {hint}"


def _expected(field: str, expected: object) -> str:
    if field == "effects" and isinstance(expected, list):
        return " | ".join(map(effect_text, cast("list[object]", expected))) or "none"
    return compact(expected)


def _show_case(case: Case) -> None:
    requirement = get(case.req)
    click.echo(f"{case.id}: {case.title}")
    click.echo(f"  {requirement.sentence} [{case.req}]")
    if requirement.reason:
        click.echo(f"  {requirement.reason}")
    if unusual := setting_text(case.given()):
        click.echo(f"  {unusual}")
    told = case.to_json()["steps"]
    for number, step in enumerate(told if isinstance(told, list) else [], 1):
        click.echo(f"{number:4}. {step_text(step)}")
        then = step.get("then") if isinstance(step, dict) else None
        for field, expected in then.items() if isinstance(then, dict) else ():
            click.echo(f"        {field}: {_expected(field, expected)}")
    if case.written_for:
        click.echo(f"  written for the faulty versions {', '.join(case.written_for)}")
