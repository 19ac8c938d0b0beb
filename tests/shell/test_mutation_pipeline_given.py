"""Callers without types: values are copied, and what is of another type is refused."""

from collections.abc import Callable
from typing import Literal, cast

import pytest
from tests.shell.pipeline_world import (
    ME,
    TODO,
    World,
    create,
    run,
    todo,
)
from typeguard import suppress_type_checks

from optisync.contracts.entry import (
    Entity,
    EntryId,
    Millis,
    Row,
    WriteEntryResult,
    Written,
)
from optisync.contracts.messages import Delta, Refused, Snapshot
from optisync.errors import OptisyncError, PatchMalformed, ValueMalformed
from optisync.patch import Add
from optisync.pipeline.config import Config
from optisync.pipeline.events import Context, Event, Patches, Write
from optisync.pipeline.inputs import (
    Confirmed,
    FetchedRow,
)
from optisync.pipeline.state import Pipeline
from optisync.shell.given import InputMalformed
from optisync.shell.mutation_pipeline import MutationPipeline
from optisync.values import Epoch, Json, Obj, ServerSeq, Version
from optisync.view import Change, Create, Docs


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
