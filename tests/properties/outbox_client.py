"""One client over several stores at once: what one store does, all must do.

Every call goes to a `DurableOutbox` over each store. They must answer, tell, store and come back
the same, also when a save fails and when the process ends in the middle.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from typing import Generic, Protocol, TypeVar

from tests.properties.outbox_authority import ME
from tests.properties.outbox_classes import classes
from tests.reference.outboxing import stored_part

from optisync.errors import OptisyncError
from optisync.outbox.config import Config
from optisync.outbox.effects import Effect, ParkedEntry, Told
from optisync.outbox.rows import Row
from optisync.outbox.state import Outbox, start, with_row
from optisync.shell.durable import DurableOutbox
from optisync.shell.memory import MemoryStore
from optisync.shell.sqlite import SqliteStore
from optisync.shell.store import Loaded, Store, StoredDocs, StoreDiskFull
from optisync.values import Epoch

NOWHERE = Epoch(0)
"""The epoch of a client that has no documents yet."""
A = TypeVar("A")


class Crash(BaseException):
    """The process ends here."""


class Tantrum(Exception):
    """An observer throws."""


class Disk(Protocol):
    """Where a store lives while no process has it open."""

    def open(self) -> Store: ...
    def remove(self) -> None: ...


class MemoryDisk:
    def __init__(self) -> None:
        self.store = MemoryStore()

    def open(self) -> Store:
        return self.store

    def remove(self) -> None:
        pass


class SqliteDisk:
    def __init__(self) -> None:
        self.folder = TemporaryDirectory()

    def open(self) -> Store:
        return SqliteStore(f"{self.folder.name}/outbox.db", ME)

    def remove(self) -> None:
        self.folder.cleanup()


@dataclass(frozen=True)
class Outcome(Generic[A]):
    """What came of a call: an answer, a refusal, or the end of the process."""

    answer: A | None = None
    error: OptisyncError | None = None
    crashed: bool = False


@dataclass
class Life:
    """The outbox over one store. `fuse`: how many points it passes before the process ends.

    It is the store that the outbox saves to: it fails when told to, and folds what is saved.
    """

    config: Config
    disk: Disk
    consumes: bool
    heard: list[Effect] = field(default_factory=list)
    folded: Outbox = field(default_factory=lambda: start(NOWHERE))
    failing: bool = False
    fuse: int = -1
    outbox: DurableOutbox | None = None

    def begin(self) -> None:
        """A new process; it may end, or fail to save, before it has begun."""
        while True:
            self.outbox, self.store = None, self.disk.open()
            try:
                self.outbox = DurableOutbox(
                    self.config, self, NOWHERE, self.disturb, self.observe, point=self.point
                )
                return
            except (Crash, StoreDiskFull):
                self.store.close()

    def live(self) -> DurableOutbox:
        assert self.outbox is not None
        return self.outbox

    def call(self, act: Callable[[DurableOutbox], A]) -> Outcome[A]:
        try:
            return Outcome(act(self.live()))
        except OptisyncError as error:
            return Outcome(error=error)
        except Crash:
            self.store.close()
            return Outcome(crashed=True)

    def load(self) -> Loaded:
        return self.store.load()

    def commit(self, rows: tuple[Row, ...], documents: StoredDocs = ()) -> None:
        if self.failing and rows:
            self.failing = False
            raise StoreDiskFull("store", "no room")
        self.burn(bool(rows))  # without rows: documents that one store cannot tell from its own
        self.store.commit(rows, documents)
        for row in rows:
            self.folded = with_row(self.folded, row)
        self.burn(bool(rows))

    def close(self) -> None:
        self.store.close()

    def point(self, name: str) -> None:
        self.burn(not name.endswith("-save"))

    def burn(self, counts: bool) -> None:
        self.fuse -= counts
        if counts and self.fuse == 0:
            raise Crash

    def observe(self, effect: Effect) -> None:
        self.heard.append(effect)
        if isinstance(effect, Told) and self.consumes and self.outbox is not None:
            self.outbox.consume(effect.report.number)

    def disturb(self, effect: Effect) -> None:
        """An observer that does not behave, before one that does."""
        if isinstance(effect, ParkedEntry):
            raise Tantrum

    def check(self) -> None:
        """Every row was saved: folding them gives what is live. [saved-before-effects]"""
        outbox = self.live()
        assert self.folded == stored_part(outbox.state)
        for error in outbox.errors:
            if not isinstance(error, Tantrum | StoreDiskFull):
                raise error
        outbox.errors.clear()


class Client:
    """The lives side by side; `state`, `heard` and answers are those of all of them."""

    def __init__(self, config: Config, consumes: bool, disks: list[Disk]) -> None:
        self.config = config
        self.lives = [Life(config, disk, consumes) for disk in disks]
        self.seen = Counter[str]()
        self.starts = 0
        self.begin()

    @property
    def outbox(self) -> DurableOutbox:
        return self.lives[0].live()

    @property
    def state(self) -> Outbox:
        return self.outbox.state

    def begin(self) -> None:
        self.starts += 1
        for life in self.lives:
            life.begin()
        self.compare()

    def call(
        self, kind: str, act: Callable[[DurableOutbox], A], failing: bool = False
    ) -> Outcome[A]:
        """The same call on every life. After a crash, `begin` is the next thing to call."""
        before, documents = self.state, self.outbox.documents
        outcomes = list[Outcome[A]]()
        for life in self.lives:
            life.failing = failing
            outcomes.append(life.call(act))
            life.failing = False
        assert all(outcome == outcomes[0] for outcome in outcomes), outcomes
        if outcomes[0].error is not None:
            assert self.state is before
            assert self.outbox.documents is documents
        self.seen.update(set(classes(kind, before, self.state, outcomes[0].error)))
        if not outcomes[0].crashed:
            self.compare()
        return outcomes[0]

    def compare(self) -> None:
        """[store-failure-refuses] [saved-before-effects]"""
        first = self.lives[0]
        for life in self.lives:
            life.check()
            assert life.heard == first.heard
            assert life.live().state == first.live().state
            assert life.live().documents == first.live().documents
            assert life.live().versions == first.live().versions

    def compare_stored(self) -> None:
        """Read back, every store holds the same."""
        loaded = [life.store.load() for life in self.lives]
        for each in loaded:
            assert start(NOWHERE, each.rows) == self.lives[0].folded
            assert each.documents == loaded[0].documents == self.outbox.documents
            assert each.versions == loaded[0].versions == self.outbox.versions
            assert each.quarantined == ()

    def take_heard(self) -> list[Effect]:
        """What was told since the last time."""
        heard = list(self.lives[0].heard)
        for life in self.lives:
            life.heard.clear()
        return heard

    def light(self, fuse: int) -> None:
        """The process will end after so many points."""
        for life in self.lives:
            life.fuse = fuse

    def end(self) -> None:
        """The process ends between two calls."""
        for life in self.lives:
            life.store.close()

    def remove(self) -> None:
        """Nothing is left of the run."""
        self.end()
        for life in self.lives:
            life.disk.remove()
