"""A restart shows all that is stored and tells it once, wherever the process ended."""

from pathlib import Path

import pytest
from tests.shell.pipeline_lives import ONE, Crash, Disk, Life, restored
from tests.shell.pipeline_world import (
    ME,
    Authority,
    create,
    rest,
    run,
    todo,
    update,
    upsert,
)

from optisync.contracts.entry import EntryId, Millis, Row
from optisync.contracts.messages import Accepted, Delta, Refused
from optisync.outbox.config import Config as OutboxConfig
from optisync.outbox.inputs import Result, Retry
from optisync.pipeline.effects import Answer
from optisync.pipeline.errors import UnknownTicket
from optisync.pipeline.inputs import FetchedRow
from optisync.pipeline.pending import Place
from optisync.server.step import Submit
from optisync.shell.durable import DurableOutbox
from optisync.shell.mutation_pipeline_ports import WriteFailed
from optisync.values import AtomKey, ClientSeq, Obj, ServerSeq, Version
from optisync.view import Create, Delete, Upsert


@pytest.fixture(params=["memory", "sqlite"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    return Disk(tmp_path / "outbox.db" if request.param == "sqlite" else None)


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
        assert life.pipeline.state.decided == (1, 2, 3)
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


@pytest.mark.parametrize("before", [False, True])
def test_ids_of_the_server_are_shown_in_what_was_stored(disk: Disk, before: bool) -> None:
    def settle(life: Life) -> None:
        sent = life.outbox.reserve(1)
        assert sent is not None
        accepted = Accepted(ServerSeq(5), Version(5), (("t", "s1"),))
        life.outbox.settle(sent.token, ONE, [Result(EntryId("me/1"), accepted)])

    async def first() -> None:
        life = Life(disk, Authority())
        life.pipeline.dispatch(create("t", 1, temporary=True))
        life.pipeline.dispatch(update("t", 2))
        await rest()
        if before:
            settle(life)
        life.end()

    async def second() -> None:
        life = Life(disk, Authority())
        assert set(life.first_view) == {"todo/s1" if before else "todo/t"}
        if not before:
            settle(life)
        assert life.pipeline.view == Obj({"todo/s1": Obj({"n": 2})})
        life.end()

    run(first())
    run(second())


def test_a_row_has_no_id_before_the_documents_hold_it_in_the_next_life_either(
    disk: Disk,
) -> None:
    """The label of its delta may still name it. [child-after-parent]"""

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
        life.pipeline.dispatch(upsert("t", 2))
        await rest()
        assert life.heard.told == []
        changes = ((AtomKey("todo/t"), Create(Obj({"n": 1}))),)
        life.persistence.process_delta(Delta(ONE, ServerSeq(5), ServerSeq(4), changes))
        await rest()
        assert life.heard.told == ["2 enqueued"]
        assert set(life.pipeline.view) == {"todo/t"}
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
