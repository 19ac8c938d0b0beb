"""A step in the making: the state so far, and what follows once it is visible."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from optisync.contracts.entry import EntryId
from optisync.machine import Step
from optisync.pipeline.config import Config
from optisync.pipeline.effects import (
    Answered,
    Changed,
    Diag,
    DiagCode,
    Effect,
    Persist,
    Resync,
    Schedule,
    Stale,
    Told,
    Withdraw,
)
from optisync.pipeline.pending import Mutation, Pending, overlay
from optisync.pipeline.state import Pipeline
from optisync.values import ClientSeq

_LAST: Final = (Diag, Stale, Withdraw, Resync, Schedule, Persist)
"""What is neither shown nor told, in the order in which it is done."""


@dataclass(frozen=True, slots=True)
class Turn:
    """`touched`: tickets of which a write moved; what is said of them waits for the end.

    `changed`: other writes are pending than before, or they write something else.
    """

    config: Config
    before: Pipeline
    state: Pipeline
    touched: frozenset[int] = frozenset()
    changed: bool = False
    effects: tuple[Effect, ...] = ()

    def put(self, mutation: Mutation) -> Turn:
        """This turn with a pending write in its place."""
        old = self.state.pending.get(mutation.seq)
        same = old is not None and overlay(old) == overlay(mutation)
        return self._with(self.state.pending.put(mutation), mutation, not same)

    def drop(self, mutation: Mutation) -> Turn:
        """This turn without a pending write."""
        return self._with(self.state.pending.drop(mutation.seq), mutation, True)

    def _with(self, pending: Pending, mutation: Mutation, changed: bool) -> Turn:
        state = replace(self.state, pending=pending)
        touched = self.touched | {mutation.ticket}
        return replace(self, state=state, touched=touched, changed=self.changed or changed)

    def with_effect(self, *effects: Effect) -> Turn:
        """This turn with more to do."""
        return replace(self, effects=(*self.effects, *effects))

    def diagnosed(self, code: DiagCode, entry_id: EntryId) -> Turn:
        """This turn with a diagnostic."""
        return self.with_effect(Diag(code, entry_id))

    def done(self) -> Step[Pipeline, Effect]:
        """The step: what is shown changes before anybody is told. [visible-before-told]"""
        shown: tuple[Effect, ...] = (Changed(),) if self._shows_other() else ()
        told = tuple(e for e in self.effects if isinstance(e, Told))
        answered = tuple(e for e in self.effects if isinstance(e, Answered))
        rest = (e for e in self.effects if not isinstance(e, Told | Answered))
        ordered = sorted(rest, key=lambda effect: _LAST.index(type(effect)))
        return Step(self.state, (*shown, *told, *answered, *ordered))

    def _shows_other(self) -> bool:
        return self.changed or self.state.docs is not self.before.docs


def entry_id_of(config: Config, seq: ClientSeq) -> EntryId:
    """The id of a write, and its idempotency key: who wrote it, and as which of his writes."""
    return EntryId(f"{config.client}/{seq}")
