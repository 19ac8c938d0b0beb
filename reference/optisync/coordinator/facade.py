"""The coordinator as an object with callbacks: the interface of seed 003 section 3.

It runs each input to completion: a call made from a callback is queued behind the step that is
being told. Ports (`on_apply_delta`, `on_rollback`) have one consumer; a failing apply port makes
the coordinator resync, any other callback that raises is collected in `errors` and changes
nothing. What is no Exception (KeyboardInterrupt) ends the call it came up in: what that step had
still to tell is not told, a delta or snapshot handed out counts as failed, and a host that follows
the plan folds once to get its view back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from optisync.contracts.messages import Ack, Delta, Ids, Message, Reject, Snapshot
from optisync.coordinator.config import Config
from optisync.coordinator.effects import (
    Apply,
    Changed,
    Effect,
    Load,
    Redo,
    StoreCounter,
    Undo,
)
from optisync.coordinator.errors import PortMissing, PortTaken
from optisync.coordinator.given import changes_given, value_given
from optisync.coordinator.inputs import Abandon, Applied, Generate, Input, Register, Sent, Tick
from optisync.coordinator.state import Coordinator, Position, shown, start
from optisync.coordinator.step import step
from optisync.errors import OptisyncError
from optisync.patch import Patch
from optisync.telling import KEPT_ERRORS, Given, Observers, Unsubscribe
from optisync.values import AtomKey, ClientSeq, Epoch, Json, ServerSeq, Version
from optisync.view import Change


class OptimisticSyncCoordinator:
    """One client's coordinator.

    `store_counter` must make the number durable before it returns; without it each life of the
    process needs another client id; what it calls here waits like a call from a callback.
    `confirmed` is where the documents are, `counter` the last number stored by earlier lives.
    `errors` keeps the last KEPT_ERRORS exceptions of callbacks and of calls made from them.

    >>> from optisync.values import ClientId
    >>> sync = OptimisticSyncCoordinator(Config(ClientId("me")))
    >>> number = sync.generate_client_seq()
    >>> sync.register_pending_mutation(number, {AtomKey("a"): ()})
    >>> sync.get_pending_patches()
    {'a': (Update(patch=()),)}
    """

    def __init__(
        self,
        config: Config,
        confirmed: Position = Position(Epoch(1), ServerSeq(0)),
        counter: ClientSeq = ClientSeq(0),
        store_counter: Callable[[ClientSeq], None] | None = None,
    ) -> None:
        self.state: Coordinator = start(confirmed, counter)
        self.errors: deque[Exception] = deque(maxlen=KEPT_ERRORS)
        self._config = config
        self._store_counter = store_counter
        self._apply: Observers[Delta | Snapshot] = Observers()
        self._plan: Observers[Undo | Redo] = Observers()
        self._change: Observers[None] = Observers()
        self._events: Observers[Effect] = Observers()
        self._waiting: deque[Input] = deque()
        self._running = False

    def generate_client_seq(self) -> ClientSeq:
        """The next number, from 1, never given out before, in this life or an earlier one."""
        before, done = self.state, step(self._config, self.state, Generate())
        running, self._running = self._running, True
        try:
            self._store(done.effects)
        finally:
            self._running = running
        if self.state is not before:  # the store took a number itself
            return self.generate_client_seq()
        self.state = done.state
        if not running:
            self._run_waiting()
        return done.state.generated

    def register_pending_mutation(
        self,
        client_seq: ClientSeq,
        optimistic_patches: Mapping[AtomKey, Patch | Change],
        mutation_info: Json = None,
        *,
        sent: bool = True,
    ) -> None:
        """Show a mutation from now on. Raises ClientSeqOrder, QueueFull.

        Values are copied. What is no change raises PatchMalformed, what is no JSON ValueMalformed.
        """
        info = value_given(mutation_info, "/mutation_info")
        self._run(Register(client_seq, changes_given(optimistic_patches), info, sent))

    def confirm_mutation(
        self,
        client_seq: ClientSeq,
        server_seq: ServerSeq | None = None,
        epoch: Epoch | None = None,
        version: Version | None = None,
        ids: Ids = (),
    ) -> None:
        """The server accepted it. Raises AckWithoutPosition unless the variant is seed-literal.

        Without `epoch` the verdict counts for the confirmed epoch, whenever it was given: pass the
        epoch of the server's message, or one from before a restore settles what is undone.
        """
        self._run(Ack(self._epoch(epoch), client_seq, server_seq, version, ids))

    def reject_mutation(
        self, client_seq: ClientSeq, code: str = "rejected", epoch: Epoch | None = None
    ) -> None:
        """The server refused it: exactly this mutation goes, later ones stay.

        `epoch` as in `confirm_mutation`.
        """
        self._run(Reject(self._epoch(epoch), client_seq, code))

    def process_server_delta(self, delta: Delta) -> None:
        """A delta arrived. Raises DeltaMalformed, PortMissing."""
        self.process_message(delta)

    def process_message(self, message: Message) -> None:
        """Any message of the server. Raises what the message's own method raises."""
        if isinstance(message, Delta | Snapshot) and not self._apply:
            raise PortMissing  # [port-missing]
        self._run(message)

    def mark_sent(self, client_seq: ClientSeq) -> None:
        """A mutation registered with `sent=False` left the process. Raises UnknownMutation."""
        self._run(Sent(client_seq))

    def abandon_mutation(self, client_seq: ClientSeq) -> None:
        """Give up waiting for a verdict. Raises UnknownMutation, AlreadyAccepted."""
        self._run(Abandon(client_seq))

    def tick(self) -> None:
        """The retry interval passed: ask again for what is missing."""
        self._run(Tick())

    def get_pending_patches(self) -> dict[AtomKey, tuple[Change, ...]]:
        """What is shown over the confirmed documents, by atom, in order. [pending-patches]

        An atom's changes must be applied together with the other atoms of the same mutation; a
        fold over `state.pending` does that.
        """
        grouped: dict[AtomKey, tuple[Change, ...]] = {}
        for pending in shown(self.state):
            for atom, change in pending.changes:
                grouped[atom] = (*grouped.get(atom, ()), change)
        return grouped

    def on_state_change(self, callback: Callable[[], None]) -> Unsubscribe:
        """Called once after each step that changed what is shown or confirmed."""
        return self._change.subscribe(lambda _: callback())

    def on_apply_delta(self, callback: Callable[[Delta | Snapshot], None]) -> Unsubscribe:
        """The port that applies deltas and loads snapshots. It raises if it changed nothing."""
        return _only(self._apply).subscribe(callback)

    def on_rollback(self, callback: Callable[[Undo | Redo], None]) -> Unsubscribe:
        """The port of a consumer that follows the plan instead of folding."""
        return _only(self._plan).subscribe(callback)

    def on_event(self, callback: Callable[[Effect], None]) -> Unsubscribe:
        """Verdicts, suspensions, diagnostics, requests and resyncs, as they happen."""
        return self._events.subscribe(callback)

    def _epoch(self, epoch: Epoch | None) -> Epoch:
        return self.state.confirmed.epoch if epoch is None else epoch

    def _run(self, given: Input) -> None:
        if self._running:  # [calls-from-callbacks-wait]
            self._waiting.append(given)
            return
        self._run_waiting()  # left by a call that was interrupted
        self._running = True
        try:
            refusal = self._complete(given)
        finally:
            self._release()
        self._run_waiting()
        if refusal is not None:
            raise refusal

    def _run_waiting(self) -> None:
        while self._waiting:
            self._running = True
            try:
                refusal = self._complete(self._waiting.popleft())
                self.errors += () if refusal is None else (refusal,)
            except Exception as error:  # of a caller without types
                self.errors.append(error)
            finally:
                self._release()

    def _release(self) -> None:
        """Ready for a call. What is still in the port was left there by an interruption."""
        while self.state.port is not None:  # [failed-apply-resyncs]
            self.state = step(self._config, self.state, Applied(False)).state
        self._running = False

    def _complete(self, given: Input) -> OptisyncError | None:
        """One input, and the answers of the apply port that it leads to."""
        answer: Input | None = given
        while answer is not None:
            done = step(self._config, self.state, answer)
            if done.error is not None:
                return done.error
            self.state, answer = done.state, None
            for effect in done.effects:
                if isinstance(effect, Apply | Load):
                    answer = Applied(self._applied(effect))
                else:
                    self._perform(effect)
        return None

    def _applied(self, effect: Apply | Load) -> bool:
        # [port-missing]: it may have been unsubscribed while deltas held back are applied
        failures: list[Exception] = [] if self._apply else [PortMissing()]
        self._apply.tell(effect.delta if isinstance(effect, Apply) else effect.snapshot, failures)
        self.errors += failures
        return not failures

    def _perform(self, effect: Effect) -> None:
        if isinstance(effect, Undo | Redo):
            self._plan.tell(effect, self.errors)
        elif isinstance(effect, Changed):
            self._change.tell(None, self.errors)
        else:
            self._events.tell(effect, self.errors)

    def _store(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, StoreCounter) and self._store_counter is not None:
                self._store_counter(effect.upto)


def _only(port: Observers[Given]) -> Observers[Given]:
    if port:
        raise PortTaken  # [port-taken]
    return port
