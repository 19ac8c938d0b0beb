"""TLA+ source text: comments blanked out, headers read, user modules inlined into one.

Only what the second checker and the style lint need; TLC's own parser judges the syntax.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

#: Modules that come with the checkers.
STANDARD = frozenset(
    {"Naturals", "Integers", "Reals", "Sequences", "FiniteSets", "Bags", "TLC", "Randomization"}
)

_TOKEN = re.compile(r'\(\*|\*\)|\\\*[^\n]*|"(?:[^"\\\n]|\\.)*"')
_HEADER = re.compile(r"^-{4,} *MODULE +(\w+) *-{4,}", re.MULTILINE)
_END = re.compile(r"^={4,}", re.MULTILINE)
_EXTENDS = re.compile(r"\bEXTENDS\s+(\w+(?:\s*,\s*\w+)*)")
_NAME = r"\w+(?:\s*\([^()]*\))?"
_DECLARED = re.compile(
    rf"^\s*(VARIABLES?|CONSTANTS?)\b\s*({_NAME}(?:\s*,\s*{_NAME})*)", re.MULTILINE
)
_RULER = re.compile(r"^-{4,} *$", re.MULTILINE)


class SourceError(ValueError):
    """The text is not a module, or cannot be inlined; the message names the module."""


def blank_comments(text: str) -> str:
    r"""``text`` with every comment turned into spaces, so that lines and columns stay.

    >>> blank_comments('A == 1 \\* one (* x\nB == "(*"')
    'A == 1            \nB == "(*"'
    """
    parts: list[str] = []
    depth = position = 0
    for token in _TOKEN.finditer(text):
        word = token.group()
        between = text[position : token.start()]
        parts.append(_blank(between) if depth else between)
        if word == "(*":
            depth += 1
        hidden = depth > 0 or word.startswith("\\*")
        if word == "*)" and depth:
            depth -= 1
        parts.append(_blank(word) if hidden else word)
        position = token.end()
    rest = text[position:]
    parts.append(_blank(rest) if depth else rest)
    return "".join(parts)


def _blank(text: str) -> str:
    return "".join("\n" if char == "\n" else " " for char in text)


@dataclass(frozen=True, slots=True)
class Module:
    """One module without comments: ``body`` holds no EXTENDS and no declarations."""

    name: str
    extends: tuple[str, ...]
    variables: tuple[str, ...]
    constants: tuple[str, ...]
    body: str


def parse(text: str, where: str) -> Module:
    """Take a module apart. Raises `SourceError`, which begins with ``where``."""
    clean = blank_comments(text)
    header, end = _HEADER.search(clean), _END.search(clean)
    if header is None or end is None:
        raise SourceError(f"{where}: no `---- MODULE name ----` line, or no `====` line")
    body = clean[header.end() : end.start()]
    names: list[str] = []
    if found := _EXTENDS.search(body):
        names = [name.strip() for name in found.group(1).split(",")]
        body = body[: found.start()] + body[found.end() :]
    declared: dict[str, list[str]] = {"V": [], "C": []}
    for line in _DECLARED.finditer(body):
        declared[line.group(1)[0]] += [name.strip() for name in _commas(line.group(2))]
    body = _RULER.sub("", _DECLARED.sub("", body)).strip("\n")
    variables, constants = tuple(declared["V"]), tuple(declared["C"])
    return Module(header.group(1), tuple(names), variables, constants, body)


def _commas(names: str) -> list[str]:
    """Split at commas outside parentheses: a constant operator is declared as ``Op(_, _)``."""
    return re.split(r",(?![^()]*\))", names.strip())


def closure(name: str, models: Path) -> tuple[Module, ...]:
    """The module and the user modules it extends, each once, what is extended first."""
    found: dict[str, Module] = {}

    def visit(wanted: str, seen: tuple[str, ...]) -> None:
        if wanted in found or wanted in STANDARD:
            return
        path = models / f"{wanted}.tla"
        if wanted in seen or not path.is_file():
            why = "extends itself" if wanted in seen else f"there is no {path.name}"
            raise SourceError(f"{' -> '.join((*seen, wanted))}: {why}")
        module = parse(path.read_text(encoding="utf-8"), path.name)
        for parent in module.extends:
            visit(parent, (*seen, wanted))
        found[wanted] = module

    visit(name, ())
    return tuple(found.values())


def inline(name: str, models: Path) -> str:
    """One module text with every user module of the EXTENDS closure put into it.

    Declarations are merged: a checker that reads one VARIABLES line only would lose the others.
    Raises `SourceError` for INSTANCE, which needs a second module.
    """
    modules = closure(name, models)
    for module in modules:
        if re.search(r"\bINSTANCE\b", module.body):
            raise SourceError(f"{module.name}: INSTANCE cannot be inlined")
    standard = sorted({parent for module in modules for parent in module.extends} & STANDARD)
    parts = [f"---- MODULE {name} ----"]
    lists = {
        "EXTENDS": standard,
        "CONSTANTS": [constant for module in modules for constant in module.constants],
        "VARIABLES": [variable for module in modules for variable in module.variables],
    }
    parts += [f"{keyword} {', '.join(names)}" for keyword, names in lists.items() if names]
    parts += [module.body for module in modules]
    return "\n".join([*parts, "===="]) + "\n"
