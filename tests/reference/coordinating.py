"""A coordinator to be given inputs, for tests that hold one rule each."""

from dataclasses import dataclass, field

from optisync.contracts.messages import Accepted, Ack, Delta, Label, Outcome, Snapshot
from optisync.coordinator.config import Config
from optisync.coordinator.effects import Effect
from optisync.coordinator.inputs import Applied, Generate, Input, Register
from optisync.coordinator.state import Coordinator, Position, start
from optisync.coordinator.step import step
from optisync.patch import Add
from optisync.values import AtomKey, ClientId, ClientSeq, Epoch, Obj, ServerSeq
from optisync.view import Changes, Update

ME, OTHER = ClientId("me"), ClientId("other")
ONE, TWO = Epoch(1), Epoch(2)
FIRST, SECOND, THIRD = ClientSeq(1), ClientSeq(2), ClientSeq(3)
A, B = AtomKey("a"), AtomKey("b")


def at(server_seq: int, epoch: Epoch = ONE) -> Position:
    return Position(epoch, ServerSeq(server_seq))


def adds(atom: AtomKey, member: str, value: int = 0) -> Changes:
    return ((atom, Update((Add((member,), value),))),)


def delta(prev: int, server_seq: int, changes: Changes = (), *mine: ClientSeq) -> Delta:
    """A delta of epoch 1 that settles mutations of this client."""
    labels = tuple(Label(ME, seq) for seq in mine)
    return Delta(ONE, ServerSeq(server_seq), ServerSeq(prev), changes, labels)


def ack(seq: ClientSeq, server_seq: int, epoch: Epoch = ONE) -> Ack:
    return Ack(epoch, seq, ServerSeq(server_seq))


def snapshot(
    server_seq: int, *outcomes: Outcome, epoch: Epoch = ONE, known: bool = True
) -> Snapshot:
    return Snapshot(epoch, ServerSeq(server_seq), Obj(), outcomes, known)


def accepted(seq: ClientSeq, server_seq: int) -> Outcome:
    return Outcome(seq, Accepted(ServerSeq(server_seq)))


@dataclass
class Life:
    """A coordinator at position 0 of epoch 1 that has seen nothing yet."""

    config: Config = field(default_factory=lambda: Config(ME))
    state: Coordinator = field(default_factory=lambda: start(at(0)))

    def give(self, *inputs: Input) -> tuple[Effect, ...]:
        """The effects of the last input; none may be refused."""
        effects: tuple[Effect, ...] = ()
        for given in inputs:
            done = step(self.config, self.state, given)
            assert done.error is None, (given, done.error)
            self.state, effects = done.state, done.effects
        return effects

    def refused(self, given: Input) -> str:
        """The code of a refusal, which leaves everything as it was."""
        done = step(self.config, self.state, given)
        assert done.error is not None, given
        assert (done.state, done.effects) == (self.state, ())
        return done.error.code

    def write(self, changes: Changes = (), *, sent: bool = True) -> ClientSeq:
        """Register the next mutation."""
        self.give(Generate())
        self.give(Register(self.state.generated, changes, None, sent))
        return self.state.generated

    def arrive(self, message: Delta) -> tuple[Effect, ...]:
        """The effects of a delta having been applied."""
        return self.give(message, Applied(True))

    @property
    def pending(self) -> list[ClientSeq]:
        return [p.seq for p in self.state.pending]
