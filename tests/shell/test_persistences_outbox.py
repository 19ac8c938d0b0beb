"""Persistence over an outbox: stored, then told; the outbox hears everything first."""

from pathlib import Path

import pytest
from tests.shell.pipeline_lives import ONE, Disk, Life, restored
from tests.shell.pipeline_world import (
    TODO,
    Authority,
    create,
    delete,
    rest,
    run,
    update,
    upsert,
)

from optisync.contracts.entry import EntryId, Stamp
from optisync.contracts.messages import Accepted, Delta, Outcome, Refused, Snapshot
from optisync.errors import ChangeInapplicable
from optisync.outbox.errors import AlreadySent, EpochAhead
from optisync.outbox.inputs import Result
from optisync.patch import Add
from optisync.pipeline.effects import Answer
from optisync.pipeline.events import Patches
from optisync.shell.memory import MemoryStore
from optisync.shell.mutation_pipeline_ports import WriteFailed
from optisync.shell.store import StoreDiskFull
from optisync.values import AtomKey, ClientSeq, Epoch, Obj, ServerSeq, Version
from optisync.view import Create, Docs


@pytest.fixture(params=["memory", "sqlite"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    return Disk(tmp_path / "outbox.db" if request.param == "sqlite" else None)


def test_a_write_is_stored_sent_and_told(disk: Disk) -> None:
    async def main() -> None:
        life = Life(disk, authority := Authority())
        pipeline = life.pipeline
        ticket = pipeline.dispatch(create("t", 1, temporary=True))
        child = pipeline.dispatch(update("t", 2))
        assert life.waiting == []
        assert await pipeline.await_ticket(ticket, "optimistic") is Answer.ENQUEUED
        await rest()
        assert life.waiting == [1, 2]
        while life.worker.work():
            pass
        assert await pipeline.await_ticket(child) is Answer.CONFIRMED
        told = ["1 enqueued", "2 enqueued", "1 confirmed", "2 confirmed"]
        assert sorted(life.heard.told) == sorted(told)
        assert life.waiting == []
        assert life.outbox.state.reports == ()
        assert pipeline.view == pipeline.state.docs == life.outbox.documents
        assert pipeline.view == Obj({"todo/s1": Obj({"n": 2})})
        assert len(authority.state.log) == 2
        assert not pipeline.errors
        life.end()

    run(main())


def test_a_full_queue_and_a_failing_store_are_definite(disk: Disk) -> None:
    async def main() -> None:
        life = Life(disk, Authority(), capacity=2)
        pipeline = life.pipeline
        three = tuple(Add((name,), Obj()) for name in "abc")
        pipeline.dispatch(Patches(TODO, three))
        with pytest.raises(WriteFailed) as error:
            await pipeline.await_ticket(1)
        assert error.value.reason == "outbox-full"
        assert pipeline.view == Obj()
        assert len(life.outbox.state.queue) == 0  # their numbers are given up
        pipeline.dispatch(create("a"))
        disk.fail(True)
        await rest()
        if isinstance(life.store, MemoryStore):
            assert life.heard.told[1:] == ["2 failed store-failed"]
            assert pipeline.view == Obj()
            assert [type(e) for e in pipeline.errors] == [StoreDiskFull]  # the number stays open
            with pytest.raises(StoreDiskFull):
                pipeline.dispatch(create("b"))
            disk.fail(False)
        else:
            assert life.heard.told[1:] == ["2 enqueued"]
        pipeline.dispatch(create("c"))
        await rest()
        assert life.heard.told[-1].endswith("enqueued")
        life.end()

    run(main())


def test_an_update_without_a_version_is_refused_alone_and_not_sent_loosely(disk: Disk) -> None:
    async def main() -> None:
        life = Life(disk, Authority())
        for event in (upsert("a", 1), update("b", 1), upsert("c", 1)):
            life.pipeline.dispatch(event)
        await rest()
        assert life.heard.told == ["2 failed base-unknown", "1 enqueued", "3 enqueued"]
        assert set(life.pipeline.view) == {"todo/a", "todo/c"}
        assert [member.seq for member in life.outbox.state.queue] == [1, 3]
        life.end()

    run(main())


def test_a_withdrawn_write_is_cancelled_and_a_sent_one_stays(disk: Disk) -> None:
    async def main() -> None:
        life = Life(disk, Authority())
        pipeline = life.pipeline
        for name in "ab":
            pipeline.dispatch(create(name))
        await rest()
        pipeline.cancel(1)
        assert life.heard.told == ["1 enqueued", "2 enqueued", "1 failed cancelled"]
        assert set(pipeline.view) == {"todo/b"}
        assert life.outbox.reserve(1) is not None
        pipeline.cancel(2)
        assert set(pipeline.view) == {"todo/b"}
        assert [type(error) for error in pipeline.errors] == [AlreadySent]
        life.persistence.abandon(EntryId("me/2"))
        assert life.heard.told[3:] == ["2 in-doubt"]
        assert pipeline.view == Obj()
        life.end()

    run(main())


def test_what_was_never_handed_over_leaves_no_number_behind(disk: Disk) -> None:
    async def main() -> None:
        life = Life(disk, Authority())
        pipeline = life.pipeline
        pipeline.cancel(pipeline.dispatch(create("a")))
        assert len(life.outbox.state.queue) == 0
        pipeline.dispatch(create("b"))
        await rest()
        assert life.waiting == [2]
        life.end()

    run(main())


def test_documents_are_stored_before_they_are_shown(disk: Disk) -> None:
    async def main() -> None:
        authority = Authority()
        life = Life(disk, authority)
        pipeline = life.pipeline
        seen: list[bool] = []
        pipeline.on_change(lambda: seen.append(pipeline.state.docs == life.outbox.documents))
        told: list[str] = []
        pipeline.on_operation(lambda _: told.append(str(set(pipeline.state.docs))))
        pipeline.dispatch(create("a"))
        await rest()
        authority.foreign(1, "todo/b", Create(1))
        while life.worker.work():
            pass
        assert seen
        assert all(seen)
        assert set(pipeline.view) == {"todo/a", "todo/b"}
        before, documents = pipeline.state, life.outbox.documents
        unfit = Delta(ONE, ServerSeq(9), ServerSeq(2), ((AtomKey("todo/a"), Create(1)),))
        with pytest.raises(ChangeInapplicable):
            life.persistence.process_delta(unfit)
        with pytest.raises(EpochAhead):
            life.persistence.process_delta(Delta(Epoch(2), ServerSeq(1), None))
        disk.fail(True)
        if isinstance(life.store, MemoryStore):
            with pytest.raises(StoreDiskFull):
                life.persistence.process_snapshot(Snapshot(ONE, ServerSeq(9), Obj()))
        assert (pipeline.state, life.outbox.documents) == (before, documents)
        life.end()

    run(main())


def test_a_server_that_forgot_this_client_leaves_what_was_sent_in_doubt(disk: Disk) -> None:
    async def main() -> None:
        authority = Authority()
        life = Life(disk, authority)
        for name in "ab":
            life.pipeline.dispatch(create(name))
        await rest()
        assert life.outbox.reserve(1) is not None
        life.persistence.process_snapshot(restored(authority, 0, forget=True))
        assert life.heard.told[2:] == ["1 in-doubt"]
        assert set(life.pipeline.view) == {"todo/b"}
        assert life.outbox.state.reports == ()
        life.end()

    run(main())


def test_a_verdict_of_a_snapshot_is_told_when_both_have_its_documents(disk: Disk) -> None:
    async def main() -> None:
        life = Life(disk, Authority())
        pipeline = life.pipeline
        life.persistence.process_snapshot(Snapshot(ONE, ServerSeq(5), Obj()))
        pipeline.dispatch(create("a", 1))
        await rest()
        assert life.outbox.reserve(1) is not None
        views: list[Docs] = []
        pipeline.on_change(lambda: views.append(pipeline.view))
        pipeline.on_operation(lambda _: views.append(pipeline.state.docs))
        docs, outcome = (
            Obj({"todo/a": Obj({"n": 1})}),
            Outcome(ClientSeq(1), Accepted(ServerSeq(3))),
        )
        life.persistence.process_snapshot(Snapshot(Epoch(2), ServerSeq(3), docs, (outcome,)))
        assert views == [docs, docs]
        assert life.heard.told == ["1 enqueued", "1 confirmed"]
        assert life.outbox.state.reports == ()
        life.end()

    run(main())


def test_a_told_write_that_is_given_up_after_a_restore_is_shown_no_more(disk: Disk) -> None:
    async def main() -> None:
        authority = Authority()
        life = Life(disk, authority)
        life.pipeline.dispatch(create("a", 1))
        await rest()
        sent = life.outbox.reserve(1)
        assert sent is not None
        life.outbox.settle(sent.token, ONE, [Result(EntryId("me/1"), Accepted(ServerSeq(1)))])
        life.persistence.process_snapshot(restored(authority, 0))
        life.persistence.abandon(EntryId("me/1"))
        assert life.pipeline.view == Obj()
        assert life.heard.told == ["1 enqueued", "1 confirmed"]
        life.end()

    run(main())


def test_a_verdict_heard_in_a_callback_is_consumed_after_it_was_told(disk: Disk) -> None:
    async def main() -> None:
        life = Life(disk, Authority())
        order: list[str] = []

        def work(_: object) -> None:
            order.append(f"told, reports {len(life.outbox.state.reports)}")
            if len(order) == 1:
                life.worker.work()
                order.append(f"worked, reports {len(life.outbox.state.reports)}")

        life.pipeline.on_operation(work)
        life.pipeline.dispatch(create("a"))
        await rest()
        assert order == ["told, reports 0", "worked, reports 1", "told, reports 1"]
        assert life.outbox.state.reports == ()
        life.end()

    run(main())


def test_a_note_that_cannot_be_stored_is_made_with_the_next() -> None:
    async def main() -> None:
        disk = Disk(None)
        life = Life(disk, Authority())
        for name in "ab":
            life.pipeline.dispatch(create(name))
        await rest()
        end = life.pipeline.on_operation(lambda _: disk.fail(True))
        sent = life.outbox.reserve(2)
        assert sent is not None
        life.outbox.settle(sent.token, ONE, [Result(EntryId("me/1"), Refused("no"))])
        assert [type(error) for error in life.pipeline.errors] == [StoreDiskFull]
        assert [report.number for report in life.outbox.state.reports] == [1]
        end()
        disk.fail(False)
        life.outbox.settle(sent.token, ONE, [Result(EntryId("me/2"), Refused("no"))])
        assert life.heard.told[2:] == ["1 failed no", "2 failed no"]
        assert life.outbox.state.reports == ()
        life.end()

    run(main())


def test_an_upsert_and_a_delete_follow_their_own_versions(disk: Disk) -> None:
    async def main() -> None:
        authority = Authority()
        life = Life(disk, authority)
        pipeline = life.pipeline
        for event in (upsert("a", 1), upsert("a", 2), delete("a"), create("a", 3)):
            pipeline.dispatch(event)
        await rest()
        assert pipeline.view == Obj({"todo/a": Obj({"n": 3})})
        while life.worker.work():
            pass
        assert [told for told in life.heard.told if "failed" in told] == []
        assert pipeline.view == pipeline.state.docs == Obj({"todo/a": Obj({"n": 3})})
        assert authority.version("todo/a") == 4
        life.end()

    run(main())


def test_the_version_that_an_acceptance_gave_is_seen_by_the_next_write(disk: Disk) -> None:
    async def main() -> None:
        life = Life(disk, Authority())
        life.pipeline.dispatch(create("a", 1))
        await rest()
        sent = life.outbox.reserve(1)
        assert sent is not None
        accepted = Accepted(ServerSeq(1), Version(40))
        life.outbox.settle(sent.token, ONE, [Result(EntryId("me/1"), accepted)])
        life.pipeline.dispatch(update("a", 2))
        await rest()
        assert life.pipeline.state.pending.members[ClientSeq(2)].base == Stamp(ONE, Version(40))
        life.end()

    run(main())
