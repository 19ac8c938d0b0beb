"""The coordinator as a model: how its Python values are written in ``models/Coordinator.tla``.

The mapping, in full. Numbers, booleans and names are themselves; a frozen dataclass is the record
of its fields, an input or effect with a field ``kind`` more; a tuple is a sequence; a missing
number is -1 and a free port ``[kind |-> "idle"]``. Changes are the set of *places* they touch, a
place being an atom and a member of its document (``"a/x"``): every scope's changes are
replacements of whole members, so two of them conflict exactly if their sets of places meet. What
only passes through (documents, versions, ids, infos, reject codes, the values written) has one
fixed value that depends on what is encoded; another value is refused, so the encoding is injective
and nothing can go astray on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TypeAlias, assert_never

from optisync.contracts.messages import (
    Accepted,
    Ack,
    Delta,
    Head,
    Label,
    Outcome,
    Refused,
    Reject,
    Snapshot,
)
from optisync.coordinator.config import Config
from optisync.coordinator.effects import (
    Acked,
    Apply,
    Changed,
    Diag,
    Effect,
    InDoubt,
    Load,
    Redo,
    Rejected,
    Request,
    Resumed,
    Resync,
    StoreCounter,
    Suspended,
    Undo,
)
from optisync.coordinator.inputs import Abandon, Applied, Generate, Input, Register, Sent, Tick
from optisync.coordinator.state import Coordinator, Pending, Position, Told
from optisync.patch import Replace
from optisync.values import AtomKey, Obj
from optisync.view import Changes, Update, changes_of

from .values import Plain, Value, of

NONE = -1
IDLE: Plain = {"kind": "idle"}
REJECT_CODE = "no"
DOCS = Obj({"a": Obj({"x": 0, "y": 0}), "b": Obj({"x": 0, "y": 0})})

#: The ordered effects of a step, and the code of its error or "".
Out: TypeAlias = tuple[tuple[Effect, ...], str]
Fields: TypeAlias = Mapping[str, Plain]


class NotMapped(ValueError):
    """A value that the mapping gives no meaning to."""


def changes_at(places: Iterable[str], value: int) -> Changes:
    """The changes that set each place to ``value``.

    >>> changes_at(["a/x"], 7)
    (('a', Update(patch=(Replace(path=('x',), value=7),))),)
    """
    members: dict[AtomKey, list[str]] = {}
    for place in sorted(places):
        atom, member = place.split("/")
        members.setdefault(AtomKey(atom), []).append(member)
    return changes_of(
        {
            atom: Update(tuple(Replace((member,), value) for member in found))
            for atom, found in members.items()
        }
    )


@lru_cache(maxsize=4096)
def places(changes: Changes, value: int) -> frozenset[str]:
    """The places, if `changes_at` gives these changes for them. Raises `NotMapped`."""
    found = frozenset(
        f"{atom}/{op.path[0]}"
        for atom, change in changes
        if isinstance(change, Update)
        for op in change.patch
    )
    if changes != changes_at(found, value):
        raise NotMapped(f"{changes} do not set places to {value}")
    return found


def delta_value(server_seq: int) -> int:
    """What the delta at this position writes."""
    return 100 + server_seq


def _only(fixed: bool, what: object) -> None:
    if not fixed:
        raise NotMapped(f"{what} carries something that the model leaves out")


def _number(number: int | None) -> int:
    return NONE if number is None else number


def encode_config(config: Config, strategy: str) -> Value:
    """The configuration as the model's record; a strategy is known to it by name."""
    return of(
        {
            "client": config.client,
            "variant": config.variant.value,
            "dense": config.dense,
            "pending": config.limits.pending,
            "buffer": config.limits.buffer,
            "verdicts": config.limits.verdicts,
            "block": config.limits.block,
            "strategy": strategy,
        }
    )


def encode_state(state: Coordinator) -> Value:
    """The state as the model's record."""
    return of(
        {
            "confirmed": _position(state.confirmed),
            "heard": _position(state.heard),
            "reserved": state.reserved,
            "generated": state.generated,
            "registered": state.registered,
            "pending": tuple(_pending(p) for p in state.pending),
            "told": tuple(_told(t) for t in state.told),
            "buffer": tuple(encode_input(d) for d in state.buffer),
            "requested": _number(state.requested),
            "broken": state.broken,
            "port": IDLE if state.port is None else encode_input(state.port),
        }
    )


