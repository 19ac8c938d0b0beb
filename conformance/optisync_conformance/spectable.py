"""The table of every requirement and what it is linked to, generated from the places themselves.

A place names a requirement as `[slug]`: a comment or docstring in the reference or in a test, a
comment in a TLA+ module. Cases and faulty versions name it as data. What has no link must say why
in `spec_gaps.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

import msgspec

import optisync
from optisync_conformance.cases import load_pack
from optisync_conformance.faults import faults
from optisync_conformance.links import Link, Tag, keyed_lines, python_tags, tla_tags
from optisync_conformance.requirements import Requirement, load
from optisync_conformance.resources import resource_dir

Column: TypeAlias = Literal["code", "tla", "property", "case", "fault"]
COLUMNS: Final[tuple[Column, ...]] = get_args(Column)
_TITLES: Final[Mapping[Column, str]] = {
    "code": "code",
    "tla": "TLA+",
    "property": "properties and tests",
    "case": "cases",
    "fault": "faulty versions",
}
_DATA: Final = "conformance/optisync_conformance"
_CASE: Final = re.compile(r'"id": "([^"]+)"')
_FAULT: Final = re.compile(r'^name = "([^"]+)"')
_LINE: Final = re.compile(r"#L\d+")
_SHOWN: Final = 3


class GapError(Exception):
    """A link or a reason in `spec_gaps.toml` is not true; the text is one line."""


class Gap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why some requirements have no link in some columns.

    A requirement is given by its name, by a pattern (`patch-*`), or as all of a file (`server.md`).
    """

    requirements: tuple[str, ...]
    columns: tuple[Column, ...]
    why: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    gap: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A requirement, its links by column, and the reasons for the columns without any."""

    requirement: Requirement
    links: Mapping[Column, tuple[Link, ...]]
    reasons: Mapping[Column, str]

    @property
    def unexplained(self) -> tuple[Column, ...]:
        """The columns with neither link nor reason."""
        return tuple(c for c in COLUMNS if not self.links[c] and c not in self.reasons)


def rows(tests: Path | None = None) -> list[Row]:
    """Every requirement with its links, in the order of the text; `tests` is where tests are.

    Raises GapError, and what the loaders of cases, faults and requirements raise.
    """
    found: dict[Column, _Found] = {**_shipped(), "property": _tested(tests) if tests else {}}
    links: dict[str, dict[Column, tuple[Link, ...]]] = {
        slug: {column: tuple(found[column].get(slug, ())) for column in COLUMNS} for slug in load()
    }
    reasons = _reasons(_gaps(), links)
    return [Row(known, links[slug], reasons[slug]) for slug, known in load().items()]


_Found: TypeAlias = Mapping[str, list[Link]]


@cache
def _shipped() -> Mapping[Column, _Found]:
    """The links into what the packages hold."""
    code, cases = Path(optisync.__file__).parent, load_pack(["core"])
    return {
        "code": _tagged(code, "**/*.py", "reference/optisync", python_tags),
        "tla": _tagged(resource_dir("models"), "*.tla", "models", tla_tags),
        "case": _data("cases", "core/**/*.json", _CASE, ((case.req, case.id) for case in cases)),
        "fault": _data("faults", "*.toml", _FAULT, ((f.requirement, f.name) for f in faults())),
    }


@cache
def _tested(tests: Path) -> _Found:
    return _tagged(tests, "**/*.py", "tests", python_tags)


def _tagged(
    folder: Path, glob: str, root: str, tags: Callable[[str, str], Iterator[Tag]]
) -> _Found:
    """The links by requirement; a name that is linked twice counts once."""
    found: dict[str, dict[str, Link]] = {}
    for path in sorted(folder.glob(glob)):
        place = f"{root}/{path.relative_to(folder).as_posix()}"
        for tag in tags(path.read_text(encoding="utf-8"), path.stem):
            if tag.slug not in load():
                raise GapError(f"{place}:{tag.line}: there is no requirement {tag.slug!r}")
            found.setdefault(tag.slug, {}).setdefault(tag.name, Link(tag.name, place, tag.line))
    return {slug: list(links.values()) for slug, links in found.items()}


def _data(folder: str, glob: str, key: re.Pattern[str], pairs: Iterable[tuple[str, str]]) -> _Found:
    root, found = resource_dir(folder), dict[str, list[Link]]()
    lines = keyed_lines(root, glob, key)
    for slug, name in pairs:
        path, line = lines[name]
        place = f"{_DATA}/{folder}/{path.relative_to(root).as_posix()}"
        found.setdefault(slug, []).append(Link(name, place, line))
    return found


def _gaps() -> tuple[Gap, ...]:
    path = Path(__file__).with_name("spec_gaps.toml")
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File).gap
    except (msgspec.ValidationError, tomllib.TOMLDecodeError) as error:
        raise GapError(f"{path.name}: {error}") from None


def _reasons(
    gaps: Iterable[Gap], links: Mapping[str, Mapping[Column, tuple[Link, ...]]]
) -> dict[str, dict[Column, str]]:
    """The reason for each cell without a link. Raises GapError for a reason that explains none."""
    found: dict[str, dict[Column, str]] = {slug: {} for slug in links}
    for gap in gaps:
        for pattern in gap.requirements:
            meant = [slug for slug in links if _means(pattern, slug)]
            if not meant:
                raise GapError(f"spec_gaps.toml: there is no requirement {pattern!r}")
            for column in gap.columns:
                empty = [slug for slug in meant if not links[slug][column]]
                if not empty:
                    raise GapError(f"spec_gaps.toml: {pattern} has a link in {column} after all")
                for slug in empty:
                    found[slug].setdefault(column, gap.why)
    return found


def _means(pattern: str, slug: str) -> bool:
    return fnmatchcase(slug, pattern) or load()[slug].file == pattern


def to_markdown(table: Iterable[Row]) -> str:
    """The table as it stands in specs/table.md."""
    lines = [
        "# What each requirement is linked to",
        "",
        "Generated by `optisync spec table --write specs/table.md`. A cell names the first places;",
        "`optisync spec show ID` lists all of them, with the reason of the requirement.",
    ]
    file = ""
    for row in table:
        if row.requirement.file != file:
            file = row.requirement.file
            titles = " | ".join(_TITLES[column] for column in COLUMNS)
            lines += ["", f"## {file}", "", f"| requirement | {titles} |", "|---" * 6 + "|"]
        slug = row.requirement.slug
        cells = " | ".join(_cell(row, column) for column in COLUMNS)
        lines.append(f"| [{slug}]({file}#{slug}): {_escaped(row.requirement.sentence)} | {cells} |")
    return "\n".join(lines) + "\n"


def without_lines(text: str) -> str:
    """The table without line numbers, which move with every edit of what is linked.

    >>> without_lines("[f](../a.py#L12)")
    '[f](../a.py)'
    """
    return _LINE.sub("", text)


def _cell(row: Row, column: Column) -> str:
    links = row.links[column]
    if not links:
        return _escaped(row.reasons.get(column, "**missing**"))
    shown = [f"[{_escaped(link.name)}](../{link.path}#L{link.line})" for link in links[:_SHOWN]]
    return ", ".join(shown) + (", …" if len(links) > _SHOWN else "")


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
