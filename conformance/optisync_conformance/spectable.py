"""The table of every requirement and what it is linked to, generated from the places themselves.

A place names a requirement as `[slug]`: a comment in the code of the reference, a comment in the
TLA+ modules, a comment or docstring in a test. Cases and faulty versions name it as data. What has
no link must say why in `spec_gaps.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

import msgspec

import optisync
from optisync_conformance.cases import load_pack
from optisync_conformance.faults import faults
from optisync_conformance.requirements import Requirement, load
from optisync_conformance.resources import resource_dir

Column: TypeAlias = Literal["code", "tla", "property", "case", "fault"]
COLUMNS: Final[tuple[Column, ...]] = get_args(Column)
_TITLES: Final[Mapping[Column, str]] = {
    "code": "code",
    "tla": "TLA+",
    "property": "property",
    "case": "cases",
    "fault": "faulty versions",
}
_TAG: Final = re.compile(r"\[([a-z0-9]+(?:-[a-z0-9]+)*)\]")
_OPERATOR: Final = re.compile(r"^\s*(\w+)(?:\([^=]*\))?\s*==")
_FUNCTION: Final = re.compile(r"^\s*(?:async )?(?:def|class) (\w+)")
_SHOWN: Final = 3


class GapError(Exception):
    """`spec_gaps.toml` cannot be used, or is not true; the text is one line."""


class Gap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why some requirements have no link in some columns."""

    requirements: tuple[str, ...]
    columns: tuple[Column, ...]
    why: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    gap: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A requirement, its links by column, and the reasons for the columns without any."""

    requirement: Requirement
    links: Mapping[Column, tuple[str, ...]]
    reasons: Mapping[Column, str]

    @property
    def unexplained(self) -> tuple[Column, ...]:
        """The columns with neither link nor reason."""
        return tuple(c for c in COLUMNS if not self.links[c] and c not in self.reasons)


def rows(tests: Path | None = None) -> list[Row]:
    """Every requirement with its links, in the order of the text; `tests` is where tests are.

    Raises GapError, and what the loaders of cases, faults and requirements raise.
    """
    found: dict[Column, dict[str, list[str]]] = {
        "code": _code(Path(optisync.__file__).parent),
        "tla": _models(resource_dir("models")),
        "property": _tests(tests) if tests else {},
        "case": _by((case.req, case.id) for case in load_pack(["core"])),
        "fault": _by((fault.requirement, fault.name) for fault in faults()),
    }
    reasons = _reasons()
    table = [
        Row(
            requirement,
            {column: tuple(dict.fromkeys(found[column].get(slug, ()))) for column in COLUMNS},
            reasons.get(slug, {}),
        )
        for slug, requirement in load().items()
    ]
    _refuse_false_gaps(table)
    return table


def _refuse_false_gaps(table: Iterable[Row]) -> None:
    for row in table:
        for column in row.reasons:
            if row.links[column]:
                slug = row.requirement.slug
                raise GapError(f"spec_gaps.toml: {slug} has a link in {column} after all")


def _by(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for slug, link in pairs:
        found.setdefault(slug, []).append(link)
    return found


def _code(package: Path) -> dict[str, list[str]]:
    return _by(
        (slug, f"{path.relative_to(package).as_posix()}:{number}")
        for path in sorted(package.rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if "#" in line
        for slug in _TAG.findall(line.partition("#")[2])
    )


def _models(folder: Path) -> dict[str, list[str]]:
    """A tag in a line of its own speaks of the next operator, another of the one it stands in."""
    pairs: list[tuple[str, str]] = []
    for path in sorted(folder.glob("*.tla")):
        operator, waiting = path.stem, list[str]()
        for line in path.read_text(encoding="utf-8").splitlines():
            code, _, comment = line.partition("\\*")
            begins = _OPERATOR.match(code) if not line.startswith(" ") else None
            if begins:
                operator = f"{path.stem}!{begins[1]}"
                pairs += [(slug, operator) for slug in waiting]
                waiting = []
            tags = _TAG.findall(comment)
            if code.strip():
                pairs += [(slug, operator) for slug in tags]
            elif line.startswith(("\\*", "(*")):
                waiting += tags
            else:
                pairs += [(slug, operator) for slug in tags]
    return _by(pairs)


def _tests(folder: Path) -> dict[str, list[str]]:
    """A tag above a function speaks of it, one inside of the function it stands in."""
    pairs: list[tuple[str, str]] = []
    known = load()
    for path in sorted(folder.rglob("*.py")):
        function, waiting = path.stem, list[str]()
        for line in path.read_text(encoding="utf-8").splitlines():
            begins = _FUNCTION.match(line)
            if begins:
                function = begins[1]
                pairs += [(slug, function) for slug in waiting]
                waiting = []
            tags = [slug for slug in _TAG.findall(line) if slug in known]
            if line.startswith("#"):
                waiting += tags
            else:
                pairs += [(slug, function) for slug in tags]
    return _by(pairs)


def _reasons() -> dict[str, dict[Column, str]]:
    path = Path(__file__).with_name("spec_gaps.toml")
    try:
        gaps = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File).gap
    except (msgspec.ValidationError, tomllib.TOMLDecodeError) as error:
        raise GapError(f"{path.name}: {error}") from None
    found: dict[str, dict[Column, str]] = {}
    for gap in gaps:
        for slug in gap.requirements:
            if slug not in load():
                raise GapError(f"{path.name}: there is no requirement {slug!r}")
            found.setdefault(slug, {}).update(dict.fromkeys(gap.columns, gap.why))
    return found


def to_markdown(table: Iterable[Row]) -> str:
    """The table as it stands in specs/table.md."""
    lines = [
        "# What each requirement is linked to",
        "",
        "Generated by `optisync spec table --write specs/table.md`. Cells name the first few links.",
        "",
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


def _cell(row: Row, column: Column) -> str:
    links = row.links[column]
    if not links:
        return _escaped(row.reasons.get(column, "**missing**"))
    if column == "code":  # without the line number, which moves with every edit
        links = tuple(dict.fromkeys(link.partition(":")[0] for link in links))
    more = f" and {len(links) - _SHOWN} more" if len(links) > _SHOWN else ""
    return ", ".join(f"`{link}`" for link in links[:_SHOWN]) + more


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
