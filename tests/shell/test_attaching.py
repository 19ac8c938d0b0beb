"""A persistence belongs to one pipeline, and says so."""

import asyncio
from collections.abc import Callable

import pytest

from optisync.contracts.entry import Entity, EntityId, Resource
from optisync.contracts.messages import Delta
from optisync.outbox.config import Config as OutboxConfig
from optisync.pipeline.config import Config
from optisync.pipeline.events import Write
from optisync.shell.attaching import AttachedBefore, NotAttached
from optisync.shell.direct import OpsPersistence
from optisync.shell.direct_memory import MemoryBackend
from optisync.shell.durable import DurableOutbox
from optisync.shell.enqueueing import OutboxPersistence
from optisync.shell.memory import MemoryStore
from optisync.shell.mutation_pipeline import MutationPipeline
from optisync.shell.mutation_pipeline_ports import WriteFailed
from optisync.values import ClientId, Epoch, ServerSeq
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
