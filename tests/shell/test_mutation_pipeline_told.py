"""What comes of persistence and of callbacks: nothing is lost, and nothing taken back wrongly."""

import asyncio
import gc
import weakref
from typing import cast

import pytest
from tests.shell.pipeline_world import (
    ME,
    Heard,
    World,
    confirmed,
    create,
    rest,
    run,
    update,
)
from typeguard import suppress_type_checks

from optisync.contracts.entry import (
    EntryId,
    Millis,
    Written,
)
from optisync.contracts.messages import Refused
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Answer
from optisync.pipeline.inputs import (
    Confirmed,
    Enqueued,
    Failed,
    NoAnswer,
    Outcome,
)
from optisync.shell.mutation_pipeline import MutationPipeline
from optisync.shell.mutation_pipeline_ports import (
    LoopClosed,
    OutcomeUnknown,
    PersistRefused,
    PersistRequest,
    WriteInDoubt,
)
from optisync.values import Obj, Version


@pytest.mark.parametrize(
    ("outcome", "told", "shown"),
    [
        (Enqueued((EntryId("me/1"),)), ["1 enqueued"], True),
        (Failed("full"), ["1 failed full"], False),
        (PersistRefused("full"), ["1 failed full"], False),
        (NoAnswer(), [], True),
        (Confirmed(()), [], True),
        (ConnectionError("gone"), [], True),
        (ConnectionRefusedError("which one was it"), [], True),
        (LookupError("a bug"), [], True),
    ],
)
def test_only_a_definite_failure_takes_a_write_back(
    outcome: Outcome | Exception, told: list[str], shown: bool
) -> None:
    async def main() -> None:
        world = World()
        pipeline = world.pipeline
        pipeline.dispatch(create("a"))
        pipeline.dispatch(create("b"), persist_key="another")
        await world.persistence.answer(1, outcome)
        assert world.told == told
        assert ("todo/a" in pipeline.view) is shown
        assert "todo/b" in pipeline.view
        indefinite = isinstance(outcome, Exception) and not isinstance(outcome, PersistRefused)
        assert list(pipeline.errors) == ([outcome] if indefinite else [])
        if not told:
            with pytest.raises(OutcomeUnknown):
                await pipeline.await_ticket(1)
            pipeline.decided(EntryId("me/1"), Written(Version(1)))
            assert world.told == ["1 confirmed"]

    run(main())


def test_a_cancelled_request_is_a_lost_answer() -> None:
    async def main() -> None:
        world = World()
        world.pipeline.dispatch(create("a"))
        await world.persistence.stop(1)
        assert "todo/a" in world.pipeline.view
        with pytest.raises(OutcomeUnknown):
            await world.pipeline.await_ticket(1)
        world.pipeline.abandon(1)
        assert world.told == ["1 in-doubt"]
        assert "todo/a" not in world.pipeline.view
        with pytest.raises(WriteInDoubt):
            await world.pipeline.await_ticket(1)

    run(main())


def test_nobody_but_the_pipeline_need_know_of_a_request() -> None:
    class Lonely:
        async def persist(self, request: PersistRequest) -> Outcome:
            answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
            self.answer = weakref.ref(answer)
            return await answer

    async def main() -> None:
        lonely = Lonely()
        pipeline = MutationPipeline(Config(ME), lonely)
        pipeline.dispatch(create("a"))
        await rest()
        gc.collect()
        assert lonely.answer() is not None

    run(main())


def test_the_end_of_the_loop_leaves_outcomes_unknown_and_takes_nothing_more() -> None:
    worlds: list[World] = []
    waits: list[asyncio.Task[Answer]] = []

    async def main() -> None:
        world = World()
        worlds.append(world)
        world.pipeline.dispatch(create("a"))
        world.pipeline.dispatch(update("a", 1))
        world.pipeline.dispatch(create("b"), persist_key="another")
        waits.append(asyncio.create_task(world.pipeline.await_ticket(2, timeout=Millis(10**6))))
        await rest()

    run(main())
    (world,), (wait,) = worlds, waits
    assert wait.cancelled()
    pipeline = world.pipeline
    assert set(pipeline.view) == {"todo/a", "todo/b"}
    before = pipeline.state
    with pytest.raises(LoopClosed):
        pipeline.dispatch(create("c"))
    with pytest.raises(LoopClosed):
        pipeline.undo()
    assert pipeline.state is before
    pipeline.decided(EntryId("me/1"), Written(Version(1)))  # now the update may be handed over
    assert world.told == ["1 confirmed", "2 failed loop-closed"]
    assert pipeline.view["todo/a"] == Obj({"n": 0})
    assert len(world.persistence.requests) == 2


class Stop(BaseException):
    """What is no Exception, as KeyboardInterrupt is none."""


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interruption_of_persistence_comes_up_and_leaves_the_outcome_unknown(
    kind: type[BaseException],
) -> None:
    worlds: list[World] = []

    async def main() -> None:
        world = World()
        worlds.append(world)
        world.pipeline.dispatch(create("a"))
        await world.persistence.answer(1, kind())

    with pytest.raises(kind):
        run(main())
    (world,) = worlds
    world.pipeline.abandon(1)  # refused unless the outcome is unknown
    assert world.told == ["1 in-doubt"]


