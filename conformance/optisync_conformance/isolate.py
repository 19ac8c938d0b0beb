"""A second copy of the specification, some of its source replaced, beside the real one.

The copy's modules are executed afresh and never entered under their names for good, so nobody else
meets them. What crosses between the copy and its user is plain JSON alone.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Final, cast

import optisync
import optisync_conformance

if TYPE_CHECKING:
    from optisync_conformance.reference.stdio import Runner

_ROOTS: Final[dict[str, Path]] = {
    "optisync": Path(str(optisync.__file__)).parent,
    "optisync_conformance.reference": Path(optisync_conformance.__path__[0]) / "reference",
}


def copied(name: str) -> bool:
    """Whether a module belongs to the copy: the specification, or what drives it.

    >>> copied("optisync.view"), copied("optisync_conformance.judge")
    (True, False)
    """
    return any(name == root or name.startswith(root + ".") for root in _ROOTS)


def source_path(name: str) -> Path | None:
    """The file of a module of the copy, if there is such a module."""
    for root, folder in _ROOTS.items():
        if name == root or name.startswith(root + "."):
            place = folder.joinpath(*name.removeprefix(root).strip(".").split("."))
            init, plain = place / "__init__.py", place.with_suffix(".py")
            return init if init.is_file() else plain if plain.is_file() else None
    return None


@cache
def _compiled(path: Path, source: str) -> CodeType:
    return compile(source, str(path), "exec", dont_inherit=True)


class Copies(MetaPathFinder, Loader):
    """Finds the modules of a copy; some have other source than their file."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        place = source_path(fullname) if copied(fullname) else None
        if place is None:
            return None
        inside = [str(place.parent)] if place.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(
            fullname, place, loader=self, submodule_search_locations=inside
        )

    def exec_module(self, module: ModuleType) -> None:
        place = source_path(module.__name__)
        if place is None:
            raise ImportError(f"there is no module {module.__name__}")
        given = self._sources.get(module.__name__)
        source = place.read_text(encoding="utf-8") if given is None else given
        exec(_compiled(place, source), vars(module))


def load_copy(sources: Mapping[str, str]) -> Runner:
    """`run_script` of a copy in which some modules have other source. Not for several threads.

    >>> load_copy({})("patch", {}, [{"do": "apply", "doc": 1, "patch": []}])[1]["out"]
    {'ok': {'doc': 1}}
    """
    with _aside(Copies(sources)):
        module = importlib.import_module("optisync_conformance.reference.run")
        return cast("Runner", module.run_script)


@contextmanager
def _aside(finder: MetaPathFinder) -> Generator[None]:
    """Put the real modules aside while the copies are imported."""
    real = {name: module for name, module in sys.modules.items() if copied(name)}
    for name in real:
        del sys.modules[name]
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if copied(name)]:
            del sys.modules[name]
        sys.modules.update(real)
        # Importing a submodule binds it in its package; that must be the real one again.
        reference = real.get("optisync_conformance.reference")
        if reference is not None:
            setattr(optisync_conformance, "reference", reference)  # noqa: B010
