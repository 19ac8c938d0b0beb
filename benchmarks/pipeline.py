"""What the pipeline costs from dispatch to settled, and what others that are pending add to it.

A write is dispatched and its ticket awaited, one after another; it is persisted over the ops driver
by the backend of rows in memory. The figures are of this machine and this run; only their ratios
are judged: what is compared is taken in turns, round after round, and the median of the rounds'
ratios counts. Time is that of the processor.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import count
from statistics import median
from typing import Final, TypeAlias

from optisync.contracts.entry import (
    Entity,
    EntityId,
    Resource,
    WriteEntry,
    WriteEntryResult,
    Written,
)
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Persist
from optisync.pipeline.events import Context, Write
from optisync.pipeline.inputs import Confirmed, Dispatch, Drain, Enqueued, NoAnswer, Persisted
from optisync.pipeline.pending import Place
from optisync.pipeline.state import start
from optisync.pipeline.step import step
from optisync.shell.direct import RETURNING, OpsPersistence
from optisync.shell.direct_memory import MemoryBackend
from optisync.shell.mutation_pipeline import MutationPipeline
from optisync.shell.mutation_pipeline_ports import PersistRequest, PersistResult
from optisync.transport import driver
from optisync.values import ClientId, ClientSeq, Obj, Version
from optisync.view import Upsert

CONFIG: Final = Config(ClientId("me"))
TODO, ELSEWHERE = Resource("todo"), Resource("elsewhere")
ROUNDS, WRITES, ROWS = 7, 100, 50
PENDING: Final = (1, 100, 10_000)
HELD_BACK: Final = 1_000
WANTED_SHARE, WANTED_GROWTH = 0.35, 2.0
Work: TypeAlias = Callable[[int], Awaitable[None]]
"""Does one write, under a number that is used once."""


class Halves:
    """The backend answers for `todo`; what goes elsewhere is stored, or nobody knows."""

    def __init__(self, stored: bool) -> None:
        self.ops = OpsPersistence(MemoryBackend())
        self._stored = stored

    async def persist(self, request: PersistRequest) -> PersistResult:
        """What the backend says; or that it is stored; or nothing."""
        if request.entries[0].entity.resource == TODO:
            return await self.ops.persist(request)
        return Enqueued(tuple(e.entry_id for e in request.entries)) if self._stored else NoAnswer()


def write(number: int, resource: Resource = TODO, rows: int = ROWS) -> Write:
    """A write of one of so many rows."""
    value = Obj({"title": f"number {number}", "done": False})
    return Write(Entity(resource, EntityId(f"row-{number % rows}")), Upsert(value))


async def pipeline(pending: int, held_back: bool = False) -> Work:
    """A pipeline with so many segments of others pending.

    They are stored and wait for their verdicts; or they are about one row of which nobody knows
    whether the first write was executed, and are held back.
    """
    halves = Halves(stored=not held_back)
    made = MutationPipeline(CONFIG, halves)
    halves.ops.attach(made)
    for number in range(pending):
        event = write(number, ELSEWHERE, 1 if held_back else pending)
        made.dispatch(event, Context(action_id=f"action {number}"))
    await asyncio.sleep(0)
    while any(m.status is Place.PERSISTING for m in made.state.pending):
        await asyncio.sleep(0)
    assert len(made.state.waiting) == (pending - 1 if held_back else 0)

    async def settled(number: int) -> None:
        await made.await_ticket(made.dispatch(write(number)))

    return settled


def machine() -> Work:
    """The three steps of a write, with the answer at hand: no loop, no façade, no backend."""
    state = start()

    async def settled(number: int) -> None:
        nonlocal state
        seqs = (ClientSeq(number + 1),)
        state = step(CONFIG, state, Dispatch(write(number), seqs)).state
        done = step(CONFIG, state, Drain())
        (request,) = (effect for effect in done.effects if isinstance(effect, Persist))
        accepted = Written(Version(number + 1))
        results = tuple(WriteEntryResult(e.entry_id, accepted) for e in request.entries)
        state = step(CONFIG, done.state, Persisted(request.handle, Confirmed(results))).state
        assert not state.pending.members

    return settled


async def exchange() -> Work:
    """Entries to operations and back, and the backend between: what any persistence must do."""
    backend, names = MemoryBackend(), count()
    state = start()
    entries: list[WriteEntry] = []
    for number in range(ROUNDS * WRITES):
        done = step(CONFIG, state, Dispatch(write(number), (ClientSeq(number + 1),)))
        done = step(CONFIG, done.state, Drain())
        (request,) = (effect for effect in done.effects if isinstance(effect, Persist))
        entries += request.entries

    async def settled(number: int) -> None:
        ops = driver.write_ops(f"x{next(names)}", [driver.Outgoing(entries[number], RETURNING)])
        aligned = driver.write_results(ops, await backend.execute(driver.ops_to_json(ops)))
        assert isinstance(aligned.results[0].outcome, Written)

    return settled


def loop() -> Work:
    """asyncio alone: one task for each write, which stores it in a dict."""
    rows: dict[str, Write] = {}

    async def store(event: Write) -> None:
        await asyncio.sleep(0)  # until the drain
        rows[event.entity.id] = event

    async def settled(number: int) -> None:
        await asyncio.get_running_loop().create_task(store(write(number)))

    return settled


async def took(work: Work, numbers: range) -> float:
    """Microseconds of the processor for each write."""
    began = time.process_time()
    for number in numbers:
        await work(number)
    return (time.process_time() - began) / len(numbers) * 1e6


async def measured(works: dict[str, Work], writes: int) -> dict[str, list[float]]:
    """What each took in each round, in turns."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(ROUNDS):
        for name, work in works.items():
            found[name].append(await took(work, range(turn * writes, (turn + 1) * writes)))
    return found