@pytest.mark.parametrize("answer", ["done", None, Confirmed(cast(tuple[()], 5)), Failed])
def test_what_is_no_result_is_no_answer(answer: object) -> None:
    async def main() -> None:
        world = World()
        world.pipeline.dispatch(create("a"))
        await world.persistence.answer(1, cast(Outcome, answer))
        assert len(world.pipeline.errors) == 1
        with pytest.raises(OutcomeUnknown):
            await world.pipeline.await_ticket(1)

    with suppress_type_checks():
        run(main())


def test_a_callback_that_throws_changes_nothing_and_keeps_nobody_from_hearing() -> None:
    """[operation-callbacks-isolated]"""

    async def main() -> None:
        world, calls = World(), list[str]()
        pipeline = world.pipeline

        def throws(*_: object) -> None:
            calls.append("threw")
            raise LookupError

        pipeline.on_change(throws)
        pipeline.on_operation(throws)
        pipeline.on_change(lambda: calls.append("changed"))
        heard = Heard(pipeline)
        ticket = pipeline.dispatch(create("a"))
        await rest()
        await world.persistence.answer(1, confirmed(world.persistence.requests[0]))
        assert await pipeline.await_ticket(ticket) is Answer.CONFIRMED
        assert pipeline.state.docs == pipeline.view == Obj({"todo/a": Obj({"n": 0})})
        assert heard.told == world.told == ["1 confirmed"]
        assert calls == ["threw", "changed", "threw", "changed", "threw"]
        assert [type(error) for error in pipeline.errors] == [LookupError] * 3

    run(main())


def test_an_interrupted_callback_ends_its_call_and_the_loop_tells_the_rest() -> None:
    async def main() -> None:
        world = World()
        pipeline = world.pipeline
        stops = [Stop()]

        def stop() -> None:
            if stops:
                raise stops.pop()

        pipeline.on_change(stop)
        with pytest.raises(Stop):
            pipeline.dispatch(create("a"))
        assert "todo/a" in pipeline.view
        await rest()
        assert world.asked == [["me/1"]]
        stops.append(Stop())
        with pytest.raises(Stop):
            pipeline.dispatch(create("b"))
        pipeline.dispatch(create("c"))  # or the next call does
        await rest()
        assert world.asked == [["me/1"], ["me/2", "me/3"]]

    run(main())


def test_what_a_callback_dispatches_takes_effect_at_once_and_is_told_afterwards() -> None:
    async def main() -> None:
        world, seen = World(), list[object]()
        pipeline = world.pipeline

        def first() -> None:
            seen.append(("first", set(pipeline.view)))
            if len(pipeline.view) == 1:
                seen.append(pipeline.dispatch(create("b")))
                seen.append(set(pipeline.view))

        pipeline.on_change(first)
        pipeline.on_change(lambda: seen.append(("second", set(pipeline.view))))
        assert pipeline.dispatch(create("a")) == 1
        both = {"todo/a", "todo/b"}
        assert seen == [
            *(("first", {"todo/a"}), 2, both),
            *(("second", both), ("first", both), ("second", both)),
        ]
        await rest()
        assert world.asked == [["me/1", "me/2"]]

    run(main())


def test_a_step_is_told_to_its_end_before_what_its_callbacks_did() -> None:
    async def main() -> None:
        world, seen = World(), list[str]()
        pipeline = world.pipeline
        for name in "ab":
            pipeline.dispatch(create(name))
        await rest()
        pipeline.on_change(lambda: seen.append(f"changed {len(pipeline.view)}"))
        pipeline.on_operation(lambda told: seen.append(f"{told.ticket} {told.status.value}"))
        end = pipeline.on_operation(lambda _: pipeline.cancel(pipeline.dispatch(create("c"))))
        unsubscribed = pipeline.on_operation(lambda _: end())
        await world.persistence.answer(1, confirmed(world.persistence.requests[0]))
        unsubscribed()
        assert seen == [
            *("changed 2", "1 confirmed", "2 confirmed"),
            *("changed 2", "changed 2", "3 failed"),
        ]

    run(main())


def test_what_is_shown_is_visible_before_it_is_told_in_the_order_of_dispatch() -> None:
    async def main() -> None:
        world, seen = World(), list[tuple[int, int]]()
        pipeline = world.pipeline
        pipeline.on_operation(lambda told: seen.append((told.ticket, len(pipeline.view))))
        pipeline.dispatch(create("a"))
        pipeline.dispatch(create("b"))
        await rest()
        (request,) = world.persistence.requests
        results = confirmed(request).results
        await world.persistence.answer(1, Confirmed(tuple(reversed(results))))
        assert seen == [(1, 2), (2, 2)]
        pipeline.dispatch(create("c"))
        await world.persistence.answer(2, Failed("no"))
        assert seen[2:] == [(3, 2)]

    run(main())


def test_who_unsubscribes_hears_no_more() -> None:
    async def main() -> None:
        world, calls = World(), list[object]()
        pipeline = world.pipeline
        ends = [
            pipeline.on_change(lambda: calls.append(1)),
            pipeline.on_operation(calls.append),
            pipeline.on_asked(calls.append),
        ]
        for end in ends:
            end()
            end()
        pipeline.cancel(pipeline.dispatch(create("a")))
        pipeline.decided(EntryId("you/1"), Refused("no"))
        assert calls == []

    run(main())
