"""Expected failures: a TOML file that says which failures of a target are known, and why.

    [[expect]]
    case = "view.reject-*"                 # a case id, or a pattern with * and ?
    result = "fail"                        # fail, error, crash or timeout
    fingerprint = ["rollback-is-removal @ serve#1 : view differs"]
    kind = "defect"                        # or "documented-design"
    link = "where the defect is shown, or the design documented"
    why = "one sentence"

A file stays true or turns the run red: an entry whose case passes, fails otherwise than listed,
or is not there at all, and an entry that covers more than twenty cases.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from optisync_conformance.events import Verdict

MOST: Final = 20
Result: TypeAlias = Literal["fail", "error", "crash", "timeout"]
_LISTED: Final = (Verdict.FAIL, Verdict.ERROR, Verdict.CRASH, Verdict.TIMEOUT)


class ExpectError(Exception):
    """The file cannot be used; the text names the place and the remedy."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry. `fingerprint` lists every one that the matching cases may have."""

    case: str
    result: Result = "fail"
    fingerprint: tuple[str, ...]
    kind: Literal["defect", "documented-design"]
    link: str
    why: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    expect: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What a case came out as; `fingerprint` is empty unless it failed."""

    case: str
    verdict: Verdict
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Settled:
    """A finding seen in the light of the file; `note` says why it is as it is."""

    verdict: Verdict
    note: str = ""


def load(path: Path) -> tuple[Entry, ...]:
    """The entries of a file. Raises ExpectError."""
    try:
        raw: object = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ExpectError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ExpectError(f"{path}: {error}") from None
    try:
        entries = msgspec.convert(raw, _File).expect
    except msgspec.ValidationError as error:
        raise ExpectError(f"{path}: {str(error).replace('`$.', '`')}") from None
    for number, entry in enumerate(entries, 1):
        place = f"{path}: entry {number} ({entry.case})"
        if not entry.link.strip():
            raise ExpectError(f"{place}: `link` is empty; say where the {entry.kind} is shown")
        if not entry.fingerprint:
            raise ExpectError(f"{place}: `fingerprint` is empty; --fix-expect fills it in")
    return entries


def settle(entries: Sequence[Entry], finding: Finding) -> Settled:
    """The verdict of a case in the light of the entries.

    >>> settle((), Finding("a", Verdict.PASS))
    Settled(verdict=<Verdict.PASS: 'pass'>, note='')
    """
    listed = [entry for entry in entries if fnmatchcase(finding.case, entry.case)]
    if not listed or finding.verdict in (Verdict.UNSUPPORTED, Verdict.NOT_RUN, Verdict.FLAKY):
        return Settled(finding.verdict)
    for entry in listed:
        if finding.verdict.value == entry.result and finding.fingerprint in entry.fingerprint:
            return Settled(Verdict.XFAIL, f"{entry.kind}: {entry.link}")
    if finding.verdict in (Verdict.PASS, Verdict.BLIND):
        return Settled(Verdict.XPASS, "listed as an expected failure, but it passes")
    return Settled(finding.verdict, "listed as an expected failure, but it fails otherwise")


def stale(entries: Sequence[Entry], findings: Sequence[Finding]) -> list[str]:
    """What is wrong with the file itself, a sentence each; empty when nothing is."""
    problems: list[str] = []
    for number, entry in enumerate(entries, 1):
        place = f"expected failure {number} ({entry.case})"
        matching = [found for found in findings if fnmatchcase(found.case, entry.case)]
        if not matching:
            problems.append(f"{place} matches no case that was run; remove it")
        elif len(matching) > MOST:
            problems.append(f"{place} matches {len(matching)} cases, more than {MOST}; split it")
        seen = {found.fingerprint for found in matching}
        gone = [mark for mark in entry.fingerprint if matching and mark not in seen]
        problems.extend(f"{place}: no case fails with {mark!r} any more" for mark in gone)
    return problems


def fixed(entries: Sequence[Entry], findings: Sequence[Finding]) -> list[Entry]:
    """The entries as they would have to be for these findings.

    Entries keep their kind, link and reason. A new one is a defect with an empty link, which
    `load` refuses until somebody has written where the defect is shown.
    """
    kept: list[Entry] = []
    covered: set[str] = set()
    broken = [f for f in findings if f.verdict in _LISTED]
    for entry in entries:
        mine = [
            f for f in broken if f.verdict.value == entry.result and fnmatchcase(f.case, entry.case)
        ]
        if mine and len(mine) <= MOST:
            matched = [f for f in findings if fnmatchcase(f.case, entry.case)]
            names = [entry.case] if len(matched) == len(mine) else [f.case for f in mine]
            marks = {name: _marks(mine, name) for name in names}
            kept += [_with(entry, name, marks[name]) for name in names]
            covered |= {f.case for f in mine}
    for found in broken:
        if found.case not in covered:
            mark = (found.fingerprint,)
            result = msgspec.convert(
                found.verdict.value, Literal["fail", "error", "crash", "timeout"]
            )
            kept.append(
                Entry(case=found.case, result=result, fingerprint=mark, kind="defect", link="")
            )
    return kept


def _marks(found: Sequence[Finding], pattern: str) -> tuple[str, ...]:
    return tuple(sorted({f.fingerprint for f in found if fnmatchcase(f.case, pattern)}))


def _with(entry: Entry, case: str, marks: tuple[str, ...]) -> Entry:
    return msgspec.structs.replace(entry, case=case, fingerprint=marks)


def dump(entries: Sequence[Entry], head: str = "") -> str:
    """The text of a file with these entries; `head` is kept in front."""
    return "\n".join([head.rstrip() + "\n"] * bool(head.strip()) + [_text(e) for e in entries])


def head_of(path: Path) -> str:
    """The comment at the top of a file; empty when there is no file."""
    if not path.is_file():
        return ""
    return path.read_text(encoding="utf-8").partition("[[expect]]")[0]


def _text(entry: Entry) -> str:
    marks = ",\n".join(f"  {_quoted(mark)}" for mark in entry.fingerprint)
    members: Mapping[str, str] = {
        "case": _quoted(entry.case),
        "result": _quoted(entry.result),
        "fingerprint": f"[\n{marks},\n]",
        "kind": _quoted(entry.kind),
        "link": _quoted(entry.link),
        **({"why": _quoted(entry.why)} if entry.why else {}),
    }
    return "[[expect]]\n" + "".join(f"{key} = {value}\n" for key, value in members.items())


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a JSON string is a TOML basic string
