"""The outbox's small worlds: inputs as steps of protocol 1, and what each step is about.

In these worlds `m3` is the name of the entry with number 3, which holds as long as nothing is
enqueued out of turn; so a step says the same whatever came before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final, assert_never

from optisync.contracts.entry import WriteEntry
from optisync.contracts.messages import Accepted, Delta, Ids, Label, Refused, Snapshot
from optisync.outbox.config import Config
from optisync.outbox.effects import Save
from optisync.outbox.inputs import (
    Abandon,
    Cancel,
    Consume,
    Enqueue,
    GiveUp,
    HasRead,
    Input,
    Release,
    Reserve,
    Restart,
    Result,
    Resume,
    Retry,
    Settle,
    Take,
    Tick,
    Unknown,
    Watermark,
)
from optisync.outbox.rows import Hole, Item
from optisync.outbox.state import Outbox
from optisync.values import ClientSeq, Json, Obj
from optisync_conformance.coverworld import Steps, Subject, World, refusal_of, topic_of
from optisync_conformance.modelcheck.outbox_cover import cover_scopes
from optisync_conformance.modelcheck.outbox_inputs import ME
from optisync_conformance.modelcheck.outbox_scopes import Scope
from optisync_conformance.reference.outboxtelling import change_json
from optisync_conformance.requirements import load
from optisync_conformance.script import filled_setting, filled_step

_SEEN: Final = ("effects", "pending", "queue", "cursor", "reports")
_LIVES: Final[Steps] = ({"do": "crash"}, {"do": "start"})


def worlds() -> Iterator[World[Outbox]]:
    """The scopes, those with a failing host included."""
    for scope, failing in cover_scopes():
        name, setting = f"outbox-{scope.name}", _setting(scope.config)
        subject = Subject(name, scope.about, "outbox", setting, _SEEN, _topic)
        yield World(subject, scope.initial, partial(_moves, scope, failing))


def _setting(config: Config) -> dict[str, object]:
    given: dict[str, object] = {"mode": config.mode.value, "capacity": config.capacity}
    given |= {"lease_ms": config.lease_ms, "max_attempts": config.max_attempts}
    given |= {"delay_ms": config.delay_ms, "max_delay_ms": config.max_delay_ms}
    return dict(filled_setting("outbox", given))


def _moves(scope: Scope, failing: bool, state: Outbox) -> Iterator[tuple[Steps, Outbox]]:
    """Every input that can be said in this state; with a failing store and crashes around it."""
    for given in scope.inputs:
        if isinstance(given, Restart):
            yield _LIVES, scope.step(state, given)[0]
            continue
        said = _said(state, given)
        if said is None:
            continue
        after, (effects, _) = scope.step(state, said)
        if not scope.inside(after) or not _named_by_number(after):
            continue
        step = filled_step("outbox", _step(said, state))
        yield (step,), after
        if failing and effects and isinstance(effects[0], Save):
            yield ({"do": "store-fails", "times": 1}, step), state
            yield from _dying(scope, step, state, after)


def _dying(
    scope: Scope, step: Mapping[str, object], before: Outbox, after: Outbox
) -> Iterator[tuple[Steps, Outbox]]:
    """The process dies before the save, or behind it if nobody has to know what it gave out."""
    start = {"do": "start"}
    yield (
        ({"do": "arm-crash", "nth": 1, "when": "before"}, step, start),
        scope.step(before, Restart())[0],
    )
    if before.numbers.counter == after.numbers.counter and step["do"] != "reserve":
        yield (
            ({"do": "arm-crash", "nth": 1, "when": "after"}, step, start),
            scope.step(after, Restart())[0],
        )


def _said(state: Outbox, given: Input) -> Input | None:
    """The input as it is made in this state; None if a script cannot say it here."""
    match given:
        case Tick(now):
            return given if now > state.now else None
        case Settle(token) | Release(token):
            return given if token <= state.numbers.token else None
        case Watermark(upto=upto):
            return given if upto <= state.numbers.counter else None
        case Enqueue(entries):
            return replace(given, seqs=tuple(_taken(state, entry) for entry in entries))
        case _:
            return given


def _taken(state: Outbox, entry: WriteEntry) -> ClientSeq | None:
    """The number of the entry's name, if it was taken and is open."""
    seq = ClientSeq(int(entry.entry_id[1:]))
    member = state.queue.get(seq)
    return seq if isinstance(member, Hole) and member.status is None else None


def _named_by_number(state: Outbox) -> bool:
    items = (member for member in state.queue if isinstance(member, Item))
    return all(item.entry.entry_id == f"m{item.seq}" for item in items)


def _step(given: Input, state: Outbox) -> dict[str, object]:
    match given:
        case Take():
            return {"do": "take", "m": f"$m{state.numbers.counter + 1}"}
        case GiveUp(seq):
            return {"do": "give-up", "m": f"$m{seq}"}
        case Enqueue(entries, _, stored):
            told = [_entry(entry) for entry in entries]
            return {"do": "enqueue", "entries": told, "stored": stored}
        case Reserve(limit, owner):
            lease = f"$l{state.numbers.token + 1}"
            return {"do": "reserve", "lease": lease, "limit": limit, "owner": owner}
        case Settle(token, epoch, results):
            told = [_result(result) for result in results]
            return {"do": "settle", "lease": f"$l{token}", "epoch": epoch, "results": told}
        case Release(token):
            return {"do": "release", "lease": f"$l{token}"}
        case Delta() | Snapshot() | Watermark():
            return {"epoch": given.epoch, "seq": given.server_seq, **_heard(given)}
        case Cancel(entry_id) | Abandon(entry_id) | Resume(entry_id):
            return {"do": type(given).__name__.lower(), "m": f"${entry_id}"}
        case HasRead(entity):
            return {"do": "has-read", "resource": entity.resource, "entity": entity.id}
        case Consume():
            return {"do": "consume"}
        case Tick(now):
            return {"do": "tick", "ms": now - state.now}
        case Restart():
            raise ValueError("a new life is two steps")
        case _:
            assert_never(given)


