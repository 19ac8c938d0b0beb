"""Several sessions at once, each in a thread, fed from one source of scripts."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic

from optisync_conformance.frames import Script
from optisync_conformance.session import Key, Outcome, Session, Unusable


class _Shared(Generic[Key]):
    """An iterator that several threads may take from, and that can be closed for all."""

    def __init__(self, source: Iterable[tuple[Key, Script]]) -> None:
        self._source = iter(source)
        self._lock = threading.Lock()
        self._open = True

    def __iter__(self) -> Iterator[tuple[Key, Script]]:
        return self

    def __next__(self) -> tuple[Key, Script]:
        with self._lock:
            if not self._open:
                raise StopIteration
            return next(self._source)

    def close(self) -> None:
        with self._lock:
            self._open = False


@dataclass(frozen=True, slots=True)
class _Ended:
    error: BaseException | None


def run_all(
    sessions: Sequence[Session], scripts: Iterable[tuple[Key, Script]]
) -> Iterator[tuple[Key, Outcome]]:
    """The outcomes, as they become known. Raises Unusable once nothing more will come."""
    if len(sessions) == 1:
        yield from sessions[0].run(scripts)
        return
    source = _Shared(scripts)
    results: SimpleQueue[tuple[Key, Outcome] | _Ended] = SimpleQueue()

    def work(session: Session) -> None:
        error: BaseException | None = None
        try:
            for result in session.run(source):
                results.put(result)
        except BaseException as raised:  # handed over to the thread that waits
            error = raised
            source.close()
        results.put(_Ended(error))

    for session in sessions:
        threading.Thread(target=work, args=(session,), daemon=True).start()
    try:
        yield from _gather(results, len(sessions))
    finally:
        source.close()  # an interruption ends it before the sessions have


def _gather(
    results: SimpleQueue[tuple[Key, Outcome] | _Ended], running: int
) -> Iterator[tuple[Key, Outcome]]:
    errors: list[BaseException] = []
    while running:
        result = results.get()
        if not isinstance(result, _Ended):
            yield result
            continue
        running -= 1
        if result.error is not None:
            errors.append(result.error)
    # A bug of the suite matters more than an adapter that cannot be used.
    for error in sorted(errors, key=lambda each: isinstance(each, Unusable)):
        raise error
