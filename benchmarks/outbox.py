"""What durability costs: the outbox over its SQLite store, beside SQLite alone.

The figures are of this disk and this run; only their ratios are judged. What is compared is taken
in turns, round after round, and the median of the rounds' ratios counts: what slows the machine
for a while slows both sides.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final, TypeVar

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    IdempotencyKey,
    Resource,
    WriteEntry,
)
from optisync.contracts.messages import Accepted, Snapshot
from optisync.outbox.config import Config
from optisync.outbox.inputs import Result
from optisync.shell.codec import text
from optisync.shell.durable import DurableOutbox
from optisync.shell.memory import MemoryStore
from optisync.shell.sqlite import SqliteStore
from optisync.values import ClientId, Epoch, Obj, ServerSeq
from optisync.view import Upsert

CONFIG: Final = Config(ClientId("me"), capacity=20_000)
ONE: Final = Epoch(1)
ROUNDS: Final = 9
SINGLES, BATCHES, BATCH = 400, 8, 100  # in each round, in files that grow from nothing
CYCLES, LIMIT = 40, 10
WANTED_SHARE, WANTED_GAIN, WANTED_GROWTH = 0.6, 10.0, 3.0
Given = TypeVar("Given")


@dataclass(frozen=True)
class Took:
    """Microseconds for each of several: by the clock, and of it on the processor."""

    clock: float
    processor: float

    def __str__(self) -> str:
        return f"{self.clock:8.1f} us, {self.processor:6.1f} of them on the processor"


def took(work: Callable[[Given], object], each: Iterable[Given], count: int) -> Took:
    """What the work took for each of `count`."""
    clock, processor = time.perf_counter(), time.process_time()
    for given in each:
        work(given)
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    return Took(clock / count * 1e6, processor / count * 1e6)


def middle(all_took: Iterable[Took]) -> Took:
    """The medians."""
    found = list(all_took)
    return Took(median(t.clock for t in found), median(t.processor for t in found))


def value(number: int) -> Obj:
    """What a write writes."""
    return Obj({"title": f"number {number}", "done": False, "tags": ("home", "soon")})


def write(number: int) -> WriteEntry:
    """A write that creates a row of its own."""
    return WriteEntry(
        EntryId(f"entry-{number:08}"),
        IdempotencyKey(f"key-{number:08}"),
        Entity(Resource("todos"), EntityId(f"todo-{number:08}")),
        Upsert(value(number)),
    )


def writes(first: int, count: int) -> list[WriteEntry]:
    """Writes that are all different."""
    return [write(number) for number in range(first, first + count)]


def opened(path: Path) -> DurableOutbox:
    """An outbox over the file."""
    return DurableOutbox(CONFIG, SqliteStore(path, CONFIG.client), ONE)


def bare(path: Path) -> Callable[[str], None]:
    """SQLite alone, with the same pragmas: one row in one transaction."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute("CREATE TABLE writes (seq INTEGER PRIMARY KEY, content TEXT)")

    def store(content: str) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO writes (content) VALUES (?)", (content,))
        connection.execute("COMMIT")

    return store


def row(number: int) -> str:
    """The same content as the store keeps of a write."""
    entry = write(number)
    names = (entry.entry_id, entry.idempotency_key, entry.entity.resource, entry.entity.id)
    return "".join((*names, text(value(number))))


