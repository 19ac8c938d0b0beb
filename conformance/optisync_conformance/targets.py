"""The targets that `optisync run` runs when it is given no command: `optisync.toml`.

[[target]]
name = "my-engine"
command = ["node", "adapter.js"]     # "{python}" stands for the running interpreter
cwd = "adapters"                     # relative to the file; default: its directory
needs = ["node"]                     # programs without which the row only says so
files = ["dist/adapter.js"]          # what has to be built first, relative to cwd
expect = "my-engine.expect.toml"     # expected failures, relative to the file
profiles = ["coordinator"]           # default: all that the adapter declares
packs = ["core"]                     # default: all packs that are run
"""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from optisync_conformance.link import problem

FILE: Final = "optisync.toml"


class TargetsError(Exception):
    """The file cannot be used; the text names the place and the remedy."""


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: str
    command: tuple[str, ...]
    cwd: str = "."
    needs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    expect: str = ""
    profiles: tuple[str, ...] = ()
    packs: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    target: tuple[_Entry, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """An adapter to run: what starts it and what is known of it.

    `missing` says why it cannot be run on this machine; empty when it can.
    """

    name: str
    command: tuple[str, ...]
    cwd: Path | None = None
    expect: Path | None = None
    profiles: tuple[str, ...] = ()
    packs: tuple[str, ...] = ()
    missing: str = ""


def of_command(command: Sequence[str]) -> Target:
    """The target that a command line after `--` names. Raises TargetsError."""
    if wrong := problem(command):
        raise TargetsError(wrong)
    return Target("adapter", tuple(command))


def load(path: Path) -> list[Target]:
    """The targets of a file. Raises TargetsError."""
    try:
        raw: object = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        say = "give a command (`optisync run -- CMD`) or write targets into it"
        raise TargetsError(f"there is no {path.name} here; {say}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise TargetsError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise TargetsError(f"{path}: {error}") from None
    try:
        entries = msgspec.convert(raw, _File).target
    except msgspec.ValidationError as error:
        raise TargetsError(f"{path}: {str(error).replace('`$.', '`')}") from None
    names = [entry.name for entry in entries]
    for entry in entries:
        if not entry.command:
            raise TargetsError(f"{path}: target {entry.name!r} has an empty command")
        if wrong := problem(entry.command):
            raise TargetsError(f"{path}: target {entry.name!r}: {wrong}")
        if names.count(entry.name) > 1:
            raise TargetsError(f"{path}: two targets are called {entry.name!r}")
    return [_target(entry, path.parent) for entry in entries]


def _target(entry: _Entry, base: Path) -> Target:
    cwd = base / entry.cwd
    return Target(
        name=entry.name,
        command=tuple(sys.executable if word == "{python}" else word for word in entry.command),
        cwd=cwd,
        expect=base / entry.expect if entry.expect else None,
        profiles=entry.profiles,
        packs=entry.packs,
        missing=_missing(entry, cwd),
    )


def _missing(entry: _Entry, cwd: Path) -> str:
    absent = [name for name in entry.needs if shutil.which(name) is None]
    if absent:
        return f"needs {', '.join(absent)}, which is not on this machine"
    unbuilt = [name for name in entry.files if not (cwd / name).exists()]
    return f"{', '.join(unbuilt)} is not there; `python3 dev.py setup` builds it" if unbuilt else ""
