"""Nothing an adapter starts may outlive it: finding and killing its processes.

An adapter leads a process group. What leaves the group (`setsid`) is found by a mark in its
environment or among its descendants; what also scrubs its environment and loses its parent becomes
ours (`adopt_orphans`) and is killed at the end. The latter three need Linux's /proc.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

MARK: Final = "OPTISYNC_ADAPTER"
_PROC: Final = Path("/proc")
_PR_SET_CHILD_SUBREAPER: Final = 36


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose parents die (Linux; else nothing)."""
    if _PROC.joinpath("self").exists():
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill_orphans() -> int:
    """Kill every child this process still has, and theirs; the number of processes killed.

    Only for a program that is about to end and started nothing but adapters.
    """
    return _kill_until_none(lambda: _descendants(os.getpid()))


def kill_adapter(leader: int, mark: str) -> int:
    """Kill the group that `leader` leads and everything it started; the number killed.

    `mark` is the value of `MARK` in the environment of the adapter. Children of this process are
    not waited for, but for the ones it adopted.
    """
    found = set(_descendants(leader))
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    return _kill_until_none(lambda: (found | set(left_by(mark))) - {leader})


def left_by(mark: str) -> list[int]:
    """The live processes that carry the mark."""
    wanted = f"{MARK}={mark}".encode()
    return [pid for pid in _processes() if _alive(pid) and wanted in _environ(pid)]


def _kill_until_none(find: Callable[[], Iterable[int]]) -> int:
    killed: set[int] = set()
    for _ in range(50):  # a process may fork while it is being looked for
        alive = [pid for pid in find() if _alive(pid)]
        if not alive:
            break
        for pid in alive:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        time.sleep(0.005)
        _reap(killed)
    _reap(killed)
    return len(killed)


def _reap(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def _processes() -> list[int]:
    with suppress(OSError):
        return [int(name) for name in os.listdir(_PROC) if name.isdigit()]
    return []


def _environ(pid: int) -> list[bytes]:
    with suppress(OSError):
        return _PROC.joinpath(str(pid), "environ").read_bytes().split(b"\0")
    return []


def _stat(pid: int) -> tuple[str, int]:
    """State letter and parent of a process; ("X", 0) when it is gone."""
    with suppress(OSError, IndexError, ValueError):
        # The name, in parentheses, may hold anything, parentheses and spaces included.
        fields = (
            _PROC.joinpath(str(pid), "stat").read_text(errors="replace").rpartition(")")[2].split()
        )
        return fields[0], int(fields[1])
    return "X", 0


def _alive(pid: int) -> bool:
    return _stat(pid)[0] not in "XZ"


def _descendants(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for pid in _processes():
        children.setdefault(_stat(pid)[1], []).append(pid)
    found: list[int] = []
    queue = list(children.get(root, ()))
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue.extend(children.get(pid, ()))
    return found
