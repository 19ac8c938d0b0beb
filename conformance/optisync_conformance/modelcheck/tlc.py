"""Runs TLC on a module: private directories, bounded memory and time, a typed result.

>>> from pathlib import Path
>>> job = Job("Tiny", Config(constants={"N": 2}, invariants=("Small",)), Path("models"))
>>> print(job.config.text())
INIT Init
NEXT Next
CONSTANT N = 2
INVARIANT Small
<BLANKLINE>
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import tlc_output
from .results import Failed, Failure, Result, Violated, Violation
from .toolchain import Toolchain

#: A constant's value: a number, a boolean, or text in the syntax of cfg files ('"a"', '{c1, c2}').
Constant = int | bool | str


@dataclass(frozen=True, slots=True)
class Config:
    """What a cfg file says. With ``specification`` set, ``init`` and ``next`` are not used.

    ``overrides`` replace definitions (``Op <- Other``).
    """

    constants: Mapping[str, Constant] = field(default_factory=dict[str, Constant])
    invariants: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    init: str = "Init"
    next: str = "Next"
    specification: str = ""
    constraints: tuple[str, ...] = ()
    overrides: Mapping[str, str] = field(default_factory=dict[str, str])

    def text(self) -> str:
        """The cfg file."""
        lines = (
            [f"SPECIFICATION {self.specification}"]
            if self.specification
            else [f"INIT {self.init}", f"NEXT {self.next}"]
        )
        lines += [f"CONSTANT {name} = {_constant(value)}" for name, value in self.constants.items()]
        lines += [f"CONSTANT {name} <- {other}" for name, other in self.overrides.items()]
        lines += [f"CONSTRAINT {name}" for name in self.constraints]
        lines += [f"INVARIANT {name}" for name in self.invariants]
        lines += [f"PROPERTY {name}" for name in self.properties]
        return "\n".join(lines) + "\n"


def _constant(value: Constant) -> str:
    return str(value).upper() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class Job:
    """One run of TLC: module ``module`` of the directory ``models``, under ``config``.

    ``extra`` holds generated modules by name (text). ``dump`` names the file that receives the
    state graph with action labels. ``heap_mb`` and ``timeout_s`` bound the run; ``quick`` trades
    peak speed for start-up time (right below some thousand states). One worker keeps
    counterexamples shortest and repeatable.
    """

    module: str
    config: Config
    models: Path
    deadlock: bool = False
    coverage: bool = False
    dump: Path | None = None
    extra: Mapping[str, str] = field(default_factory=dict[str, str])
    workers: int = 1
    heap_mb: int = 1024
    timeout_s: float = 300.0
    quick: bool = False


def check(job: Job, tools: Toolchain) -> Result:
    """Run the job and name what is violated.

    TLC does not say which of several temporal properties fails, so in that case each is checked
    alone, in the order configured, and the first that fails is the result.
    """
    result = run(job, tools)
    match result:
        case Violated(kind=Violation.PROPERTY, name="") if len(job.config.properties) == 1:
            return replace(result, name=job.config.properties[0])
        case Violated(kind=Violation.PROPERTY, name=""):
            return _first_violated(job, tools, result)
        case _:
            return result


def _first_violated(job: Job, tools: Toolchain, joint: Violated) -> Result:
    for name in job.config.properties:
        alone = replace(job.config, properties=(name,), invariants=())
        result = run(replace(job, config=alone, dump=None, coverage=False), tools)
        match result:
            case Violated(kind=Violation.PROPERTY):
                return replace(result, name=result.name or name)
            case Failed():
                return result
            case _:
                continue
    text = "temporal properties fail together, but none of them alone"
    return Failed(Failure.CRASH, text, joint.seconds)


def run(job: Job, tools: Toolchain) -> Result:
    """One run of TLC in a private directory that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="optisync-tlc-") as name:
        place = Path(name)
        _lay_out(job, place)
        output = place / "output.txt"
        started = time.monotonic()
        code = _execute(_command(job, tools), place / "spec", output, job.timeout_s)
        seconds = time.monotonic() - started
        if job.dump is not None and (place / "spec" / "graph.dot").is_file():
            shutil.move(place / "spec" / "graph.dot", job.dump)
        if code is None:
            text = f"stopped after {job.timeout_s:g} s"
            return Failed(Failure.TIMEOUT, text, seconds)
        text = output.read_text("utf-8", errors="replace").replace(f"{place}/spec/", "")
        return tlc_output.read(text, code, seconds)


def _lay_out(job: Job, place: Path) -> None:
    # Two runs in one directory collide (states directory named by the second, standard modules
    # unpacked into the temporary folder), so each run has its own of both.
    for folder in ("spec", "tmp"):
        (place / folder).mkdir()
    for source in job.models.glob("*.tla"):
        shutil.copy(source, place / "spec" / source.name)
    for module, text in job.extra.items():
        (place / "spec" / f"{module}.tla").write_text(text, encoding="utf-8")
    (place / "spec" / f"{job.module}.cfg").write_text(job.config.text(), encoding="utf-8")


def _command(job: Job, tools: Toolchain) -> list[str]:
    command = [tools.java, f"-Xmx{job.heap_mb}m", "-Xss8m", "-Djava.io.tmpdir=../tmp"]
    command.append("-XX:+UseSerialGC" if job.workers == 1 else "-XX:+UseParallelGC")
    if job.quick:
        command.append("-XX:TieredStopAtLevel=1")
    command += ["-cp", str(tools.jar), "tlc2.TLC", "-tool", "-fp", "0", "-metadir", "../meta"]
    # Liveness at the end only: checks in between come by the clock, and change the counterexample.
    command += ["-workers", str(job.workers), "-checkpoint", "0", "-lncheck", "final"]
    if not job.deadlock:
        command.append("-deadlock")
    if job.coverage:
        command += ["-coverage", "60"]
    if job.dump is not None:
        command += ["-dump", "dot,actionlabels", "graph"]
    # Relative names: TLC does not find the module when spec and config are both absolute.
    return [*command, "-config", f"{job.module}.cfg", f"{job.module}.tla"]


_live: set[subprocess.Popen[bytes]] = set()
_lock = threading.Lock()


def _execute(command: list[str], cwd: Path, output: Path, timeout_s: float) -> int | None:
    """The exit code, or None when the time was up; no process of the group outlives the call."""
    environment = {k: v for k, v in os.environ.items() if k != "JAVA_TOOL_OPTIONS"}
    with output.open("wb") as sink:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment,
        )
        with _tracked(process):
            try:
                return process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                return None


@contextlib.contextmanager
def _tracked(process: subprocess.Popen[bytes]) -> Generator[None]:
    with _lock:
        _live.add(process)
    try:
        yield
    finally:
        _kill_group(process)
        with _lock:
            _live.discard(process)


def kill_running() -> None:
    """Kill every TLC this process still runs (each with its whole process group)."""
    with _lock:
        processes = list(_live)
    for process in processes:
        _kill_group(process)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