def _position(position: Position) -> Plain:
    return {"epoch": position.epoch, "server_seq": position.server_seq}


def _told(told: Told) -> Plain:
    return {"seq": told.seq, "verdict": told.verdict.value}


def _pending(pending: Pending) -> Plain:
    _only(pending.info is None, pending)
    return {
        "seq": pending.seq,
        "changes": places(pending.changes, pending.seq),
        "sent": pending.sent,
        "withheld": pending.withheld,
        "acked": _number(pending.acked),
    }


@lru_cache(maxsize=4096)
def encode_input(given: Input) -> Value:
    """The input as the model's record."""
    match given:
        case Register(seq, changes, info, sent):
            _only(info is None, given)
            touched = places(changes, seq)
            return _record("register", {"seq": seq, "changes": touched, "sent": sent})
        case Generate():
            return _record("generate", {})
        case Sent(seq):
            return _record("sent", {"seq": seq})
        case Abandon(seq):
            return _record("abandon", {"seq": seq})
        case Applied(ok):
            return _record("applied", {"ok": ok})
        case Tick():
            return _record("tick", {})
        case Ack(epoch, seq, server_seq, version, ids):
            _only(version is None and not ids, given)
            at = _number(server_seq)
            return _record("ack", {"epoch": epoch, "seq": seq, "server_seq": at})
        case Reject(epoch, seq, code):
            _only(code == REJECT_CODE, given)
            return _record("reject", {"epoch": epoch, "seq": seq})
        case Head(epoch, server_seq):
            return _record("head", {"epoch": epoch, "server_seq": server_seq})
        case Delta():
            return _delta(given)
        case Snapshot():
            return _snapshot(given)
        case _:
            assert_never(given)


def _record(kind: str, fields: Fields) -> Value:
    return of({"kind": kind, **fields})


def _delta(delta: Delta) -> Value:
    return _record(
        "delta",
        {
            "epoch": delta.epoch,
            "server_seq": delta.server_seq,
            "prev": _number(delta.prev),
            "changes": places(delta.changes, delta_value(delta.server_seq)),
            "settles": tuple(_label(label) for label in delta.settles),
        },
    )


def _label(label: Label) -> Plain:
    _only(label.version is None and not label.ids, label)
    return {"client": label.client, "seq": label.seq}


def _snapshot(snapshot: Snapshot) -> Value:
    _only(snapshot.docs == DOCS, snapshot)
    return _record(
        "snapshot",
        {
            "epoch": snapshot.epoch,
            "server_seq": snapshot.server_seq,
            "outcomes": tuple(_outcome(outcome) for outcome in snapshot.outcomes),
            "client_known": snapshot.client_known,
        },
    )


def _outcome(outcome: Outcome) -> Plain:
    match outcome.verdict:
        case Accepted(server_seq, version, ids):
            _only(version is None and not ids, outcome)
            return {"seq": outcome.seq, "verdict": "accepted", "server_seq": server_seq}
        case Refused(code):
            _only(code == REJECT_CODE, outcome)
            return {"seq": outcome.seq, "verdict": "refused", "server_seq": NONE}
        case _:
            assert_never(outcome.verdict)


@lru_cache(maxsize=4096)
def encode_effect(effect: Effect) -> Value:
    """The effect as the model's record."""
    match effect:
        case StoreCounter(upto):
            return _record("store-counter", {"upto": upto})
        case Undo(seq):
            return _record("undo", {"seq": seq})
        case Redo(seq, changes):
            return _record("redo", {"seq": seq, "changes": places(changes, seq)})
        case Apply(delta):
            return _record("apply", {"delta": encode_input(delta)})
        case Load(snapshot):
            return _record("load", {"snapshot": encode_input(snapshot)})
        case Acked(seq, version, ids):
            _only(version is None and not ids, effect)
            return _record("acked", {"seq": seq})
        case Rejected(seq, code):
            _only(code == REJECT_CODE, effect)
            return _record("rejected", {"seq": seq})
        case InDoubt(seq):
            return _record("in-doubt", {"seq": seq})
        case Suspended(seq):
            return _record("suspended", {"seq": seq})
        case Resumed(seq):
            return _record("resumed", {"seq": seq})
        case Diag(code, about):
            return _record("diag", {"code": code.value, "seq": _number(about)})
        case Changed():
            return _record("changed", {})
        case Request(after, upto):
            return _record("request", {"after": after, "upto": upto})
        case Resync():
            return _record("resync", {})
        case _:
            assert_never(effect)
