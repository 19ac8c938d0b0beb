"""Runs jobs two at a time with progress on stderr; an interrupt kills what still runs."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from . import tlc

Row = TypeVar("Row")

#: TLC runs at the same time; each has one worker.
PARALLEL = max(1, min(2, os.cpu_count() or 1))


@dataclass(frozen=True, slots=True)
class Task(Generic[Row]):
    """A named job; ``seconds`` is a rough guess that only orders the jobs and predicts the end."""

    name: str
    seconds: float
    run: Callable[[], Row]


def run_all(tasks: Sequence[Task[Row]], console: Console) -> list[Row]:
    """The rows of all tasks in the order given; the longest are started first.

    On an interrupt (also SIGTERM) every running TLC is killed and KeyboardInterrupt goes on.
    """
    order = sorted(range(len(tasks)), key=lambda index: -tasks[index].seconds)
    rows: dict[int, Row] = {}
    with _stoppable(), ThreadPoolExecutor(PARALLEL) as pool:
        futures = {pool.submit(tasks[index].run): index for index in order}
        try:
            with _reporter(tasks, console) as report:
                for future in as_completed(futures):
                    rows[futures[future]] = future.result()
                    report(futures[future])
        except BaseException:
            _stop(list(futures))
            raise
    return [rows[index] for index in range(len(tasks))]


def _stop(futures: Sequence[Future[Row]]) -> None:
    for future in futures:
        future.cancel()
    tlc.kill_running()


@contextmanager
def _stoppable() -> Generator[None]:
    """Treat SIGTERM like Ctrl-C, so that no TLC is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _reporter(tasks: Sequence[Task[Row]], console: Console) -> Generator[Callable[[int], None]]:
    """A function to call with the index of each finished task: a live bar, or plain lines."""
    left = _TimeLeft([task.seconds for task in tasks])
    if not console.is_terminal:
        done = 0

        def line(index: int) -> None:
            nonlocal done
            done += 1
            text = f"[{done}/{len(tasks)}] {tasks[index].name}{left.after(index)}"
            console.print(text, markup=False, highlight=False, soft_wrap=True)

        yield line
        return
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=len(tasks))

        def advance(index: int) -> None:
            text = f"{left.after(index).removeprefix(', ')}  {tasks[index].name} done"
            progress.update(bar, advance=1, description=text.strip())

        yield advance


class _TimeLeft:
    """Predicts the remaining time from the guesses, corrected by the pace so far."""

    def __init__(self, guesses: Sequence[float]) -> None:
        from time import monotonic

        self._now = monotonic
        self._started = monotonic()
        self._guesses = guesses
        self._left = sum(guesses)
        self._total = self._left

    def after(self, index: int) -> str:
        """Text like ``, about 20 s left`` once the task is finished; empty at the end."""
        self._left -= self._guesses[index]
        finished = self._total - self._left
        if self._left <= 0 or finished <= 0:
            return ""
        seconds = (self._now() - self._started) * self._left / finished
        return f", about {max(1, round(seconds))} s left"
