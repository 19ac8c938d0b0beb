"""Faulty versions of the reference: small changes of its source, each a known failure class.

A fault is data (`faults/*.toml`): text that stands exactly once in a module, and what to put there.
A copy of the reference is run with it; the real one is never touched.
"""

from __future__ import annotations

import difflib
import tomllib
from functools import cache

import msgspec

from optisync_conformance.isolate import load_copy, source_path
from optisync_conformance.reference.stdio import Runner
from optisync_conformance.resources import resource_dir

MAX_LINES = 15


class FaultError(Exception):
    """There is no such fault, or it does not fit the source; the text is one line."""


class Replacement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`old` stands exactly once in `module`."""

    module: str
    old: str
    new: str


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One faulty version. `kind` is the failure class; `why` how engines come to have it."""

    name: str
    kind: str
    requirement: str
    why: str
    replace: tuple[Replacement, ...]

    @property
    def lines(self) -> int:
        """How many lines the fault changes."""
        return sum(_changed_lines(each.old, each.new) for each in self.replace)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fault: tuple[Fault, ...]


@cache
def faults() -> tuple[Fault, ...]:
    """Every faulty version, in the order of the files. Raises FaultError.

    >>> all(fault.lines <= MAX_LINES for fault in faults())
    True
    """
    found: list[Fault] = []
    for path in sorted(resource_dir("faults").glob("*.toml")):
        try:
            found += msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File).fault
        except (msgspec.ValidationError, tomllib.TOMLDecodeError) as error:
            raise FaultError(f"{path.name}: {error}") from None
    names = [fault.name for fault in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise FaultError(f"the fault {twice} is there twice")
    return tuple(found)


def find_fault(name: str) -> Fault:
    """The fault of this name. Raises FaultError, with the nearest names."""
    for fault in faults():
        if fault.name == name:
            return fault
    near = difflib.get_close_matches(name, [fault.name for fault in faults()])
    hint = f"; did you mean {' or '.join(near)}?" if near else "; see `optisync adapter --list`"
    raise FaultError(f"there is no faulty version {name!r}{hint}")


def load_fault(name: str) -> Runner:
    """`run_script` of the reference with a fault. Raises FaultError."""
    return load_copy(sources_of(find_fault(name)))


def sources_of(fault: Fault) -> dict[str, str]:
    """The changed source of each module a fault touches. Raises FaultError."""
    sources: dict[str, str] = {}
    for each in fault.replace:
        path = source_path(each.module)
        if path is None:
            raise FaultError(f"fault {fault.name}: there is no module {each.module}")
        source = sources.get(each.module) or path.read_text(encoding="utf-8")
        times = source.count(each.old)
        if times != 1:
            raise FaultError(f"fault {fault.name}: its text stands {times} times in {each.module}")
        sources[each.module] = source.replace(each.old, each.new)
    return sources


def _changed_lines(old: str, new: str) -> int:
    matcher = difflib.SequenceMatcher(a=old.splitlines(), b=new.splitlines(), autojunk=False)
    return sum(
        max(old_end - old_start, new_end - new_start)
        for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes()
        if tag != "equal"
    )
