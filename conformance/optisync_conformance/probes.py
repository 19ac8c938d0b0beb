"""Probes of the adapter itself: whether what it answers can be believed.

Each runs in a process of its own. A probe that fails makes the run fail: verdicts of an adapter
that forgets to reset, or answers before the engine is at rest, say nothing about the engine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from optisync_conformance.frames import Json, Observation, Scope, Script
from optisync_conformance.script import filled_setting, filled_step
from optisync_conformance.session import Observed, Options, Outcome, Session
from optisync_conformance.telling import compact

HOUR: Final = 3_600_000
_EXTRA_REST: Final = 5
_SAMPLE: Final = 20
_AT_ONCE: Final = 2.0
_TIMELESS: Final = ("patch", "transport")


@dataclass(frozen=True, slots=True)
class Probe:
    """How a probe came out; `remedy` is for the author of the adapter."""

    name: str
    ok: bool
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """A script and what was observed when it was run first; `name` is the case's."""

    name: str
    script: Script
    obs: list[Observation]


Open = Callable[[Options], Session]


def probe_all(
    start: Open, options: Options, samples: Sequence[Sample], profiles: dict[str, Scope]
) -> Iterator[Probe]:
    """Run every probe that applies. Raises Unusable when the adapter cannot be started."""
    chosen = samples[:: max(1, len(samples) // _SAMPLE)][:_SAMPLE]
    if chosen:
        yield _extra_rest(start, options, chosen)
        yield _leak(start, options, chosen)
    for name, scope in profiles.items():
        if name not in _TIMELESS and "clock" not in scope.lacks:
            yield _hour(start, options, name)
        if name in _CRASHING and not _CRASHING[name].needs & set(scope.lacks):
            yield _durable(start, options, name, scope)
    yield _clean_exit(start, options)


def _extra_rest(start: Open, options: Options, samples: Sequence[Sample]) -> Probe:
    remedy = (
        "count the engine's I/O as work, or wait more rounds of the event loop before a step ends"
    )
    session = start(replace(options, extra_rest=_EXTRA_REST))
    try:
        for sample in samples:
            wrong = _differs(sample, session.one(sample.script))
            if wrong:
                text = f"{sample.name} answers differently when it rests longer: {wrong}"
                return Probe("extra-rest", False, text, remedy)
    finally:
        session.kill()
    return Probe("extra-rest", True, f"{len(samples)} scripts answer the same with a longer rest")


def _leak(start: Open, options: Options, samples: Sequence[Sample]) -> Probe:
    remedy = "make a fresh engine, store and clock for every run, and keep nothing in module state"
    session = start(replace(options, window=1))
    try:
        first = samples[0]
        for between in [None, *samples]:
            if between is not None:
                session.one(between.script)
            wrong = _differs(first, session.one(first.script))
            if wrong:
                after = f"after {between.name}" if between else "in a fresh process"
                text = f"{first.name} answers differently {after}: {wrong}"
                return Probe("fresh-instance", False, text, remedy)
    finally:
        session.kill()
    return Probe("fresh-instance", True, "a run leaves nothing behind for the next")


def _differs(sample: Sample, outcome: Outcome) -> str:
    if not isinstance(outcome, Observed):
        return "it was not answered"
    for index, (before, after) in enumerate(zip(sample.obs, outcome.obs, strict=True)):
        for key in [*before, *after]:
            if before.get(key) != after.get(key):
                was, now = compact(before.get(key)), compact(after.get(key))
                return f"observation {index}, {key}: {_cut(was)} became {_cut(now)}"
    return ""


def _cut(text: str) -> str:
    return text if len(text) < 120 else text[:118] + ".."


def _hour(start: Open, options: Options, profile: str) -> Probe:
    remedy = "replace timers and the clock before the engine is loaded; never wait for real time"
    name = f"hour-tick ({profile})"
    session = start(options)
    try:
        session.one(Script(profile, _setting(profile), []))
        began = time.monotonic()
        outcome = session.one(Script(profile, _setting(profile), [{"do": "tick", "ms": HOUR}]))
        took = time.monotonic() - began
    finally:
        session.kill()
    if not isinstance(outcome, Observed):
        return Probe(name, False, "a tick of an hour was not answered", remedy)
    text = f"a tick of an hour took {took:.2f} s"
    return Probe(name, took < _AT_ONCE, text, remedy)


def _durable(start: Open, options: Options, profile: str, scope: Scope) -> Probe:
    crashing = _CRASHING[profile]
    name, remedy = f"crash-durable ({profile})", f"keep {crashing.kept} over a crash"
    steps: list[Json] = [*crashing.before, {"do": "crash"}, {"do": "start"}, crashing.after]
    session = start(options)
    try:
        outcome = session.one(Script(profile, _setting(profile), steps))
    finally:
        session.kill()
    if not isinstance(outcome, Observed):
        return Probe(name, False, "a script with a crash was not answered", remedy)
    wrong = _lost(outcome.obs, [field for field in crashing.fields if field in scope.sees])
    return Probe(name, not wrong, wrong or "what is durable survives a crash", remedy)


@dataclass(frozen=True, slots=True)
class _Crashing:
    """What is done before a crash and after the new start; which fields outlive it unchanged."""

    needs: frozenset[str]
    before: tuple[Json, ...]
    after: Json
    fields: tuple[str, ...]
    kept: str


_CHANGE: Final[Json] = {"a": [{"op": "replace", "path": "/x", "value": 1}]}
_UNDONE: Final[Json] = {"a": [{"op": "replace", "path": "/x", "value": 0}]}
_WHERE: Final = {"epoch": 1, "seq": 1, "prev": 0}


def _register(name: str) -> Json:
    return {"do": "register", "m": name, "atoms": _CHANGE, "sent": True, "inverse": _UNDONE}


def _enqueue(name: str, entity: str) -> Json:
    entry: dict[str, Json] = {"m": name, "resource": "note", "entity": entity}
    entry |= {"change": {"upsert": {"x": 1}}, "temporary": False, "after": []}
    return {"do": "enqueue", "entries": [entry], "stored": True}


def _dispatch(name: str, entity: str) -> Json:
    step = {"do": "dispatch", "m": name, "resource": "note", "entity": entity}
    return {**filled_step("pipeline", {**step, "change": {"upsert": {"x": 1}}})}


_CRASHING: Final = {
    "coordinator": _Crashing(
        frozenset({"crash", "sequence"}),
        (_register("$m1"), {"do": "delta", **_WHERE, "atoms": _CHANGE, "settles": []}),
        _register("$m2"),
        ("confirmed",),
        "the counter and the documents with their position, and nothing else,",
    ),
    "outbox": _Crashing(
        frozenset({"crash"}),
        (_enqueue("$m1", "a"), {"do": "reserve", "lease": "$l1", "limit": 1, "owner": "w"}),
        _enqueue("$m2", "b"),
        ("pending",),
        "the counter and every write that was reported as enqueued, sent ones too,",
    ),
    "pipeline": _Crashing(
        frozenset({"crash", "enqueued", "write-actions"}),
        (
            _dispatch("$m1", "a"),
            {"do": "drain"},
            {"do": "persisted", "request": "$m1", "enqueued": ["$m1"]},
        ),
        _dispatch("$m2", "b"),
        ("pending", "view"),
        "the counter and every write that persistence called enqueued",
    ),
}


def _lost(obs: Sequence[Observation], fields: Sequence[str]) -> str:
    """What is not after the start as it was before the crash."""
    effects = obs[-1].get("effects")
    for effect in effects if isinstance(effects, list) else []:
        if isinstance(effect, dict) and effect.get("e") == "id-reused":
            return "a number given out before the crash was given out again"
    for field in fields:
        before, after = obs[-4].get(field), obs[-2].get(field)
        if before != after:
            return f"{field} was {compact(before)} before the crash and {compact(after)} after it"
    return ""


def _setting(profile: str) -> Json:
    return filled_setting(
        profile, {} if profile == "outbox" else {"docs": {"a": {"x": 0}, "b": {}}}
    )


def _clean_exit(start: Open, options: Options) -> Probe:
    remedy = "end with exit code 0 when stdin is closed, and end what you started before that"
    session = start(options)
    session.start()
    farewell = session.close()
    if farewell is None:
        return Probe("clean-exit", True, "there is no process to end")
    if farewell.code is None:
        text = f"it went on running {options.close_timeout:g} s after stdin was closed"
        return Probe("clean-exit", False, text, remedy)
    if farewell.code:
        text = f"it ended with exit code {farewell.code} when stdin was closed"
        return Probe("clean-exit", False, text, remedy)
    if farewell.left:
        text = f"it left {farewell.left} process{'es' * (farewell.left > 1)} behind"
        return Probe("clean-exit", False, text, remedy)
    return Probe("clean-exit", True, "it ends with its input and leaves no process behind")
