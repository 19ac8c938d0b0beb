"""Takes the power away from a store at any moment, and opens what is left of its files.

    python -m tests.crash.powerloss --images 1000 --seed 7

The real store is run over SQLite with a file system that takes notes (disk.py); from these come
images of the disk after a crash. Each is opened by the real store: the commits that had returned
are there, the one under way is there as a whole or not at all, and the file is sound.
`--synchronous OFF` runs the same over a SQLite that does not wait for the disk, to see that the
loss is found. Exit status 1: something was found.
"""

import argparse
import os
import random
import sqlite3
import sys
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias, cast
from unittest.mock import patch

import apsw
from tests.crash.application import Application
from tests.crash.authority import Authority
from tests.crash.disk import Commits, Disk, Event, Recorder
from tests.crash.network import Network
from tests.crash.wire import CLIENT, CONFIG, Waiting

from optisync.contracts.entry import Millis
from optisync.errors import OptisyncError
from optisync.outbox.effects import Send
from optisync.outbox.inputs import Consume, Reserve, Tick
from optisync.outbox.rows import Item, Row
from optisync.outbox.state import Outbox, start, with_row
from optisync.shell import sqlite
from optisync.shell.durable import DurableOutbox
from optisync.shell.memory import MemoryStore
from optisync.shell.sqlite import SqliteStore
from optisync.shell.store import Loaded, StoredDocs, StoreError, Versions
from optisync.values import Epoch
from optisync.view import Docs

FILE = "outbox.db"
MEMORY = Path("/dev/shm")
"""Files for a moment need no disk, and `fsync` takes its time there."""
ROUNDS = (20, 180, 20)
"""In each life; the long one fills the log, so that it is carried over and written anew."""
KINDS = ("good", "lost", "half", "damaged")
"""good: all that is sure, and nothing or all of what is not. lost: an earlier state. half: a state
that never was. damaged: the store, or SQLite, does not take the file, or not all of it."""
State: TypeAlias = tuple[Outbox, Docs, Versions]


class Tee:
    """The store under test, and beside it the memory that says what it must hold."""

    def __init__(self, store: SqliteStore, memory: MemoryStore, recording: "Recording") -> None:
        self._store, self._memory, self._recording = store, memory, recording

    def load(self) -> Loaded:
        return self._memory.load()

    def commit(self, rows: tuple[Row, ...], documents: StoredDocs = ()) -> None:
        before = len(self._recording.states) - 1
        self._recording.events.append(Commits(before + 1, before))
        self._store.commit(rows, documents)
        self._recording.events.append(Commits(before + 1, before + 1))
        self._memory.commit(rows, documents)
        self._recording.states.append(held(self._memory))

    def close(self) -> None:
        self._store.close()


class Recording:
    """What happened to the disk, and what the store held after each commit."""

    def __init__(self, place: Path, chance: random.Random, synchronous: str) -> None:
        self.states: list[State] = [held(MemoryStore())]
        self._synchronous = synchronous
        recorder = Recorder()
        self.events = recorder.events
        memory, application = MemoryStore(), Application(chance)
        authority = Authority()
        network = Network(authority, chance)
        for rounds in ROUNDS:
            with self._opened(place / FILE) as store:
                outbox = DurableOutbox(CONFIG, Tee(store, memory, self))
                outbox.on_effect(lambda e: network.send(e) if isinstance(e, Send) else None)
                for number in range(rounds):
                    work(outbox, application, network, authority, number)
        recorder.unregister()

    @contextmanager
    def _opened(self, path: Path) -> Generator[SqliteStore]:
        connection = apsw.Connection(str(path), vfs=Recorder.NAME)
        lent = cast(sqlite3.Connection, connection)  # it does what the store asks for
        with patch.object(sqlite, "_connected", return_value=lent):
            store = SqliteStore(path, CLIENT)
        if self._synchronous != "FULL":  # which the store asks for by itself
            mode = self._synchronous
            connection.pragma("synchronous", mode)  # pyright: ignore[reportUnknownMemberType]
        with closing(store):
            yield store


