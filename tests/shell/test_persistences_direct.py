"""Persistence over the ops driver: nothing is lost or done twice, whatever becomes of answers."""

import asyncio
import gc
from collections import deque
from itertools import pairwise

import pytest
from tests.shell.pipeline_world import (
    ME,
    TODO,
    Heard,
    Loop,
    create,
    delete,
    rest,
    run,
    todo,
    update,
)

from optisync.contracts.entry import EntityId, EntryId, IdempotencyKey, WriteEntry
from optisync.contracts.query import ReadFailed
from optisync.patch import Replace
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Answer
from optisync.pipeline.events import Write
from optisync.shell.direct import RETURNING, OpsPersistence
from optisync.shell.direct_memory import MemoryBackend
from optisync.shell.mutation_pipeline import MutationPipeline
from optisync.shell.mutation_pipeline_ports import OutcomeUnknown, WriteFailed
from optisync.transport.alignment import Code, Diagnostic
from optisync.transport.driver import Outgoing, ops_to_json, write_ops
from optisync.values import AtomKey, Json, Obj, Version
from optisync.view import Change, Create, Upsert

SILENT = Obj()


class Network:
    """A memory backend behind a line that fails as planned; `times`: when what was asked."""

    def __init__(self, backend: MemoryBackend, *plan: str) -> None:
        self.backend, self.plan = backend, deque(plan)
        self.times: list[float] = []
        self.requests: list[Json] = []

    async def execute(self, request: Json) -> Json:
        loop = asyncio.get_running_loop()
        self.times.append(round(loop.time() - 1000, 3))
        self.requests.append(request)
        await asyncio.sleep(0)
        match self.plan.popleft() if self.plan else "ok":
            case "unreachable":
                raise ConnectionError("no line")
            case "later":
                ids = [entry_of(e) for e in entries_of(request)]
                error = Obj({"code": "busy", "definite": False, "retryAfterMs": 5000})
                results = tuple(Obj({"entryId": e, "ok": False, "error": error}) for e in ids)
                return answer_of(request, Obj({"results": results}))
            case "busy":
                error = Obj({"code": "busy", "definite": False, "retryAfterMs": 5000})
                return failed(request, error)
            case "no-cursor":
                return answer_of(request, Obj({"rows": ()}))
            case "refused":
                error = Obj({"code": "forbidden", "definite": True})
                return failed(request, error)
            case "hang":
                forever: asyncio.Future[Json] = loop.create_future()
                return await forever
            case "null":
                return None
            case plan:
                return await self._executed(plan, request)

    async def _executed(self, plan: str, request: Json) -> Json:
        answer = await self.backend.execute(request)
        match plan:
            case "ok":
                return answer
            case "lost":
                raise ConnectionError("line broken")
            case "garbage":
                return Obj({"results": 5})
            case "empty":
                return answer_of(request, Obj({"results": ()}))
            case "cancelled":
                raise asyncio.CancelledError
            case _:
                raise AssertionError(plan)


def entries_of(request: Json) -> tuple[Json, ...]:
    assert isinstance(request, Obj)
    ops = request["ops"]
    assert isinstance(ops, tuple)
    (op,) = ops
    assert isinstance(op, Obj)
    write = op["write"]
    assert isinstance(write, Obj)
    entries = write["entries"]
    assert isinstance(entries, tuple)
    return entries


def entry_of(entry: Json) -> Json:
    assert isinstance(entry, Obj)
    return entry["entryId"]


def op_id(request: Json) -> Json:
    assert isinstance(request, Obj)
    ops = request["ops"]
    assert isinstance(ops, tuple)
    (op,) = ops
    assert isinstance(op, Obj)
    return op["opId"]


def answer_of(request: Json, data: Json) -> Json:
    return Obj({"results": (Obj({"opId": op_id(request), "ok": True, "data": data}),)})


def failed(request: Json, error: Json) -> Json:
    return Obj({"results": (Obj({"opId": op_id(request), "ok": False, "error": error}),)})


class World:
    """A pipeline, its persistence, and the backend behind the line."""

    def __init__(self, *plan: str, options: Obj = RETURNING) -> None:
        self.backend = MemoryBackend()
        self.network = Network(self.backend, *plan)
        self.persistence = OpsPersistence(self.network, options)
        self.pipeline = MutationPipeline(Config(ME), self.persistence)
        self.persistence.attach(self.pipeline)
        self.heard = Heard(self.pipeline)

    @property
    def rows(self) -> dict[str, object]:
        return {e.id: row.row.doc for e, row in self.backend.state.rows.items()}

    async def foreign(self, name: str, change: Change) -> None:
        """Somebody else writes, past the line."""
        number = self.backend.state.newest + 1
        entry = WriteEntry(EntryId(f"f{number}"), IdempotencyKey(f"f{number}"), todo(name), change)
        await self.backend.execute(ops_to_json(write_ops("f", [Outgoing(entry)])))


