"""The process that is killed: a durable outbox over a real file, told what to do over a pipe."""

import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeAlias

from tests.crash.stores import STORES
from tests.crash.wire import CONFIGS, At, Done, Said, Waiting

from optisync.errors import OptisyncError
from optisync.outbox.inputs import Input
from optisync.outbox.rows import Item
from optisync.outbox.state import status_name
from optisync.shell.durable import DurableOutbox
from optisync.values import Epoch

Pipe: TypeAlias = "Connection[Said, Input]"


class Child:
    """Obeys until the pipe ends, or until the planned point is reached for the planned time."""

    def __init__(self, pipe: Pipe, point: str, count: int) -> None:
        self._pipe = pipe
        self._point, self._left = point, count
        self._call = "Restart"

    def live(self, path: Path, store: str, mode: str) -> None:
        """One life of the outbox in the file at `path`."""
        outbox = DurableOutbox(
            CONFIGS[mode], STORES[store](path), Epoch(1), self._pipe.send, point=self._reached
        )
        assert not outbox.quarantined, outbox.quarantined
        self._pipe.send(_done(outbox))
        while True:
            given = self._pipe.recv()
            self._call = type(given).__name__
            try:
                outbox.run(given)
            except OptisyncError as error:
                self._pipe.send(_done(outbox, str(error)))
            else:
                assert not outbox.errors, outbox.errors
                self._pipe.send(_done(outbox))

    def _reached(self, name: str) -> None:
        if f"{self._call} {name}" == self._point:
            self._left -= 1
            if self._left == 0:
                self._pipe.send(At(self._point))
                signal.pause()


def _done(outbox: DurableOutbox, refused: str = "") -> Done:
    items = (member for member in outbox.state.queue if isinstance(member, Item))
    queue = tuple(Waiting(i.entry.entry_id, i.seq, status_name(i)) for i in items)
    numbers = outbox.state.numbers
    return Done(queue, numbers.server_seq, numbers.counter, refused)


if __name__ == "__main__":
    descriptor, file, kind, how, where, times = sys.argv[1:]
    with suppress(EOFError):  # the parent has seen enough
        Child(Connection(int(descriptor)), where, int(times)).live(Path(file), kind, how)
