"""Lines over file descriptors that never block for longer than asked.

A peer that does not read while it writes, or writes without end, is noticed and not waited for.
"""

from __future__ import annotations

import os
import select
from collections import deque
from contextlib import suppress
from typing import Final

from optisync_conformance.frames import FRAME_BYTES, quote

_CHUNK: Final = 1 << 20
_TAIL: Final = 4096


class Closed(Exception):
    """The other end went away; the text says how."""


class TooLong(Exception):
    """A line beyond the limit; the text quotes its start."""


class Stream:
    """Non-blocking lines over file descriptors."""

    def __init__(self, reading: int, writing: int, stderr: int | None = None) -> None:
        self._reading, self._writing, self._stderr = reading, writing, stderr
        self._poll = select.poll()
        self._out = bytearray()
        self._rest = bytearray()
        self._lines: deque[bytes] = deque()
        self._said = b""
        for number in (reading, writing, stderr):
            if number is not None:
                os.set_blocking(number, False)
        self._poll.register(reading, select.POLLIN)
        if stderr is not None:
            self._poll.register(stderr, select.POLLIN)

    def send(self, line: bytes) -> None:
        self._out += line
        self._flush()

    def receive(self, seconds: float) -> bytes | None:
        """The next line; None after `seconds`. Raises Closed("") at the end of the input."""
        if not self._lines:
            self._pump(seconds)
        return self._lines.popleft() if self._lines else None

    def tail(self) -> str:
        self._listen()
        return self._said.decode("utf-8", "replace").strip()

    def _flush(self) -> None:
        try:
            while self._out:
                del self._out[: os.write(self._writing, self._out[:_CHUNK])]
        except BlockingIOError:
            pass
        except OSError:
            self._out.clear()  # nobody reads any more; the reading side will say so
        if self._writing != self._reading:
            with suppress(KeyError):
                self._poll.unregister(self._writing)
            if self._out:
                self._poll.register(self._writing, select.POLLOUT)
        else:
            wanted = select.POLLIN | (select.POLLOUT if self._out else 0)
            self._poll.register(self._reading, wanted)

    def _pump(self, seconds: float) -> None:
        for number, _ in self._poll.poll(max(0.0, seconds) * 1000):
            if number == self._stderr:
                self._listen()
                continue
            if self._out:
                self._flush()
            if number == self._reading:
                self._read()

    def _read(self) -> None:
        try:
            chunk = os.read(self._reading, _CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            raise Closed(error.strerror or "the connection broke") from None
        if not chunk:
            raise Closed("")
        first, newline, others = chunk.partition(b"\n")
        self._rest += first
        if newline:
            *lines, last = others.split(b"\n")
            self._lines.append(bytes(self._rest))
            self._lines.extend(lines)
            self._rest = bytearray(last)
        if len(self._rest) > FRAME_BYTES:
            start = quote(bytes(self._rest[:200]), 80)
            raise TooLong(f"the adapter wrote a line longer than {FRAME_BYTES >> 20} MiB: {start}")

    def _listen(self) -> None:
        if self._stderr is None:
            return
        try:
            while chunk := os.read(self._stderr, _CHUNK):
                self._said = (self._said + chunk)[-_TAIL:]
        except BlockingIOError:
            return
        except OSError:
            pass
        with suppress(KeyError):
            self._poll.unregister(self._stderr)
