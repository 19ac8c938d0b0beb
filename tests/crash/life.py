"""One child process, and what it says until it is dead."""

import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from pathlib import Path
from typing import NoReturn

from tests.crash.wire import At, Done, Said

from optisync.outbox.effects import Effect
from optisync.outbox.inputs import Input

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60


class Dead(Exception):
    """The child was killed as planned; the text says where."""


class Life:
    """A child from its start to its death. Every call may raise Dead.

    `point`, `count`: the child is killed when it gets there for this time.
    """

    def __init__(
        self,
        path: Path,
        store: str,
        mode: str,
        heard: Callable[[Effect], None],
        point: str = "",
        count: int = 0,
    ) -> None:
        self._heard = heard
        self._planned = False
        self._pipe, theirs = Pipe()
        with theirs:
            descriptor = theirs.fileno()
            program = (sys.executable, "-m", "tests.crash.child", str(descriptor))
            argv = (*program, str(path), store, mode, point, str(count))
            self._process = subprocess.Popen(argv, pass_fds=[descriptor], cwd=ROOT)
        self._timer: threading.Timer | None = None

    def kill_in(self, seconds: float) -> None:
        """Kill by the clock, whatever the child is doing then."""
        self._timer = threading.Timer(seconds, self._kill)
        self._timer.start()

    def call(self, given: Input) -> Done:
        """Have the child take an input in, and hear what follows."""
        with suppress(BrokenPipeError):  # what it said before it died is still to be heard
            self._pipe.send(given)
        return self.hear()

    def hear(self) -> Done:
        """Hear the child until its call returns."""
        while True:
            try:
                assert self._pipe.poll(PATIENCE_S), "the child says nothing"
                said: Said = self._pipe.recv()
            except (EOFError, ConnectionResetError):
                self._bury("clock")
            match said:
                case Done():
                    return said
                case At(point):
                    self.kill(point)
                case _:
                    self._heard(said)

    def kill(self, where: str) -> NoReturn:
        """Kill a child that does nothing now."""
        self._kill()
        self._bury(where)

    def end(self) -> None:
        """Let the child end by itself."""
        self._pipe.close()
        code = self._process.wait(PATIENCE_S)
        assert code == 0, f"the child ended with {code}"

    def _kill(self) -> None:
        self._planned = True
        self._process.kill()

    def _bury(self, where: str) -> NoReturn:
        if self._timer is not None:
            self._timer.cancel()
        self._pipe.close()
        code = self._process.wait(PATIENCE_S)
        assert self._planned, f"the child ended by itself with {code}"
        raise Dead(where)
