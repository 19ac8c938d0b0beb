"""The requirements as `specs/*.md` has them: the MUST sentences everything else is linked to.

A requirement is a heading `### slug` and the paragraph under it: the MUST sentence, the reason, and
`Seen at:` with the lowest observation in which a violation shows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import Final

from optisync_conformance.resources import resource_dir


class RequirementError(Exception):
    """A text that cannot be read as requirements, or a slug that names none."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One rule. `file` is where it stands, `seen_at` the observed fields named for it.

    `code` is the error code a refusal carries because of it; empty for rules that refuse nothing.
    """

    slug: str
    sentence: str
    reason: str
    file: str
    line: int
    seen_at: str
    code: str


_HEADING: Final = re.compile(r"^### +([a-z0-9-]+) *$")
_CODES: Final = re.compile(r"Codes: (.*?)\. ", re.DOTALL)


def parse(file: str, text: str) -> list[Requirement]:
    r"""The requirements of one file. Raises RequirementError for one without a MUST sentence.

    >>> parse("x.md", "### a-rule\nIt MUST hold.\nElse chaos. Seen at: `out`.\n")[0].sentence
    'It MUST hold.'
    """
    lines = text.splitlines()
    codes = _codes(text)
    return [
        _requirement(file, index, heading[1], lines, codes)
        for index, line in enumerate(lines)
        if (heading := _HEADING.match(line))
    ]


def _requirement(
    file: str, index: int, slug: str, lines: list[str], codes: frozenset[str]
) -> Requirement:
    sentence, rest = _first_sentence(_paragraph(lines[index + 1 :]))
    if "MUST" not in sentence:
        raise RequirementError(f"{file}:{index + 1}: the first sentence of {slug!r} has no MUST")
    reason, _, seen_at = rest.partition("Seen at:")
    return Requirement(
        slug=slug,
        sentence=sentence,
        reason=reason.strip(),
        file=file,
        line=index + 1,
        seen_at=seen_at.strip().rstrip("."),
        code=slug if slug in codes else "",
    )


def _paragraph(lines: list[str]) -> str:
    taken: list[str] = []
    for line in lines:
        if line.startswith("#") or (not line.strip() and taken):
            break
        if line.strip():
            taken.append(line.strip())
    return " ".join(taken)


def _first_sentence(text: str) -> tuple[str, str]:
    end = re.search(r"(?<!\.)\.(?=\s|$)", text)
    return (text, "") if end is None else (text[: end.end()], text[end.end() :].strip())


def _codes(text: str) -> frozenset[str]:
    listed = _CODES.search(text)
    return frozenset(re.findall(r"`([a-z-]+)`", listed[1])) if listed else frozenset()


@cache
def load() -> MappingProxyType[str, Requirement]:
    """Every requirement by slug. Raises RequirementError, for a slug that is used twice too."""
    found: dict[str, Requirement] = {}
    for path in sorted(resource_dir("specs").glob("*.md")):
        for requirement in parse(path.name, path.read_text(encoding="utf-8")):
            if requirement.slug in found:
                other = found[requirement.slug].file
                raise RequirementError(f"{requirement.slug!r} stands in {other} and {path.name}")
            found[requirement.slug] = requirement
    return MappingProxyType(found)


@cache
def requirements() -> MappingProxyType[str, str]:
    """Sentence by slug, in the order of the text.

    >>> "MUST" in requirements()["rollback-is-removal"]
    True
    """
    return MappingProxyType({slug: each.sentence for slug, each in load().items()})


def get(slug: str) -> Requirement:
    """One requirement. Raises RequirementError with the nearest names."""
    known = load()
    if slug not in known:
        close = get_close_matches(slug, known, n=3)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise RequirementError(f"there is no requirement {slug!r}{hint}")
    return known[slug]
