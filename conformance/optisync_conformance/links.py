"""Where a text names a requirement: `[slug]` in a comment or docstring.

A comment of its own above a definition speaks of that definition, any other one of the definition
it stands in.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

_SLUG: Final = re.compile(r"\[([a-z][a-z0-9]*(?:-[a-z0-9]+)+)\]")
_OPERATOR: Final = re.compile(r"(\w+)(?:\([^=]*\))?\s*==")
_Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Tag:
    """A requirement named in line `line` of a text, inside of (or above) the definition `name`."""

    slug: str
    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Link:
    """A place that a requirement is linked to: `path` from the root of the source tree."""

    name: str
    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.name} ({self.path}:{self.line})"


def python_tags(text: str, module: str) -> Iterator[Tag]:
    r"""The requirements named by the comments and docstrings of Python source.

    >>> list(python_tags("# [a-rule]\ndef f():\n    '''More. [b-rule]'''\n", "m"))
    [Tag(slug='a-rule', name='f', line=1), Tag(slug='b-rule', name='f', line=3)]
    """
    tree, lines = ast.parse(text), text.splitlines()
    inside, above = _scopes(tree, module)
    for line, words in sorted(_comments(text) + _docstrings(tree, lines)):
        alone = lines[line - 1].startswith("#")
        name = inside.get(line) or (above(line) if alone else module)
        yield from (Tag(slug, name, line) for slug in _SLUG.findall(words))


def _comments(text: str) -> list[tuple[int, str]]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]


def _docstrings(tree: ast.Module, lines: list[str]) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, _Definition | ast.Module) and ast.get_docstring(node) is not None:
            first, last = node.body[0].lineno, node.body[0].end_lineno or node.body[0].lineno
            found += [(number, lines[number - 1]) for number in range(first, last + 1)]
    return found


def _scopes(tree: ast.Module, module: str) -> tuple[dict[int, str], Callable[[int], str]]:
    """The definition around each line; and the next one, for lines outside of any."""
    inside: dict[int, str] = {}

    def enter(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            name = prefix
            if isinstance(child, _Definition):
                name = f"{prefix}.{child.name}" if prefix else child.name
                last = child.end_lineno or child.lineno
                inside.update(dict.fromkeys(range(child.lineno, last + 1), name))
            enter(child, name)

    enter(tree, "")
    tops = [(node.lineno, node.name) for node in tree.body if isinstance(node, _Definition)]

    def above(line: int) -> str:
        index = bisect_left(tops, (line, ""))
        return tops[index][1] if index < len(tops) else module

    return inside, above


def tla_tags(text: str, module: str) -> Iterator[Tag]:
    r"""The requirements named by the comments of a TLA+ module; `name` is `Module!Operator`.

    >>> list(tla_tags("\\* [a-rule]\nF(x) ==\n  x \\* [b-rule]\n", "M"))
    [Tag(slug='a-rule', name='M!F', line=1), Tag(slug='b-rule', name='M!F', line=3)]
    """
    name, waiting = module, list[tuple[str, int]]()
    for number, line in enumerate(text.splitlines(), 1):
        begins = _OPERATOR.match(line)
        if begins:
            name = f"{module}!{begins[1]}"
            yield from (Tag(slug, name, above) for slug, above in waiting)
            waiting = []
        found = [(slug, number) for slug in _SLUG.findall(_tla_comment(line))]
        if line.startswith(("\\*", "(*")):
            waiting += found
        else:
            yield from (Tag(slug, name, here) for slug, here in found)


def _tla_comment(line: str) -> str:
    starts = [at for mark in ("\\*", "(*") if (at := line.find(mark)) >= 0]
    return line[min(starts) :] if starts else ""


def keyed_lines(folder: Path, glob: str, key: re.Pattern[str]) -> dict[str, tuple[Path, int]]:
    """The file and line in which each name stands that `key` finds in the files of a folder."""
    return {
        match[1]: (path, number)
        for path in sorted(folder.glob(glob))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for match in key.finditer(line)
    }
