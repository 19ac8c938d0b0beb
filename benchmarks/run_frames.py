"""How fast scripts go through an adapter, and how soon the first result is there.

Frames per second of the TypeScript adapter, as a share of an echo through the same kit with the
same frames, the same rounds of rest and the same window; beside it a bare echo, which answers
without resting. The rounds take turns, so that a loaded machine slows all of them.
"""

from __future__ import annotations

import gc
import shutil
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from optisync_conformance.cases import load_pack
from optisync_conformance.frames import IN_FLIGHT, Script
from optisync_conformance.link import connect
from optisync_conformance.resources import resource_dir
from optisync_conformance.scoring import script_of
from optisync_conformance.session import Observed, Options, Refused, Session

FRAMES = 3000
ROUNDS = 5
STARTS = 7
WANTED_SHARE = 0.5
WANTED_START = 1.0


def rate(session: Session, scripts: list[Script]) -> float:
    """Frames per second; every frame has to be answered."""
    began = time.perf_counter()
    answers = [outcome for _, outcome in session.run(enumerate(scripts))]
    took = time.perf_counter() - began
    bad = [each for each in answers if not isinstance(each, Observed)]
    if bad and not isinstance(bad[0], Refused):
        sys.exit(f"run_frames: an answer is not an observation: {bad[0]}")
    return len(scripts) / took


def medians(commands: dict[str, tuple[str, ...]], scripts: list[Script]) -> dict[str, float]:
    """The median rate of each adapter, the rounds taking turns; the first round only warms up."""
    options = Options(timeout=60, window=IN_FLIGHT)
    sessions = {
        name: Session(partial(connect, command), options) for name, command in commands.items()
    }
    rates: dict[str, list[float]] = {name: [] for name in commands}
    try:
        for number in range(ROUNDS + 1):
            for name, session in sessions.items():
                measured = rate(session, scripts)
                if number:
                    rates[name].append(measured)
    finally:
        for session in sessions.values():
            session.close()
    return {name: statistics.median(found) for name, found in rates.items()}


def first_result() -> float:
    """Seconds from the start of `optisync run` to its first verdict, the reference as adapter."""
    suite = (sys.executable, "-m", "optisync_conformance")
    words = ("run", "--report", "ndjson=/dev/stdout", "--show", "0", "--", *suite, "adapter")
    began = time.perf_counter()
    with subprocess.Popen((*suite, *words), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(b'{"t":"done"'):
                took = time.perf_counter() - began
                process.kill()
                return took
    sys.exit("run_frames: no result")


def main() -> int:
    """Print the figures; 1 if one is not as wanted."""
    gc.set_threshold(100_000, 20, 20)  # as `optisync` does
    starts = [first_result() for _ in range(STARTS)]
    median, best = statistics.median(starts), min(starts)
    print(f"first result of `optisync run`: median {median:.2f} s, best {best:.2f} s of {STARTS}")
    ok = best <= WANTED_START
    place = resource_dir("adapters") / "typescript" / "dist"
    node = shutil.which("node")
    if node is None or not Path(place, "main.js").is_file():
        print("TypeScript adapter: skipped, there is no Node.js or it is not built")
        return 0 if ok else 1
    cases = load_pack(["core"], "coordinator")
    scripts = [script_of(case) for case in cases]
    scripts = [scripts[index % len(scripts)] for index in range(FRAMES)]
    found = medians(
        {
            "TypeScript adapter": (node, str(place / "main.js")),
            "echo, same kit and rest": (node, str(place / "echo.js")),
            "bare echo": (node, str(place / "echo.js"), "--bare"),
        },
        scripts,
    )
    steps = sum(len(script.steps) for script in scripts) / len(scripts)
    print(f"{FRAMES} frames of {steps:.1f} steps, window {IN_FLIGHT}, median of {ROUNDS} rounds:")
    for name, value in found.items():
        print(f"  {name:24} {value:8.0f} frames/s")
    share = found["TypeScript adapter"] / found["echo, same kit and rest"]
    print(f"  share of the echo: {share:.2f} (wanted: at least {WANTED_SHARE})")
    return 0 if ok and share >= WANTED_SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
