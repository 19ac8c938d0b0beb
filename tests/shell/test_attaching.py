"""A persistence belongs to one pipeline, and says so."""

import asyncio
from collections.abc import Callable

import pytest

from optisync.contracts.entry import Entity, EntityId, EntryId, Resource
from optisync.contracts.messages import Delta
from optisync.outbox.config import Config as OutboxConfig
from optisync.outbox.config import Mode
from optisync.patch import Add
from optisync.pipeline.config import Config
from optisync.pipeline.events import Patches, Write
from optisync.shell.attaching import AttachedBefore, NotAttached
from optisync.shell.direct import OpsPersistence
from optisync.shell.direct_memory import MemoryBackend
from optisync.shell.durable import DurableOutbox
from optisync.shell.enqueueing import OutboxOrdered, OutboxPersistence
from optisync.shell.memory import MemoryStore
from optisync.shell.mutation_pipeline import MutationPipeline
from optisync.shell.mutation_pipeline_ports import WriteFailed
from optisync.shell.store import OtherClient
from optisync.values import ClientId, ClientSeq, Epoch, ServerSeq
from optisync.view import Create

ME = ClientId("me")
ROW = Write(Entity(Resource("r"), EntityId("a")), Create(1))


def over_outbox() -> OutboxPersistence:
    return OutboxPersistence(DurableOutbox(OutboxConfig(ME), MemoryStore()))


def over_backend() -> OpsPersistence:
    return OpsPersistence(MemoryBackend())


@pytest.mark.parametrize("make", [over_outbox, over_backend])
def test_a_second_pipeline_is_refused(
    make: Callable[[], OutboxPersistence | OpsPersistence],
) -> None:
    async def main() -> None:
        persistence = make()
        persistence.attach(MutationPipeline(Config(ME), persistence))
        with pytest.raises(AttachedBefore, match="one for each pipeline"):
            persistence.attach(MutationPipeline(Config(ME), persistence))

    asyncio.run(main())


@pytest.mark.parametrize("make", [over_outbox, over_backend])
def test_without_a_pipeline_a_write_fails_at_once(
    make: Callable[[], OutboxPersistence | OpsPersistence],
) -> None:
    async def main() -> None:
        pipeline = MutationPipeline(Config(ME), make())
        with pytest.raises(WriteFailed, match="not-attached"):
            await pipeline.await_ticket(pipeline.dispatch(ROW))
        assert dict(pipeline.view) == {}

    asyncio.run(main())


def test_without_a_pipeline_no_document_is_stored() -> None:
    outbox = DurableOutbox(OutboxConfig(ME), MemoryStore())
    delta = Delta(Epoch(1), ServerSeq(1), ServerSeq(0))
    with pytest.raises(NotAttached, match="attach"):
        OutboxPersistence(outbox).process_delta(delta)
    assert outbox.state.numbers.server_seq == 0


def test_an_outbox_in_the_order_of_numbers_is_refused() -> None:
    outbox = DurableOutbox(OutboxConfig(ME, Mode.ORDERED), MemoryStore())
    with pytest.raises(OutboxOrdered, match="mode `entity`"):
        OutboxPersistence(outbox)


def test_the_pipeline_of_another_client_is_refused() -> None:
    async def main() -> None:
        persistence = over_outbox()
        other = MutationPipeline(Config(ClientId("you")), persistence, state=persistence.state())
        with pytest.raises(OtherClient, match=r"pipeline is of client 'you', its outbox of 'me'"):
            persistence.attach(other)
        ours = MutationPipeline(Config(ME), persistence, state=persistence.state())
        persistence.attach(ours)  # the refused one is not its pipeline

    asyncio.run(main())


def test_a_verdict_of_an_earlier_life_comes_under_the_number_of_its_write() -> None:
    store, told = MemoryStore(), list[tuple[int, str]]()

    async def first() -> None:
        outbox = DurableOutbox(OutboxConfig(ME), store)
        outbox.give_up(outbox.take())  # from here on numbers and tickets are not the same
        persistence = OutboxPersistence(outbox)
        pipeline = MutationPipeline(
            Config(ME), persistence, numbers=outbox, state=persistence.state()
        )
        persistence.attach(pipeline)
        event = Patches(Resource("r"), (Add(("a",), 1), Add(("b",), 1)))
        pipeline.begin_write()
        ticket = pipeline.dispatch(event)
        noted.update(dict.fromkeys(pipeline.state.tickets[ticket].undecided, ticket))
        await pipeline.await_ticket(ticket, "optimistic")

    async def second() -> None:
        outbox = DurableOutbox(OutboxConfig(ME), store)
        outbox.cancel(EntryId("me/2"))
        persistence = OutboxPersistence(outbox)
        pipeline = MutationPipeline(
            Config(ME), persistence, numbers=outbox, state=persistence.state()
        )
        pipeline.on_operation(lambda each: told.append((each.ticket, each.status.value)))
        persistence.attach(pipeline)
        assert pipeline.state.pending.get(ClientSeq(2)) is None
        assert pipeline.state.pending.members[ClientSeq(3)].write.entity.id == "b"

    noted: dict[int, int] = {}
    asyncio.run(first())
    asyncio.run(second())
    assert noted == {2: 3, 3: 3}
    assert told == [(2, "failed")]
