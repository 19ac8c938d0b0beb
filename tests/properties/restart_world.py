"""Lives of a pipeline over an outbox, one after another: what each has is what the last one had.

What documents and versions have to be is kept here, from what the server said alone.
"""

from asyncio import get_running_loop
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from tests.properties.restart_authority import STYLES, VERSIONED, Authority
from tests.properties.scripts import Choose, Over
from tests.shell.pipeline_lives import Crash, Disk, Life
from tests.shell.pipeline_world import TODO, create, delete, rest, todo, update, upsert

from optisync.contracts.entry import Entity, EntityId, Stamp, atom_of
from optisync.contracts.messages import Delta
from optisync.errors import OptisyncError
from optisync.outbox.inputs import Result
from optisync.outbox.lease import base_version
from optisync.outbox.rows import Acked, Item
from optisync.pipeline.events import Write
from optisync.pipeline.state import known_entity, version_seen
from optisync.server.state import documents
from optisync.shell.mutation_pipeline import MutationPipeline
from optisync.values import AtomKey, Obj, Version
from optisync.view import Delete, Docs, Upsert, apply_changes

NAMES = ("a", "b", "c")
Truth = tuple[Docs, dict[AtomKey, Stamp]]


def unheard(_loop: object, _context: object) -> None:
    """Nobody asks what a task died of whose process had ended."""


class Ends(Exception):
    """The process ends between two calls."""


