"""Profile `coordinator`: the façade of seed 003, its host, and the server's messages by script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from msgspec import UNSET, UnsetType

from optisync.contracts.messages import (
    Accepted,
    Ack,
    Delta,
    Head,
    Label,
    Outcome,
    Refused,
    Reject,
    Snapshot,
)
from optisync.coordinator import effects
from optisync.coordinator.config import Config, Limits, Variant
from optisync.coordinator.facade import OptimisticSyncCoordinator
from optisync.coordinator.state import Pending, Position, find, shown
from optisync.coordinator.strategy import Decision, Strategy, client_wins, rebase, server_wins
from optisync.errors import OptisyncError
from optisync.values import ClientSeq, Epoch, ServerSeq, Version
from optisync.view import Changes, changes_to_json
from optisync_conformance import script
from optisync_conformance.frames import Json as Plain
from optisync_conformance.reference import host
from optisync_conformance.reference.host import OK, Observation, Out, Recorder, thaw
from optisync_conformance.reference.names import ME, OTHER, Names
from optisync_conformance.script import ScriptError
from optisync_conformance.script import Step as ScriptStep


def raises(delta: Delta, undecided: tuple[Pending, ...]) -> tuple[Decision, ...]:
    """A strategy with a bug."""
    raise RuntimeError("a strategy with a bug")


STRATEGIES: dict[str, Strategy] = {
    "client-wins": client_wins,
    "server-wins": server_wins,
    "rebase": rebase,
    "raises": raises,
}


def run(setting: script.CoordinatorSetting, steps: Sequence[ScriptStep]) -> list[Observation]:
    """One observation after start and one for each step. Raises ScriptError."""
    engine = Engine(setting)
    observed = [engine.observe(OK)]
    for step in steps:
        observed.append(engine.observe(engine.take(step)))
    return observed


class Engine:
    """The engine with its host; what `crash` leaves is the number counter and the position."""

    def __init__(self, setting: script.CoordinatorSetting) -> None:
        self._setting = setting
        self._durable = Position(Epoch(setting.epoch), ServerSeq(0))
        self._counter = ClientSeq(0)
        self._planned_failures = 0
        self._registered: dict[ClientSeq, Changes] = {}
        self._recorder = Recorder("coordinator", self._guarded)
        self._names = Names(self._recorder)
        host.documents(setting.docs)
        self._sync: OptimisticSyncCoordinator | None = self._started()

    def _started(self) -> OptimisticSyncCoordinator:
        limits = Limits(pending=self._setting.limits.pending, buffer=self._setting.limits.buffer)
        config = Config(
            ME,
            Variant(self._setting.variant),
            self._setting.dense,
            limits,
            STRATEGIES[self._setting.strategy],
        )
        sync = OptimisticSyncCoordinator(config, self._durable, self._counter, self._store)
        sync.on_apply_delta(self._apply)
        sync.on_rollback(self._plan)
        sync.on_event(self._event)
        sync.on_state_change(self._changed)
        return sync

    def _require_alive(self) -> OptimisticSyncCoordinator:
        if self._sync is None:
            raise ScriptError("after `crash` only `start` may follow")
        return self._sync

    def take(self, step: ScriptStep) -> Out:
        """Make the call of a step, and see that no callback failed unplanned."""
        out = self._guarded(step)
        if self._sync is not None:
            host.forget_planned(self._sync.errors, OptisyncError)
        return out

    def _guarded(self, step: ScriptStep) -> Out:
        match step:
            case script.Together(steps):
                inner = [script.read_step("coordinator", raw) for raw in steps]
                return {"ok": {"outs": [self._guarded(each) for each in inner]}}
            case script.Hook():
                self._recorder.arm(step)
            case script.Crash():
                self._require_alive()
                self._sync = None
            case script.Start():
                if self._sync is not None:
                    raise ScriptError("`start` follows `crash`")
                self._sync = self._started()
            case script.ApplyFails(times):
                self._planned_failures += times
            case _:
                return host.outcome(lambda: self._call(step))
        return OK

    def _call(self, step: ScriptStep) -> Out:
        sync, number = self._require_alive(), self._names.number
        match step:
            case script.Generate(m):
                self._names.give(m, sync.generate_client_seq())
            case script.Register():
                self._register(sync, step)
            case script.Sent(m):
                sync.mark_sent(number(m))
            case script.Abandon(m):
                sync.abandon_mutation(number(m))
            case script.Tick():
                sync.tick()
            case script.Ack() | script.Reject() | script.Delta() | script.Snapshot():
                sync.process_message(self._message(step))
            case script.Head(seq, epoch):
                sync.process_message(Head(Epoch(epoch), ServerSeq(seq)))
            case _:
                raise ScriptError("this is no step of profile coordinator")
        return OK

    def _register(self, sync: OptimisticSyncCoordinator, step: script.Register) -> None:
        changes = host.changes(step.atoms)
        if step.ungenerated is True or self._names.known(step.m):
            number = self._names.number(step.m)
        else:
            number = sync.generate_client_seq()
            self._names.give(step.m, number)
        if find(sync.state, number) is None:
            self._registered[number] = changes
        sync.register_pending_mutation(number, dict(changes), step.m, sent=step.sent)

    def _message(
        self, step: script.Ack | script.Reject | script.Delta | script.Snapshot
    ) -> Ack | Reject | Delta | Snapshot:
        number, epoch, given = self._names.number, Epoch(step.epoch), host.given
        match step:
            case script.Ack(m):
                return Ack(epoch, number(m), _server_seq(given(step.seq)), _version(step.version))
            case script.Reject(m):
                return Reject(epoch, number(m), step.code)
            case script.Delta(seq):
                labels = tuple(self._label(label) for label in step.settles)
                prev, changes = _server_seq(given(step.prev)), host.changes(step.atoms)
                return Delta(epoch, ServerSeq(seq), prev, changes, labels)
            case script.Snapshot(seq):
                outcomes = sorted(
                    (self._outcome(m, outcome) for m, outcome in step.outcomes.items()),
                    key=lambda outcome: outcome.seq,
                )
                docs = host.documents(step.docs)
                return Snapshot(epoch, ServerSeq(seq), docs, tuple(outcomes), step.client_known)
            case _:
                assert_never(step)

    def _label(self, label: script.Label) -> Label:
        client = ME if label.client is UNSET else OTHER
        return Label(client, self._names.number(label.m), _version(label.version))

    def _outcome(self, m: str, outcome: script.Outcome) -> Outcome:
        seq = self._names.number(m)
        if isinstance(outcome.rejected, str):
            return Outcome(seq, Refused(outcome.rejected))
        at = ServerSeq(host.given(outcome.ok) or 0)
        return Outcome(seq, Accepted(at, _version(outcome.version)))

    def _store(self, upto: ClientSeq) -> None:
        self._counter = upto

    def _apply(self, message: Delta | Snapshot) -> None:
        at: dict[str, Plain] = {"epoch": message.epoch, "seq": message.server_seq}
        if isinstance(message, Delta):
            atoms = thaw(changes_to_json(message.changes))
            effect: dict[str, Plain] = {"e": "apply", "seq": message.server_seq, "atoms": atoms}
        else:
            effect = {"e": "load", **at}
        failing = self._planned_failures > 0
        self._planned_failures -= failing
        self._recorder.tell(effect, failing)
        self._durable = Position(message.epoch, message.server_seq)

    def _plan(self, effect: effects.Undo | effects.Redo) -> None:
        told: dict[str, Plain] = {"m": self._names.name(effect.seq)}
        if isinstance(effect, effects.Undo):
            self._recorder.tell({"e": "undo", **told})
            return
        if effect.changes != self._registered.get(effect.seq):
            told["atoms"] = thaw(changes_to_json(effect.changes))
        self._recorder.tell({"e": "redo", **told})

    def _changed(self) -> None:
        self._recorder.tell({"e": "change", "pending": self._pending(self._require_alive())})

    def _event(self, effect: effects.Effect) -> None:
        told = self._told(effect)
        if told is not None:
            self._recorder.tell(told)

    def _told(self, effect: effects.Effect) -> dict[str, Plain] | None:
        name = self._names.name
        match effect:
            case effects.Acked(seq, version):
                told: dict[str, Plain] = {"e": "acked", "m": name(seq)}
                return told if version is None else {**told, "version": version}
            case effects.Rejected(seq, code):
                return {"e": "rejected", "m": name(seq), "code": code}
            case effects.InDoubt(seq):
                return {"e": "in-doubt", "m": name(seq)}
            case effects.Suspended(seq):
                return {"e": "suspended", "m": name(seq)}
            case effects.Resumed(seq):
                return {"e": "resumed", "m": name(seq)}
            case effects.Diag(code, seq):
                about: dict[str, Plain] = {} if seq is None else {"m": name(seq)}
                return {"e": "diag", "code": code.value, **about}
            case effects.Request(after, upto):
                return {"e": "request", "after": after, "upto": upto}
            case effects.Resync():
                return {"e": "resync"}
            case _:  # ports and Changed have callbacks of their own; the counter is stored silently
                return None

    def _pending(self, sync: OptimisticSyncCoordinator) -> list[Plain]:
        return [self._entry(p) for p in shown(sync.state)]

    def _entry(self, pending: Pending) -> Plain:
        name = self._names.name(pending.seq)
        if pending.changes == self._registered.get(pending.seq):
            return name
        return {"m": name, "atoms": thaw(changes_to_json(pending.changes))}

    def observe(self, out: Out) -> Observation:
        """The observation of the step just taken; a dead process shows nothing but its effects."""
        observed: Observation = {"out": out, "effects": self._recorder.taken()}
        if self._sync is None:
            return observed
        state, name = self._sync.state, self._names.name
        patches: dict[str, Plain] = {
            atom: [thaw(changes_to_json(((atom, change),))[atom]) for change in changes]
            for atom, changes in self._sync.get_pending_patches().items()
        }
        observed["pending"] = self._pending(self._sync)
        observed["confirmed"] = {"epoch": state.confirmed.epoch, "seq": state.confirmed.server_seq}
        observed["patches"] = patches
        observed["acked"] = [name(p.seq) for p in state.pending if p.acked is not None]
        observed["suspended"] = [name(p.seq) for p in state.pending if p.withheld]
        observed["buffer"] = [delta.server_seq for delta in state.buffer]
        observed["requested"] = state.requested
        return observed


def _server_seq(seq: int | None) -> ServerSeq | None:
    return None if seq is None else ServerSeq(seq)


def _version(version: int | UnsetType) -> Version | None:
    given = host.given(version)
    return None if given is None else Version(given)
