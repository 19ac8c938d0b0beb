"""After a restart the versions of documents are known, as they were before it."""

from pathlib import Path

import pytest
from tests.shell.pipeline_lives import ONE, Disk, Life
from tests.shell.pipeline_world import ME, Authority, create, rest, run, update, upsert

from optisync.contracts.entry import EntryId, Stamp
from optisync.contracts.messages import Accepted, Delta, Label, Snapshot
from optisync.outbox.config import Config
from optisync.outbox.inputs import Result
from optisync.outbox.rows import Item, Row
from optisync.pipeline.config import Config as PipelineConfig
from optisync.pipeline.pending import Place
from optisync.shell.durable import DurableOutbox
from optisync.shell.enqueueing import OutboxPersistence
from optisync.shell.memory import MemoryStore
from optisync.shell.mutation_pipeline import MutationPipeline
from optisync.shell.store import StoredDocs
from optisync.values import AtomKey, ClientSeq, Epoch, Obj, ServerSeq, Version
from optisync.view import Create, Delete, Upsert

TWO = Epoch(2)


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
    changes = ((AtomKey("todo/a"), Create(Obj({"n": 1}))),)
    other = ((AtomKey("todo/a"), Upsert(Obj({"n": 9}))),)

    async def main() -> None:
        life = Life(disk, Authority())
        life.pipeline.dispatch(create("a", 1))
        await rest()
        for epoch in (ONE, TWO):
            sent = life.outbox.reserve(1)
            assert sent is not None
            if heard and epoch == TWO:
                life.persistence.process_delta(Delta(TWO, ServerSeq(1), ServerSeq(0), changes))
            accepted = Accepted(ServerSeq(1), Version(6))
            life.outbox.settle(sent.token, epoch, [Result(EntryId("me/1"), accepted)])
            if epoch == ONE:
                life.persistence.process_snapshot(Snapshot(TWO, ServerSeq(0), Obj()))
        if not heard:
            life.persistence.process_delta(Delta(TWO, ServerSeq(1), ServerSeq(0), changes))
        life.persistence.process_delta(Delta(TWO, ServerSeq(2), ServerSeq(1), other))
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


async def accepted_anew(life: Life, ids: tuple[tuple[str, str], ...]) -> None:
    """The first write is accepted, undone by a restore, and accepted in the new epoch."""
    for epoch, at, given in ((ONE, 5, (("t", "s1"),)), (TWO, 3, ids)):
        sent = life.outbox.reserve(1)
        assert sent is not None
        accepted = Accepted(ServerSeq(at), Version(5), given)
        life.outbox.settle(sent.token, epoch, [Result(EntryId("me/1"), accepted)])
        if epoch == ONE:
            life.pipeline.dispatch(update("t", 2))
            await rest()
            life.persistence.process_snapshot(Snapshot(TWO, ServerSeq(0), Obj()))


@pytest.mark.parametrize("named", ["in the result", "in the label"])
def test_the_id_that_another_epoch_gives_is_known_to_everybody(disk: Disk, named: str) -> None:
    ids, row = (("t", "s2"),), AtomKey("todo/s2")
    by_label = named == "in the label"

    async def main() -> None:
        life = Life(disk, Authority())
        life.pipeline.dispatch(create("t", 1, temporary=True))
        await rest()
        await accepted_anew(life, () if by_label else ids)
        assert not by_label or life.outbox.reserve(1) is not None
        labels = (Label(ME, ClientSeq(1), Version(5), ids), Label(ME, ClientSeq(2), Version(6)))
        changes = ((row, Create(Obj({"n": 2}))),)
        settles = labels if by_label else ()
        life.persistence.process_delta(Delta(TWO, ServerSeq(3), ServerSeq(0), changes, settles))
        assert set(life.pipeline.view) == {"todo/s2"}
        stamp = Stamp(TWO, Version(6 if by_label else 5))
        assert dict(life.pipeline.state.versions) == dict(life.outbox.versions) == {row: stamp}
        life.pipeline.dispatch(update("t", 7))
        assert life.pipeline.view == Obj({"todo/s2": Obj({"n": 7})})
        life.end()

    run(main())


class Broken(MemoryStore):
    """Fails as no store should."""

    broken = False

    def commit(self, rows: tuple[Row, ...], documents: StoredDocs = ()) -> None:
        if self.broken:
            raise RuntimeError("a bug of the store")
        super().commit(rows, documents)


def test_a_write_that_may_not_have_been_stored_is_not_taken_for_accepted() -> None:
    async def main() -> None:
        outbox = DurableOutbox(Config(ME), store := Broken())
        persistence = OutboxPersistence(outbox)
        pipeline = MutationPipeline(
            PipelineConfig(ME), persistence, numbers=outbox, state=persistence.state()
        )
        persistence.attach(pipeline)
        pipeline.dispatch(create("a", 1))
        store.broken = True
        await rest()
        store.broken = False
        changes = ((AtomKey("todo/b"), Create(1)),)
        for at in (1, 2):  # the first call begins another life of the outbox
            given = Delta(ONE, ServerSeq(at), ServerSeq(at - 1), changes if at == 1 else ())
            persistence.process_delta(given)
        assert pipeline.state.pending.members[ClientSeq(1)].status is Place.UNKNOWN
        assert set(pipeline.view) == {"todo/a", "todo/b"}

    run(main())
