"""The command `optisync`."""

import click


@click.group()
def main() -> None:
    """Hold a sync engine against the specification of optimistic sync."""
