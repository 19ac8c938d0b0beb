"""`optisync adapter`: the reference, or a faulty version of it, as an adapter."""

from __future__ import annotations

import click


@click.command()
def adapter() -> None:
    """Speak protocol 1 on stdin and stdout, with the reference behind it."""
    from optisync_conformance.reference.run import run_script
    from optisync_conformance.reference.stdio import serve_stdio

    serve_stdio(run_script)
