"""The pipeline's small worlds, and what each step of them is about.

What a script calls a ticket or a request depends on how it came about, so the names are part of a
world's state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from optisync.pipeline.config import Config
from optisync.pipeline.effects import Effect, Persist
from optisync.pipeline.inputs import Dispatch, Input, Revert
from optisync.pipeline.state import Pipeline
from optisync.values import ClientSeq, Json, Obj
from optisync_conformance.coverpipelinesteps import Named, name_of, step_of
from optisync_conformance.coverworld import Steps, Subject, World, refusal_of, topic_of
from optisync_conformance.modelcheck.pipeline_cover import cover_scopes
from optisync_conformance.modelcheck.pipeline_scopes import Scope
from optisync_conformance.reference.host import thaw
from optisync_conformance.requirements import load
from optisync_conformance.script import filled_setting, filled_step

_SEEN: Final = ("effects", "view", "documents", "pending", "places", "tickets")


def worlds() -> Iterator[World[Named]]:
    """The scopes."""
    for scope in cover_scopes():
        name, setting = f"pipeline-{scope.name}", _setting(scope.config, scope.initial)
        subject = Subject(name, scope.about, "pipeline", setting, _SEEN, _topic)
        yield World(subject, Named(scope.initial), partial(_moves, scope))


def _setting(config: Config, initial: Pipeline) -> dict[str, object]:
    given: dict[str, object] = {"docs": thaw(initial.docs), "capacity": config.capacity}
    given |= {"history": config.history, "remembered": config.remembered}
    return dict(filled_setting("pipeline", given))


def _moves(scope: Scope, before: Named) -> Iterator[tuple[Steps, Named]]:
    """Every input that can be said in this state."""
    for alike in scope.inputs:
        given = _numbered(before.state, alike)
        step = step_of(given, before)
        if step is None:
            continue
        after, (effects, error) = scope.step(before.state, given)
        if scope.inside(after):
            named = before if error else _named(before, after, str(step.get("m", "")), effects)
            yield (filled_step("pipeline", step),), named


def _numbered(state: Pipeline, given: Input) -> Input:
    """The input with the numbers that come next."""
    match given:
        case Dispatch(seqs=seqs) | Revert(seqs=seqs):
            following = (ClientSeq(state.numbered + n) for n in range(1, len(seqs) + 1))
            return replace(given, seqs=tuple(following))
        case _:
            return given


def _named(before: Named, after: Pipeline, event: str, effects: Iterable[Effect]) -> Named:
    tickets = before.tickets + (event,) * (after.begun - before.state.begun)
    handed = (effect for effect in effects if isinstance(effect, Persist))
    requests = tuple((each.handle, name_of(each.seqs[0])) for each in handed)
    return Named(after, tickets, before.requests + requests)


# What a step is about, by its verb and the first of these that the reference shows.
_SHOWN: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "begin": (("", "unknown-ticket"),),
    "dispatch": (("", "shown-at-dispatch"),),
    "patches": (("", "patches-to-entries"),),
    "drain": (("persist", "segments-are-runs"), ("", "order-per-entity")),
    "persisted": (
        ("resync", "verdict-of-other-epoch"),
        ("diag", "results-by-entry-id"),
        ("stale", "row-from-exact-base"),
        ("told:parent-rejected", "child-of-rejected"),
        ("persist", "order-per-entity"),
        ("answered", "await-modes"),
        ("told", "results-by-entry-id"),
        ("", "answer-once"),
    ),
    "decided": (
        ("resync", "verdict-of-other-epoch"),
        ("diag:not-sent", "verdict-of-unsent-ignored"),
        ("diag", "verdict-stands"),
        ("stale", "row-from-exact-base"),
        ("told:parent-rejected", "child-of-rejected"),
        ("answered", "await-modes"),
        ("told", "verdict-once"),
        ("", "verdict-stands"),
    ),
    "delta": (
        ("diag:not-sent", "verdict-of-unsent-ignored"),
        ("told", "delta-settles"),
        ("shown", "accepted-until-covered"),
        ("", "delta-of-its-epoch"),
    ),
    "snapshot": (
        ("told:in-doubt", "forgotten-in-doubt"),
        ("told", "snapshot-settles"),
        ("diag", "verdict-stands"),
        ("shown", "dead-epoch-ack-unknown"),
        ("", "snapshot-settles"),
    ),
    "fetched": (("shown", "row-from-exact-base"), ("", "versions-never-down")),
    "hydrate": (("", "hydrate-fills"),),
    "await": (("answered", "late-await"), ("", "await-modes")),
    "cancel": (("", "cancel-while-waiting"),),
    "abandon": (("", "abandon-only-unknown"),),
    "undo": (("", "inverse-afresh"),),
    "redo": (("", "revert-is-a-write"),),
    "tick": (("", "timeout-ends-wait"),),
}

_REFUSED: Final = {
    "not-unknown": "abandon-only-unknown",
    "already-sent": "cancel-while-waiting",
    "parent-rejected": "child-of-rejected",
    "temporary-id-reused": "temporary-id-once",
    "nothing-to-revert": "revert-whole-or-not",
    "revert-inapplicable": "revert-whole-or-not",
    "epoch-ahead": "delta-of-its-epoch",
}


def _topic(do: Obj, after: Mapping[str, Json]) -> str:
    """A refusal is about the requirement that gives its code."""
    code = refusal_of(after)
    if code is None:
        return topic_of(_SHOWN, do, after)
    own = code in load() and load()[code].file == "pipeline.md"
    return code if own else _REFUSED[code]
