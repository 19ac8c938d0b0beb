"""The inputs of the coordinator's scopes as steps of protocol 1, and what each step is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, assert_never

from optisync.contracts.messages import Accepted, Ack, Delta, Head, Outcome, Reject, Snapshot
from optisync.coordinator.config import Config
from optisync.coordinator.inputs import Abandon, Applied, Generate, Input, Register, Sent, Tick
from optisync.coordinator.state import Coordinator
from optisync.values import Json, Obj
from optisync.view import Changes, changes_to_json
from optisync_conformance.modelcheck.coordinator import DOCS
from optisync_conformance.reference.host import thaw
from optisync_conformance.script import filled_setting, filled_step


def setting_of(config: Config, strategy: str) -> dict[str, object]:
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


def requirement_of(do: Obj, after: Mapping[str, Json]) -> str:
    """The requirement a step is about; a refusal is about the one that its code is named for."""
    out = after["out"]
    code = out.get("err") if isinstance(out, Obj) else None
    if code is not None:
        return str(code)
    told = {""}
    effects = after["effects"]
    for effect in effects if isinstance(effects, tuple) else ():
        if isinstance(effect, Obj):
            told |= {str(effect["e"]), f"{effect['e']}:{effect.get('code')}"}
    return next(slug for mark, slug in _SHOWN[str(do["do"])] if mark in told)
