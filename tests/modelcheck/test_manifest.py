"""The manifest: strict, and its errors name file and entry."""

from pathlib import Path

import pytest

from optisync_conformance.modelcheck import manifest
from optisync_conformance.modelcheck.manifest import ManifestError

from .manifest_text import TEXT


def write(folder: Path, text: str) -> Path:
    (folder / "Counter.tla").touch()
    path = folder / "manifest.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_checks_and_mutants_become_cfg_files(tmp_path: Path) -> None:
    listed = manifest.load(write(tmp_path, TEXT))
    assert [check.id for check in listed.check] == ["counter-3", "counter-1"]
    no_limit, jump = listed.mutant
    assert no_limit.config(listed.base(no_limit)).text() == (
        "SPECIFICATION Live\n"
        "CONSTANT Limit = 3\n"
        'CONSTANT Mutant = "no-limit"\n'
        "CONSTRAINT Short\n"
        "INVARIANT TypeOK\n"
        "INVARIANT Bounded\n"
        "PROPERTY SmallSteps\n"
        "PROPERTY Moves\n"
    )
    alone = manifest.Mutant(
        id="x", check="counter-3", why="", constants={}, violates="Moves", length=1, alone=True
    )
    config = alone.config(listed.base(jump))
    assert (config.invariants, config.properties) == ((), ("Moves",))


def change(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[check]", r"manifest\.toml: .*line 1"),
        (change("depth = 8", "deep = 8"), r'check "counter-3": Object contains unknown .*`deep`'),
        (
            change("distinct = 14", 'distinct = "14"'),
            r'check "counter-3", distinct: Expected `int`',
        ),
        (change("distinct = 14", "distinct = 0"), 'check "counter-3": distinct must be'),
        (change('module = "Counter"\n', ""), r'check "counter-3": .*missing .*`module`'),
        (change('module = "Counter"', 'module = "Conter"'), r"no module Conter\.tla"),
        (change('id = "counter-1"', 'id = "counter-3"'), 'id "counter-3" is used twice'),
        (change('tla_checker_reason = "one is enough here"', ""), "needs a tla_checker_reason"),
        (change('check = "counter-3"', 'check = "counter-4"'), 'did you mean "counter-3"'),
        (change('violates = "Bounded"', 'violates = "Bound"'), 'did you mean "Bounded"'),
        (change('violates = "Bounded"', 'violates = "deadlock"'), 'no property "deadlock"'),
        (change("length = 5", "length = 0"), 'mutant "no-limit": length'),
        (change("{ Mutant = '\"no-l", "{ Mutent = '\"no-l"), 'constant "Mutent" is not one'),
        (change("length = 5", "length = 5\nlenght = 5"), 'mutant "no-limit": .*`lenght`'),
        (change('[[mutant]]\nid = "jump"', '[[mutants]]\nid = "jump"'), "unknown field `mutants`"),
    ],
)
def test_errors_name_file_and_entry(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message) as caught:
        manifest.load(write(tmp_path, text))
    assert str(caught.value).startswith("manifest.toml: ")
    assert "\n" not in str(caught.value)


def test_entries_are_selected_by_name_module_and_pattern(tmp_path: Path) -> None:
    listed = manifest.load(write(tmp_path, TEXT))
    modules = {check.id: check.module for check in listed.check}

    def ids(only: str | None) -> list[str]:
        return [check.id for check in manifest.select(listed.check, only, modules)]

    assert ids(None) == ids("Counter") == ids("counter-*") == ["counter-3", "counter-1"]
    assert ids("counter-1") == ["counter-1"]
    with pytest.raises(ManifestError, match='"counter-2"; did you mean "counter-'):
        ids("counter-2")


def test_a_missing_manifest_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"manifest\.toml: cannot be read"):
        manifest.load(tmp_path / "manifest.toml")