def work(
    outbox: DurableOutbox,
    application: Application,
    network: Network,
    authority: Authority,
    number: int,
) -> None:
    """A little of everything that is stored."""
    items = (member for member in outbox.state.queue if isinstance(member, Item))
    queue = tuple(Waiting(item.entry.entry_id, item.seq, "") for item in items)
    if len(queue) < 10:
        with suppress(OptisyncError):  # what it wants may be refused
            outbox.run(application.batch(queue))
    outbox.run(Reserve(3))
    network.arrive()
    answer = network.answer()
    if answer is not None:
        outbox.run(answer)
    authority.foreign(*application.foreign())
    delta = authority.next_delta(outbox.state.numbers.server_seq)
    if delta is not None:
        outbox.run(delta)
    outbox.run(Tick(Millis(number * 300)))
    if number % 4 == 0:
        outbox.run(Consume(outbox.state.numbers.reported))


def held(store: SqliteStore | MemoryStore) -> State:
    """What a store holds, whatever the order it tells that in."""
    loaded = store.load()
    assert not loaded.quarantined, loaded.quarantined
    return start(Epoch(1), loaded.rows), loaded.documents, loaded.versions


def judged(place: Path, image: dict[str, bytes], states: Sequence[State], sure: Commits) -> str:
    """What the store makes of an image, in one word."""
    for name, content in image.items():
        (place / name).write_bytes(content)
    try:
        with closing(SqliteStore(place / FILE, CLIENT)) as store:
            found = held(store)
            more = replace(found[0].numbers, token=found[0].numbers.token + 1)
            store.commit((more,))
        with closing(SqliteStore(place / FILE, CLIENT)) as store:
            if held(store) != (with_row(found[0], more), *found[1:]):
                return "half"
        with closing(sqlite3.connect(place / FILE)) as connection:
            (sound,) = connection.execute("PRAGMA integrity_check").fetchone()
    except (StoreError, AssertionError, sqlite3.Error):
        return "damaged"
    if sound != "ok":
        return "damaged"
    if found in (states[sure.returned], states[min(sure.begun, len(states) - 1)]):
        return "good"
    return "lost" if found in states[: sure.returned] else "half"


def run(images: int, seed: int, synchronous: str = "FULL") -> Counter[str]:
    """Record, crash at random moments, count what comes of it."""
    chance = random.Random(seed)
    fast = MEMORY if os.access(MEMORY, os.W_OK) else None
    with TemporaryDirectory(dir=fast) as place:
        recording = Recording(Path(place), chance, synchronous)
    events = recording.events
    moments = Counter(_moments(events, images, chance))
    disk, sure, seen = Disk(), Commits(0, 0), Counter[str]()
    for moment, event in enumerate(events):
        disk.happens(event)
        sure = event if isinstance(event, Commits) else sure
        for _ in range(moments[moment]):
            with TemporaryDirectory(dir=fast) as place:
                seen[judged(Path(place), disk.image(chance), recording.states, sure)] += 1
    return seen


def _moments(events: Sequence[Event], images: int, chance: random.Random) -> list[int]:
    """Half of them any; half so that what is rare, such as a deletion, is met as often as a write
    to the log."""
    kinds = [(type(event), getattr(event, "name", "")) for event in events]
    often = Counter(kinds)
    weights = [1 / often[kind] for kind in kinds]
    every = range(len(events))
    rare = chance.choices(every, weights, k=images // 2)
    return [*rare, *chance.choices(every, k=images - len(rare))]


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--images", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--synchronous", choices=("FULL", "NORMAL", "OFF"), default="FULL")
    asked = parser.parse_args()
    seen = run(asked.images, asked.seed, asked.synchronous)
    counts = "  ".join(f"{kind} {seen[kind]}" for kind in KINDS)
    print(f"images {asked.images}  {counts}  (seed {asked.seed}, {asked.synchronous})")
    return 0 if seen.keys() <= {"good"} else 1


if __name__ == "__main__":
    sys.exit(main())
