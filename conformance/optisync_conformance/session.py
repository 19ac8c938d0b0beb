"""A conversation with one adapter: many scripts out, an outcome for each, whatever it does.

Scripts are pipelined. When the adapter dies, falls silent or closes its output, it is restarted
and the scripts that were in flight are run one at a time, so that the one that did it is known;
what was answered before is kept. An adapter that does not speak the protocol is given up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, TypeVar, cast

from optisync_conformance import frames
from optisync_conformance.frames import Fault, Hello, Observation, Ran, Script
from optisync_conformance.link import CannotStart, Farewell, Link
from optisync_conformance.stream import Closed, TooLong

SUITE: Final = "0.1.0"
Key = TypeVar("Key")


class Unusable(Exception):
    """The adapter cannot be worked with; `stderr` is the last of what it said."""

    def __init__(self, text: str, stderr: str = "") -> None:
        super().__init__(text)
        self.stderr = stderr


@dataclass(frozen=True, slots=True)
class Observed:
    """What was observed after start and after each step, and how long that took, in seconds."""

    obs: list[Observation]
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Refused:
    """The adapter answered with a fault."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class Broke:
    """No answer, or none that is one. `alone` says that it happens with nothing else in flight."""

    how: Literal["crash", "timeout", "error"]
    text: str
    stderr: str = ""
    alone: bool = True


Outcome: TypeAlias = Observed | Refused | Broke


@dataclass(frozen=True, slots=True)
class Options:
    """How patient a session is. Times in seconds; `window` is how many scripts are in flight."""

    seed: int = 1
    extra_rest: int = 0
    timeout: float = 5.0
    start_timeout: float = 20.0
    close_timeout: float = 2.0
    window: int = frames.IN_FLIGHT
    restarts: int = 50


# So many breaks in a row, nothing answered in between, and an empty script decides about the rest.
_ROW: Final = 5


class _Broken(Exception):
    def __init__(self, outcome: Broke) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


@dataclass(slots=True)
class _Sent:
    script: Script
    at: float


