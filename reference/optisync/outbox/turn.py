"""A step in the making: the state so far, the rows to save, and what follows once they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from optisync.contracts.entry import EntryId, makes_row
from optisync.machine import Step
from optisync.outbox.config import Config, Mode
from optisync.outbox.effects import Diag, DiagCode, Effect, Save, Told
from optisync.outbox.rows import Gone, Hole, Item, Numbers, Queued, Report, Row, Verdict, key_of
from optisync.outbox.state import Outbox, with_row
from optisync.values import ClientSeq


@dataclass(frozen=True, slots=True)
class Turn:
    """Every change to what is stored goes through `put`, so no row can be forgotten."""

    state: Outbox
    rows: tuple[Row, ...] = ()
    effects: tuple[Effect, ...] = ()

    def put(self, *rows: Row) -> Turn:
        """This turn with rows saved; of a direct write, its number. [direct-write-is-gated]"""
        state = self.state
        for row in rows:
            state = with_row(state, row)
        return Turn(state, (*self.rows, *map(stored_row, rows)), self.effects)

    def numbered(self, numbers: Numbers) -> Turn:
        """This turn with other numbers."""
        return self if numbers == self.state.numbers else self.put(numbers)

    def numbered_first(self, numbers: Numbers) -> Turn:
        """This turn with numbers that are saved before its other rows. [number-durable]"""
        return Turn(with_row(self.state, numbers), (numbers, *self.rows), self.effects)

    def with_effect(self, *effects: Effect) -> Turn:
        """This turn with more to do after the save."""
        return Turn(self.state, self.rows, (*self.effects, *effects))

    def diagnosed(self, code: DiagCode, entry_id: EntryId) -> Turn:
        """This turn with a diagnostic."""
        return self.with_effect(Diag(code, entry_id))

    def tell(self, seq: ClientSeq, entry_id: EntryId, verdict: Verdict) -> Turn:
        """Give out a verdict: stored until it is consumed. [verdict-reported]"""
        number = self.state.numbers.reported + 1
        report = Report(number, seq, entry_id, verdict)
        turn = self.numbered(replace(self.state.numbers, reported=number)).put(report)
        return turn.with_effect(Told(report))

    def done(self) -> Step[Outbox, Effect]:
        """The step: rows are saved before anything else happens. [saved-before-effects]"""
        last = {key_of(row): row for row in self.rows}
        save: tuple[Effect, ...] = (Save(tuple(last.values())),) if last else ()
        return Step(self.state, save + self.effects)


def stored_row(row: Row) -> Row:
    """What is stored of a row: of a direct write, its trace while it is undecided."""
    if not isinstance(row, Item) or row.stored:
        return row
    return Gone(row.seq) if row.told else trace(row)


def trace(item: Item) -> Hole:
    """What is stored of an undecided direct write: enough to know what is lost with it."""
    return Hole(item.seq, None, item.entry.entity, makes_row(item.entry))


def unused(config: Config, state: Outbox, seq: ClientSeq) -> Row:
    """What remains of a number that will never carry a write. [unused-number-skipped]"""
    awaited = config.mode is Mode.ORDERED and seq > (state.numbers.watermark or 0)
    return Hole(seq, Queued()) if awaited else Gone(seq)
