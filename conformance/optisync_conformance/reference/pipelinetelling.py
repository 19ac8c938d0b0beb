"""What the pipeline shows and does, in the words of the profile `pipeline`."""

from __future__ import annotations

import re
from typing import Final, assert_never

from optisync.contracts.entry import Entity, EntryId, WriteEntry
from optisync.pipeline.effects import (
    Answered,
    Changed,
    Diag,
    Effect,
    Persist,
    Resync,
    Schedule,
    Stale,
    Told,
    Withdraw,
)
from optisync.pipeline.events import Context
from optisync.pipeline.pending import Accepted, Status
from optisync.pipeline.state import Pipeline, view
from optisync.values import ClientSeq, Obj
from optisync_conformance.frames import Json as Plain
from optisync_conformance.reference.host import Recorder, thaw
from optisync_conformance.reference.names import ME, Names
from optisync_conformance.reference.outboxtelling import change_json

_OWN_ID: Final = re.compile(rf"{ME}/([0-9]+)")


class PipelineTelling:
    """Translates effects and states; keeps the names of requests, tickets and waits."""

    def __init__(self, recorder: Recorder, names: Names) -> None:
        self._recorder = recorder
        self._names = names
        self._handed: set[EntryId] = set()
        self.requests: dict[str, int] = {}
        self.tickets: dict[int, str] = {}
        self.waits: list[str] = []

    def ticket(self, name: str) -> int:
        """The ticket of an event; 0, which no ticket has, if it has none."""
        return next((number for number, event in self.tickets.items() if event == name), 0)

    def effect(self, effect: Effect, shown: Obj) -> None:
        """Tell one effect; `shown` is what the application sees by now. Raises Planned."""
        tell = self._recorder.tell
        match effect:
            case Changed():
                tell({"e": "shown", "view": thaw(shown)})
            case Told(ticket, status, code):
                told: dict[str, Plain] = {"e": "told", "m": self.tickets.get(ticket, f"#{ticket}")}
                tell(told | {"status": status.value} | _code(code))
            case Answered(wait, answer, code):
                ended: dict[str, Plain] = {"e": "answered", "w": self.waits[wait]}
                tell(ended | {"answer": answer.value} | _code(code))
            case Diag(code, entry_id):
                tell({"e": "diag", "code": code.value, "m": self._named(entry_id)})
            case Stale(entity):
                stale: dict[str, Plain] = {"e": "stale"}
                tell(stale | _entity(entity))
            case Resync():
                tell({"e": "resync"})
            case Withdraw(entry_id):
                tell({"e": "withdraw", "m": self._named(entry_id)})
            case Persist():
                self._handed_over(effect)
            case Schedule():
                tell({"e": "schedule"})
            case _:
                assert_never(effect)

    def _handed_over(self, effect: Persist) -> None:
        for entry in effect.entries:
            if entry.entry_id in self._handed or str(entry.idempotency_key) != entry.entry_id:
                self._recorder.tell({"e": "id-reused", "m": self._named(entry.entry_id)})
            self._handed.add(entry.entry_id)
        entries: list[Plain] = [self._entry(entry) for entry in effect.entries]
        request = self._names.name(effect.seqs[0])
        self.requests[request] = effect.handle
        told: dict[str, Plain] = {"e": "persist", "request": request, "entries": entries}
        told["context"] = self._context(effect.context)
        if effect.persist_key is not None:
            told["persist_key"] = effect.persist_key
        self._recorder.tell(told)

    def _entry(self, entry: WriteEntry) -> dict[str, Plain]:
        told = _entity(entry.entity) | {"m": self._named(entry.entry_id)}
        told["change"] = change_json(entry.change)
        if entry.base is not None:
            told["base"] = entry.base.version
        if entry.temporary:
            told["temporary"] = True
        if entry.depends_on:
            told["after"] = [self._named(other) for other in entry.depends_on]
        return told

    def _context(self, context: Context) -> dict[str, Plain]:
        told: dict[str, Plain] = {"scope": context.scope, "origin": context.origin}
        told["action"] = self._named(str(context.action_id))
        if context.label is not None:
            told["label"] = context.label
        return told | ({"at": context.timestamp} if context.timestamp else {})

    def _named(self, raw: str) -> str:
        """The name of the write whose id this is; the text itself if it is none of ours."""
        own = _OWN_ID.fullmatch(raw)
        return raw if own is None else self._names.name(ClientSeq(int(own[1])))

    def state(self, state: Pipeline) -> dict[str, Plain]:
        """The fields of an observation."""
        name = self._names.name
        pending = list(state.pending)
        tickets: dict[str, Plain] = {
            event: state.tickets[number].status.value
            for number, event in self.tickets.items()
            if number in state.tickets
        }
        return {
            "view": thaw(view(state).view),
            "documents": thaw(state.docs),
            "position": {"epoch": state.epoch, "seq": state.server_seq},
            "pending": [name(mutation.seq) for mutation in pending],
            "places": {name(mutation.seq): _place(mutation.status) for mutation in pending},
            "tickets": tickets,
        }


def _place(status: Status) -> str:
    return "accepted" if isinstance(status, Accepted) else status.value


def _entity(entity: Entity) -> dict[str, Plain]:
    return {"resource": str(entity.resource), "entity": str(entity.id)}


def _code(code: str | None) -> dict[str, Plain]:
    return {} if code is None else {"code": code}