def ratio(above: list[float], below: list[float]) -> float:
    """The median of the rounds' ratios."""
    return median(a / b for a, b in zip(above, below, strict=True))


async def parts() -> bool:
    """What a write costs, and what of it is whose."""
    works = {
        "asyncio and a dict": loop(),
        "the machine": machine(),
        "the driver and the backend": await exchange(),
        "dispatch to settled": await pipeline(0),
    }
    found = await measured(works, WRITES)
    for name, all_took in found.items():
        print(f"{name:28}  {median(all_took):8.1f} us")
    whole = median(found["dispatch to settled"])
    shares = {name: median(found[name]) / whole for name in list(works)[:3]}
    shares["the façade and its waits"] = max(0.0, 1 - sum(shares.values()))
    said = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    print(f"  dominated by                {max(shares, key=lambda name: shares[name])} ({said})")
    print(f"  dispatch-to-settled/s       {1e6 / whole:8,.0f}")
    share = ratio(found["the machine"], found["dispatch to settled"])
    print(f"  share of the machine        {share:8.2f} (wanted: at least {WANTED_SHARE})")
    return share >= WANTED_SHARE


async def growth() -> bool:
    """The same with other segments pending."""
    works = {f"{n:6} stored": await pipeline(n) for n in PENDING}
    works[f"{HELD_BACK:6} held back"] = await pipeline(HELD_BACK, held_back=True)
    found = await measured(works, WRITES // 5)
    for name, all_took in found.items():
        rate = 1e6 / median(all_took)
        print(f"with pending {name}    {median(all_took):10.1f} us, {rate:8,.0f} a second")
    first, *_, last = (found[f"{n:6} stored"] for n in PENDING)
    slower = ratio(last, first)
    print(f"  slower with {PENDING[-1]:,} stored   {slower:8.2f} (wanted: at most {WANTED_GROWTH})")
    each = ratio(found[f"{HELD_BACK:6} held back"], first)
    print(
        f"  slower with {HELD_BACK:,} held back {each:8.2f} (each drain and answer looks at them)"
    )
    return slower <= WANTED_GROWTH


async def main() -> int:
    """Print the figures and what is wanted of them; 1 if something is missed."""
    met = [await parts(), await growth()]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
