#!/usr/bin/env python3
"""Everything a checkout needs, from Python 3.11 alone: `python3 dev.py run` or `... test`.

The environment is `.venv` in the tree, installed from the hashed requirements.lock. A stamp of
what it was made from lets the next call skip the work, so it needs no network then.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
LOCK = ROOT / "requirements.lock"
PYPROJECT = ROOT / "pyproject.toml"
REPORT = ROOT / ".cache" / "pytest.xml"


PYTEST = ("pytest", "-q", "-n", "auto", "--maxprocesses=4", f"--junit-xml={REPORT}")

# Name of a step to its command, a program of the environment first. The later `-m` of pytest wins:
# the full check runs the slow tests too, and lets Hypothesis look further.
TEST: dict[str, tuple[str, ...]] = {
    "ruff check": ("ruff", "check", "."),
    "ruff format": ("ruff", "format", "--check", "."),
    "mypy": ("mypy",),
    "pyright": ("basedpyright",),
    "import contracts": ("lint-imports",),
    "pytest": PYTEST,
}
CHECK_FULL = TEST | {"pytest": (*PYTEST, "-m", "", "--hypothesis-profile=full")}


def fail(message: str) -> NoReturn:
    """Say what is wrong and what to do about it, and stop."""
    sys.exit(f"dev.py: {message}")


def environment() -> dict[str, str]:
    """The caller's environment without what would lead Python or uv elsewhere."""
    strangers = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX"}
    env = {k: v for k, v in os.environ.items() if k not in strangers}
    env |= {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_ROOT_USER_ACTION": "ignore"}
    env["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    env["UV_SYSTEM_CERTS"] = "1"  # as pip does; a proxy's own authority is known there only
    home = env.get("HOME")
    if not home or not os.access(home, os.W_OK):
        env.setdefault("UV_NO_CACHE", "1")
    env["PATH"] = os.pathsep.join([str(BIN), env.get("PATH", os.defpath)])
    return env


def call(argv: Sequence[str | Path], cwd: Path = ROOT) -> int:
    """Run a command, its output going to ours; 127 when there is no such program."""
    env = environment()
    program = shutil.which(str(argv[0]), path=env["PATH"])
    if program is None:
        print(f"dev.py: there is no program {argv[0]!r}", file=sys.stderr)
        return 127
    try:
        return subprocess.call([program, *map(str, argv[1:])], cwd=cwd, env=env)
    except KeyboardInterrupt:
        return 130


def digest(*parts: str | Path) -> str:
    """One hash over texts and over the contents of files."""
    total = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else part.encode()
        total.update(len(data).to_bytes(8, "big") + data)
    return total.hexdigest()


def stamped(stamp: Path, value: str) -> bool:
    """Whether the work that `stamp` records was done for this `value`."""
    return stamp.is_file() and stamp.read_text(encoding="ascii") == value


def locked_uv() -> str:
    """The part of the lock that pins uv, with its hashes."""
    pinned = re.search(r"^uv==.*(\n .*)*\n", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    return pinned[0] if pinned else fail("requirements.lock does not pin uv")


@contextmanager
def uv_program() -> Generator[Path]:
    """A uv: the environment's, the machine's, or the pinned one fetched by pip for the moment."""
    present = shutil.which("uv", path=environment()["PATH"])
    if present:
        yield Path(present)
        return
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "uv.lock.txt").write_text(locked_uv(), encoding="utf-8")
        wanted = ("--no-deps", "--require-hashes", "-r", place / "uv.lock.txt")
        if call((*pip_program(), "install", "-q", "--target", place / "uv", *wanted)):
            fail("pip could not fetch uv (see above); a network is needed the first time only")
        yield place / "uv" / "bin" / "uv"


def silent(*argv: str | Path) -> bool:
    """Whether a command succeeds, whatever it prints."""
    return subprocess.run(argv, check=False, capture_output=True, env=environment()).returncode == 0


def pip_program() -> tuple[str | Path, ...]:
    """A pip: that of the running Python, or one that ensurepip puts into `.venv`."""
    if silent(sys.executable, "-m", "pip", "--version"):
        return (sys.executable, "-m", "pip")
    if silent(BIN / "python", "-m", "ensurepip"):
        return (BIN / "python", "-m", "pip")
    fail("this Python has neither pip nor ensurepip; install uv or your system's python3-pip")


def setup_python() -> None:
    """Make `.venv` hold exactly what the lock says, and this tree as an editable install."""
    base = digest(str(ROOT), sys.version, sys.base_prefix)
    whole = digest(base, LOCK, PYPROJECT)
    if stamped(VENV / "stamp", whole):
        return
    print("dev.py: setting up .venv ...", file=sys.stderr, flush=True)
    (VENV / "stamp").unlink(missing_ok=True)
    if not stamped(VENV / "base", base):
        if call((sys.executable, "-m", "venv", "--clear", "--without-pip", VENV)):
            fail("this Python cannot make a virtual environment; is its venv module installed?")
        (VENV / "base").write_text(base, encoding="ascii")
    target = ("-q", "--python", BIN / "python")
    with uv_program() as uv:
        if call((uv, "pip", "sync", *target, "--require-hashes", LOCK)):
            fail("installing requirements.lock failed (see above)")
        # hatchling is in the lock: no isolated build, which would fetch unpinned packages.
        if call((uv, "pip", "install", *target, "--no-deps", "--no-build-isolation", "-e", ROOT)):
            fail("installing this tree into .venv failed (see above)")
    (VENV / "stamp").write_text(whole, encoding="ascii")


def setup_node() -> None:
    """Install the npm dependencies of every adapter that has a package-lock.json."""
    places = [lock.parent for lock in sorted(ROOT.glob("conformance/adapters/*/package-lock.json"))]
    npm = shutil.which("npm")
    if places and (npm is None or shutil.which("node") is None):
        print("dev.py: no Node.js here; rows that need it will say so", file=sys.stderr)
        return
    for place in places:
        base = digest(str(place), place / "package.json", place / "package-lock.json")
        install = ("npm", "ci", "--loglevel=error", "--no-audit", "--no-fund")
        installed = npm_step(place, place / "node_modules", base, install)
        if installed and '"build":' in (place / "package.json").read_text(encoding="utf-8"):
            sources = (file for file in sorted((place / "src").rglob("*")) if file.is_file())
            whole = digest(base, place / "tsconfig.json", *sources)
            npm_step(place, place / "dist", whole, ("npm", "run", "--silent", "build"))


def npm_step(place: Path, made: Path, value: str, command: Sequence[str]) -> bool:
    """Run npm in `place` unless what it makes was made for this `value`; whether it is there."""
    if stamped(made / ".stamp", value):
        return True
    shown = " ".join(command[:3])
    print(f"dev.py: {shown} in {place.relative_to(ROOT)} ...", file=sys.stderr, flush=True)
    shutil.rmtree(made, ignore_errors=True)
    if call(command, cwd=place):
        print(f"dev.py: {shown} failed; rows that need it will say so", file=sys.stderr)
        return False
    made.mkdir(exist_ok=True)
    (made / ".stamp").write_text(value, encoding="ascii")
    return True


def counts() -> str:
    """The figures of the last pytest run, as `N passed, N failed[, N skipped]`."""
    if not REPORT.is_file():
        return "0 passed, 0 failed (pytest did not get as far as a report)"
    total = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for suite in ElementTree.parse(REPORT).getroot().iter("testsuite"):
        for key in total:
            total[key] += int(suite.get(key, "0"))
    failed = total["failures"] + total["errors"]
    passed = total["tests"] - failed - total["skipped"]
    skipped = f", {total['skipped']} skipped" if total["skipped"] else ""
    return f"{passed} passed, {failed} failed{skipped}"


def check(steps: Mapping[str, Sequence[str]]) -> int:
    """Run every step, whatever the others did, and print a summary; 1 if any failed."""
    if not steps:
        return 0
    REPORT.unlink(missing_ok=True)
    lines: list[str] = []
    bad = 0
    for name, argv in steps.items():
        print(f"\n== {name}: {' '.join(argv)}", flush=True)
        started = time.monotonic()
        code = call(argv)
        bad += code != 0
        verdict = "ok" if code == 0 else f"FAILED (exit code {code})"
        lines.append(f"{name:24} {time.monotonic() - started:7.1f} s  {verdict}")
        if code == 130:
            break
    print("\n== summary", *lines, counts(), sep="\n", flush=True)
    return 1 if bad else 0


def lock() -> int:
    """Write requirements.lock anew from pyproject.toml."""
    inputs = (PYPROJECT.name, "--group", "dev", "--universal", "--python-version", "3.11")
    output = ("--generate-hashes", "--upgrade", "--no-emit-index-url", "-q", "-o", LOCK.name)
    header = ("--custom-compile-command", "python3 dev.py lock")
    with uv_program() as uv:
        return call((uv, "pip", "compile", *inputs, *output, *header))


COMMANDS = {
    "setup": "make the environment",
    "run": "set up, then `optisync run` with the words that follow",
    "test": "set up, then every static check and the tests",
    "check-full": "as test, with the slow tests",
    "bench": "set up, then the benchmarks",
    "lock": "write requirements.lock anew",
}


def main(words: Sequence[str]) -> int:
    """Do what the command line says; 2 if it says nothing that we know."""
    if sys.version_info < (3, 11):
        fail(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]} ({sys.executable})")
    command, rest = (words[0] if words else "-h"), words[1:]
    if command not in COMMANDS or (rest and command != "run"):
        usage = [f"  {name:12}{text}" for name, text in COMMANDS.items()]
        print("usage: python3 dev.py COMMAND", *usage, sep="\n", file=sys.stderr)
        return 0 if words and command in ("-h", "--help") else 2
    if command == "lock":
        return lock()
    with (ROOT / ".venv.lock").open("w") as guard:  # one setup of a tree at a time
        fcntl.flock(guard, fcntl.LOCK_EX)
        setup_python()
        setup_node()
    if command == "run":
        return call((BIN / "optisync", "run", *rest))
    if command == "bench":
        scripts = sorted((ROOT / "benchmarks").glob("*.py"))
        return max([call((BIN / "python", script, *rest)) for script in scripts])
    return check({"setup": {}, "test": TEST, "check-full": CHECK_FULL}[command])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