def _entry(entry: WriteEntry) -> dict[str, object]:
    told: dict[str, object] = {"m": f"${entry.entry_id}", "resource": entry.entity.resource}
    told |= {"entity": entry.entity.id, "change": change_json(entry.change)}
    if entry.base is not None:
        told["base"] = entry.base.version
    if str(entry.idempotency_key) != str(entry.entry_id):
        told["key"] = entry.idempotency_key
    after = [f"${other}" for other in entry.depends_on]
    return told | {"temporary": entry.temporary, "after": after}


def _result(result: Result) -> dict[str, object]:
    name = {"m": f"${result.entry_id}"}
    match result.outcome:
        case Accepted() | Refused():
            return {**name, **_outcome(result.outcome)}
        case Retry(after):
            return {**name, "retry": after}
        case Unknown():
            return {**name, "unknown": True}
        case _:
            assert_never(result.outcome)


def _outcome(given: Accepted | Refused) -> dict[str, object]:
    if isinstance(given, Refused):
        return {"rejected": given.code}
    return {"ok": given.server_seq, **_learnt(given.version, given.ids)}


def _learnt(version: int | None, ids: Ids) -> dict[str, object]:
    told: dict[str, object] = {} if version is None else {"version": version}
    return {**told, "ids": dict(ids)} if ids else told


def _heard(given: Delta | Snapshot | Watermark) -> dict[str, object]:
    match given:
        case Delta(settles=labels):
            return {"do": "delta", "settles": [_label(label) for label in labels]}
        case Snapshot(outcomes=outcomes, client_known=known):
            what = {f"$m{each.seq}": _outcome(each.verdict) for each in outcomes}
            return {"do": "snapshot", "outcomes": what, "client_known": known}
        case Watermark(upto=upto, refused=refused):
            told = {f"$m{each.seq}": each.code for each in refused or ()}
            named = {} if refused is None else {"refused": told}
            return {"do": "watermark", "upto": f"$m{upto}" if upto else None, **named}
        case _:
            assert_never(given)


def _label(label: Label) -> dict[str, object]:
    whose = {} if label.client == ME else {"client": "other"}
    return {"m": f"$m{label.seq}", **_learnt(label.version, label.ids), **whose}


# What a step is about, by its verb and the first of these that the reference shows.
_SHOWN: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "take": (("", "number-durable"),),
    "give-up": (("", "unused-number-skipped"),),
    "enqueue": (("enqueued", "fifo-by-number"), ("", "enqueue-all-or-none")),
    "reserve": (("send", "fifo-by-number"), ("", "one-in-flight-per-entity")),
    "settle": (
        ("diag:contradictory-verdict", "first-settlement-stands"),
        ("diag:late-verdict", "late-verdict-no-op"),
        ("diag:not-sent", "answer-to-unsent-ignored"),
        ("resync", "higher-epoch-asks-snapshot"),
        ("parked", "parked-after-attempts"),
        ("rejected", "rejected-removed"),
        ("confirmed", "acked-until-covered"),
        ("", "indefinite-fenced"),
    ),
    "release": (("", "unreachable-backs-off"),),
    "delta": (
        ("diag:not-sent", "answer-to-unsent-ignored"),
        ("diag", "first-settlement-stands"),
        ("confirmed", "label-settles-entry"),
        ("", "acked-until-covered"),
    ),
    "snapshot": (
        ("diag:not-sent", "answer-to-unsent-ignored"),
        ("diag", "first-settlement-stands"),
        ("in-doubt", "unknown-client-in-doubt"),
        ("confirmed", "outcome-settles-entry"),
        ("rejected", "outcome-settles-entry"),
        ("", "cursor-never-back"),
    ),
    "watermark": (
        ("confirmed", "watermark-is-no-verdict"),
        ("rejected", "watermark-is-no-verdict"),
        ("", "watermark-retires-overlays"),
    ),
    "cancel": (("", "cancel-only-unsent"),),
    "abandon": (("", "abandoned-sent-in-doubt"),),
    "resume": (("", "parked-resumes"),),
    "has-read": (("", "doubt-lifted-by-read"),),
    "consume": (("", "report-kept-until-consumed"),),
    "tick": (("", "lease-expires"),),
    "store-fails": (("", "store-failure-refuses"),),
    "arm-crash": (("", "saved-before-effects"),),
    "crash": (("", "lease-ends-at-restart"),),
    "start": (
        ("confirmed", "report-kept-until-consumed"),
        ("rejected", "report-kept-until-consumed"),
        ("in-doubt", "report-kept-until-consumed"),
        ("", "lease-ends-at-restart"),
    ),
}


def _topic(do: Obj, after: Mapping[str, Json]) -> str:
    """A refusal is about the requirement that its code is named for, or that of its call."""
    code = refusal_of(after)
    if code == "store-failed":
        return "store-failure-refuses"
    own = code is not None and code in load() and load()[code].file == "outbox.md"
    return code if code is not None and own else topic_of(_SHOWN, do, after)
