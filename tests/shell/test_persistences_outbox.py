"""Persistence over an outbox: stored, then told; a restart shows all of it and tells it once."""

from pathlib import Path

import pytest
from tests.shell.pipeline_world import (
    ME,
    TODO,
    Authority,
    Heard,
    Worker,
    create,
    delete,
    rest,
    run,
    todo,
    update,
    upsert,
)

from optisync.contracts.entry import EntryId, Millis, Row
from optisync.contracts.messages import Accepted, Delta, Outcome, Refused, Snapshot
from optisync.errors import ChangeInapplicable
from optisync.outbox.config import Config as OutboxConfig
from optisync.outbox.errors import AlreadySent, EpochAhead
from optisync.outbox.inputs import Result, Retry
from optisync.outbox.rows import Item
from optisync.patch import Add
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Answer
from optisync.pipeline.errors import UnknownTicket
from optisync.pipeline.events import Patches
from optisync.pipeline.inputs import FetchedRow
from optisync.pipeline.pending import Place
from optisync.server.step import Fetch, Forget, Restore, Submit, snapshot
from optisync.server.step import step as serve
from optisync.shell.durable import DurableOutbox
from optisync.shell.enqueueing import OutboxPersistence
from optisync.shell.memory import MemoryStore
from optisync.shell.mutation_pipeline import MutationPipeline
from optisync.shell.mutation_pipeline_ports import WriteFailed
from optisync.shell.sqlite import SqliteStore
from optisync.shell.store import Store, StoreDiskFull
from optisync.values import AtomKey, ClientSeq, Epoch, Obj, ServerSeq, Version
from optisync.view import Create, Delete, Docs, Upsert

ONE = Epoch(1)


class Crash(KeyboardInterrupt):
    """The process ends here: the loop lets this kind out of a task, and nothing is stored after."""


