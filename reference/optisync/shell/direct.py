"""Persistence over the ops driver: a request is one exchange with a backend that answers with rows.

There is no stream: rows are read again where an answer does not say what the server made of them.
"""

from __future__ import annotations

from asyncio import CancelledError, Task, current_task, get_running_loop, sleep
from collections import deque
from collections.abc import Coroutine, Sequence
from itertools import count
from typing import Final, Protocol, TypeAlias

from optisync.contracts.entry import Resource, Unknown, WriteEntry, WriteEntryResult
from optisync.contracts.query import ChangesSpec, ReadFailed
from optisync.pipeline.effects import Stale
from optisync.pipeline.inputs import Confirmed, FetchedRow
from optisync.pipeline.pending import Place
from optisync.shell.attaching import Attached, NotAttached
from optisync.shell.mutation_pipeline import MutationPipeline
from optisync.shell.mutation_pipeline_ports import PersistRefused, PersistRequest, PersistResult
from optisync.shell.mutation_pipeline_running import Asked
from optisync.telling import KEPT_ERRORS
from optisync.transport import driver
from optisync.transport.alignment import Diagnostic
from optisync.values import ClientSeq, Json, Obj, ServerSeq

RETURNING: Final = Obj({"returning": True})
Entries: TypeAlias = tuple[tuple[ClientSeq, WriteEntry], ...]


class Exchange(Protocol):
    """A way to the backend."""

    async def execute(self, request: Json) -> Json:
        """The answer to a request of remote operations; null, or an exception: none came back."""
        ...


class OpsPersistence(Attached):
    """Persists at the backend, at once; `attach` it to its pipeline before anything is dispatched.

    What nobody knows is asked again under the same idempotency keys, after `delay_ms`, doubled up
    to `max_delay_ms`, until it is decided or the pipeline has given it up; what is undecided when
    the loop ends stays so. `options` are asked of every write. `diagnostics` keeps what was odd in
    answers and why rows could not be read, `pipeline.errors` what the exchange raised.
    """

    def __init__(
        self,
        exchange: Exchange,
        options: Obj = RETURNING,
        delay_ms: int = 1_000,
        max_delay_ms: int = 60_000,
    ) -> None:
        self.diagnostics: deque[Diagnostic | ReadFailed] = deque(maxlen=KEPT_ERRORS)
        self._exchange = exchange
        self._options = options
        self._delays = delay_ms, max_delay_ms
        self._names = (f"x{number}" for number in count(1))
        self._positions: dict[Resource, ServerSeq] = {}
        self._tasks: set[Task[None]] = set()

    def attach(self, pipeline: MutationPipeline) -> None:
        """Read for this pipeline what it asks for, and tell it what is decided later.

        Raises AttachedBefore.
        """
        self._belong_to(pipeline)
        pipeline.on_asked(self._asked)

    async def persist(self, request: PersistRequest) -> PersistResult:
        """The results of the entries; those that nobody knows are asked for again."""
        if self._owner is None:
            raise PersistRefused(NotAttached.code)
        entries = tuple(zip(request.seqs, request.entries, strict=True))
        results = await self._written(entries)
        if unknown := _unknown(entries, results):
            self._start(self._until_decided(unknown, _longest(results)))
        return Confirmed(results)

    async def pull(self, resource: Resource) -> ReadFailed | None:
        """Read the rows of a resource that changed since they were last read; None: done."""
        name, after = next(self._names), self._positions.get(resource, ServerSeq(0))
        spec = ChangesSpec(resource, after)
        answer = await self._answer(driver.ops_to_json((driver.read_op(name, spec),)))
        found = driver.read_results(name, spec, answer)
        if isinstance(found, ReadFailed):
            self.diagnostics.append(found)
            return found
        self._pipeline.fetched(FetchedRow(r.entity, r.row, r.version) for r in found.rows)
        self._positions[resource] = found.cursor or after  # only once the rows are taken in
        return None

    def _asked(self, asked: Asked) -> None:
        if isinstance(asked, Stale):
            self._start(self._until_read(asked.entity.resource))

    async def _until_decided(self, entries: Entries, wait_ms: int) -> None:
        for failures in count():
            await sleep(max(self._delay(failures), wait_ms) / 1000)
            entries = tuple(filter(self._is_unknown, entries))
            if not entries:
                return
            results = await self._written(entries)
            for result in results:
                if not isinstance(result.outcome, Unknown):
                    self._pipeline.decided(result.entry_id, result.outcome)
            entries, wait_ms = _unknown(entries, results), _longest(results)

    async def _until_read(self, resource: Resource) -> None:
        for failures in count():
            failed = await self.pull(resource)
            if failed is None or failed.definite:
                return
            await sleep(max(self._delay(failures), failed.after or 0) / 1000)

    async def _written(self, entries: Entries) -> tuple[WriteEntryResult, ...]:
        outgoing = [driver.Outgoing(entry, self._options) for _, entry in entries]
        ops = driver.write_ops(next(self._names), outgoing)
        aligned = driver.write_results(ops, await self._answer(driver.ops_to_json(ops)))
        self.diagnostics += aligned.diagnostics
        return aligned.results

    async def _answer(self, request: Json) -> driver.Answer:
        try:
            answer = await self._exchange.execute(request)
            return driver.NOTHING if answer is None else answer
        except CancelledError:
            task = current_task()
            if task is not None and task.cancelling():
                raise
        except Exception as error:
            self._pipeline.errors.append(error)
        return driver.NOTHING

    def _is_unknown(self, each: tuple[ClientSeq, WriteEntry]) -> bool:
        known = self._pipeline.state.pending.get(each[0])
        return known is not None and known.status is Place.UNKNOWN

    def _delay(self, failures: int) -> int:
        first, longest = self._delays
        return min(longest, first << min(failures, 60))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _unknown(entries: Entries, results: Sequence[WriteEntryResult]) -> Entries:
    unknown = {each.entry_id for each in results if isinstance(each.outcome, Unknown)}
    return tuple((seq, entry) for seq, entry in entries if entry.entry_id in unknown)


def _longest(results: Sequence[WriteEntryResult]) -> int:
    """How long the backend asks to be left alone."""
    return max((r.outcome.after or 0 for r in results if isinstance(r.outcome, Unknown)), default=0)
