"""`optisync spec`: the requirements and what they are linked to."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from optisync_conformance.cases import CaseError
from optisync_conformance.faults import FaultError
from optisync_conformance.register import command as register_command
from optisync_conformance.requirements import RequirementError, get
from optisync_conformance.resources import resource_dir
from optisync_conformance.spectable import (
    COLUMNS,
    GapError,
    Row,
    rows,
    to_markdown,
    without_lines,
)


@click.group()
def spec() -> None:
    """The requirements and what they are linked to."""


spec.add_command(register_command)


@spec.command()
@click.option("--write", "target", type=click.Path(path_type=Path), help="Write the table there.")
@click.option("--check", is_flag=True, help="Fail if specs/table.md or a link is missing or stale.")
def table(target: Path | None, check: bool) -> int:
    """Sentence, code, TLA+, properties, cases and faulty versions of every requirement."""
    tests = _tests()
    if tests is None:
        raise click.ClickException("the tests are not installed; run this in a source tree")
    with _mistakes():
        found = rows(tests)
    text = to_markdown(found)
    if target is not None:
        try:
            target.write_text(text, encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"cannot write {target}: {error.strerror}") from None
    missing = [(row.requirement.slug, column) for row in found for column in row.unexplained]
    if not check:
        if target is None:
            click.echo(text, nl=False)
        for column in COLUMNS:
            number = sum(each == column for _, each in missing)
            click.echo(f"{column}: {number} of {len(found)} without link or reason", err=True)
        return 0
    for slug, column in missing:
        click.echo(f"{slug} has no link in {column}, and spec_gaps.toml gives no reason")
    path = resource_dir("specs") / "table.md"
    written = path.read_text(encoding="utf-8") if path.is_file() else ""
    stale = without_lines(written) != without_lines(text)
    if stale:
        click.echo("specs/table.md is stale; `optisync spec table --write specs/table.md` mends it")
    return 1 if stale or missing else 0


@spec.command()
@click.argument("slug", metavar="ID")
def show(slug: str) -> None:
    """One requirement, its reason, and everything linked to it."""
    with _mistakes():
        requirement = get(slug)
        row = next(row for row in rows(_tests()) if row.requirement.slug == slug)
    click.echo(f"{slug} ({requirement.file}:{requirement.line})")
    click.echo(f"  {requirement.sentence}")
    if requirement.reason:
        click.echo(f"  {requirement.reason}")
    click.echo(f"  Seen at: {requirement.seen_at or 'not stated'}")
    for line in _links(row):
        click.echo(f"  {line}")


def _links(row: Row) -> Iterator[str]:
    for column in COLUMNS:
        links = row.links[column]
        yield f"{column}:" if links else f"{column}: {row.reasons.get(column, 'none found')}"
        yield from (f"  {link}" for link in links)


def _tests() -> Path | None:
    """Where the tests are: only a source tree has them."""
    folder = resource_dir("specs").parent / "tests"
    return folder if folder.is_dir() else None


@contextmanager
def _mistakes() -> Generator[None]:
    try:
        yield
    except (GapError, RequirementError, CaseError, FaultError) as error:
        raise click.ClickException(str(error)) from None
