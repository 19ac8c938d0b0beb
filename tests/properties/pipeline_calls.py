"""Inputs to a pipeline in a world of persistence and server, and the judgement of each."""

from dataclasses import dataclass, field, replace

from tests.properties.pipeline_backends import RowAuthority, StreamAuthority
from tests.properties.pipeline_carrier import Carrier
from tests.properties.pipeline_classes import classes
from tests.properties.pipeline_history import Note, Queued
from tests.properties.pipeline_judge import Judge
from tests.properties.pipeline_writes import Events
from tests.properties.scripts import Choose

from optisync.contracts.entry import Entity, atom_of
from optisync.contracts.messages import Delta
from optisync.machine import Step
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Effect, Persist, Resync, Stale, Withdraw
from optisync.pipeline.events import Write
from optisync.pipeline.inputs import (
    Decided,
    Dispatch,
    Fetched,
    Input,
    Persisted,
    Revert,
)
from optisync.pipeline.state import Pipeline, start, view
from optisync.pipeline.step import step
from optisync.values import ClientSeq


@dataclass
class Calls:
    """One run, and what is done in it."""

    choose: Choose
    authority: RowAuthority | StreamAuthority
    config: Config
    events: Events
    judge: Judge
    carrier: Carrier
    state: Pipeline = field(default_factory=start)
    seen: list[str] = field(default_factory=list)
    stale: list[Entity] = field(default_factory=list)
    reads: list[Fetched] = field(default_factory=list)
    old: list[Delta | Persisted | Decided] = field(default_factory=list)
    used: ClientSeq = ClientSeq(0)
    foreign: int = 0
    waits: int = 0
    resync: bool = False

    def coin(self, sides: int) -> bool:
        return self.choose(sides) == 1

    # --- inputs -----------------------------------------------------------------------------

    def give(self, given: Input) -> Step[Pipeline, Effect]:
        """An input, its effects, and the judgement of it."""
        before = self.state
        done = step(self.config, before, given)
        self.seen += classes(before, given, done)
        self.state = done.state
        self.judge.check(before, given, done)
        for effect in done.effects:
            match effect:
                case Persist():
                    self.carrier.take(effect, self.state.epoch)
                case Stale(entity):
                    self.stale.append(entity)
                case Withdraw(entry_id):
                    self.carrier.withdraw(entry_id)
                case Resync():
                    self.resync = True
                case _:
                    pass
        return done

    def numbers(self, count: int) -> tuple[ClientSeq, ...]:
        """Ascending numbers, some of them passed over."""
        first = self.used + 1 + self.coin(6)
        return tuple(ClientSeq(first + n) for n in range(count))

    def ticket(self) -> int | None:
        """A ticket that was begun, if there is one."""
        idle = [n for n, ticket in self.state.tickets.items() if ticket.first is None]
        return min(idle) if idle and self.coin(2) else None

    def some_ticket(self) -> int:
        numbers = sorted(self.state.tickets)
        return numbers[-1 - self.choose(min(8, len(numbers)))] if numbers else 77

    def register(self, given: Dispatch | Revert) -> None:
        """Give it, and let the judge know what must now be pending."""
        before = self.state
        if isinstance(given, Dispatch):  # a patch that cancels itself out writes less
            tried = step(self.config, before, given)
            if tried.error is not None and tried.error.code == "number-order":
                given = replace(given, seqs=given.seqs[:-1])
        done = step(self.config, before, given)
        if done.error is None:
            self.note(given, done.state)
            if isinstance(given, Revert):  # [revert-whole-or-not]: it applies to what is shown
                assert not set(given.seqs) & set(view(done.state).inapplicable)
        self.give(given)

    def note(self, given: Dispatch | Revert, after: Pipeline) -> None:
        mine = [after.pending.members[seq] for seq in given.seqs]
        event, context = after.queue[-1], after.queue[-1].context
        named = [m.write.entity for m in mine]
        if isinstance(given, Dispatch):
            assert context == self.judge.in_window(given.context, given.seqs[0])
            if isinstance(given.event, Write):
                named = [given.event.entity]  # by the name that the event had
        notes = [
            Note(
                m.seq, m.ticket, m.write, self.state.versions.get(atom_of(m.write.entity)),
                context.origin, m.optimistic, frozenset({*m.makers, *m.needs}),
            )
            for m in mine
        ]  # fmt: skip
        resource = mine[0].write.entity.resource
        queued = Queued(
            given.seqs,
            (resource, context.scope, context.origin, context.action_id, given.persist_key),
            event.kind,
            frozenset(named),
            frozenset(parent for note in notes for parent in note.parents),
            context,
        )
        self.used = given.seqs[-1]
        self.judge.dispatched(notes, queued)
