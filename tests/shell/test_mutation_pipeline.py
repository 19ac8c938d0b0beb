"""The pipeline on asyncio: what is dispatched is shown, and persisted once."""

from collections.abc import Callable

import pytest
from tests.shell.pipeline_world import (
    ME,
    TODO,
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

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    Millis,
    Resource,
    Row,
)
from optisync.contracts.messages import Delta, Label, Refused, Snapshot
from optisync.errors import OptisyncError
from optisync.patch import Add, Replace
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Diag, DiagCode, Resync, Withdraw
from optisync.pipeline.errors import (
    AlreadyDecided,
    EventMalformed,
    NothingToRevert,
    NotUnknown,
    PipelineFull,
    TicketUsed,
)
from optisync.pipeline.events import Context, Event, Patches, Write
from optisync.pipeline.inputs import (
    Enqueued,
    FetchedRow,
)
from optisync.shell.mutation_pipeline import MutationPipeline
from optisync.shell.mutation_pipeline_ports import (
    PersistRefused,
)
from optisync.values import AtomKey, ClientSeq, Epoch, Obj, ServerSeq, Version
from optisync.view import Create, Docs, Update, Upsert


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
