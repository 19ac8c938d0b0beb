"""The registers of the seeds: every sentence answered, every rejected rule with its shortest trace.

`specs/register.toml` holds the answers, `specs/rejected.toml` the rejected rules as executable
variants; `specs/register.md` is generated from both. For the outbox the three are called
`outbox-register.toml`, `outbox-rejected.toml` and `outbox-register.md`; likewise for the pipeline.
"""

from __future__ import annotations

from pathlib import Path

import click

from optisync_conformance.faults import FaultError
from optisync_conformance.register.document import render
from optisync_conformance.register.outboxdocument import render_outbox
from optisync_conformance.register.pipelinedocument import render_pipeline
from optisync_conformance.register.rules import RegisterMalformed
from optisync_conformance.register.search import ReferenceBreaks
from optisync_conformance.register.variants import EditMisses
from optisync_conformance.requirements import RequirementError
from optisync_conformance.resources import resource_dir


@click.command("register")
@click.option("--write", "how", flag_value="write", help="Write what is generated in specs.")
@click.option("--check", "how", flag_value="check", help="Fail if it is stale.")
def command(how: str | None) -> int:
    """Answer every sentence of the seed; find the shortest trace of every rejected rule.

    Without an option the text goes to standard output. Exit codes: 0 done, 1 stale, 2 a data file
    of the register that cannot be read, or a rule that no longer fits the reference.
    """
    try:
        specs = resource_dir("specs")
        texts = {
            "register.md": render(specs),
            "outbox-register.md": render_outbox(specs),
            "pipeline-register.md": render_pipeline(specs),
        }
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
        click.echo("\n".join(texts.values()), nl=False)
        return 0
    stale = [name for name, text in texts.items() if _stale(specs / name, text)]
    if how == "check":
        for name in stale:
            click.echo(f"specs/{name} is stale; `optisync spec register --write` mends it")
        return 1 if stale else 0
    for name in stale:
        try:
            (specs / name).write_text(texts[name], encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"cannot write specs/{name}: {error.strerror}") from None
    return 0


def _stale(path: Path, text: str) -> bool:
    return not path.is_file() or path.read_text(encoding="utf-8") != text
