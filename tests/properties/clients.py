"""A client: the coordinator, documents that are folded, and a view that follows the plan.

What the client holds is checked against itself after every step; `world` checks it against the
server.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tests.properties.classes import classes

from optisync.contracts.messages import Delta, Snapshot
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
    Resync,
    StoreCounter,
    Undo,
)
from optisync.coordinator.inputs import Abandon, Applied, Generate, Input, Register, Sent
from optisync.coordinator.state import Coordinator, Position, shown, start
from optisync.coordinator.step import step
from optisync.errors import ChangeInapplicable, OptisyncError
from optisync.values import ClientId, ClientSeq, Epoch, Obj, ServerSeq
from optisync.view import (
    Changes,
    Docs,
    Overlay,
    apply_changes,
    fold,
    invert_changes,
)

NOWHERE = Position(Epoch(0), ServerSeq(0))
"""Where a client is that has no documents yet."""


class PortFailure(Exception):
    """The host cannot apply what it was handed."""


@dataclass
class Client:
    """One client, driving the machine itself. `fails` decides whether the port fails."""

    config: Config
    durable: bool
    fails: Callable[[], bool]
    seen: Counter[str]
    state: Coordinator = field(default_factory=lambda: start(NOWHERE))
    docs: Docs = field(default_factory=Obj)
    push: Docs = field(default_factory=Obj)
    undo: dict[ClientSeq, Changes | None] = field(default_factory=dict)
    stored: ClientSeq = ClientSeq(0)
    last: ClientSeq = ClientSeq(0)
    mine: dict[ClientSeq, Changes] = field(default_factory=dict)
    sent: dict[ClientSeq, Changes] = field(default_factory=dict)
    told: dict[ClientSeq, Effect] = field(default_factory=dict)
    diags: list[Diag] = field(default_factory=list)
    loaded: Snapshot | None = None
    asked: list[Request | Resync] = field(default_factory=list)
    changed: int = 0

    @property
    def id(self) -> ClientId:
        return self.config.client

    def give(self, given: Input) -> OptisyncError | None:
        """One input and the answers of the port that it leads to; the error of the input."""
        answer: Input | None = given
        while answer is not None:
            done = step(self.config, self.state, answer)
            self.seen.update(set(classes(self.state, answer, done)))
            if done.error is not None:
                assert done.state is self.state
                assert done.effects == ()
                return done.error
            self.state, answer = done.state, None
            for effect in done.effects:
                assert answer is None or isinstance(effect, Request | Resync)
                if isinstance(effect, Apply):
                    answer = Applied(self.answered(effect.delta))
                elif isinstance(effect, Load):
                    answer = Applied(self.answered(effect.snapshot))
                else:
                    self.perform(effect)
        return None

    def answered(self, given: Delta | Snapshot) -> bool:
        try:
            self.port(given)
        except PortFailure:
            return False
        return True

    def port(self, given: Delta | Snapshot) -> None:
        """Apply or load, or raise PortFailure. Everything shown has been undone."""
        assert not self.undo
        assert self.push == self.docs
        if self.fails():
            raise PortFailure
        if isinstance(given, Snapshot):
            self.docs, self.loaded = given.docs, given
        else:
            self.docs = apply_changes(self.docs, given.changes)
        self.push = self.docs

    def perform(self, effect: Effect) -> None:
        match effect:
            case StoreCounter(upto):
                assert upto > self.stored
                self.stored = upto
            case Undo(seq):
                assert seq == max(self.undo)
                inverse = self.undo.pop(seq)
                self.push = self.push if inverse is None else apply_changes(self.push, inverse)
            case Redo(seq, changes):
                self.show(seq, changes)
            case Acked(seq) | Rejected(seq) | InDoubt(seq):  # [told-once] [settled-once]
                assert seq not in self.told, f"mutation {seq} told {self.told[seq]} and {effect}"
                assert seq in self.mine
                self.told[seq] = effect
            case Request() | Resync():
                self.asked.append(effect)
            case Diag():
                self.diags.append(effect)
            case Changed():
                self.changed += 1
                self.show_registered()
                self.check_view()
            case _:
                pass

    def show(self, seq: ClientSeq, changes: Changes) -> None:
        """Apply on top, recording the inverse afresh."""
        assert seq > max(self.undo, default=0)
        try:
            self.undo[seq] = invert_changes(self.push, changes)
            self.push = apply_changes(self.push, changes)
        except ChangeInapplicable:
            self.undo[seq] = None

    def show_registered(self) -> None:
        for pending in self.state.pending:
            if pending.seq > self.last:
                self.last = pending.seq
                self.show(pending.seq, pending.changes)

    def check_view(self) -> None:
        """What the plan shows is what the fold shows. [plan-equals-fold]"""
        overlays = [Overlay(p.seq, p.changes, p.withheld) for p in self.state.pending]
        assert self.push == fold(self.docs, overlays).view
        assert list(self.undo) == [p.seq for p in shown(self.state)]

    def write(self, changes: Changes, sent: bool) -> None:
        """A mutation under the next number. [client-seq-durable]"""
        if self.give(Generate()) is not None:
            return
        seq = self.state.generated
        assert seq <= self.stored, "a number left before it was stored"
        assert seq not in self.mine
        self.mine[seq] = changes
        if self.give(Register(seq, changes, None, sent)) is not None:
            del self.mine[seq]

    def to_send(self, seq: ClientSeq) -> Changes:
        """The content of a mutation, fixed from now on. [replace-only-unsent]"""
        pending = next(p for p in self.state.pending if p.seq == seq)
        if not pending.sent:
            assert self.give(Sent(seq)) is None
        assert self.sent.setdefault(seq, pending.changes) == pending.changes
        return pending.changes

    def abandon(self, seq: ClientSeq) -> None:
        self.give(Abandon(seq))

    def restart(self) -> None:
        """The process dies; what was stored comes back: everything durable, or the counter."""
        old = self.state
        self.state = start(old.confirmed if self.durable else NOWHERE, self.stored)
        self.undo.clear()
        if self.durable:
            self.state = replace(self.state, pending=old.pending, told=old.told)
        else:
            self.docs = Obj()
        self.push = self.docs
        self.last = self.stored
        for pending in shown(self.state):
            self.show(pending.seq, pending.changes)