def test_rows_come_back_with_the_answer() -> None:
    async def main() -> None:
        world = World()
        pipeline = world.pipeline
        pipeline.dispatch(create("t", 1, temporary=True))
        pipeline.dispatch(update("t", 2))
        ticket = pipeline.dispatch(create("a", "t"))
        last = pipeline.dispatch(delete("a"))
        assert await pipeline.await_ticket(last) is Answer.CONFIRMED
        assert await pipeline.await_ticket(ticket) is Answer.CONFIRMED
        assert pipeline.view == pipeline.state.docs == Obj({"todo/s1": Obj({"n": 2})})
        assert len(world.backend.state.verdicts) == 4
        assert all("'returning': True" in str(request) for request in world.network.requests)
        assert not pipeline.errors
        assert not world.persistence.diagnostics

    run(main())


@pytest.mark.parametrize(
    "plan",
    [
        *(("unreachable",), ("lost",), ("null",), ("garbage",), ("empty",), ("cancelled",)),
        ("unreachable", "unreachable", "lost", "lost"),
        ("lost", "garbage", "empty", "null", "cancelled", "later"),
    ],
)
def test_what_nobody_knows_is_asked_again_under_the_same_key_and_done_once(
    plan: tuple[str, ...],
) -> None:
    async def main() -> None:
        world = World(*plan)
        pipeline = world.pipeline
        ticket = pipeline.dispatch(create("a", 1))
        with pytest.raises(OutcomeUnknown):
            await pipeline.await_ticket(ticket)
        assert pipeline.view == Obj({"todo/a": Obj({"n": 1})})
        assert world.heard.told == []
        pipeline.dispatch(update("a", 2))  # waits: the create may not be there
        pipeline.dispatch(create("b", 1))  # does not
        await asyncio.sleep(1000)
        assert sorted(world.heard.told) == ["1 confirmed", "2 confirmed", "3 confirmed"]
        assert world.heard.told.index("1 confirmed") < world.heard.told.index("2 confirmed")
        assert world.backend.state.newest == 3
        assert pipeline.view == pipeline.state.docs
        assert world.rows == {"a": Obj({"n": 2}), "b": Obj({"n": 1})}
        firsts = [r for r in world.network.requests if entry_of(entries_of(r)[0]) == "me/1"]
        assert len({str(entries_of(request)) for request in firsts}) == 1
        raised = [name for name in plan if name in ("unreachable", "lost")]
        assert len(pipeline.errors) == len(raised)

    run(main())


def test_asking_again_backs_off_and_never_further_than_the_bound() -> None:
    async def main() -> None:
        world = World(*["unreachable"] * 9)
        pipeline = world.pipeline
        ticket = pipeline.dispatch(create("a", 1))
        await rest()
        await asyncio.sleep(3600)
        times = world.network.times
        gaps = [round(then - now) for now, then in pairwise(times)]
        assert gaps == [1, 2, 4, 8, 16, 32, 60, 60, 60]
        assert await pipeline.await_ticket(ticket) is Answer.CONFIRMED
        assert len(pipeline.errors) == 9

    run(main())


def test_a_backend_that_asks_for_time_gets_it() -> None:
    async def main() -> None:
        world = World("later", "later")
        world.pipeline.dispatch(create("a", 1))
        await asyncio.sleep(100)
        assert [round(t) for t in world.network.times] == [0, 5, 10]
        assert world.heard.told == ["1 confirmed"]

    run(main())


def test_what_was_given_up_is_asked_no_more() -> None:
    async def main() -> None:
        world = World(*["unreachable"] * 3)
        ticket = world.pipeline.dispatch(create("a", 1))
        await asyncio.sleep(1.5)
        world.pipeline.abandon(ticket)
        await asyncio.sleep(1000)
        assert len(world.network.times) == 2
        assert world.heard.told == ["1 in-doubt"]
        assert world.pipeline.view == Obj()

    run(main())


def test_a_refusal_takes_back_its_write_alone() -> None:
    async def main() -> None:
        world = World("ok", "ok", "refused")
        pipeline = world.pipeline
        pipeline.dispatch(create("a", 1))
        await asyncio.sleep(1)
        await world.foreign("a", Upsert(Obj({"n": 9})))
        bad = pipeline.dispatch(update("a", 2))
        pipeline.dispatch(create("b", 1))
        with pytest.raises(WriteFailed) as error:
            await pipeline.await_ticket(bad)
        assert error.value.reason == "conflict"
        await rest()
        assert pipeline.view == Obj({"todo/a": Obj({"n": 1})})
        assert world.heard.told == ["1 confirmed", "2 failed conflict", "3 failed forbidden"]
        assert await world.persistence.pull(TODO) is None
        assert pipeline.view == Obj({"todo/a": Obj({"n": 9})})

    run(main())


def patched(name: str, value: int) -> Write:
    """What it leaves depends on a row that nobody here has seen."""
    return Write(todo(name), Upsert(Obj({"n": value}), (Replace(("n",), value),)))


