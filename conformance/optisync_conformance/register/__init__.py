"""The register of the seed: every sentence answered, every rejected rule with its shortest trace.

`specs/register.toml` holds the answers, `specs/rejected.toml` the rejected rules as executable
variants; `specs/register.md` is generated from both.
"""

from __future__ import annotations

from pathlib import Path

import click

from optisync_conformance.faults import FaultError
from optisync_conformance.register.document import render
from optisync_conformance.register.rules import RegisterMalformed
from optisync_conformance.register.search import ReferenceBreaks
from optisync_conformance.register.variants import EditMisses
from optisync_conformance.requirements import RequirementError
from optisync_conformance.resources import resource_dir


@click.command("register")
@click.option("--write", "how", flag_value="write", help="Write specs/register.md.")
@click.option("--check", "how", flag_value="check", help="Fail if specs/register.md is stale.")
def command(how: str | None) -> int:
    """Answer every sentence of the seed; find the shortest trace of every rejected rule.

    Without an option the text goes to standard output. Exit codes: 0 done, 1 stale, 2 a data file
    of the register that cannot be read, or a rule that no longer fits the reference.
    """
    try:
        specs = resource_dir("specs")
        text = render(specs)
    except (
        RegisterMalformed,
        EditMisses,
        FaultError,
        RequirementError,
        ReferenceBreaks,
        OSError,
    ) as error:
        raise click.ClickException(f"register: {error}") from None
    if how is None:
        click.echo(text, nl=False)
        return 0
    if how == "check":
        stale = _stale(specs / "register.md", text)
        if stale:
            click.echo("specs/register.md is stale; `optisync spec register --write` mends it")
        return 1 if stale else 0
    try:
        (specs / "register.md").write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"cannot write specs/register.md: {error.strerror}") from None
    return 0


def _stale(path: Path, text: str) -> bool:
    return not path.is_file() or path.read_text(encoding="utf-8") != text
