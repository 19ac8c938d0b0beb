"""A disk that loses power: what SQLite did to it, and what may be left of that.

`Recorder` is a VFS (SQLite's word for its file system) that passes everything on to the real one
and notes it. `Disk` replays the notes and makes images: what was synced is there; of what was not,
any sector of 512 bytes may be, in any order, and any creation or deletion of a file.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias, assert_never

import apsw

SECTOR: Final = 512


@dataclass(frozen=True)
class Opened:
    """The file is there from now on."""

    name: str


@dataclass(frozen=True)
class Written:
    name: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Truncated:
    name: str
    size: int


@dataclass(frozen=True)
class Synced:
    """All that was done to the content of the file stays."""

    name: str


@dataclass(frozen=True)
class Deleted:
    name: str


@dataclass(frozen=True)
class DirectorySynced:
    """All files that were made or deleted stay so."""


@dataclass(frozen=True)
class Commits:
    """How many commits were begun, and how many of them have returned."""

    begun: int
    returned: int


Event: TypeAlias = Opened | Written | Truncated | Synced | Deleted | DirectorySynced | Commits


class Recorder(apsw.VFS):
    """The real file system, with notes."""

    NAME: Final = "recorder"

    def __init__(self) -> None:
        super().__init__(self.NAME, "")
        self.events: list[Event] = []

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        assert name is not None, "a store has no temporary files"
        return _File(self.events, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        self.events.append(Deleted(Path(filename).name))
        if syncdir:
            self.events.append(DirectorySynced())


class _File(apsw.VFSFile):
    def __init__(self, events: list[Event], name: str | apsw.URIFilename, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._events = events
        self._name = Path(name if isinstance(name, str) else name.filename()).name
        # SQLite's file system for Unix syncs the directory with the first sync of such a file.
        self._entry_waits = self._name.endswith(("-wal", "-journal"))
        events.append(Opened(self._name))

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)  # pyright: ignore[reportUnknownMemberType]  # its stubs
        self._events.append(Written(self._name, offset, data))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self._events.append(Truncated(self._name, newsize))

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._events.append(Synced(self._name))
        if self._entry_waits:
            self._events.append(DirectorySynced())
            self._entry_waits = False


@dataclass
class _Content:
    """A file: what is safe, and what was done since, in order (a number: cut to this size)."""

    safe: bytearray = field(default_factory=bytearray)
    since: list[tuple[int, bytes] | int] = field(default_factory=list)

    def sync(self) -> None:
        for change in self.since:
            _apply(self.safe, change)
        self.since = []


@dataclass
class Disk:
    """The files by name as the program sees them, and as they are sure to be after a crash."""

    seen: dict[str, _Content] = field(default_factory=dict)
    safe: dict[str, _Content] = field(default_factory=dict)
    since: list[tuple[str, _Content | None]] = field(default_factory=list)

    def happens(self, event: Event) -> None:
        """One more thing is done to the disk."""
        match event:
            case Opened(name) if name not in self.seen:
                self.seen[name] = _Content()
                self.since.append((name, self.seen[name]))
            case Written(name, offset, data):
                self.seen[name].since += list(_sectors(offset, data))
            case Truncated(name, size):
                self.seen[name].since.append(size)
            case Synced(name):
                self.seen[name].sync()
            case Deleted(name):
                del self.seen[name]
                self.since.append((name, None))
            case DirectorySynced():
                for name, content in self.since:
                    _name(self.safe, name, content)
                self.since = []
            case Opened() | Commits():
                pass
            case _:
                assert_never(event)

    def image(self, chance: random.Random) -> dict[str, bytes]:
        """The files that a crash may leave now."""
        contents = {id(each): each for each in (*self.safe.values(), *self.seen.values())}
        contents |= {id(each): each for _, each in self.since if each is not None}
        unsafe = len(self.since) + sum(len(each.since) for each in contents.values())
        arrives = _arrivals(chance, unsafe)
        entries = dict(self.safe)
        for name, content in self.since:
            if arrives():
                _name(entries, name, content)
        image: dict[str, bytes] = {}
        for name, content in entries.items():
            left = bytearray(content.safe)
            for change in content.since:
                if arrives():
                    _apply(left, change)
            image[name] = bytes(left)
        return image


def _arrivals(chance: random.Random, unsafe: int) -> Callable[[], bool]:
    """Which of the changes that were not synced are on the disk all the same."""
    match chance.choice(("none", "all", "first", "some", "some", "most")):
        case "none":
            return lambda: False
        case "all":
            return lambda: True
        case "first":
            left = iter([True] * chance.randrange(unsafe + 1))
            return lambda: next(left, False)
        case kind:
            often = 0.95 if kind == "most" else chance.random()
            return lambda: chance.random() < often


def _sectors(offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    """A write, cut where sectors begin."""
    at = offset
    while at < offset + len(data):
        end = min((at // SECTOR + 1) * SECTOR, offset + len(data))
        yield at, data[at - offset : end - offset]
        at = end


def _apply(content: bytearray, change: tuple[int, bytes] | int) -> None:
    if isinstance(change, int):
        content[change:] = bytes(max(0, change - len(content)))
        return
    offset, data = change
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


def _name(entries: dict[str, _Content], name: str, content: _Content | None) -> None:
    if content is None:
        entries.pop(name, None)
    else:
        entries[name] = content