def enqueues(place: Path) -> bool:
    """One by one as a share of the bare loop; in batches, how much faster for each entry."""
    loops: list[Took] = []
    singly: list[Took] = []
    batched: list[Took] = []
    in_memory: list[Took] = []
    for number in range(ROUNDS):
        store = bare(place / f"bare-{number}.db")  # both grow their files from nothing
        outbox = opened(place / f"enqueue-{number}.db")
        singles = writes(0, SINGLES)
        rows = [row(n) for n in range(SINGLES)]
        batches = [writes((n + 1) * 1000, BATCH) for n in range(BATCHES)]
        loops.append(took(store, rows, SINGLES))
        singly.append(took(outbox.enqueue, [[entry] for entry in singles], SINGLES))
        batched.append(took(outbox.enqueue, batches, BATCHES * BATCH))
        unstored = DurableOutbox(CONFIG, MemoryStore(), ONE)
        in_memory.append(took(unstored.enqueue, [[entry] for entry in singles], SINGLES))
        outbox.close()
    share = median(a.clock / b.clock for a, b in zip(loops, singly, strict=True))
    gain = median(a.clock / b.clock for a, b in zip(singly, batched, strict=True))
    print(f"SQLite alone, insert + commit   {middle(loops)}")
    print(f"enqueue one by one              {middle(singly)}")
    print(f"enqueue in batches of {BATCH}, each  {middle(batched)}")
    print(f"enqueue over the memory store   {middle(in_memory)}")
    whole, disk, machine = (middle(each).clock for each in (singly, loops, in_memory))
    rest = max(0.0, whole - disk - machine)
    parts = {"SQLite and the disk": disk, "the machine": machine, "the rest of the store": rest}
    said = ", ".join(f"{name} {part / whole:.0%}" for name, part in parts.items())
    print(f"  one by one, dominated by      {max(parts, key=lambda name: parts[name])} ({said})")
    print(f"  durable enqueues/s            {1e6 / middle(singly).clock:8,.0f}")
    print(f"  share of SQLite alone         {share:8.2f} (wanted: at least {WANTED_SHARE})")
    print(f"  gain of a batch               {gain:8.1f} (wanted: at least {WANTED_GAIN:.0f})")
    return share >= WANTED_SHARE and gain >= WANTED_GAIN


def filled(path: Path, count: int) -> DurableOutbox:
    """An outbox with so many entries, over documents that are ahead of every acceptance."""
    outbox = opened(path)
    outbox.process_snapshot(Snapshot(ONE, ServerSeq(1_000_000), Obj()))
    for first in range(0, count, 1000):
        outbox.enqueue(writes(first, 1000))
    return outbox


def growth(place: Path) -> bool:
    """A cycle of reserve and settle in a long queue against a short one, on the processor.

    By the clock the disk takes most of it, which does not depend on the queue.
    """
    outboxes = {count: filled(place / f"{count}.db", count) for count in (1_000, 10_000)}
    cycles: dict[int, list[Took]] = {count: [] for count in outboxes}
    number = 1_000_000
    for _ in range(CYCLES):
        for count, outbox in outboxes.items():
            cycles[count].append(took(cycle, [outbox], 1))
            number += LIMIT
            outbox.enqueue(writes(number, LIMIT))
    found = {count: middle(all_took) for count, all_took in cycles.items()}
    for count, each in found.items():
        print(f"reserve {LIMIT} and settle of {count:6}  {each}")
    slower = found[10_000].processor / found[1_000].processor
    print(f"  slower                        {slower:8.2f} (wanted: at most {WANTED_GROWTH:.0f})")
    for outbox in outboxes.values():
        outbox.close()
    content = sum(len(row(n)) for n in range(10_000)) / 10_000
    size = (place / "10000.db").stat().st_size / 10_000
    print(f"bytes on disk per queued entry  {size:8.0f} ({content:.0f} of them names and content)")
    return slower <= WANTED_GROWTH


def cycle(outbox: DurableOutbox) -> None:
    """A worker takes writes and the server accepts them."""
    send = outbox.reserve(LIMIT)
    assert send is not None
    accepted = Accepted(ServerSeq(1))
    outbox.settle(send.token, ONE, [Result(item.entry.entry_id, accepted) for item in send.items])
    outbox.consume(outbox.state.numbers.reported)


def main() -> int:
    """Print the figures and what is wanted of them; 1 if something is missed."""
    with tempfile.TemporaryDirectory() as place:
        met = [enqueues(Path(place)), growth(Path(place))]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
