"""One live process for each store: an operating system lock that ends with its holder.

The lock is `flock` on a file beside the store. That file stays: removing it would let two
processes hold locks on two files of the same name. A process forked by the holder shares the lock.
POSIX systems only.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
from contextlib import ExitStack
from datetime import UTC, datetime

from optisync.shell.store import StoreDiskFull, StoreError, StoreHeld, StoreReadOnly

_KINDS: dict[int | None, type[StoreError]] = {
    errno.EACCES: StoreReadOnly,
    errno.EPERM: StoreReadOnly,
    errno.EROFS: StoreReadOnly,
    errno.ENOSPC: StoreDiskFull,
    errno.EDQUOT: StoreDiskFull,
}


class OwnerLock:
    """Held from construction until `release` or the end of the process, however it ends.

    Raises StoreHeld naming the holder, and StoreReadOnly, StoreDiskFull or StoreError when the
    file beside `path` cannot be made.
    """

    def __init__(self, path: str) -> None:
        self.path = f"{path}.lock"
        try:
            self._file, self._identity = _locked(self.path)
        except OSError as error:
            kind = _KINDS.get(error.errno, StoreError)
            raise kind(path, error.strerror or str(error)) from error

    @property
    def in_place(self) -> bool:
        """Whether the file locked still has its name; else another process can lock it too."""
        return identity(self.path) == self._identity

    def release(self) -> None:
        """Let another process have the store; releasing twice is harmless."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def identity(path: str) -> tuple[int, int] | None:
    """Which file has this name; None: there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _locked(path: str) -> tuple[int, tuple[int, int]]:
    with ExitStack() as unless_held:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        unless_held.callback(os.close, file)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreHeld(path.removesuffix(".lock"), _holder(file)) from None
        opened = os.fstat(file)
        found = (opened.st_dev, opened.st_ino)
        if identity(path) == found:
            _write_holder(file)
            unless_held.pop_all()
            return file, found
    return _locked(path)  # it was removed between opening and locking


def _write_holder(file: int) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
    os.truncate(file, 0)
    os.pwrite(file, json.dumps(holder).encode(), 0)


def _holder(file: int) -> str:
    written = os.pread(file, 4096, 0).decode(errors="replace")
    return f"in use by another process: {written or 'it is just starting'}"
