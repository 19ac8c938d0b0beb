"""How lines get to an adapter and back: a child process, a socket, a function in this process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol, cast

from optisync_conformance import strays
from optisync_conformance.stream import Closed, Stream

_MOMENT: Final = 0.5


class CannotStart(Exception):
    """There is nobody at the other end; the text says why."""


@dataclass(frozen=True, slots=True)
class Farewell:
    """How an adapter took the end of its input.

    `code` is its exit code, None if it had to be killed; `left` the number of processes it left
    behind (they are dead now).
    """

    code: int | None
    left: int


class Link(Protocol):
    """One conversation with one adapter."""

    def send(self, line: bytes) -> None:
        """Queue a line, its newline included."""

    def receive(self, seconds: float) -> bytes | None:
        """The next line, or None after `seconds`. Raises Closed or TooLong."""

    def kill(self) -> None:
        """End the conversation at once, and whatever the adapter started."""

    def close(self, seconds: float) -> Farewell | None:
        """End the input, wait, kill what is left; None for links that own no process."""

    def stderr(self) -> str:
        """The last of what the adapter wrote for people."""
        ...


class ProcessLink:
    """A child process that leads its own session, spoken to over stdin and stdout."""

    def __init__(self, command: Sequence[str], cwd: Path | None) -> None:
        self._mark = uuid.uuid4().hex
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                list(command),
                bufsize=0,
                cwd=cwd,
                env={**os.environ, strays.MARK: self._mark},
                start_new_session=True,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
            )
        except (OSError, ValueError) as error:
            raise CannotStart(_why_not(command, cwd, error)) from None
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._stdin = self._process.stdin
        out, err = self._process.stdout, self._process.stderr
        self._pipes = (self._stdin, out, err)
        self._stream = Stream(out.fileno(), self._stdin.fileno(), err.fileno())

    def send(self, line: bytes) -> None:
        self._stream.send(line)

    def receive(self, seconds: float) -> bytes | None:
        until = time.monotonic() + seconds
        while True:
            # A grandchild may hold stdout open after the adapter is dead: look now and then.
            dead = self._process.poll() is not None
            left = until - time.monotonic()
            try:
                line = self._stream.receive(0.0 if dead else min(left, 0.1))
            except Closed:
                raise Closed(self._how()) from None
            if line is not None:
                return line
            if dead:
                raise Closed(self._how())
            if left <= 0:
                return None

    def kill(self) -> None:
        self._end()

    def close(self, seconds: float) -> Farewell:
        with suppress(OSError):
            self._stdin.close()
        code: int | None = None
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(seconds)
        # What an adapter leaves when it ends by itself is its doing; what we cut off is ours.
        left = self._left() if code is not None else 0
        self._end()
        return Farewell(code, left)

    def stderr(self) -> str:
        return self._stream.tail()

    def _left(self) -> int:
        """Processes still there a moment after the adapter ended; a launcher's may take one."""
        until = time.monotonic() + _MOMENT
        while (left := len(strays.left_by(self._mark))) and time.monotonic() < until:
            time.sleep(0.01)
        return left

    def _end(self) -> None:
        self._stream.tail()
        strays.kill_adapter(self._process.pid, self._mark)
        self._process.wait()
        for pipe in self._pipes:
            with suppress(OSError):
                pipe.close()

    def _how(self) -> str:
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return "the adapter closed its stdout and went on running"
        if code < 0:
            return f"the adapter was killed by signal {-code}"
        return f"the adapter ended with exit code {code}"


def _why_not(command: Sequence[str], cwd: Path | None, error: Exception) -> str:
    if cwd is not None and not cwd.is_dir():
        return f"the directory {cwd} does not exist"
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return f"cannot start {command[0]!r}: {reason}; is it installed, and is the path right?"


class SocketLink:
    """A connection to an adapter that somebody else started, under a debugger perhaps."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._stream = Stream(connected.fileno(), connected.fileno())

    def send(self, line: bytes) -> None:
        self._stream.send(line)

    def receive(self, seconds: float) -> bytes | None:
        try:
            return self._stream.receive(seconds)
        except Closed as closed:
            raise Closed(str(closed) or "the adapter closed the connection") from None

    def kill(self) -> None:
        self._socket.close()

    def close(self, seconds: float) -> None:
        del seconds
        self._socket.close()

    def stderr(self) -> str:
        return ""


class FunctionLink:
    """An adapter in this process: a function from a line to the answering line."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self._lines: deque[bytes] = deque()

    def send(self, line: bytes) -> None:
        self._lines.append(line)

    def receive(self, seconds: float) -> bytes | None:
        del seconds
        if not self._lines:
            return None
        try:
            return self._answer(self._lines.popleft()).rstrip(b"\n")
        except Exception as error:
            raise Closed(f"the adapter raised {type(error).__name__}: {error}") from error

    def kill(self) -> None:
        self._lines.clear()

    def close(self, seconds: float) -> None:
        del seconds

    def stderr(self) -> str:
        return ""


def connect(command: Sequence[str], cwd: Path | None = None) -> Link:
    """The adapter that a command line names.

    One word `tcp:HOST:PORT`, `unix:PATH` or `py:MODULE:FACTORY` is a place to connect to, a factory
    being a function that returns one from a line to a line; all else is a program and its
    arguments. Raises CannotStart.
    """
    if wrong := problem(command):
        raise CannotStart(wrong)
    kind, place = _kind(command)
    match kind:
        case "tcp":
            host, _, port = place.rpartition(":")
            return _dial(socket.AF_UNSPEC, (host, int(port)), command[0])
        case "unix":
            return _dial(socket.AF_UNIX, place, command[0])
        case "py":
            return FunctionLink(_load(place))
        case _:
            return ProcessLink(command, cwd)


def problem(command: Sequence[str]) -> str:
    """What is wrong with the form of a command line; "" if nothing.

    >>> problem(["tcp:localhost"]), problem(["tcp:localhost:8080"])
    ("'tcp:localhost' is not tcp:HOST:PORT", '')
    """
    kind, place = _kind(command)
    before, _, after = place.rpartition(":")
    match kind:
        case "tcp":
            form, fits = "tcp:HOST:PORT", bool(before) and after.isdecimal() and int(after) < 65536
        case "unix":
            form, fits = "unix:PATH", bool(place)
        case "py":
            form, fits = "py:MODULE:FACTORY", bool(before and after)
        case _:
            return ""
    return "" if fits else f"{command[0]!r} is not {form}"


def _kind(command: Sequence[str]) -> tuple[str, str]:
    kind, _, place = command[0].partition(":") if len(command) == 1 else ("", "", "")
    return kind, place


def _dial(family: int, place: str | tuple[str, int], name: str) -> Link:
    try:
        if isinstance(place, tuple):
            return SocketLink(socket.create_connection(place, timeout=10))
        connected = socket.socket(family, socket.SOCK_STREAM)
        try:
            connected.connect(place)
        except OSError:
            connected.close()
            raise
        return SocketLink(connected)
    except (OSError, OverflowError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise CannotStart(f"nobody answers at {name}: {reason}; is the adapter running?") from None


def _load(place: str) -> Callable[[bytes], bytes]:
    module, _, name = place.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        factory: object = getattr(import_module(module), name)
        made = cast("Callable[[], Callable[[bytes], bytes]]", factory)()
    except Exception as error:
        raise CannotStart(f"cannot load py:{place}: {type(error).__name__}: {error}") from None
    if not callable(made):
        raise CannotStart(f"py:{place}() returned {type(made).__name__}, not a function")
    return made
