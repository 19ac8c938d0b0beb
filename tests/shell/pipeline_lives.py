"""Lives of a pipeline over an outbox, one after another over the same store."""

from pathlib import Path

from tests.shell.pipeline_world import (
    ME,
    Authority,
    Heard,
    Worker,
)

from optisync.contracts.messages import Snapshot
from optisync.outbox.config import Config as OutboxConfig
from optisync.outbox.rows import Item
from optisync.pipeline.config import Config
from optisync.server.step import Fetch, Forget, Restore, snapshot
from optisync.server.step import step as serve
from optisync.shell.durable import DurableOutbox
from optisync.shell.enqueueing import OutboxPersistence
from optisync.shell.memory import MemoryStore
from optisync.shell.mutation_pipeline import MutationPipeline
from optisync.shell.sqlite import SqliteStore
from optisync.shell.store import Store, StoreDiskFull
from optisync.values import Epoch, ServerSeq
from optisync.view import Docs

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


class Life:
    """One process: outbox, persistence, pipeline and worker, from the store on."""

    def __init__(
        self, disk: Disk, authority: Authority, capacity: int = 100, crash_at: int = -1
    ) -> None:
        self.points: list[str] = []
        self.last_words: list[str] = []
        self.crash_at = crash_at
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
        if len(self.points) == self.crash_at:
            self.store.close()
            self._disk.fail(True)
            if hasattr(self, "heard"):  # what it says from now on nobody hears
                self.last_words = list(self.heard.told)
            raise Crash(name)

    def end(self) -> None:
        self.store.close()

    @property
    def waiting(self) -> list[int]:
        return [member.seq for member in self.outbox.state.queue if isinstance(member, Item)]


def restored(authority: Authority, upto: int, forget: bool = False) -> Snapshot:
    """The server comes back from a backup; the snapshot that a client then fetches."""
    given = Forget(ME) if forget else Restore(ServerSeq(upto))
    authority.state = serve(authority.state, given).state
    return snapshot(serve(authority.state, Fetch(ME)).state, ME)