class Disk:
    """Where a store is while no process has it open; a memory store is the same for ever."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._memory = MemoryStore()

    @property
    def is_slow(self) -> bool:
        return self._path is not None

    def another(self, path: Path) -> "Disk":
        """One of the same kind with nothing on it."""
        return Disk(None if self._path is None else path)

    def open(self) -> Store:
        self.fail(False)
        return self._memory if self._path is None else SqliteStore(self._path, ME)

    def fail(self, failing: bool) -> None:
        self._memory.failing = StoreDiskFull("here", "no room") if failing else None


@pytest.fixture(params=["memory", "sqlite"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    return Disk(tmp_path / "outbox.db" if request.param == "sqlite" else None)


class Life:
    """One process: outbox, persistence, pipeline and worker, from the store on."""

    def __init__(
        self, disk: Disk, authority: Authority, capacity: int = 100, crash_at: int = -1
    ) -> None:
        self.points: list[str] = []
        self.last_words: list[str] = []
        self._crash_at = crash_at
        self._disk, self.store = disk, disk.open()
        config = OutboxConfig(ME, capacity=capacity)
        self.outbox = DurableOutbox(config, self.store, ONE, point=self._point)
        self.persistence = OutboxPersistence(self.outbox)
        self.pipeline = MutationPipeline(
            Config(ME), self.persistence, numbers=self.outbox, state=self.persistence.state()
        )
        self.first_view: Docs = self.pipeline.view
        self.heard = Heard(self.pipeline)
        self.persistence.attach(self.pipeline)
        self.worker = Worker(self.outbox, self.persistence, authority)

    def _point(self, name: str) -> None:
        self.points.append(name)
        if len(self.points) == self._crash_at:
            self.store.close()
            self._disk.fail(True)
            self.last_words = list(self.heard.told)  # what it says from now on nobody hears
            raise Crash(name)

    def end(self) -> None:
        self.store.close()

    @property
    def waiting(self) -> list[int]:
        return [member.seq for member in self.outbox.state.queue if isinstance(member, Item)]


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


def scripted(disk: Disk, authority: Authority) -> None:
    """A life that ends with writes in every place that the store keeps."""

    async def main() -> None:
        life = Life(disk, authority)
        life.pipeline.dispatch(create("t", 1, temporary=True))
        await rest()
        life.worker.work()  # the first is confirmed and covered
        for event in (update("t", 2), create("a", 3), create("u", 4, temporary=True)):
            life.pipeline.dispatch(event)
        life.pipeline.dispatch(create("b", 5))
        await rest()
        sent = life.outbox.reserve(1)
        assert sent is not None
        life.pipeline.dispatch(create("late", 6))  # shown, and never stored
        life.end()

    run(main())


def test_the_first_view_of_a_life_shows_what_is_pending(disk: Disk) -> None:
    authority = Authority()
    scripted(disk, authority)

    async def main() -> None:
        life = Life(disk, authority)
        pipeline = life.pipeline
        assert life.first_view == Obj(
            {
                "todo/s1": Obj({"n": 2}),
                "todo/a": Obj({"n": 3}),
                "todo/u": Obj({"n": 4}),
                "todo/b": Obj({"n": 5}),
            }
        )
        assert life.heard.told == []  # the first was told and heard before
        with pytest.raises(UnknownTicket):
            await pipeline.await_ticket(1)
        assert await pipeline.await_ticket(2, "optimistic") is Answer.ENQUEUED
        ticket = pipeline.dispatch(update("t", 7))  # by the name that the application knows
        assert pipeline.view["todo/s1"] == Obj({"n": 7})
        pipeline.dispatch(update("u", 8))
        await rest()
        while life.worker.work():
            pass
        assert await pipeline.await_ticket(ticket) is Answer.CONFIRMED
        verdicts = [told for told in life.heard.told if "enqueued" not in told]
        assert sorted(verdicts) == sorted(f"{n} confirmed" for n in (2, 3, 4, 5, 7, 8))
        assert not pipeline.state.pending.members
        assert pipeline.view == pipeline.state.docs == life.outbox.documents
        assert pipeline.view["todo/s1"] == Obj({"n": 7})
        life.end()

    run(main())


def interrupted(disk: Disk, authority: Authority, crash_at: int) -> Life:
    """A life that crashes at a point, or comes to its end."""
    lives: list[Life] = []

    async def main() -> None:
        lives.append(life := Life(disk, authority, crash_at=crash_at))
        try:
            life.pipeline.dispatch(create("a", 1))
            life.pipeline.dispatch(create("b", 1))
            await rest()
            authority.foreign(1, "todo/b", Upsert(0))
            for _ in range(2):
                life.worker.work(1)
        finally:
            life.end()

    if crash_at < 0:
        run(main())
    else:
        with pytest.raises(Crash):
            run(main())
    return lives[0]


def resumed(disk: Disk, authority: Authority) -> tuple[list[str], set[str]]:
    """What the next life tells until everything is settled, and the tickets it began with."""
    told: list[str] = []
    tickets: set[str] = set()

    async def main() -> None:
        life = Life(disk, authority)
        life.worker.hear()
        tickets.update(str(seq) for seq in life.waiting)
        while life.worker.work():
            pass
        assert not life.pipeline.state.pending.members
        assert life.outbox.state.reports == ()
        assert life.pipeline.view == life.pipeline.state.docs == life.outbox.documents
        told.extend(life.heard.told)
        life.end()

    run(main())
    return told, tickets


def test_verdicts_reach_tickets_once_wherever_the_process_ends(disk: Disk, tmp_path: Path) -> None:
    """Twice only where it ended between the telling and the note that it was heard."""
    points = interrupted(disk, Authority(), -1).points
    assert len(set(points)) == 2 + 2 * 3  # saves, Enqueued, Send, Told
    twice: list[str] = []
    for crash_at in range(1, len(points) + 1, 5 if disk.is_slow else 1):
        place, authority = disk.another(tmp_path / f"{crash_at}.db"), Authority()
        earlier = interrupted(place, authority, crash_at).last_words
        later, stored = resumed(place, authority)
        stored |= {told[0] for told in earlier if told.endswith("enqueued")}
        for ticket in ("1", "2"):
            told = [each for each in (*earlier, *later) if each.startswith(ticket)]
            verdicts = [each for each in told if not each.endswith("enqueued")]
            assert len(set(verdicts)) == (ticket in stored), (crash_at, told)
            twice += [points[crash_at - 1]] * (len(verdicts) - len(set(verdicts)))
        assert resumed(place, authority) == ([], set())
    # for each verdict, the save of that note
    assert twice == ["before-save"] * (len(twice) if disk.is_slow else 2)


def test_verdicts_that_came_while_nobody_was_there_are_told_once(disk: Disk) -> None:
    authority = Authority()

    async def first() -> None:
        life = Life(disk, authority)
        for name in "abc":
            life.pipeline.dispatch(create(name))
        await rest()
        life.end()

    async def worker() -> None:
        outbox = DurableOutbox(OutboxConfig(ME), store := disk.open(), ONE)
        sent = outbox.reserve(3)
        assert sent is not None
        refused, accepted = Refused("no"), Accepted(ServerSeq(1), Version(1))
        names = [item.entry.entry_id for item in sent.items]
        outcomes = (Result(names[0], refused), Result(names[1], accepted))
        outbox.settle(sent.token, ONE, outcomes)
        outbox.abandon(names[2])
        store.close()

    async def second() -> None:
        life = Life(disk, authority)
        assert set(life.first_view) == {"todo/b"}  # accepted, not covered
        assert life.heard.told == ["1 failed no", "2 confirmed", "3 in-doubt"]
        assert life.outbox.state.reports == ()
        with pytest.raises(WriteFailed):
            await life.pipeline.await_ticket(1)
        assert await life.pipeline.await_ticket(2) is Answer.CONFIRMED
        changes = ((AtomKey("todo/b"), Create(Obj({"n": 0}))),)
        life.persistence.process_delta(Delta(ONE, ServerSeq(1), ServerSeq(0), changes))
        assert not life.pipeline.state.pending.members
        assert life.pipeline.view == life.outbox.documents
        assert life.heard.told[3:] == []
        life.end()

    for part in (first, worker, second):
        run(part())


def restored(authority: Authority, upto: int, forget: bool = False) -> Snapshot:
    """The server comes back from a backup; the snapshot that a client then fetches."""
    given = Forget(ME) if forget else Restore(ServerSeq(upto))
    authority.state = serve(authority.state, given).state
    return snapshot(serve(authority.state, Fetch(ME)).state, ME)


def test_a_cache_brings_nothing_back_that_earlier_lives_saw_deleted(disk: Disk) -> None:
    authority = Authority()

    async def first() -> None:
        life = Life(disk, authority)
        life.pipeline.hydrate([FetchedRow(todo("a"), Row(1))])
        assert set(life.pipeline.view) == {"todo/a"}
        authority.foreign(1, "todo/a", Upsert(1))
        authority.foreign(2, "todo/a", Delete())
        life.worker.hear()
        assert life.pipeline.view == Obj()
        life.end()

    async def second() -> None:
        life = Life(disk, authority)
        life.pipeline.hydrate([FetchedRow(todo("a"), Row(1))])
        assert life.pipeline.view == Obj()
        life.end()

    run(first())
    run(second())


def test_a_row_that_keeps_its_own_id_keeps_it_in_the_next_life(disk: Disk) -> None:
    async def first() -> None:
        life = Life(disk, Authority())
        life.pipeline.dispatch(create("t", 1, temporary=True))
        await rest()
        sent = life.outbox.reserve(1)
        assert sent is not None
        life.outbox.settle(sent.token, ONE, [Result(EntryId("me/1"), Accepted(ServerSeq(5)))])
        life.end()

    async def second() -> None:
        life = Life(disk, Authority())
        life.pipeline.dispatch(upsert("t", 2))  # it waits for no id
        await rest()
        assert life.heard.told == ["2 enqueued"]
        (stored, _) = life.pipeline.state.pending
        assert not stored.write.temporary
        life.end()

    run(first())
    run(second())


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("restart", [False, True])
def test_what_a_restore_undid_is_sent_again_and_shown_until_it_is_decided(
    disk: Disk, refused: bool, restart: bool
) -> None:
    authority = Authority()
    lives: list[Life] = []

    def here() -> Life:
        if restart and lives:
            lives[-1].end()
        if restart or not lives:
            lives.append(Life(disk, authority))
        return lives[-1]

    async def main() -> None:
        life = here()
        life.pipeline.dispatch(create("a", 1))
        await rest()
        sent = life.outbox.reserve(1)
        assert sent is not None
        changes = ((AtomKey("todo/a"), Create(Obj({"n": 1}))),)
        authority.submit(Submit(ME, ONE, ClientSeq(1), changes))
        life.outbox.settle(sent.token, ONE, [Result(EntryId("me/1"), Accepted(ServerSeq(1)))])
        assert life.heard.told == ["1 enqueued", "1 confirmed"]
        authority.deltas.clear()
        snapshot = restored(authority, 0)
        life.persistence.process_snapshot(snapshot)
        life = here()
        assert life.pipeline.view == Obj({"todo/a": Obj({"n": 1})})
        assert life.pipeline.state.pending.members[ClientSeq(1)].status is Place.UNKNOWN
        if refused:
            authority.foreign(1, "todo/a", Create(Obj({"n": 9})))
        assert life.worker.work()
        life.worker.hear()
        assert not life.pipeline.state.pending.members
        number = 9 if refused else 1
        assert life.pipeline.view == life.pipeline.state.docs
        assert life.pipeline.view == Obj({"todo/a": Obj({"n": number})})
        assert life.heard.told == ([] if restart else ["1 enqueued", "1 confirmed"])
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


def test_a_parked_write_stays_shown_in_the_next_life(disk: Disk) -> None:
    async def main() -> None:
        life = Life(disk, Authority())
        life.pipeline.dispatch(create("a", 1))
        await rest()
        for n in range(5):
            life.outbox.tick(Millis(n * 100_000))
            sent = life.outbox.reserve(1)
            assert sent is not None
            life.outbox.settle(sent.token, ONE, [Result(EntryId("me/1"), Retry())])
        assert [entry.status for entry in life.outbox.status().queue] == ["parked"]
        life.end()
        again = Life(disk, Authority())
        assert again.first_view == Obj({"todo/a": Obj({"n": 1})})
        again.outbox.resume(EntryId("me/1"))
        assert again.worker.work()
        assert again.heard.told == ["1 confirmed"]
        again.end()

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
