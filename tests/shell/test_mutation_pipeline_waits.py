"""Waits for tickets: each ends once, with what became of the write, or with its time."""

import asyncio
import gc
from typing import Literal

import pytest
from tests.shell.pipeline_world import (
    Loop,
    World,
    confirmed,
    create,
    rest,
    run,
)

from optisync.contracts.entry import (
    EntryId,
    Millis,
    Written,
)
from optisync.contracts.messages import Refused
from optisync.pipeline.effects import Answer
from optisync.pipeline.errors import (
    EventMalformed,
    UnknownTicket,
)
from optisync.pipeline.inputs import (
    Enqueued,
    Failed,
    InDoubt,
    NoAnswer,
)
from optisync.shell.mutation_pipeline_ports import (
    OutcomeUnknown,
    WaitTimedOut,
    WriteFailed,
    WriteInDoubt,
)
from optisync.values import Version


def test_nobody_waits_for_a_refused_event_but_who_began_its_ticket() -> None:
    async def main() -> None:
        world = World()
        ticket = world.pipeline.begin_write()
        with pytest.raises(EventMalformed):
            world.pipeline.dispatch(create(""), ticket=ticket)
        with pytest.raises(WaitTimedOut):
            await world.pipeline.await_ticket(ticket, timeout=Millis(10))
        with pytest.raises(UnknownTicket):
            await world.pipeline.await_ticket(ticket + 1)
        waiting = asyncio.create_task(world.pipeline.await_ticket(ticket))
        await rest()
        world.pipeline.dispatch(create("a"), ticket=ticket)
        await rest()
        await world.persistence.answer(1, confirmed(world.persistence.requests[0]))
        assert await waiting is Answer.CONFIRMED

    run(main())


def test_a_wait_ends_with_what_became_of_the_write_before_and_after() -> None:
    async def main() -> None:
        world = World()
        pipeline = world.pipeline
        for name in "abc":
            pipeline.dispatch(create(name), persist_key=name)
        waits = {
            (ticket, mode): asyncio.create_task(pipeline.await_ticket(ticket, mode))
            for ticket in (1, 2, 3)
            for mode in ("optimistic", "strict")
        }
        await world.persistence.answer(1, Enqueued((EntryId("me/1"),)))
        await world.persistence.answer(2, Failed("no"))
        await world.persistence.answer(3, NoAnswer())
        assert await waits[1, "optimistic"] is Answer.ENQUEUED
        assert not waits[1, "strict"].done()
        for mode in ("optimistic", "strict"):
            with pytest.raises(WriteFailed) as failed:
                await waits[2, mode]
            assert (failed.value.ticket, failed.value.reason) == (2, "no")
            with pytest.raises(OutcomeUnknown):
                await waits[3, mode]
        pipeline.decided(EntryId("me/1"), Written(Version(1)))
        assert await waits[1, "strict"] is Answer.CONFIRMED
        pipeline.decided(EntryId("me/3"), InDoubt())
        assert world.told == ["1 enqueued", "2 failed no", "1 confirmed", "3 in-doubt"]
        # those who come late hear the same
        assert await pipeline.await_ticket(1, "optimistic") is Answer.CONFIRMED
        assert await pipeline.await_ticket(1, timeout=Millis(0)) is Answer.CONFIRMED
        with pytest.raises(WriteFailed):
            await pipeline.await_ticket(2)
        with pytest.raises(WriteInDoubt):
            await pipeline.await_ticket(3)

    run(main())


def test_the_time_of_a_wait_is_that_of_the_loop_and_ends_the_wait_alone() -> None:
    async def main() -> None:
        world, loop = World(), asyncio.get_running_loop()
        assert isinstance(loop, Loop)
        pipeline = world.pipeline
        ticket = pipeline.dispatch(create("a"))
        for timeout in (0, 1, 250, 3_600_000):
            began = loop.now
            with pytest.raises(WaitTimedOut):
                await pipeline.await_ticket(ticket, "optimistic", Millis(timeout))
            assert timeout <= (loop.now - began) * 1000 + 1e-3 <= timeout + 3
        with pytest.raises(WaitTimedOut):  # nobody has stored it: it is not told as enqueued
            await pipeline.await_ticket(ticket, "strict", Millis(5), "resolve-enqueued")
        await world.persistence.answer(1, Enqueued((EntryId("me/1"),)))
        asked = pipeline.await_ticket(ticket, "strict", Millis(5), "resolve-enqueued")
        assert await asked is Answer.ENQUEUED
        with pytest.raises(WaitTimedOut):
            await pipeline.await_ticket(ticket, "strict", Millis(5))
        assert "todo/a" in pipeline.view
        waiting = asyncio.create_task(pipeline.await_ticket(ticket, timeout=Millis(1000)))
        loop.call_later(0.9, pipeline.decided, EntryId("me/1"), Refused("late"))
        with pytest.raises(WriteFailed):
            await waiting
        assert world.told == ["1 enqueued", "1 failed late"]

    run(main())


def test_no_time_is_looked_at_for_a_wait_that_is_over() -> None:
    async def main() -> None:
        world = World()
        ticket = world.pipeline.dispatch(create("a"))
        waiting = asyncio.create_task(world.pipeline.await_ticket(ticket, timeout=Millis(1000)))
        await rest()
        await world.persistence.answer(1, confirmed(world.persistence.requests[0]))
        assert await waiting is Answer.CONFIRMED
        before = world.pipeline.state
        await asyncio.sleep(5)
        assert world.pipeline.state is before

    run(main())


def test_who_stops_waiting_is_not_missed() -> None:
    async def main() -> None:
        world = World()
        ticket = world.pipeline.dispatch(create("a"))
        first = asyncio.create_task(world.pipeline.await_ticket(ticket))
        second = asyncio.create_task(world.pipeline.await_ticket(ticket))
        await rest()
        first.cancel()
        world.pipeline.decided(EntryId("me/1"), Written(Version(1)))
        await rest()
        assert first.cancelled()
        assert await second is Answer.CONFIRMED
        assert not world.pipeline.errors

    run(main())


@pytest.mark.parametrize("mode", ["optimistic", "strict"])
def test_who_asks_again_and_again_leaves_one_wait(mode: Literal["optimistic", "strict"]) -> None:
    async def main() -> None:
        world = World()
        pipeline = world.pipeline
        ticket = pipeline.dispatch(create("a"))
        timed = asyncio.create_task(pipeline.await_ticket(ticket, mode, Millis(5)))
        await rest()
        for _ in range(1000):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(pipeline.await_ticket(ticket, mode), 0.01)
        with pytest.raises(WaitTimedOut):
            await timed
        with pytest.raises(WaitTimedOut):  # an end of its own, beside the wait without one
            await pipeline.await_ticket(ticket, mode, Millis(1))
        assert len(pipeline.state.tickets[ticket].waits) == 1
        assert sum(isinstance(o, asyncio.Future) and o.cancelled() for o in gc.get_objects()) < 10
        waiting = asyncio.create_task(pipeline.await_ticket(ticket, mode))
        await world.persistence.answer(1, confirmed(world.persistence.requests[0]))
        assert await waiting is Answer.CONFIRMED
        assert not pipeline.state.tickets[ticket].waits

    run(main())
