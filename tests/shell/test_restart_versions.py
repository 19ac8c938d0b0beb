"""After a restart the versions of documents are known, as they were before it."""

from pathlib import Path

import pytest
from tests.shell.pipeline_lives import ONE, Disk, Life
from tests.shell.pipeline_world import Authority, create, rest, run, update, upsert

from optisync.contracts.entry import EntryId, Stamp
from optisync.contracts.messages import Accepted, Delta, Snapshot
from optisync.outbox.inputs import Result
from optisync.outbox.rows import Item
from optisync.values import AtomKey, ClientSeq, Epoch, Obj, ServerSeq, Version
from optisync.view import Create, Delete, Upsert


@pytest.fixture(params=["memory", "sqlite"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    return Disk(tmp_path / "outbox.db" if request.param == "sqlite" else None)


def known(life: Life, name: str, version: int) -> bool:
    """Whether everybody knows the row in this version."""
    stamp = Stamp(ONE, Version(version))
    atom = AtomKey(f"todo/{name}")
    return life.outbox.versions.get(atom) == life.pipeline.state.versions.get(atom) == stamp


def test_a_row_that_only_others_wrote_is_changed_offline_in_the_next_life(disk: Disk) -> None:
    authority = Authority()
    authority.foreign(1, "todo/a", Create(Obj({"n": 1})))
    authority.foreign(2, "todo/b", Create(Obj({"n": 1})))

    async def first() -> None:
        life = Life(disk, authority)
        life.worker.hear()
        authority.foreign(3, "todo/b", Delete())
        life.worker.hear()
        life.end()

    async def second() -> None:
        life = Life(disk, authority)
        assert known(life, "a", 1)
        assert known(life, "b", 3)
        life.pipeline.dispatch(update("a", 2))
        life.pipeline.dispatch(upsert("b", 2))  # of a deleted row: made on its deletion
        await rest()
        assert life.heard.told == ["1 enqueued", "2 enqueued"]
        bases = [m.entry.base for m in life.outbox.state.queue if isinstance(m, Item)]
        assert bases == [Stamp(ONE, Version(1)), Stamp(ONE, Version(3))]
        while life.worker.work():
            pass
        assert life.heard.told[2:] == ["1 confirmed", "2 confirmed"]
        assert known(life, "a", 4)
        assert known(life, "b", 5)
        life.end()

    run(first())
    run(second())


def test_the_version_of_an_own_write_is_that_which_the_server_gave(disk: Disk) -> None:
    created = ((AtomKey("todo/s1"), Create(Obj({"n": 1}))),)

    async def first() -> None:
        life = Life(disk, Authority())
        life.pipeline.dispatch(create("t", 1, temporary=True))
        await rest()
        sent = life.outbox.reserve(1)
        assert sent is not None
        accepted = Accepted(ServerSeq(5), Version(7), (("t", "s1"),))
        life.outbox.settle(sent.token, ONE, [Result(EntryId("me/1"), accepted)])
        life.persistence.process_delta(Delta(ONE, ServerSeq(5), ServerSeq(4), created))
        assert known(life, "s1", 7)
        life.end()

    async def second() -> None:
        life = Life(disk, Authority())
        assert known(life, "s1", 7)
        life.persistence.process_snapshot(Snapshot(ONE, ServerSeq(5), Obj({"todo/s1": 1})))
        assert dict(life.outbox.versions) == dict(life.pipeline.state.versions) == {}
        life.end()

    async def third() -> None:
        life = Life(disk, Authority())
        assert dict(life.outbox.versions) == dict(life.pipeline.state.versions) == {}
        life.end()

    for part in (first, second, third):
        run(part())


@pytest.mark.parametrize("heard", [False, True])
def test_what_a_restore_undid_goes_when_it_is_accepted_anew(disk: Disk, heard: bool) -> None:
    """No label names it, and its verdict is not told again."""
    two = Epoch(2)
    changes = ((AtomKey("todo/a"), Create(Obj({"n": 1}))),)
    other = ((AtomKey("todo/a"), Upsert(Obj({"n": 9}))),)

    async def main() -> None:
        life = Life(disk, Authority())
        life.pipeline.dispatch(create("a", 1))
        await rest()
        for epoch in (ONE, two):
            sent = life.outbox.reserve(1)
            assert sent is not None
            if heard and epoch == two:
                life.persistence.process_delta(Delta(two, ServerSeq(1), ServerSeq(0), changes))
            accepted = Accepted(ServerSeq(1), Version(6))
            life.outbox.settle(sent.token, epoch, [Result(EntryId("me/1"), accepted)])
            if epoch == ONE:
                life.persistence.process_snapshot(Snapshot(two, ServerSeq(0), Obj()))
        if not heard:
            life.persistence.process_delta(Delta(two, ServerSeq(1), ServerSeq(0), changes))
        life.persistence.process_delta(Delta(two, ServerSeq(2), ServerSeq(1), other))
        assert life.pipeline.view == life.outbox.documents == Obj({"todo/a": Obj({"n": 9})})
        assert not life.pipeline.state.pending.members
        assert life.heard.told == ["1 enqueued", "1 confirmed"]
        life.end()

    run(main())


@pytest.mark.parametrize("gives", [False, True])
def test_own_writes_under_way_are_built_upon_as_in_the_life_before(disk: Disk, gives: bool) -> None:
    """An acceptance without a version has its position for one."""

    async def first() -> None:
        life = Life(disk, Authority())
        for event in (create("a", 1), upsert("a", 2)):
            life.pipeline.dispatch(event)
        await rest()
        for at in (1, 2) if gives else (1,):
            sent = life.outbox.reserve(1)
            assert sent is not None
            accepted = Accepted(ServerSeq(at), Version(40 + at) if gives else None)
            (item,) = sent.items
            life.outbox.settle(sent.token, ONE, [Result(item.entry.entry_id, accepted)])
        life.end()

    async def second() -> None:
        life = Life(disk, Authority())
        life.pipeline.dispatch(upsert("a", 3))
        assert life.pipeline.state.pending.members[ClientSeq(3)].base == Stamp(
            ONE, Version(42 if gives else 1)
        )
        life.end()

    run(first())
    run(second())
