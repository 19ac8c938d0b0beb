"""The pipeline on asyncio: what is dispatched is shown, persisted once, and told."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Literal, cast

import pytest
from tests.shell.pipeline_world import (
    ME,
    TODO,
    Heard,
    Loop,
    Numbers,
    World,
    confirmed,
    create,
    delete,
    rest,
    run,
    todo,
    update,
    upsert,
)
from typeguard import suppress_type_checks

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    Millis,
    Resource,
    Row,
    WriteEntryResult,
    Written,
)
from optisync.contracts.messages import Delta, Label, Refused, Snapshot
from optisync.errors import OptisyncError, PatchMalformed, ValueMalformed
from optisync.patch import Add, Replace
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Answer, Diag, DiagCode, Resync, Withdraw
from optisync.pipeline.errors import (
    AlreadyDecided,
    EventMalformed,
    NothingToRevert,
    NotUnknown,
    PipelineFull,
    TicketUsed,
    UnknownTicket,
)
from optisync.pipeline.events import Context, Event, Patches, Write
from optisync.pipeline.inputs import (
    Confirmed,
    Enqueued,
    Failed,
    FetchedRow,
    InDoubt,
    NoAnswer,
    Outcome,
)
from optisync.pipeline.state import Pipeline
from optisync.shell.given import InputMalformed
from optisync.shell.mutation_pipeline import MutationPipeline
from optisync.shell.mutation_pipeline_ports import (
    LoopClosed,
    OutcomeUnknown,
    PersistRefused,
    PersistRequest,
    WaitTimedOut,
    WriteFailed,
    WriteInDoubt,
)
from optisync.values import AtomKey, ClientSeq, Epoch, Json, Obj, ServerSeq, Version
from optisync.view import Change, Create, Docs, Update, Upsert


def test_what_is_dispatched_before_the_loop_runs_again_is_one_window() -> None:
    async def main() -> None:
        world = World()
        api = world.pipeline.api
        tickets = [
            api.dispatch(create("a")),
            api.dispatch(create("b")),
            api.dispatch(update("a", 1)),
        ]
        assert tickets == [1, 2, 3]
        assert world.pipeline.view == Obj({"todo/a": Obj({"n": 1}), "todo/b": Obj({"n": 0})})
        assert world.asked == []
        await rest()
        assert world.asked == [["me/1", "me/2"]]  # the update waits for the answer to the create
        await world.persistence.answer(1, confirmed(world.persistence.requests[0]))
        assert world.asked == [["me/1", "me/2"], ["me/3"]]
        (entry,) = world.persistence.requests[1].entries
        assert entry.base is not None
        assert entry.base.version == 1
        await world.persistence.answer(2, confirmed(world.persistence.requests[1], 3))
        assert world.told == ["1 confirmed", "2 confirmed", "3 confirmed"]
        assert not world.pipeline.state.pending.members
        api.dispatch(delete("b"))
        await rest()
        assert world.asked[2:] == [["me/4"]]
        assert world.pipeline.errors.maxlen == 256
        assert not world.pipeline.errors

    run(main())


def test_a_request_says_where_its_events_come_from() -> None:
    async def main() -> None:
        world = World()
        context = Context("board", "user", "act", "rename", Millis(5))
        world.pipeline.dispatch(upsert("a", 1), context, persist_key="slow")
        world.pipeline.dispatch(upsert("b", 1))
        await rest()
        first, second = world.persistence.requests
        assert (first.handle, first.context, first.persist_key) == (1, context, "slow")
        assert (first.seqs, second.seqs) == ((1,), (2,))
        assert second.context == Context(action_id="me/2")

    run(main())


REFUSED: list[tuple[type[OptisyncError], Event]] = [
    (EventMalformed, create("")),
    (EventMalformed, Patches(TODO, ())),
    (PipelineFull, Patches(TODO, tuple(Add((name,), 1) for name in "bcd"))),
]


@pytest.mark.parametrize(("error", "event"), REFUSED)
def test_a_refused_event_changes_nothing_and_gives_its_numbers_up(
    error: type[OptisyncError], event: Event
) -> None:
    async def main() -> None:
        world = World(config=Config(ME, capacity=3))
        world.pipeline.dispatch(create("a"))
        ticket = world.pipeline.begin_write()
        world.pipeline.begin_write()
        before = world.pipeline.state
        with pytest.raises(error):
            world.pipeline.dispatch(event, ticket=ticket)
        assert world.pipeline.state is before
        assert world.numbers.unused == ([2, 3, 4] if error is PipelineFull else [])
        assert world.pipeline.dispatch(create("e"), ticket=ticket) == ticket
        with pytest.raises(TicketUsed):
            world.pipeline.dispatch(create("f"), ticket=ticket)
        await rest()
        assert [[e.entity.id for e in r.entries] for r in world.persistence.requests] == [
            ["a", "e"]
        ]

    run(main())


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


def test_numbers_that_cannot_be_had_register_nothing() -> None:
    class Broken(Numbers):
        def take(self) -> ClientSeq:
            if self._used == 2:
                raise PersistRefused("no more")
            return super().take()

    async def main() -> None:
        numbers = Broken()
        world = World()
        pipeline = MutationPipeline(Config(ME), world.persistence, numbers=numbers)
        before = pipeline.state
        with pytest.raises(PersistRefused):
            pipeline.dispatch(Patches(TODO, tuple(Add((name,), 1) for name in "abc")))
        assert pipeline.state is before
        assert numbers.unused == [1, 2]

    run(main())


def test_a_verdict_that_comes_while_numbers_are_taken_is_told_after_the_dispatch() -> None:
    class Telling(Numbers):
        pipeline: MutationPipeline | None = None

        def take(self) -> ClientSeq:
            number = super().take()
            if self.pipeline is not None:
                self.pipeline.decided(EntryId("me/1"), Refused("no"))
            return number

    async def main() -> None:
        numbers, world = Telling(), World()
        pipeline = MutationPipeline(Config(ME), world.persistence, numbers=numbers)
        tickets = [pipeline.dispatch(create("a"))]
        await world.persistence.answer(1, Enqueued((EntryId("me/1"),)))
        numbers.pipeline = pipeline
        pipeline.on_operation(lambda _: tickets.append(pipeline.dispatch(create("c"))))
        assert pipeline.dispatch(create("b")) == 2
        assert tickets == [1, 3]
        assert set(pipeline.view) == {"todo/b", "todo/c"}
        assert not pipeline.errors

    run(main())


@pytest.mark.parametrize(
    ("outcome", "told", "shown"),
    [
        (Enqueued((EntryId("me/1"),)), ["1 enqueued"], True),
        (Failed("full"), ["1 failed full"], False),
        (PersistRefused("full"), ["1 failed full"], False),
        (NoAnswer(), [], True),
        (Confirmed(()), [], True),
        (ConnectionError("gone"), [], True),
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


def test_a_cancelled_write_and_its_children_give_their_numbers_up() -> None:
    async def main() -> None:
        world = World()
        pipeline = world.pipeline
        parent = pipeline.dispatch(create("t", 1, temporary=True))
        pipeline.dispatch(update("t", 2))
        kept = pipeline.dispatch(create("b"))
        pipeline.cancel(parent)
        assert world.told == ["1 failed cancelled", "2 failed parent-rejected"]
        assert world.numbers.unused == [1, 2]
        with pytest.raises(AlreadyDecided):
            pipeline.cancel(parent)
        with pytest.raises(NotUnknown):
            pipeline.abandon(kept)
        await rest()
        assert world.asked == [["me/3"]]
        asked = list[object]()
        pipeline.on_asked(asked.append)
        await world.persistence.answer(1, Enqueued((EntryId("me/3"),)))
        pipeline.cancel(kept)
        assert asked == [Withdraw(EntryId("me/3"))]
        assert world.numbers.unused == [1, 2]  # the third was handed over

    run(main())


def test_undo_and_redo_are_writes_and_refused_ones_leave_everything() -> None:
    async def main() -> None:
        world = World()
        pipeline = world.pipeline
        with pytest.raises(NothingToRevert):
            pipeline.undo()
        pipeline.dispatch(Patches(TODO, (Add(("a",), Obj({"n": 1})), Add(("b",), Obj({"n": 1})))))
        assert pipeline.undo() == 2
        assert pipeline.view == Obj()
        ticket = pipeline.begin_write()
        assert pipeline.redo(ticket=ticket) == ticket
        assert set(pipeline.view) == {"todo/a", "todo/b"}
        before = pipeline.state
        with pytest.raises(TicketUsed):
            pipeline.undo(ticket=ticket)
        assert pipeline.state is before
        assert world.numbers.unused == [7, 8]
        with pytest.raises(NothingToRevert):
            pipeline.undo("elsewhere")

    run(main())


def test_documents_come_by_cache_stream_and_reading() -> None:
    async def main() -> None:
        world = World()
        pipeline, asked = world.pipeline, list[object]()
        pipeline.on_asked(asked.append)
        pipeline.hydrate([FetchedRow(todo("a"), Row(1))])
        assert pipeline.view == Obj({"todo/a": 1})
        epoch, docs = Epoch(1), Obj({"todo/a": 2})
        pipeline.process_snapshot(Snapshot(epoch, ServerSeq(3), docs))
        changes = ((AtomKey("todo/b"), Upsert(1)),)
        pipeline.process_delta(Delta(epoch, ServerSeq(4), ServerSeq(3), changes))
        pipeline.fetched([FetchedRow(todo("c"), Row(7), Version(9))])
        assert pipeline.view == Obj({"todo/a": 2, "todo/b": 1, "todo/c": 7})
        pipeline.dispatch(upsert("d", 1))
        await rest()
        changes = ((AtomKey("todo/d"), Upsert(Obj({"n": 1}))),)
        label = Label(ME, ClientSeq(1))
        pipeline.process_delta(Delta(epoch, ServerSeq(5), ServerSeq(4), changes, (label,)))
        assert world.told == ["1 confirmed"]
        assert asked == []
        pipeline.decided(EntryId("you/1"), Refused("no"))
        assert asked == list(pipeline.diagnostics) == [Diag(DiagCode.NOT_ASKED, EntryId("you/1"))]
        pipeline.dispatch(upsert("e", 1))
        await rest()
        pipeline.decided(EntryId("me/2"), Refused("no"), Epoch(2))
        assert asked[1:] == [Resync()]

    run(main())


def test_values_are_copied_and_what_is_of_another_type_is_refused() -> None:
    async def main() -> None:
        world = World()
        pipeline = world.pipeline
        mine: dict[str, object] = {"tags": ["x"]}
        pipeline.dispatch(Write(todo("a"), Create(cast(Json, mine))))
        pipeline.dispatch(Patches(TODO, (Add(("b",), cast(Json, mine)),)))
        mine["tags"] = ["y"]
        kept = Obj({"tags": ("x",)})
        assert pipeline.view == Obj({"todo/a": kept, "todo/b": kept})
        before = pipeline.state
        wrong: list[tuple[type[OptisyncError], Callable[[], object]]] = [
            (InputMalformed, lambda: pipeline.dispatch(cast(Event, 5))),
            (InputMalformed, lambda: pipeline.dispatch(Write(cast(Entity, "a"), Create(1)))),
            (InputMalformed, lambda: pipeline.dispatch(create("a"), cast(Context, "user"))),
            (InputMalformed, lambda: pipeline.dispatch(create("a"), Context(cast(str, 1)))),
            (PatchMalformed, lambda: pipeline.dispatch(Write(todo("a"), cast(Change, 1)))),
            (PatchMalformed, lambda: pipeline.dispatch(Patches(TODO, cast(tuple[()], [1])))),
            (ValueMalformed, lambda: pipeline.dispatch(create("a", cast(Json, {1})))),
            (InputMalformed, lambda: pipeline.fetched(cast(list[FetchedRow], 5))),
        ]
        for error, call in wrong:
            with pytest.raises(error):
                call()
            assert pipeline.state is before

    with suppress_type_checks():
        run(main())


UNTYPED: list[Callable[[MutationPipeline], object]] = [
    lambda pipeline: pipeline.dispatch(create("b"), ticket=cast(int, [1])),
    lambda pipeline: pipeline.dispatch(create("b"), ticket=True),
    lambda pipeline: pipeline.dispatch(create("b"), persist_key=cast(str, 1)),
    lambda pipeline: pipeline.dispatch(create("b"), optimistic=cast(bool, "no")),
    lambda pipeline: pipeline.cancel(cast(int, [])),
    lambda pipeline: pipeline.abandon(cast(int, "1")),
    lambda pipeline: pipeline.undo(cast(str, [])),
    lambda pipeline: pipeline.redo(cast(str, None)),
    lambda pipeline: pipeline.hydrate([cast(FetchedRow, 1)]),
    lambda pipeline: pipeline.fetched([FetchedRow(todo("b"), cast(Row, {"n": 1}))]),
    lambda pipeline: pipeline.decided(cast(EntryId, []), Refused("no")),
    lambda pipeline: pipeline.decided(EntryId("me/1"), cast(Refused, "accepted")),
    lambda pipeline: pipeline.process_delta(cast(Delta, None)),
    lambda pipeline: pipeline.process_snapshot(cast(Snapshot, {})),
    lambda pipeline: pipeline.on_change(cast(Callable[[], None], None)),
    lambda pipeline: pipeline.on_operation(cast(Callable[[object], None], "x")),
    lambda pipeline: MutationPipeline(Config(ME), World().persistence, state=cast(Pipeline, "x")),
]


@pytest.mark.parametrize("call", UNTYPED)
def test_what_is_not_of_the_promised_type_is_refused_alike(
    call: Callable[[MutationPipeline], object],
) -> None:
    async def main() -> None:
        world = World()
        world.pipeline.dispatch(create("a"))
        before = world.pipeline.state
        with pytest.raises(InputMalformed):
            call(world.pipeline)
        assert world.pipeline.state is before

    with suppress_type_checks():
        run(main())


def test_no_wait_begins_for_what_is_not_of_the_promised_type() -> None:
    async def main() -> None:
        pipeline = World().pipeline
        ticket = pipeline.dispatch(create("a"))
        timeouts: tuple[object, ...] = (float("nan"), float("inf"), 1.5, "5", -1, 10**30)
        for timeout in timeouts:
            with pytest.raises(InputMalformed):
                await pipeline.await_ticket(ticket, timeout=cast(Millis, timeout))
        with pytest.raises(InputMalformed):
            await pipeline.await_ticket(ticket, cast(Literal["strict"], "sooner"))
        with pytest.raises(InputMalformed):
            await pipeline.await_ticket(ticket, on_timeout=cast(Literal["reject"], "wait"))
        assert not pipeline.state.tickets[ticket].waits

    with suppress_type_checks():
        run(main())


def test_rows_and_documents_are_copied() -> None:
    async def main() -> None:
        world = World()
        pipeline, mine = world.pipeline, dict[str, object](tags=["x"])
        row, entry_id = Row(cast(Json, mine)), EntryId("me/1")
        pipeline.hydrate([FetchedRow(todo("a"), row)])
        pipeline.fetched([FetchedRow(todo("b"), row, Version(1))])
        for name in "cd":
            pipeline.dispatch(create(name))
        result = WriteEntryResult(entry_id, Written(Version(2), row=row))
        await world.persistence.answer(1, Confirmed((result,)))
        pipeline.decided(EntryId("me/2"), Written(Version(3), row=row))
        mine["tags"] = ["y"]
        assert pipeline.view == Obj({f"todo/{name}": Obj({"tags": ("x",)}) for name in "abcd"})
        docs = {"todo/a": mine}
        pipeline.process_snapshot(Snapshot(Epoch(1), ServerSeq(9), cast(Docs, docs)))
        docs.clear()
        assert pipeline.view == Obj({"todo/a": Obj({"tags": ("y",)})})
        with pytest.raises(ValueMalformed):
            pipeline.fetched([FetchedRow(todo("e"), Row(cast(Json, object())))])

    with suppress_type_checks():
        run(main())


def test_the_view_is_folded_once_for_a_state() -> None:
    async def main() -> None:
        world = World()
        first = world.pipeline.view
        assert world.pipeline.view is first
        world.pipeline.dispatch(create("a"))
        second = world.pipeline.view
        assert second == Obj({"todo/a": Obj({"n": 0})})
        world.pipeline.begin_write()
        assert world.pipeline.view is second

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


def test_a_number_of_an_earlier_life_is_given_to_nobody() -> None:
    async def main() -> None:
        world = World()
        state = world.pipeline.state
        world.pipeline.dispatch(create("a"))
        assert world.pipeline.state.numbered == 1
        again = MutationPipeline(Config(ME), world.persistence, state=world.pipeline.state)
        again.dispatch(create("b"))
        assert again.state.numbered == 2
        assert state.numbered == 0

    run(main())


def test_the_same_dispatches_are_the_same_requests_whenever_answers_come() -> None:
    events: list[list[Event]] = [
        [create("t", 1, temporary=True), create("b"), update("b", 2), upsert("c", 1)],
        [upsert("d", 1), delete("b"), Patches(TODO, (Replace(("c", "n"), 5),)), upsert("d", 2)],
    ]

    async def requests(order: Callable[[list[int]], int]) -> tuple[list[object], Docs]:
        """What is asked of a persistence that answers in some order, as late as it can."""
        world = World()
        for window in events:
            for event in window:
                world.pipeline.dispatch(event)
            await rest()
        answered = set[int]()
        asked = world.persistence.requests
        while left := [place for place in range(len(asked)) if place not in answered]:
            place = order(left)
            answered.add(place)
            stored = Enqueued(tuple(entry.entry_id for entry in asked[place].entries))
            await world.persistence.answer(place + 1, stored)
        by_handle = sorted(asked, key=lambda request: request.handle)
        said = [(each.handle, each.seqs, each.context) for each in by_handle]
        return list(said), world.pipeline.view

    first, shown = run(requests(min))
    second, also = run(requests(max))
    assert first == second
    assert len(first) == 5
    assert shown == also


def test_two_resources_of_one_name_are_two() -> None:
    async def main() -> None:
        world = World()
        for resource, name in (("a/b", "c"), ("a", "b/c")):
            entity = Entity(Resource(resource), EntityId(name))
            world.pipeline.dispatch(Write(entity, Create(Obj({"n": resource}))))
        entity = Entity(Resource("a/b"), EntityId("c"))
        world.pipeline.dispatch(Write(entity, Update((Replace(("n",), 1),))))
        assert len(world.pipeline.view) == 2

    run(main())
