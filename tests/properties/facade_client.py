"""A client that drives the facade, with observers that throw and that call back in."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.properties.clients import Client, PortFailure

from optisync.contracts.messages import Ack, Delta, Head, Reject, Snapshot
from optisync.coordinator.config import Config
from optisync.coordinator.effects import Changed, Effect
from optisync.coordinator.errors import PortIdle
from optisync.coordinator.facade import OptimisticSyncCoordinator
from optisync.coordinator.inputs import (
    Abandon,
    Applied,
    Generate,
    Input,
    Register,
    Sent,
    Tick,
)
from optisync.errors import OptisyncError
from optisync.values import ClientSeq


class Tantrum(Exception):
    """An observer throws."""


@dataclass
class FacadeClient(Client):
    """One client of `OptimisticSyncCoordinator`. `meddle` is called from observers."""

    meddle: Callable[[Client], None] = lambda _: None
    telling: bool = False
    shown_once: set[ClientSeq] = field(default_factory=set)
    late: list[ClientSeq] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.facade = self.connected(self.config)

    def connected(self, config: Config) -> OptimisticSyncCoordinator:
        facade = OptimisticSyncCoordinator(
            config, self.state.confirmed, self.stored, self.store_counter
        )
        facade.state = self.state
        facade.on_event(self.disturb)
        facade.on_state_change(lambda: self.disturb(Changed()))
        facade.on_apply_delta(self.port)
        facade.on_rollback(self.perform)
        facade.on_event(self.observe)
        facade.on_state_change(lambda: self.observe(Changed()))
        facade.on_state_change(lambda: self.disturb(Changed()))
        return facade

    def store_counter(self, upto: ClientSeq) -> None:
        assert upto > self.stored
        self.stored = upto

    def disturb(self, _: Effect) -> None:
        """An observer that does not behave, before and behind one that does."""
        if self.fails():
            raise Tantrum
        if not self.telling:
            self.telling = True
            try:
                self.meddle(self)
            finally:
                self.telling = False

    def observe(self, effect: Effect) -> None:
        self.state = self.facade.state
        self.perform(effect)
        self.shown_once |= {p.seq for p in self.state.pending}

    def give(self, given: Input) -> OptisyncError | None:
        """The call of the facade for an input; made from a callback it takes effect later."""
        before = self.facade.state
        try:
            self.call(given)
        except OptisyncError as refusal:
            if not self.facade.errors and not self.late:
                assert self.facade.state is before
            return refusal
        finally:
            self.state = self.facade.state
            if not self.telling:
                self.judge_errors()
        if self.telling and isinstance(given, Register):
            self.late.append(given.seq)
        return None

    def judge_errors(self) -> None:
        """What callbacks raised was collected; nothing else may be there."""
        errors = tuple(self.facade.errors)
        self.facade.errors.clear()
        for error in errors:
            if not isinstance(error, Tantrum | PortFailure | OptisyncError):
                raise error
        for seq in self.late:
            if seq not in self.shown_once:
                del self.mine[seq]
        self.late.clear()

    def call(self, given: Input) -> None:
        match given:
            case Generate():
                self.facade.generate_client_seq()
            case Register(seq, changes, info, sent):
                self.facade.register_pending_mutation(seq, dict(changes), info, sent=sent)
            case Sent(seq):
                self.facade.mark_sent(seq)
            case Abandon(seq):
                self.facade.abandon_mutation(seq)
            case Ack(epoch, seq, server_seq, version, ids):
                self.facade.confirm_mutation(seq, server_seq, epoch, version, ids)
            case Reject(epoch, seq, code):
                self.facade.reject_mutation(seq, code, epoch)
            case Delta():
                self.facade.process_server_delta(given)
            case Snapshot() | Head():
                self.facade.process_message(given)
            case Tick():
                self.facade.tick()
            case Applied():
                raise PortIdle  # the facade answers for the port itself

    def restart(self) -> None:
        super().restart()
        self.facade = self.connected(self.config)
