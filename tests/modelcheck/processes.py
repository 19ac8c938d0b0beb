"""The children of a process, from /proc: `ps` is not on every machine."""

from pathlib import Path


def children(parent: int, name: str) -> list[int]:
    """Process ids of the children of ``parent`` called ``name``, dead ones not yet reaped too."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, tail = stat.read_text().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if head.partition("(")[2] == name and int(tail.split()[1]) == parent:
            found.append(int(stat.parent.name))
    return found
