"""What the tests of every machine and its model do: compare, change a rule, look at the path."""

import shutil
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import TypeVar

from optisync_conformance.modelcheck.compare import Different, Equal
from optisync_conformance.modelcheck.graph_command import compare_scope
from optisync_conformance.modelcheck.toolchain import Toolchain
from optisync_conformance.modelcheck.worlds import Subject, World, stale_modules, write_modules
from optisync_conformance.resources import resource_dir

MODELS = resource_dir("models")

S = TypeVar("S", bound=Hashable)
In = TypeVar("In", bound=Hashable)
Out = TypeVar("Out", bound=Hashable)


def difference(scope: World[S, In, Out], tools: Toolchain, models: Path = MODELS) -> str:
    """The difference between machine and model in a scope, or "" if there is none."""
    match compare_scope(scope, models, tools).comparison:
        case Different() as different:
            return different.text()
        case Equal():
            return ""


def path_of(text: str) -> list[str]:
    """The labels of the steps that lead to a difference."""
    lines = [line.strip() for line in text.splitlines() if line.startswith("  ") and ". " in line]
    steps = [line.split(" -> ")[0].partition(". ") for line in lines]
    assert [number for number, _, _ in steps] == [str(i) for i in range(1, len(steps) + 1)]
    return [label for _, _, label in steps]


def check_path(text: str, path: Sequence[str]) -> None:
    """The labels of the steps that lead to a difference begin like this."""
    found = path_of(text)
    assert len(found) == len(path)
    assert all(label.startswith(start) for label, start in zip(found, path, strict=True))


def with_rule(folder: Path, module: str, rule: str, other: str) -> Path:
    """A copy of the models in which one rule is another."""
    models = folder / "models"
    shutil.copytree(MODELS, models)
    file = models / f"{module}.tla"
    text = file.read_text("utf-8")
    assert text.count(rule) == 1
    file.write_text(text.replace(rule, other), "utf-8")
    return models


def check_labels(scopes: Sequence[World[S, In, Out]]) -> None:
    """Each input of a scope is there once, and has a label of its own."""
    for scope in scopes:
        inputs = [given for _, given in scope.alphabet]
        assert len(dict(scope.alphabet)) == len(set(inputs)) == len(inputs)


def check_modules(subject: Subject[S, In, Out], folder: Path, spoilt: str, missing: str) -> None:
    """The committed modules are what the scopes say, and it is seen where they are not."""
    assert stale_modules(subject, MODELS) == ()
    write_modules(subject, folder)
    assert stale_modules(subject, folder) == ()
    (folder / f"{spoilt}.tla").write_text("", "utf-8")
    (folder / f"{missing}.tla").unlink()
    assert stale_modules(subject, folder) == (f"{spoilt}.tla", f"{missing}.tla")
