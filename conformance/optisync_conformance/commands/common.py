"""What the commands share: options, cases, the way a run is told."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Final, cast

import click

from optisync_conformance.cases import PACKS, Case, CaseError, Listed, list_pack, load_file
from optisync_conformance.declared import LACKS
from optisync_conformance.requirements import RequirementError
from optisync_conformance.runner import Load
from optisync_conformance.script import PROFILES
from optisync_conformance.targets import FILE, Target, TargetsError, load, of_command

FOLDER = Path(".optisync")


def seconds(context: click.Context, option: click.Parameter, text: str) -> float:
    """A time: `5`, `5s`, `500ms`, `2m`."""
    for unit, factor in (("ms", 0.001), ("s", 1.0), ("m", 60.0), ("", 1.0)):
        if text.endswith(unit):
            with suppress(ValueError):
                value = float(text.removesuffix(unit)) * factor
                if 0 < value < 1e6:
                    return value
    raise click.BadParameter(f"{text!r} is not a time like 5s or 500ms", context, option)


@dataclass(frozen=True, slots=True)
class Shard:
    """Part `index` (from 1) of `count`."""

    index: int
    count: int

    def of(self, cases: Sequence[Listed]) -> tuple[Listed, ...]:
        """The cases of this part."""
        return tuple(cases[self.index - 1 :: self.count])


def shard_of(context: click.Context, option: click.Parameter, text: str) -> Shard:
    """A part: `1/4`."""
    index, _, count = text.partition("/")
    if index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count):
        return Shard(int(index), int(count))
    raise click.BadParameter(f"{text!r} is not a part like 1/4", context, option)


def adapter_command() -> tuple[str, ...]:
    """What follows `--` on the command line; empty when there is nothing."""
    words: object = click.get_current_context().obj
    if not isinstance(words, tuple):
        return ()
    return tuple(map(str, cast("tuple[object, ...]", words)))


WHOLE: Final = Shard(1, 1)


def packs_of(text: str) -> tuple[str, ...]:
    """The packs of a comma-separated list."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def select(packs: str, profiles: Sequence[str], patterns: Sequence[str]) -> tuple[Case, ...]:
    """The cases asked for. Raises ClickException when a name is wrong or nothing is left."""
    found = (each for load in loaders(packs, profiles, patterns) for each in load(PROFILES))
    try:
        return tuple(each.read() for each in found)
    except (CaseError, RequirementError) as error:
        raise click.ClickException(str(error)) from None


def loaders(
    packs: str, profiles: Sequence[str], patterns: Sequence[str], shard: Shard = WHOLE
) -> list[Load]:
    """What lists the cases asked for, pack by pack, of the profiles that an adapter plays.

    They raise ClickException when a name is wrong, the last one also when patterns match nothing.
    """
    names = list(dict.fromkeys(packs_of(packs)))
    for name in names:
        if name not in PACKS:
            raise click.ClickException(f"there is no pack {name!r}; there are {', '.join(PACKS)}")
    if not names:
        raise click.ClickException(f"--pack names no pack; there are {', '.join(PACKS)}")

    def load(name: str, played: Sequence[str]) -> tuple[Listed, ...]:
        mine = [each for each in profiles or _order(name) if each in played]
        found = _listed(name, mine, patterns)
        if not found and patterns and name == names[-1]:
            everywhere = (_listed(each, profiles or _order(each), patterns) for each in names)
            if not any(everywhere):
                known = [each.id for each in list_pack("core")]
                raise click.ClickException(_no_case(patterns, known))
        return shard.of(found)

    return [partial(load, name) for name in names]


def _order(pack: str) -> Sequence[str]:
    return sorted(PROFILES) if pack == "core" else PROFILES


def _may_match(pattern: str, start: str) -> bool:
    """Whether a pattern can match an id that begins with `start`."""
    literal = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    return literal.startswith(start) or start.startswith(literal)


def _listed(pack: str, profiles: Sequence[str], patterns: Sequence[str]) -> tuple[Listed, ...]:
    if pack == "cover":  # it is generated, which takes its time
        patterns = [each for each in patterns or ["*"] if _may_match(each, "cover.")]
    if not profiles or (pack == "cover" and not patterns):
        return ()
    try:
        cases = list_pack(pack, profiles)
    except (CaseError, RequirementError) as error:
        raise click.ClickException(str(error)) from None
    wanted = patterns or ["*"]
    return tuple(case for case in cases if any(fnmatchcase(case.id, each) for each in wanted))


def _no_case(patterns: Sequence[str], known: Sequence[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(patterns[0], known, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]}?" if close else "; `optisync list` names them"
    return f"no case is called {' or '.join(patterns)}{hint}"


def read_files(files: Sequence[Path]) -> tuple[Case, ...]:
    """The cases of some files. Raises ClickException."""
    try:
        return tuple(case for path in files for case in load_file(path))
    except CaseError as error:
        raise click.ClickException(str(error)) from None


def replay_command(target: Target, case: Case, folder: Path = FOLDER) -> str:
    """Save a shrunk case; the command that replays it."""
    from optisync_conformance.runner import save_minimal

    named = target.cwd is not None
    adapter = f"--target {target.name}" if named else f"-- {shlex.join(target.command)}"
    try:
        path = save_minimal(folder, target, case)
    except OSError:
        return f"optisync run --case {shlex.quote(case.id)} {adapter}"
    return f"optisync replay {shlex.quote(str(path))} {adapter}"


def chosen_target(name: str | None) -> Target:
    """The target to try: of optisync.toml by its name, or the command after `--`."""
    command = adapter_command()
    if bool(command) == bool(name):
        raise click.UsageError("give either --target or the adapter's command after --")
    try:
        return of_command(command) if name is None else targets_of([name])[0]
    except TargetsError as error:
        raise click.ClickException(str(error)) from None


def targets_of(names: Sequence[str]) -> list[Target]:
    """The targets of optisync.toml, or those of these names. Raises TargetsError."""
    found = load(Path(FILE))
    for name in names:
        if name not in {target.name for target in found}:
            known = ", ".join(target.name for target in found)
            raise TargetsError(f"there is no target {name!r}; there are {known}")
    return [target for target in found if not names or target.name in names]


target_option = click.option("--target", "name", help="A target of optisync.toml.")
profile_option = click.option(
    "--profile",
    "profiles",
    multiple=True,
    type=click.Choice(sorted(LACKS)),
    help="Only this profile; may be given more than once.",
)
pack_option = click.option(
    "--pack", "packs", default="core,cover", show_default=True, help="The packs of cases."
)
case_option = click.option(
    "--case", "patterns", multiple=True, metavar="GLOB", help="Only cases with such an id."
)
