"""Node.js and what `dev.py setup` makes with it; without them a test is skipped and says so."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from optisync_conformance.frames import Json

ROOT = Path(__file__).resolve().parents[2]
ADAPTERS = ROOT / "conformance" / "adapters"
PEERS = ADAPTERS / "peers"
KIT = ADAPTERS / "typescript" / "dist" / "kit" / "index.js"

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js here")
needs_kit = pytest.mark.skipif(
    not KIT.is_file(), reason="the TypeScript adapter is not built: python3 dev.py setup"
)
needs_peers = pytest.mark.skipif(
    not (PEERS / "node_modules").is_dir(), reason="no npm packages here: python3 dev.py setup"
)


def talk(script: Path, frames: Sequence[bytes], *words: str) -> tuple[list[Json], int]:
    """What an adapter answers to lines on stdin, and its exit code."""
    done = subprocess.run(
        ["node", str(script), *words],
        input=b"".join(frame + b"\n" for frame in frames),
        capture_output=True,
        timeout=60,
        check=False,
    )
    lines = done.stdout.decode().splitlines()
    return [cast(Json, json.loads(line)) for line in lines], done.returncode


def run_frame(number: int, profile: str, steps: Sequence[Json], given: Json = None) -> bytes:
    """A frame that asks for a script to be run."""
    frame: Json = {
        "t": "run",
        "id": number,
        "profile": profile,
        "with": given or {},
        "steps": [*steps],
    }
    return json.dumps(frame).encode()


def optisync(*words: str) -> subprocess.CompletedProcess[str]:
    """The command, in this tree."""
    return subprocess.run(
        [sys.executable, "-m", "optisync_conformance", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
