"""A session by itself: what it keeps, what it blames, what it kills."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest

from optisync_conformance.frames import Json, Script
from optisync_conformance.link import Link, connect
from optisync_conformance.pool import run_all
from optisync_conformance.session import Broke, Observed, Options, Outcome, Session, Unusable

AWKWARD = Path(__file__).parent / "adapters" / "awkward.py"
STEP: Json = {"do": "apply", "doc": {}, "patch": []}
QUICK = Options(timeout=1.5, start_timeout=30)


def script(steps: int) -> Script:
    return Script("patch", {}, [STEP] * steps)


def sleepers(name: str) -> int:
    found = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            found += name.encode() in Path("/proc", pid, "cmdline").read_bytes().split(b"\0")
    return found


@pytest.fixture
def sleeper(monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"optisync-sleeper-{uuid4()}"
    monkeypatch.setenv("SLEEPER", name)
    return name


def opened(mode: str, options: Options = QUICK) -> Session:
    return Session(partial(connect, (sys.executable, str(AWKWARD), mode)), options)


def outcomes(session: Session, lengths: list[int]) -> list[Outcome]:
    """The outcomes in the order of the scripts."""
    found = dict(session.run((index, script(length)) for index, length in enumerate(lengths)))
    return [found[index] for index in range(len(lengths))]


@pytest.mark.parametrize("mode", ["dies", "hangs", "closes-stdout"])
def test_the_guilty_one_of_many_is_found(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPS", "3")
    session = opened(mode)
    found = outcomes(session, [1, 1, 3, 1, 2, 1, 3, 1])
    session.kill()
    guilty = [index for index, outcome in enumerate(found) if isinstance(outcome, Broke)]
    assert guilty == [2, 6]
    assert all(isinstance(found[i], Observed) for i in range(8) if i not in guilty)
    assert all(outcome.alone for outcome in found if isinstance(outcome, Broke))


def test_restarts_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPS", "3")
    session = opened("dies", Options(timeout=1.5, restarts=4, window=1))
    known: list[int] = []
    with pytest.raises(Unusable, match="that was restart 5, the limit"):
        known.extend(key for key, _ in session.run((n, script(1 + 2 * (n % 2))) for n in range(40)))
    assert known[:2] == [0, 1]


def test_a_child_in_its_own_session_dies_with_the_adapter(sleeper: str) -> None:
    session = opened("child-keeps-stdout")
    (broke,) = outcomes(session, [1])
    assert isinstance(broke, Broke)
    assert broke.text == "the adapter ended with exit code 3"
    assert sleepers(sleeper) == 0


def test_a_child_is_noticed_and_killed_at_the_end(sleeper: str) -> None:
    session = opened("leaves-setsid-children")
    assert isinstance(session.one(script(1)), Observed)
    farewell = session.close()
    assert farewell is not None
    assert (farewell.code, farewell.left) == (0, 1)
    assert sleepers(sleeper) == 0


def test_a_long_line_is_cut_off_early() -> None:
    session = opened("prints-100-mb")
    began = time.monotonic()
    with pytest.raises(Unusable, match="longer than 16 MiB"):
        session.one(script(1))
    assert time.monotonic() - began < 20


def test_several_sessions_share_the_scripts_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPS", "3")
    sessions = [opened("dies") for _ in range(3)]
    scripts = [(n, script(3 if n == 20 else 1)) for n in range(60)]
    found = dict(run_all(sessions, scripts))
    for session in sessions:
        session.kill()
    assert sorted(found) == list(range(60))
    assert [n for n, outcome in found.items() if isinstance(outcome, Broke)] == [20]


def test_a_slow_source_is_not_a_slow_adapter() -> None:
    def slowly() -> Iterator[tuple[int, Script]]:
        for number in range(3):
            time.sleep(2 * QUICK.timeout if number == 2 else 0)
            yield number, script(1)

    session = opened("honest")
    found = dict(session.run(slowly()))
    session.kill()
    assert all(isinstance(outcome, Observed) for outcome in found.values())


class _Mute:
    """A link whose adapter answers nothing at all."""

    def send(self, line: bytes) -> None:
        del line

    def receive(self, seconds: float) -> bytes | None:
        del seconds
        return None

    def kill(self) -> None:
        pass

    def close(self, seconds: float) -> None:
        del seconds

    def stderr(self) -> str:
        return "said to people"


def test_what_an_adapter_said_goes_with_its_failure() -> None:
    mute: Link = _Mute()
    with pytest.raises(Unusable, match="no answer to the hello within 20 s") as caught:
        Session(lambda: mute, Options()).one(script(1))
    assert caught.value.stderr == "said to people"


def test_a_session_that_has_ended_starts_nothing() -> None:
    session = opened("honest")
    session.start()
    session.end()
    with pytest.raises(Unusable, match="over"):
        session.start()


def test_whoever_stops_listening_ends_the_work_of_all() -> None:
    before = set(threading.enumerate())
    sessions = [opened("honest"), opened("honest")]
    found = run_all(sessions, ((number, script(1)) for number in count()))
    next(iter(found))
    assert isinstance(found, Generator)
    found.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
        assert not thread.is_alive()
    for session in sessions:
        session.end()
