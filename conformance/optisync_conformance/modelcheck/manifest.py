"""The list of checks and model mutants, ``models/manifest.toml``; cfg files are made from it.

::

    [[check]]
    id = "sequencing-2x2"
    module = "Sequencing"               # models/Sequencing.tla
    scope = "2 clients, 2 mutations"    # for people
    constants = { Clients = "{c1, c2}", MaxSeq = 2, Mutant = '"none"' }  # cfg syntax
    invariants = ["TypeOK", "Prefix"]
    properties = ["OverlayKept"]        # action or temporal properties; TLC only
    distinct = 13004                    # expected number of distinct states
    depth = 17                          # optional
    tla_checker = true                  # or false, with a reason:
    # tla_checker_reason = "the module uses INSTANCE"

    [[mutant]]
    id = "gap-applied"
    check = "sequencing-2x2"            # module, scope and properties are that check's
    why = "the sequence guard is removed"
    constants = { Mutant = '"gap-applied"' }    # laid over the check's constants
    violates = "Prefix"                 # or "deadlock"
    length = 5                          # states of the shortest counterexample

Also possible in a check: ``init``, ``next``, ``specification`` (for TLC, when a property needs
fairness; the second checker gets ``init`` and ``next``), ``constraints``, ``overrides``
(definition = other definition), ``deadlock = true``, ``dead = [..]`` (actions that this scope
cannot take, exactly these), ``full = true`` (only under ``--full``), ``timeout_s``, ``heap_mb``.
In a mutant: ``alone = true`` runs it with the violated property only (when it breaks another one
earlier).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

import msgspec

from .tlc import Config, Constant

DEADLOCK = "deadlock"


class ManifestError(Exception):
    """The manifest is wrong or does not know a name; the message names file and entry."""


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One module in one scope, and what must come out."""

    id: str
    module: str
    scope: str
    distinct: int
    tla_checker: bool
    tla_checker_reason: str = ""
    depth: int | None = None
    constants: dict[str, Constant] = {}
    invariants: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    init: str = "Init"
    next: str = "Next"
    specification: str = ""
    constraints: tuple[str, ...] = ()
    overrides: dict[str, str] = {}
    deadlock: bool = False
    dead: tuple[str, ...] = ()
    full: bool = False
    timeout_s: float = 300.0
    heap_mb: int = 1024

    def config(self) -> Config:
        """What the cfg file of this check says."""
        return Config(
            constants=self.constants,
            invariants=self.invariants,
            properties=self.properties,
            init=self.init,
            next=self.next,
            specification=self.specification,
            constraints=self.constraints,
            overrides=self.overrides,
        )


class Mutant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A check with one guard removed, and the property that must notice."""

    id: str
    check: str
    why: str
    constants: dict[str, Constant]
    violates: str
    length: int
    alone: bool = False

    def config(self, base: Check) -> Config:
        """What the cfg file of this mutant of ``base`` says."""
        config = base.config()
        invariants, properties = config.invariants, config.properties
        if self.alone:
            invariants = tuple(name for name in invariants if name == self.violates)
            properties = tuple(name for name in properties if name == self.violates)
        return Config(
            constants={**config.constants, **self.constants},
            invariants=invariants,
            properties=properties,
            init=config.init,
            next=config.next,
            specification=config.specification,
            constraints=config.constraints,
            overrides=config.overrides,
        )


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All checks and mutants."""

    check: tuple[Check, ...]
    mutant: tuple[Mutant, ...] = ()

    def base(self, mutant: Mutant) -> Check:
        """The check that ``mutant`` changes."""
        return next(check for check in self.check if check.id == mutant.check)


def load(path: Path) -> Manifest:
    """Read and validate the manifest. Raises `ManifestError`."""
    try:
        raw: object = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path.name}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(f"{path.name}: {error}") from None
    try:
        manifest = msgspec.convert(raw, Manifest)
    except msgspec.ValidationError as error:
        raise ManifestError(f"{path.name}: {_explain(str(error), raw)}") from None
    for problem in _problems(manifest, path.parent):
        raise ManifestError(f"{path.name}: {problem}")
    return manifest


def _explain(message: str, raw: object) -> str:
    """Say which entry msgspec's path ``$.check[3].distinct`` means."""
    found = re.search(r"\$\.(check|mutant)\[(\d+)\]\.?(\S*)`$", message)
    if found is None:
        return message
    kind, index, key = found.groups()
    name = f"number {int(index) + 1}"
    if isinstance(raw, dict):
        entry: object = msgspec.convert(raw, dict[str, list[dict[str, object]]])[kind][int(index)]
        named = msgspec.convert(entry, dict[str, object]).get("id")
        name = f'"{named}"' if isinstance(named, str) else name
    what = message[: found.start()].removesuffix(" - at `")
    return f"{kind} {name}{f', {key}' if key else ''}: {what}"


def _problems(manifest: Manifest, models: Path) -> Iterable[str]:
    used = [check.id for check in manifest.check] + [mutant.id for mutant in manifest.mutant]
    for twice in sorted({name for name in used if used.count(name) > 1}):
        yield f'the id "{twice}" is used twice'
    checks = {check.id: check for check in manifest.check}
    for check in manifest.check:
        for problem in _check_problems(check, models):
            yield f'check "{check.id}": {problem}'
    for mutant in manifest.mutant:
        for problem in _mutant_problems(mutant, checks):
            yield f'mutant "{mutant.id}": {problem}'


def _check_problems(check: Check, models: Path) -> Iterable[str]:
    if not (models / f"{check.module}.tla").is_file():
        yield f"there is no module {check.module}.tla beside the manifest"
    if check.distinct < 1:
        yield "distinct must be at least 1"
    if not check.tla_checker and not check.tla_checker_reason:
        yield "tla_checker = false needs a tla_checker_reason"
    if check.tla_checker and check.overrides:
        yield "overrides need tla_checker = false: the second checker does not know them"
    if not check.invariants and not check.properties and not check.deadlock:
        yield "nothing is checked: no invariants, no properties, no deadlock"


def _mutant_problems(mutant: Mutant, checks: Mapping[str, Check]) -> Iterable[str]:
    base = checks.get(mutant.check)
    if base is None:
        yield f'there is no check "{mutant.check}"{_suggest(mutant.check, checks)}'
        return
    known = (*base.invariants, *base.properties, *((DEADLOCK,) if base.deadlock else ()))
    if mutant.violates not in known:
        hint = _suggest(mutant.violates, known)
        yield f'check "{base.id}" has no property "{mutant.violates}"{hint}'
    if mutant.length < 1:
        yield "length must be at least 1"
    for name in sorted(mutant.constants.keys() - base.constants.keys()):
        yield f'the constant "{name}" is not one of check "{base.id}"'


def _suggest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


_Entry = TypeVar("_Entry", Check, Mutant)


def select(entries: Iterable[_Entry], only: str | None, modules: Mapping[str, str]) -> list[_Entry]:
    """The entries whose id or module matches ``only`` (a name or a pattern like ``seq*``).

    ``modules`` gives each entry's module by id. None selects all. Raises `ManifestError` when
    nothing matches.
    """
    everything = list(entries)
    if only is None:
        return everything
    chosen = [
        entry
        for entry in everything
        if fnmatchcase(entry.id, only) or fnmatchcase(modules[entry.id], only)
    ]
    if not chosen:
        ids: list[str] = [entry.id for entry in everything]
        known = ", ".join(ids) or "none"
        hint = _suggest(only, [*ids, *modules.values()])
        raise ManifestError(f'nothing is called "{only}"{hint} (known: {known})')
    return chosen
