"""The register of the seed: every sentence answered, every rejected rule with its shortest trace.

`specs/register.toml` holds the answers, `specs/rejected.toml` the rejected rules as executable
variants; `specs/register.md` is generated from both.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from optisync_conformance.faults import FaultError
from optisync_conformance.register.document import render
from optisync_conformance.register.rules import RegisterMalformed
from optisync_conformance.register.variants import EditMisses
from optisync_conformance.requirements import RequirementError
from optisync_conformance.resources import resource_dir


@click.command("register")
@click.option("--write", "how", flag_value="write", help="Write specs/register.md.")
@click.option("--check", "how", flag_value="check", help="Fail if specs/register.md is stale.")
def command(how: str | None) -> None:
    """Answer every sentence of the seed; find the shortest trace of every rejected rule.

    Without an option the text goes to standard output. Exit codes: 0 done, 1 stale, 2 a data file
    of the register that cannot be read or no longer fits the reference.
    """
    specs = resource_dir("specs")
    try:
        text = render(specs)
    except (RegisterMalformed, EditMisses, FaultError, RequirementError) as error:
        click.echo(f"register: {error}", err=True)
        sys.exit(2)
    if how is None:
        click.echo(text, nl=False)
    elif how == "write":
        (specs / "register.md").write_text(text, encoding="utf-8")
    elif _stale(specs / "register.md", text):
        click.echo("specs/register.md is stale; run `optisync spec register --write`", err=True)
        sys.exit(1)


def _stale(path: Path, text: str) -> bool:
    return not path.is_file() or path.read_text(encoding="utf-8") != text
