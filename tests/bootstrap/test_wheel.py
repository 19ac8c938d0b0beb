"""The wheel, installed far from the tree, brings its command and its data."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from optisync_conformance.resources import resource_dir

ROOT = Path(__file__).resolve().parents[2]
LIST_DATA = """
from pathlib import Path
import optisync, optisync_conformance
from optisync_conformance.resources import resource_dir
root = Path(__import__("sys").prefix)
for package in (optisync, optisync_conformance):
    assert root in Path(package.__file__).parents, package.__file__
for name in ("adapters", "models", "specs"):
    place = resource_dir(name)
    assert root in place.parents, place
    for path in sorted(place.rglob("*")):
        if path.is_file():
            print(name, path.relative_to(place).as_posix())
"""


def _run(*argv: str | Path, cwd: Path) -> str:
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    env["UV_SYSTEM_CERTS"] = "1"
    done = subprocess.run(argv, cwd=cwd, env=env, text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _tracked(name: str) -> set[str]:
    """The data of that name as it is in the tree, without what is made there."""
    place = resource_dir(name)
    listed = _run("git", "ls-files", "-co", "--exclude-standard", "-z", ".", cwd=place)
    return {f"{name} {path}" for path in listed.split("\0") if path}


@pytest.mark.slow
def test_a_wheel_installed_elsewhere_works(tmp_path: Path) -> None:
    away = tmp_path / "some where"
    away.mkdir()
    uv, python = Path(sys.prefix, "bin", "uv"), away / "venv" / "bin" / "python"
    _run(
        *(uv, "build", "-q", "--wheel", "--no-build-isolation", "--python", sys.executable),
        *("-o", away, ROOT),
        cwd=away,
    )
    (wheel,) = away.glob("*.whl")
    _run(sys.executable, "-m", "venv", "--without-pip", away / "venv", cwd=away)
    # Only what the wheel itself asks for, in the locked versions.
    _run(
        *(uv, "pip", "install", "-q", "--python", python),
        *("--constraint", ROOT / "requirements.lock", wheel),
        cwd=away,
    )
    assert "Usage: optisync" in _run(away / "venv" / "bin" / "optisync", "--help", cwd=away)
    installed = set(_run(python, "-c", LIST_DATA, cwd=away).splitlines())
    assert installed == _tracked("adapters") | _tracked("models") | _tracked("specs")
