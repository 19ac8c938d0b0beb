"""What a client can know from a server of the shape of seed 003: the rules, enumerated.

Acks name a mutation and no position; deltas carry data and no labels. A client must decide when to
remove its overlay from these two messages alone. A rule is what it does at an ack and what it does
at a delta that arrives before the ack; every combination is run under every wire order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import product


class AtAck(Enum):
    """What an ack does to its mutation."""

    DROP = "remove the mutation"
    NEXT = "hold it until the next delta"
    EQUAL = "hold it until a delta with the same change"


class AtDelta(Enum):
    """What a delta does to a mutation that is not acked."""

    KEEP = "keep it"
    OLDEST = "remove the oldest"
    EQUAL = "remove one with the same change"
    ALL = "remove all"


@dataclass(frozen=True, slots=True)
class Run:
    """One order of events.

    `commits`: what the server accepts, in order: "own", or somebody else's "same" or "other"
    change. `order`: what reaches the client: "ack", "reject", or the number of a commit, in order.
    """

    commits: tuple[str, ...]
    order: tuple[str, ...]


def runs() -> Iterator[Run]:
    """Own mutation accepted or refused; none or one foreign write; any place for the verdict."""
    for foreign in ((), ("same",), ("other",)):
        for at in range(len(foreign) + 1):
            commits = (*foreign[:at], "own", *foreign[at:])
            yield from _placed(commits, "ack")
        yield from _placed(foreign, "reject")


def _placed(commits: tuple[str, ...], verdict: str) -> Iterator[Run]:
    deltas = tuple(str(i) for i in range(len(commits)))
    for at in range(len(deltas) + 1):
        yield Run(commits, (*deltas[:at], verdict, *deltas[at:]))


def wrong(run: Run, at_ack: AtAck, at_delta: AtDelta) -> str | None:
    """The first thing shown wrongly, or None: "lost", "twice", or "kept" for ever."""
    pending, acked, decided = True, False, False
    confirmed: list[str] = []
    for event in run.order:
        if event == "ack":
            acked, pending = pending, pending and at_ack is not AtAck.DROP
        elif event == "reject":
            pending, decided = False, True
        else:
            data = run.commits[int(event)]
            confirmed.append(data)
            pending = pending and not _removes(data, acked, at_ack, at_delta)
        visible = ("own" in confirmed) + pending
        if visible != (0 if decided else 1):
            return "lost" if visible == 0 else "twice"
    return "kept" if pending else None


def _removes(data: str, acked: bool, at_ack: AtAck, at_delta: AtDelta) -> bool:
    equal = data in ("own", "same")
    if acked:
        return at_ack is AtAck.NEXT or equal
    return at_delta in (AtDelta.OLDEST, AtDelta.ALL) or (at_delta is AtDelta.EQUAL and equal)


def wrong_with_labels(run: Run) -> str | None:
    """The same for the rule of `label-settles`: hold at the ack, remove with the labelled delta."""
    pending, decided = True, False
    confirmed: list[str] = []
    for event in run.order:
        if event == "reject":
            pending, decided = False, True
        elif event != "ack":
            confirmed.append(run.commits[int(event)])
            pending = pending and "own" not in confirmed
        visible = ("own" in confirmed) + pending
        if visible != (0 if decided else 1):
            return "lost" if visible == 0 else "twice"
    return "kept" if pending else None


@dataclass(frozen=True, slots=True)
class Row:
    """A rule and the shortest order under which it is wrong; None: under none."""

    at_ack: str
    at_delta: str
    bad: int
    shortest: Run | None
    what: str | None


def table() -> tuple[Row, ...]:
    """All twelve rules, then the labelled one."""
    rows = [
        _row(a.value, d.value, [(run, wrong(run, a, d)) for run in runs()])
        for a, d in product(AtAck, AtDelta)
    ]
    labelled = [(run, wrong_with_labels(run)) for run in runs()]
    return (*rows, _row("hold it", "remove what the delta names (labelled deltas)", labelled))


def _row(at_ack: str, at_delta: str, judged: list[tuple[Run, str | None]]) -> Row:
    bad = sorted(
        ((run, what) for run, what in judged if what is not None),
        key=lambda pair: (len(pair[0].order), pair[0].order),
    )
    first = bad[0] if bad else (None, None)
    return Row(at_ack, at_delta, len(bad), *first)