class Session:
    """One adapter process at a time, restarted as needed.

    `connect` starts an adapter (or reaches one); it is called again for every restart.
    """

    def __init__(self, connect: Callable[[], Link], options: Options) -> None:
        self._connect = connect
        self._options = options
        self._link: Link | None = None
        self._beginning: Link | None = None
        self._hello: Hello | None = None
        self._number = 0
        self._breaks = 0
        self._row = 0
        self._over = False

    @property
    def hello(self) -> Hello:
        """What the adapter declared. Raises Unusable when it cannot be started."""
        if self._hello is None:
            self.start()
        assert self._hello is not None
        return self._hello

    def start(self) -> None:
        """Start the adapter, if it is not running. Raises Unusable."""
        if self._link is None:
            self._start()

    def run(self, scripts: Iterable[tuple[Key, Script]]) -> Iterator[tuple[Key, Outcome]]:
        """The outcome of each script, in the order in which they become known.

        Raises Unusable; what was yielded until then stands.
        """
        source = iter(scripts)
        while True:
            flying: dict[int, tuple[Key, _Sent]] = {}
            try:
                yield from self._pipelined(source, flying, self._options.window)
                return
            except _Broken as broken:
                suspects = [(key, sent.script) for key, sent in flying.values()]
                yield from self._singly(suspects, broken.outcome)

    def one(self, script: Script) -> Outcome:
        """The outcome of one script."""
        ((_, outcome),) = self.run([(None, script)])
        return outcome

    def close(self) -> Farewell | None:
        """End the conversation; None if there was none or the link owns no process."""
        link, self._link = self._link, None
        return link.close(self._options.close_timeout) if link else None

    def kill(self) -> None:
        """End the conversation at once; the next script starts a fresh adapter."""
        link, self._link, self._beginning = self._link or self._beginning, None, None
        if link:
            link.kill()

    def end(self) -> None:
        """End the conversation for good: no adapter is started any more."""
        self._over = True
        self.kill()

    def stderr(self) -> str:
        """The last of what the adapter wrote for people."""
        return self._link.stderr() if self._link else ""

    def begin(self) -> None:
        """Start the adapter and say hello, without waiting for the answer. Raises Unusable."""
        if self._over:
            raise Unusable("the session is over")
        try:
            link = self._beginning = self._connect()
        except CannotStart as error:
            raise Unusable(str(error)) from None
        options = self._options
        link.send(frames.hello_line(SUITE, SUITE, options.seed, options.extra_rest))

    def _start(self) -> Link:
        if self._beginning is None:
            self.begin()
        link, self._beginning = self._beginning, None
        assert link is not None
        self._link = link
        options = self._options
        try:
            line = link.receive(options.start_timeout)
            answer = frames.read_hello(line) if line is not None else None
        except Closed as closed:
            say = "does it read stdin, and print a hello of its own?"
            raise self._give_up(f"{closed} before it answered the hello; {say}") from None
        except (TooLong, frames.FrameError) as error:
            raise self._give_up(str(error)) from None
        if answer is None:
            raise self._give_up(f"no answer to the hello within {options.start_timeout:g} s")
        if self._hello is not None and answer != self._hello:
            raise self._give_up("the adapter declares something else after a restart")
        self._hello = answer
        return link

    def _give_up(self, text: str) -> Unusable:
        said = self.stderr()
        self.kill()
        return Unusable(text, said)

    def _pipelined(
        self,
        source: Iterator[tuple[Key, Script]],
        flying: dict[int, tuple[Key, _Sent]],
        window: int,
    ) -> Generator[tuple[Key, Outcome]]:
        link = self._link
        exhausted = False
        heard = time.monotonic()
        while True:
            while not exhausted and len(flying) < window:
                entry = next(source, None)
                if entry is None:
                    exhausted = True
                    break
                key, script = entry
                link = link or self._start()  # not before there is something to run
                heard = time.monotonic()  # the source may have taken its time
                self._number += 1
                flying[self._number] = (key, _Sent(script, time.monotonic()))
                link.send(frames.run_line(self._number, script))
            if link is None or not flying:
                return
            line = self._receive(link, heard + self._options.timeout)
            heard = time.monotonic()
            self._row = 0
            yield self._answered(line, flying)

    def _receive(self, link: Link, until: float) -> bytes:
        try:
            line = link.receive(until - time.monotonic())
        except Closed as closed:
            raise self._broken("crash", str(closed)) from None
        except TooLong as error:
            raise self._give_up(str(error)) from None
        if line is None:
            raise self._broken("timeout", f"no answer within {self._options.timeout:g} s")
        return line

    def _broken(self, how: Literal["crash", "timeout"], text: str) -> _Broken:
        said = self.stderr()
        self.kill()
        self._breaks += 1
        self._row += 1
        if self._breaks > self._options.restarts:
            raise Unusable(f"{text}; that was restart {self._breaks}, the limit", said)
        return _Broken(Broke(how, text, said))

    def _answered(self, line: bytes, flying: dict[int, tuple[Key, _Sent]]) -> tuple[Key, Outcome]:
        try:
            answer = frames.read(line)
        except frames.FrameError as error:
            raise self._give_up(str(error)) from None
        if isinstance(answer, Hello):
            raise self._give_up("the adapter said hello twice")
        if answer.id not in flying:
            known = "answered twice" if 0 < answer.id <= self._number else "never asked"
            raise self._give_up(f"the adapter answered run {answer.id}, which was {known}")
        key, sent = flying.pop(answer.id)
        if isinstance(answer, Fault):
            return key, Refused(answer)
        return key, self._observed(answer, line, sent)

    def _observed(self, ran: Ran, line: bytes, sent: _Sent) -> Outcome:
        scope = self.hello.profiles.get(sent.script.profile)
        sees = scope.sees if scope else ()
        if wrong := frames.problem(ran, line, len(sent.script.steps), sees):
            return Broke("error", wrong, self.stderr())
        return Observed(cast(list[Observation], ran.obs), time.monotonic() - sent.at)

    def _singly(
        self, suspects: list[tuple[Key, Script]], first: Broke | None
    ) -> Generator[tuple[Key, Outcome]]:
        """Run what was in flight one at a time, to find what broke the adapter."""
        blamed: list[tuple[Key, Outcome]] = []  # the oldest, until somebody else turns out guilty
        for key, script in suspects:
            try:
                self._still_alive(script)
                found = list(self._pipelined(iter([(key, script)]), {}, 1))
            except _Broken as broken:
                yield from blamed
                blamed = []
                first = None
                found = [(key, broken.outcome)]
            except Unusable:
                yield from blamed
                raise
            if first is not None and not blamed:
                blamed = list(found)
            else:
                yield from found
        if first is not None:
            yield from [(key, replace(first, alone=False)) for key, _ in blamed]

    def _still_alive(self, script: Script) -> None:
        """After several breaks in a row, see whether anything works; raises Unusable if not."""
        if self._row < _ROW:
            return
        empty = Script(script.profile, script.given, [])
        try:
            list(self._pipelined(iter([(None, empty)]), {}, 1))
        except _Broken as broken:
            text = f"{broken}, {self._row} times in a row, the last time on a script without steps"
            raise Unusable(text, broken.outcome.stderr) from None
