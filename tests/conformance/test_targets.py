"""`optisync.toml`: the targets that are run without a command."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from optisync_conformance.targets import TargetsError, load

ROOT = Path(__file__).resolve().parents[2]


def written(folder: Path, text: str) -> Path:
    path = folder / "optisync.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_target_is_read(tmp_path: Path) -> None:
    text = '[[target]]\nname = "x"\ncommand = ["{python}", "a.py"]\ncwd = "sub"\nexpect = "e.toml"'
    (target,) = load(written(tmp_path, text))
    assert target.command == (sys.executable, "a.py")
    assert (target.cwd, target.expect) == (tmp_path / "sub", tmp_path / "e.toml")
    assert target.missing == ""


def test_a_target_that_needs_what_is_not_here_says_so(tmp_path: Path) -> None:
    text = '[[target]]\nname = "x"\ncommand = ["x"]\nneeds = ["no-such-program"]'
    (target,) = load(written(tmp_path, text))
    assert target.missing == "needs no-such-program, which is not on this machine"


def test_a_place_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetsError, match=r"target 'x': 'tcp:here' is not tcp:HOST:PORT"):
        load(written(tmp_path, '[[target]]\nname = "x"\ncommand = ["tcp:here"]'))


def test_a_target_that_is_not_built_says_so(tmp_path: Path) -> None:
    text = '[[target]]\nname = "x"\ncommand = ["x"]\nfiles = ["dist/x.js"]'
    (target,) = load(written(tmp_path, text))
    assert target.missing.startswith("dist/x.js is not there")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[target", "optisync.toml: "),
        ("", "missing required field `target`"),
        ('[[target]]\nname = "x"', "missing required field `command`"),
        ('[[target]]\nname = "x"\ncommand = []', "target 'x' has an empty command"),
        ('[[target]]\nname = "x"\ncommand = ["y"]\n' * 2, "two targets are called 'x'"),
        ('[[target]]\nname = "x"\ncommand = ["y"]\nneed = []', "unknown field `need`"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(TargetsError) as caught:
        load(written(tmp_path, text))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_our_own_targets_are_valid() -> None:
    assert {"reference", "typescript"} <= {target.name for target in load(ROOT / "optisync.toml")}