@dataclass
class World:
    """One run. `truth`: documents and versions at the cursor; `alone`: nobody else writes."""

    choose: Choose
    disk: Disk
    alone: bool
    menu: list[Callable[["World"], None]]
    authority: Authority = field(init=False)
    truth: Truth = field(default_factory=lambda: (Obj(), {}))
    seen: Counter[str] = field(default_factory=Counter)
    plans: dict[AtomKey, Stamp | None] | None = None
    over: bool = False
    calm: bool = False

    def __post_init__(self) -> None:
        self.versioned = self.alone or self.choose(2) == 0
        manners = 1 if self.alone else VERSIONED if self.versioned else len(STYLES)
        self.authority = Authority(self.choose, manners)
        self.temporary = map("t{}".format, count(1))
        self.made: list[str] = []

    # --- lives ------------------------------------------------------------------------------

    async def live(self, actions: int | None) -> int | None:
        """One life, until it ends, crashes, or has done so much; what is left to do."""
        try:
            crash_at = 1 + self.choose(30) if self.coin(2) else -1
        except Over:
            crash_at, self.over = -1, True
        get_running_loop().set_exception_handler(unheard)
        self.life = Life(self.disk, self.authority.plain, crash_at=crash_at)
        try:
            self.begun()
            self.offline_edit()
            await rest()
            self.offline_edit_is_stored()
            while actions != 0:
                actions = None if actions is None else actions - 1
                self.menu[self.choose(len(self.menu))](self)
                await rest(self.choose(4) * 4)
                self.check()
        except Over:
            self.over = True
        except Ends:
            self.plans = self.planned(self.life.pipeline)
            self.saw("ended")
        finally:
            self.life.crash_at = -1  # what the loop still does when it is closed is of no interest
        self.life.end()
        return actions

    def saw(self, what: str, really: bool = True) -> None:
        if really:
            self.seen[what] += 1

    def coin(self, sides: int) -> bool:
        return not self.calm and self.choose(sides) == 1

    def begun(self) -> None:
        """The first state of a life."""
        self.check()
        plans = self.planned(self.life.pipeline)
        if self.plans is not None and self.versioned:
            assert plans == self.plans, "a write would go out under another version"
            self.saw("plans", bool(plans))
        self.plans = None
        self.saw("deleted", any(atom not in self.truth[0] for atom in self.truth[1]))
        if self.life.outbox.state.numbers.epoch != self.authority.epoch:
            self.fetch()

    def planned(self, pipeline: MutationPipeline) -> dict[AtomKey, Stamp | None]:
        """The version under which a write of each row would go out."""
        state, found = pipeline.state, dict[AtomKey, Stamp | None]()
        for atom in (*state.docs, *state.versions):
            _, _, name = atom.partition("/")
            entity = known_entity(state, Entity(TODO, EntityId(name)))
            own = self.life.outbox.state.versions.get(entity)
            found[atom_of(entity)] = base_version(version_seen(state, entity), own)
        return found

    def check(self) -> None:
        docs, versions = self.truth
        outbox, state = self.life.outbox, self.life.pipeline.state
        assert (outbox.documents, dict(outbox.versions)) == (docs, versions)
        assert (state.docs, dict(state.versions)) == (docs, versions)
        if self.alone:
            codes = {told.partition("failed ")[2] for told in self.life.heard.told}
            assert "conflict" not in codes, self.life.heard.told

    # --- what the user does -----------------------------------------------------------------

    def offline_edit(self) -> None:
        """The first thing in a life is a change of a row that only others may have written."""
        self.edited: tuple[int, Stamp] | None = None
        pipeline = self.life.pipeline
        known = [a for a in self.truth[1] if a in pipeline.view]
        if not known or self.coin(3):
            return
        entity = Entity(TODO, EntityId(known[self.choose(len(known))].partition("/")[2]))
        if pipeline.state.pending.of(entity):
            return
        pipeline.dispatch(update(entity.id, 100))
        self.edited = pipeline.state.numbered, self.truth[1][atom_of(entity)]

    def offline_edit_is_stored(self) -> None:
        if self.edited is not None:
            seq, stamp = self.edited
            (item,) = (m for m in self.life.outbox.state.queue if m.seq == seq)
            assert isinstance(item, Item)
            assert item.entry.base == stamp
            self.saw("offline edit")

    def write(self) -> None:
        n = self.choose(100)
        name = (*NAMES, *self.made)[self.choose(3 + len(self.made))]
        makers: tuple[Callable[[], Write], ...] = (
            lambda: create(name, n), lambda: upsert(name, n), lambda: delete(name),
            lambda: update(name, n), lambda: update(name, n), lambda: self.fresh(n),
        )  # fmt: skip
        self.attempt(lambda: self.life.pipeline.dispatch(makers[self.choose(len(makers))]()))

    def fresh(self, n: int) -> Write:
        self.made.append(next(self.temporary))
        return create(self.made[-1], n, temporary=True)

    def cancel(self) -> None:
        tickets = sorted(self.life.pipeline.state.tickets)
        if tickets:
            self.attempt(lambda: self.life.pipeline.cancel(tickets[self.choose(len(tickets))]))

    def attempt(self, act: Callable[[], object]) -> None:
        try:
            act()
        except OptisyncError as refusal:
            self.saw(refusal.code)

    def end(self) -> None:
        raise Ends

    # --- what the server says ---------------------------------------------------------------

    def work(self) -> None:
        """Send some writes; the answer comes, or part of it, or is lost."""
        sent = self.life.outbox.reserve(1 + self.choose(3))
        if sent is None:
            return
        results = [
            Result(item.entry.entry_id, self.authority.execute(item, sent.floor))
            for item in sent.items
        ]
        if self.coin(4):
            self.life.outbox.release(sent.token)
            return
        if self.coin(4):
            results = results[:1]
        self.life.outbox.settle(sent.token, self.authority.epoch, results)

    def hear(self) -> None:
        numbers = self.life.outbox.state.numbers
        delta = self.authority.next_delta(numbers.epoch, numbers.server_seq)
        if delta is not None:
            self.given(lambda: self.life.persistence.process_delta(delta), self.after(delta))
            self.again = delta

    def hear_again(self) -> None:
        """One that came before changes nothing."""
        delta = getattr(self, "again", None)
        if isinstance(delta, Delta):
            self.given(lambda: self.life.persistence.process_delta(delta), self.truth)

    def fetch(self) -> None:
        snapshot = self.authority.snapshot(forgetful=not self.alone and self.coin(2))
        versions = {a: Stamp(snapshot.epoch, v) for a, v in snapshot.versions}
        self.saw("snapshot")
        truth = snapshot.docs, versions
        self.given(lambda: self.life.persistence.process_snapshot(snapshot), truth)
        for doubt in self.life.outbox.state.doubts:
            self.life.outbox.has_read(doubt.entity)

    def after(self, delta: Delta) -> Truth:
        """[delta-settles]: position, or what the label or an acceptance at this position gave."""
        docs, versions = self.truth
        versions = versions | {
            a: Stamp(delta.epoch, Version(delta.server_seq)) for a, _ in delta.changes
        }
        queue = self.life.outbox.state.queue
        given = {label.seq: label.version for label in delta.settles}
        for member in queue:
            if not isinstance(member, Item):
                continue
            version = given.get(member.seq)
            if isinstance(member.status, Acked) and member.status.server_seq == delta.server_seq:
                version = version or member.status.version
            if version is not None:
                ((atom, _),) = delta.changes
                versions[atom] = Stamp(delta.epoch, version)
                self.saw("own version")
        return apply_changes(docs, delta.changes), versions

    def given(self, call: Callable[[], None], truth: Truth) -> None:
        """The server speaks; if the process ends meanwhile, it may have been stored or not."""
        before = len(self.life.points)
        try:
            call()
        except Crash:
            if "after-save" in self.life.points[before:]:
                self.truth = truth
                self.saw("crash after")
            else:
                self.saw("crash before")
            raise
        self.truth = truth

    def write_elsewhere(self) -> None:
        if not self.alone:
            atom = atom_of(todo(NAMES[self.choose(3)]))
            there = atom in documents(self.authority.plain.state)
            deletes = there and self.choose(2) == 0
            change = Delete() if deletes else Upsert(Obj({"n": self.choose(9)}))
            self.authority.write_elsewhere(atom, change)

    def disaster(self) -> None:
        if not self.alone:
            newest = self.authority.plain.state.newest
            self.authority.restore(None if self.choose(4) == 0 else self.choose(newest + 1))
            self.saw("restore")
            self.fetch()

    # --- the end ----------------------------------------------------------------------------

    async def quiesce(self) -> None:
        """Once everybody is heard, nothing is pending, and client and server are equal."""
        self.calm = True
        self.choose = self.authority.choose = lambda _: 0
        self.life = Life(self.disk, self.authority.plain)
        self.begun()
        self.fetch()
        for _ in range(200):
            await rest()
            self.hear()
            self.work()
            if not self.life.pipeline.state.pending.members:
                break
        self.fetch()
        self.check()
        state = self.life.pipeline.state
        assert not state.pending.members, state.pending.members
        assert not self.life.waiting
        assert self.life.pipeline.view == documents(self.authority.plain.state)
        errors = [e for e in self.life.pipeline.errors if not isinstance(e, OptisyncError)]
        assert not errors
        self.life.end()
