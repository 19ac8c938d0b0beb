"""The coordinator's small worlds: inputs as steps of protocol 1, and what each step is about.

A transition here goes from rest to rest: an input of the application or the server with the
answers of the host that it leads to, each of them succeeding, or the first one failing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final, assert_never

from optisync.contracts.messages import Accepted, Ack, Delta, Head, Outcome, Reject, Snapshot
from optisync.coordinator.config import Config
from optisync.coordinator.inputs import Abandon, Applied, Generate, Input, Register, Sent, Tick
from optisync.coordinator.state import Coordinator
from optisync.coordinator.step import step as machine
from optisync.values import Json, Obj
from optisync.view import Changes, changes_to_json
from optisync_conformance.coverworld import Steps, Subject, World, refusal_of, topic_of
from optisync_conformance.modelcheck.coordinator import DOCS
from optisync_conformance.modelcheck.coordinator_cover import cover_scopes
from optisync_conformance.modelcheck.coordinator_scopes import Scope
from optisync_conformance.reference.host import thaw
from optisync_conformance.script import filled_setting, filled_step


def worlds() -> Iterator[World[Coordinator]]:
    """The scopes that are compared with the model."""
    for scope in cover_scopes():
        name, setting = scope.name.removeprefix("cover_"), _setting(scope.config, scope.strategy)
        subject = Subject(name, scope.about, "coordinator", setting, _SEEN, _topic)
        yield World(subject, scope.initial, partial(_moves, scope))


_SEEN: Final = ("effects", "view", "push_view", "pending", "confirmed")


def _moves(scope: Scope, state: Coordinator) -> Iterator[tuple[Steps, Coordinator]]:
    for given in scope.inputs:
        for fails in (False, True) if not isinstance(given, Applied) else ():
            after = _settled(scope.config, state, given, fails)
            if after is not None and scope.inside(after):
                failing = ({"do": "apply-fails", "times": 1},) if fails else ()
                yield (*failing, step_of(given, state)), after


def _settled(config: Config, state: Coordinator, given: Input, fails: bool) -> Coordinator | None:
    """The next state at rest; None if the host was to fail and was not asked."""
    state = machine(config, state, given).state
    if fails and state.port is None:
        return None
    ok = not fails
    while state.port is not None:
        state, ok = machine(config, state, Applied(ok)).state, True
    return state


def _setting(config: Config, strategy: str) -> dict[str, object]:
    """`with` for a scope."""
    limits = {"pending": config.limits.pending, "buffer": config.limits.buffer}
    given: dict[str, object] = {"docs": thaw(DOCS), "variant": config.variant.value}
    given |= {"strategy": strategy, "dense": config.dense, "limits": limits}
    return dict(filled_setting("coordinator", given))


def step_of(given: Input, state: Coordinator) -> dict[str, object]:
    """The step that gives an input to a coordinator in some state; number n is `$m<n>`."""
    return dict(filled_step("coordinator", _step(given, state)))


def _step(given: Input, state: Coordinator) -> dict[str, object]:
    match given:
        case Generate():
            return {"do": "generate", "m": f"$m{state.generated + 1}"}
        case Register(seq, changes):
            entry: dict[str, object] = {
                "do": "register",
                "m": f"$m{seq}",
                "atoms": _atoms(changes),
                "sent": given.sent,
            }
            return entry if seq <= state.generated else {**entry, "ungenerated": True}
        case Sent(seq):
            return {"do": "sent", "m": f"$m{seq}"}
        case Abandon(seq):
            return {"do": "abandon", "m": f"$m{seq}"}
        case Tick():
            return {"do": "tick"}
        case Ack(epoch, seq, at):
            step: dict[str, object] = {"do": "ack", "m": f"$m{seq}", "epoch": epoch}
            return step if at is None else {**step, "seq": at}
        case Reject(epoch, seq, code):
            return {"do": "reject", "m": f"$m{seq}", "epoch": epoch, "code": code}
        case Head(epoch, at):
            return {"do": "head", "epoch": epoch, "seq": at}
        case Delta():
            return _delta(given)
        case Snapshot(epoch, at, docs):
            outcomes = dict(_outcome(outcome) for outcome in given.outcomes)
            where = {"epoch": epoch, "seq": at, "docs": thaw(docs), "outcomes": outcomes}
            return {"do": "snapshot", **where, "client_known": given.client_known}
        case Applied():
            raise ValueError("an answer of the host is no step")
        case _:
            assert_never(given)


def _delta(given: Delta) -> dict[str, object]:
    labels = [
        {"m": f"$m{label.seq}", **({} if label.client == "me" else {"client": "other"})}
        for label in given.settles
    ]
    prev = {} if given.prev is None else {"prev": given.prev}
    where = {"epoch": given.epoch, "seq": given.server_seq, **prev}
    return {"do": "delta", **where, "atoms": _atoms(given.changes), "settles": labels}


def _outcome(outcome: Outcome) -> tuple[str, dict[str, object]]:
    verdict = outcome.verdict
    told: dict[str, object] = (
        {"ok": verdict.server_seq} if isinstance(verdict, Accepted) else {"rejected": verdict.code}
    )
    return f"$m{outcome.seq}", told


def _atoms(changes: Changes) -> object:
    return thaw(changes_to_json(changes))


# What a step is about, by its verb and the first of these that the reference shows.
_SHOWN: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "ack": (
        ("diag:unknown-mutation", "unknown-verdict-diagnosed"),
        ("diag", "first-verdict-stands"),
        ("resync", "higher-epoch-resyncs"),
        ("acked", "ack-keeps-overlay"),
        ("change", "covered-ack-retires"),
        ("", "told-once"),
    ),
    "reject": (
        ("diag:unknown-mutation", "unknown-verdict-diagnosed"),
        ("diag", "first-verdict-stands"),
        ("resync", "higher-epoch-resyncs"),
        ("rejected", "rollback-is-removal"),
        ("", "told-once"),
    ),
    "delta": (
        ("diag:apply-failed", "failed-apply-resyncs"),
        ("diag:strategy-raised", "strategy-raises-keeps"),
        ("diag:replace-sent", "replace-only-unsent"),
        ("suspended", "strategy-decides-each"),
        ("resumed", "strategy-decides-each"),
        ("acked", "label-settles"),
        ("apply", "next-delta-applies"),
        ("resync", "overlap-resyncs"),
        ("request", "gap-requests"),
        ("", "gap-buffers"),
    ),
    "snapshot": (
        ("diag:apply-failed", "failed-apply-resyncs"),
        ("in-doubt", "client-unknown-in-doubt"),
        ("acked", "snapshot-outcomes-settle"),
        ("rejected", "snapshot-outcomes-settle"),
        ("load", "snapshot-keeps-pending"),
        ("", "snapshot-never-goes-back"),
    ),
    "head": (("resync", "higher-epoch-resyncs"), ("", "head-reveals-gap")),
    "tick": (("", "one-request"),),
    "register": (("", "view-is-fold"),),
    "generate": (("", "client-seq-grows"),),
    "sent": (("", "replace-only-unsent"),),
    "abandon": (("", "abandoned-is-in-doubt"),),
    "apply-fails": (("", "failed-apply-resyncs"),),
}


def _topic(do: Obj, after: Mapping[str, Json]) -> str:
    """A refusal is about the requirement that its code is named for."""
    return refusal_of(after) or topic_of(_SHOWN, do, after)