@pytest.mark.parametrize("plan", [(), ("unreachable", "null"), ("garbage", "garbage")])
def test_a_row_that_no_answer_shows_is_read_again(plan: tuple[str, ...]) -> None:
    async def main() -> None:
        world = World("ok", *plan, options=SILENT)
        pipeline = world.pipeline
        await world.foreign("a", Create(Obj({"n": 0, "m": 1})))
        ticket = pipeline.dispatch(patched("a", 5))
        assert await pipeline.await_ticket(ticket) is Answer.CONFIRMED
        assert pipeline.view == Obj({"todo/a": Obj({"n": 5})})
        await asyncio.sleep(10)
        assert pipeline.view == pipeline.state.docs == Obj({"todo/a": Obj({"n": 5, "m": 1})})
        assert len(world.network.times) == 2 + len(plan)
        assert world.heard.told == ["1 confirmed"]

    run(main())


def test_a_read_comes_again_when_the_backend_said() -> None:
    async def main() -> None:
        world = World("ok", "busy", options=SILENT)
        await world.foreign("a", Create(Obj({"n": 0, "m": 1})))
        world.pipeline.dispatch(patched("a", 5))
        await asyncio.sleep(1000)
        assert [round(t) for t in world.network.times] == [0, 0, 5]
        assert world.pipeline.view == world.pipeline.state.docs

    run(main())


def test_an_answer_without_a_position_leaves_it_as_it_was() -> None:
    async def main() -> None:
        world = World("ok", "no-cursor")
        await world.foreign("a", Create(Obj({"n": 0})))
        for _ in range(3):
            assert await world.persistence.pull(TODO) is None
        after = [str(request).partition("'after': ")[2][:1] for request in world.network.requests]
        assert after == ["0", "1", "1"]

    run(main())


def test_null_says_that_nothing_came_back() -> None:
    async def main() -> None:
        world = World("null", "null")
        world.pipeline.dispatch(create("a", 1))
        await rest()
        assert not world.persistence.diagnostics
        assert await world.persistence.pull(TODO) == ReadFailed("unreachable")

    run(main())


def test_a_read_that_is_refused_is_not_tried_again() -> None:
    async def main() -> None:
        world = World("ok", "refused", options=SILENT)
        await world.foreign("a", Create(Obj({"n": 0, "m": 1})))
        world.pipeline.dispatch(patched("a", 5))
        await asyncio.sleep(1000)
        assert list(world.persistence.diagnostics) == [ReadFailed("forbidden", definite=True)]
        assert world.pipeline.view == Obj({"todo/a": Obj({"n": 5})})
        assert await world.persistence.pull(TODO) is None
        assert world.pipeline.view == Obj({"todo/a": Obj({"n": 5, "m": 1})})

    run(main())


def test_reads_go_on_where_the_last_one_ended_and_bring_nothing_back() -> None:
    async def main() -> None:
        world = World("ok", "unreachable")
        pipeline = world.pipeline
        for name in ("a", "b"):
            await world.foreign(name, Create(Obj({"n": 0})))
        assert await world.persistence.pull(TODO) is None
        assert set(pipeline.view) == {"todo/a", "todo/b"}
        await world.foreign("c", Create(Obj({"n": 0})))
        failed = await world.persistence.pull(TODO)
        assert failed == ReadFailed("unreachable")
        for _ in range(2):
            assert await world.persistence.pull(TODO) is None
        after = [str(request).partition("'after': ")[2][:1] for request in world.network.requests]
        assert after == ["0", "2", "2", "3"]
        pipeline.dispatch(delete("c"))
        await asyncio.sleep(1)
        assert await world.persistence.pull(TODO) is None
        assert set(pipeline.view) == {"todo/a", "todo/b"}
        assert pipeline.state.versions[AtomKey("todo/c")].version == Version(4)

    run(main())


def test_a_line_that_hangs_holds_back_its_entities_alone(caplog: pytest.LogCaptureFixture) -> None:
    worlds: list[World] = []

    async def main() -> None:
        world = World("hang")
        worlds.append(world)
        pipeline = world.pipeline
        pipeline.dispatch(create("a", 1))
        await rest()
        pipeline.dispatch(update("a", 2))
        assert await pipeline.await_ticket(pipeline.dispatch(create("b", 1))) is Answer.CONFIRMED
        assert world.rows == {"b": Obj({"n": 1})}

    run(main())
    (world,) = worlds
    world.pipeline.abandon(1)  # the end of the loop left it unknown
    assert world.heard.told == ["3 confirmed", "1 in-doubt", "2 failed loop-closed"]
    worlds.clear()
    del world
    gc.collect()
    assert caplog.records == []  # no task was left behind, to ask again


def test_what_is_odd_in_an_answer_is_kept() -> None:
    async def main() -> None:
        world = World("garbage")
        world.pipeline.dispatch(create("a", 1))
        await rest()
        assert list(world.persistence.diagnostics) == [Diagnostic(Code.MALFORMED, None, "/results")]
        assert isinstance(asyncio.get_running_loop(), Loop)
        assert world.backend.state.rows.get(todo("a")) is not None
        assert EntityId("a") in world.rows

    run(main())
