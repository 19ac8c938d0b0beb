"""The lock files pin everything with hashes and name no place to fetch from."""

import json
import re
import tomllib
from pathlib import Path
from typing import cast

import pytest

from optisync_conformance.resources import resource_dir

ROOT = Path(__file__).resolve().parents[2]
PYTHON_LOCK = ROOT / "requirements.lock"
NPM_LOCKS = sorted(resource_dir("adapters").glob("*/package-lock.json"))


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None, requirement
    return found[0].lower().replace("_", "-")


def _pinned() -> dict[str, str]:
    """Name to the lines of its block, for every distribution in the lock."""
    text = PYTHON_LOCK.read_text(encoding="utf-8")
    return {_name(block): block for block in re.split(r"\n(?=[a-z])", text)[1:]}


def test_the_python_lock_names_no_host() -> None:
    assert "://" not in PYTHON_LOCK.read_text(encoding="utf-8")


def test_the_python_lock_pins_everything_with_hashes() -> None:
    blocks = _pinned()
    assert blocks
    assert [name for name, block in blocks.items() if "--hash=sha256:" not in block] == []


def test_the_python_lock_covers_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    runtime = cast("list[str]", project["project"]["dependencies"])
    dev = cast("list[str]", project["dependency-groups"]["dev"])
    wanted = {_name(requirement) for requirement in runtime + dev}
    assert wanted - _pinned().keys() == set(), "run `python3 dev.py lock`"


@pytest.mark.parametrize("path", NPM_LOCKS, ids=lambda path: cast("Path", path).parent.name)
def test_a_npm_lock_names_no_host(path: Path) -> None:
    packages = cast("dict[str, dict[str, object]]", json.loads(path.read_bytes())["packages"])
    assert [name for name, entry in packages.items() if "://" in str(entry.get("resolved"))] == []
