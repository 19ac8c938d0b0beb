"""An outbox to be given inputs, for tests that hold one rule each."""

from dataclasses import dataclass, field

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    IdempotencyKey,
    Millis,
    Resource,
    Stamp,
    WriteEntry,
)
from optisync.contracts.messages import Accepted, Delta, Label, Outcome, Refused, Snapshot
from optisync.outbox.config import Config
from optisync.outbox.effects import Effect
from optisync.outbox.inputs import Enqueue, Input, Reserve, Result, Settle, Tick
from optisync.outbox.rows import Item
from optisync.outbox.state import Outbox, reborn, start, with_row
from optisync.outbox.step import step
from optisync.outbox.turn import stored_row
from optisync.patch import Add
from optisync.values import ClientId, ClientSeq, Epoch, Obj, ServerSeq, Version
from optisync.view import Change, Update

ME = ClientId("me")
ONE, TWO = Epoch(1), Epoch(2)
A = Entity(Resource("notes"), EntityId("a"))
B = Entity(Resource("notes"), EntityId("b"))
SEEN = Stamp(ONE, Version(1))


def entry(
    name: str, entity: Entity = A, change: Change | None = None, base: Stamp | None = SEEN
) -> WriteEntry:
    """An update of `entity` unless another change is given; its key is its name."""
    content = Update((Add(("by",), name),)) if change is None else change
    return WriteEntry(EntryId(name), IdempotencyKey(name), entity, content, base)


def accepted(server_seq: int, version: int | None = None) -> Accepted:
    return Accepted(ServerSeq(server_seq), None if version is None else Version(version))


def settled(name: str, outcome: Accepted | Refused, token: int = 1, epoch: Epoch = ONE) -> Settle:
    return Settle(token, epoch, (Result(EntryId(name), outcome),))


def delta(server_seq: int, *mine: int, epoch: Epoch = ONE) -> Delta:
    """A delta without changes that settles numbers of this client."""
    labels = tuple(Label(ME, ClientSeq(seq), Version(server_seq)) for seq in mine)
    return Delta(epoch, ServerSeq(server_seq), ServerSeq(server_seq - 1), (), labels)


def snapshot(
    server_seq: int, *outcomes: Outcome, epoch: Epoch = ONE, known: bool = True
) -> Snapshot:
    return Snapshot(epoch, ServerSeq(server_seq), Obj(), outcomes, known)


def stored_part(state: Outbox) -> Outbox:
    """What a state must be able to come back as: without time, and without direct writes."""
    direct = [m for m in state.queue if isinstance(m, Item) and not m.stored]
    for member in direct:
        state = with_row(state, stored_row(member))
    return reborn(state)


@dataclass
class Life:
    """An outbox at position 0 of epoch 1 with nothing in it."""

    config: Config = field(default_factory=lambda: Config(ME))
    state: Outbox = field(default_factory=lambda: start(ONE))

    def give(self, *inputs: Input) -> tuple[Effect, ...]:
        """The effects of the last input; none may be refused."""
        effects: tuple[Effect, ...] = ()
        for given in inputs:
            done = step(self.config, self.state, given)
            assert done.error is None, (given, done.error)
            self.state, effects = done.state, done.effects
        return effects

    def send(self, *entries: WriteEntry) -> tuple[Effect, ...]:
        return self.give(Enqueue(entries), Tick(Millis(self.state.now + 1)), Reserve(99))
