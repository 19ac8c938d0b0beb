"""What the outbox shows and does, in the words of the profile `outbox`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from optisync.contracts.entry import WriteEntry
from optisync.contracts.messages import Accepted, Refused
from optisync.outbox.effects import (
    Diag,
    Effect,
    Enqueued,
    ParkedEntry,
    Resync,
    Save,
    Send,
    Told,
)
from optisync.outbox.rows import InDoubt, InFlight, Item, Member, Report
from optisync.outbox.state import Outbox, overlays, status_name
from optisync.values import AtomKey, ClientSeq
from optisync.view import Change, changes_to_json
from optisync_conformance.frames import Json as Plain
from optisync_conformance.reference.host import Recorder, thaw
from optisync_conformance.reference.names import Names


class Telling:
    """Translates effects and states; keeps the names of leases and keys that scripts give."""

    def __init__(self, recorder: Recorder, names: Names) -> None:
        self._recorder = recorder
        self._names = names
        self._offered: set[tuple[str, str]] = set()
        self._sent_keys: dict[ClientSeq, str] = {}
        self._keyed: set[str] = set()
        self.lease = ""

    def expect(self, entry: WriteEntry, keyed: bool) -> None:
        """An entry is about to be enqueued; `keyed`: the script gave its key."""
        self._offered.add((entry.entry_id, entry.idempotency_key))
        (self._keyed.add if keyed else self._keyed.discard)(entry.entry_id)

    def effect(self, effect: Effect) -> None:
        """Tell one effect. Raises Planned."""
        tell = self._recorder.tell
        match effect:
            case Save():
                pass
            case Enqueued(entry_id, seq, again):
                # again, and without a name: the process died before it could say so
                if not again or self._names.name(seq).startswith("#"):
                    self._names.renew(entry_id, seq)
                told: dict[str, Plain] = {"e": "enqueued", "m": str(entry_id)}
                tell(told | {"again": True} if again else told)
            case Send():
                self._sent(effect)
            case Told(report):
                tell(_verdict(report))
            case ParkedEntry(entry_id):
                tell({"e": "parked", "m": str(entry_id)})
            case Resync():
                tell({"e": "resync"})
            case Diag(code, entry_id):
                tell({"e": "diag", "code": code.value, "m": str(entry_id)})
            case _:
                assert_never(effect)

    def _sent(self, effect: Send) -> None:
        name = self._names.name
        for item in effect.items:
            entry_id, key = str(item.entry.entry_id), str(item.entry.idempotency_key)
            before = self._sent_keys.setdefault(item.seq, key)
            if before != key or (entry_id, key) not in self._offered:
                self._recorder.tell({"e": "key-changed", "m": entry_id})
        skips: list[Plain] = [[name(first), name(last)] for first, last in effect.skips]
        floor = name(effect.floor)
        told: dict[str, Plain] = {"e": "send", "lease": self.lease}
        told["entries"] = [self._entry(item) for item in effect.items]
        told |= {"skips": skips, "floor": floor if floor.startswith("$") else None}
        self._recorder.tell(told)

    def _entry(self, item: Item) -> dict[str, Plain]:
        entry = item.entry
        told: dict[str, Plain] = {"m": str(entry.entry_id), "resource": str(entry.entity.resource)}
        told |= {"entity": str(entry.entity.id), "change": change_json(entry.change)}
        if item.base is not None:
            told["base"] = item.base.version
        if entry.entry_id in self._keyed:
            told["key"] = str(entry.idempotency_key)
        return told

    def state(self, state: Outbox, leases: Mapping[int, str]) -> dict[str, Plain]:
        """The fields of an observation."""
        name, numbers = self._names.name, state.numbers
        queue: list[Plain] = [self._member(member, leases) for member in state.queue]
        return {
            "pending": [name(item.seq) for item in overlays(state)],
            "queue": queue,
            "cursor": {"epoch": numbers.epoch, "seq": numbers.server_seq},
            "reports": [str(report.entry_id) for report in state.reports],
        }

    def _member(self, member: Member, leases: Mapping[int, str]) -> dict[str, Plain]:
        shown: dict[str, Plain] = {"m": self._names.name(ClientSeq(member.seq))}
        shown["state"] = status_name(member)
        if isinstance(member.status, InFlight):
            shown["lease"] = leases.get(member.status.token, "?")
        if isinstance(member, Item):
            shown["attempts"] = member.attempts
            if member.base is not None:
                shown["base"] = member.base.version
        return shown


def change_json(change: Change) -> Plain:
    """A change as scripts write it."""
    atom = AtomKey("entity")
    return thaw(changes_to_json(((atom, change),))[atom])


def _verdict(report: Report) -> dict[str, Plain]:
    m = str(report.entry_id)
    match report.verdict:
        case Accepted(_, version, ids):
            told: dict[str, Plain] = {"e": "confirmed", "m": m}
            if version is not None:
                told["version"] = version
            if ids:
                told["ids"] = dict[str, Plain](ids)
            return told
        case Refused(code):
            return {"e": "rejected", "m": m, "code": code}
        case InDoubt():
            return {"e": "in-doubt", "m": m}
        case _:
            assert_never(report.verdict)
