"""Profile `view`: coordinator, fold and server machine put together as an engine with a store."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from optisync.contracts.messages import Ack, Delta, Message, Reject, Snapshot
from optisync.coordinator.config import Config
from optisync.coordinator.effects import Acked, Effect, Rejected, Request
from optisync.coordinator.facade import OptimisticSyncCoordinator
from optisync.coordinator.state import shown
from optisync.errors import OptisyncError
from optisync.server.state import Server, documents, start
from optisync.server.step import Broadcast, Input, Pull, Submit, step
from optisync.values import ClientId, ClientSeq, Obj
from optisync.view import Changes, Overlay, apply_changes, fold
from optisync_conformance import script
from optisync_conformance.reference import host
from optisync_conformance.reference.host import OK, Observation, Out, Recorder, thaw
from optisync_conformance.reference.names import ME, OTHER, Names
from optisync_conformance.script import ScriptError
from optisync_conformance.script import Step as ScriptStep


def run(setting: script.ViewSetting, steps: Sequence[ScriptStep]) -> list[Observation]:
    """One observation after start and one for each step. Raises ScriptError."""
    engine = Engine(host.documents(setting.docs))
    observed = [engine.observe(OK)]
    for each in steps:
        observed.append(engine.observe(engine.take(each)))
    return observed


class Engine:
    """A client with its store, and the server it talks to."""

    def __init__(self, docs: Obj) -> None:
        self._confirmed = docs
        self._server: Server = start(docs=docs)
        self._others = 0
        self._written: dict[str, Changes] = {}
        self._recorder = Recorder("view", self._guarded)
        self._names = Names(self._recorder)
        self._sync = OptimisticSyncCoordinator(Config(ME))
        self._sync.on_apply_delta(self._apply)
        self._sync.on_event(self._event)
        self._sync.on_state_change(self._changed)

    def take(self, given: ScriptStep) -> Out:
        """Make the call of a step, and see that no callback failed unplanned."""
        out = self._guarded(given)
        host.forget_planned(self._sync.errors, OptisyncError)
        return out

    def _guarded(self, given: ScriptStep) -> Out:
        match given:
            case script.Together(steps):
                inner = [script.read_step("view", raw) for raw in steps]
                return {"ok": {"outs": [self._guarded(each) for each in inner]}}
            case script.Hook():
                self._recorder.arm(given)
                return OK
            case _:
                return host.outcome(lambda: self._call(given))

    def _call(self, given: ScriptStep) -> Out:
        match given:
            case script.Mutate(m, atoms):
                self._mutate(m, host.changes(atoms))
            case script.Serve(m):
                self._serve(given)
            case script.Push(m, atoms) if isinstance(m, str):
                self._decide(m, wanted=Delta)
            case script.Push(m, atoms) if atoms is not UNSET:
                self._others += 1
                self._tell(self._submit(OTHER, ClientSeq(self._others), host.changes(atoms)))
            case script.Tick():
                self._sync.tick()
            case _:
                raise ScriptError("this is no step of profile view")
        return OK

    def _mutate(self, m: str, changes: Changes) -> None:
        apply_changes(self._view(), changes)
        number = self._sync.generate_client_seq()
        self._names.give(m, number)
        self._written[m] = changes
        self._sync.register_pending_mutation(number, dict(changes))

    def _serve(self, given: script.Serve) -> None:
        if given.verdict == "rejected":
            number = self._names.number(given.m)
            self._sync.process_message(Reject(self._server.epoch, number, given.code))
        elif given.data == "with":
            self._decide(given.m, wanted=Ack)
            self._decide(given.m, wanted=Delta)
        else:
            self._decide(given.m, wanted=Ack)

    def _decide(self, m: str, wanted: type[Ack] | type[Delta]) -> None:
        """The server's answer to a mutation, or the data it leads to; both stay the same."""
        if m not in self._written:
            raise ScriptError(f"nothing was mutated as {m}")
        number = self._names.number(m)
        messages = self._submit(ME, number, self._written[m])
        if wanted is Delta:
            log = [c for c in self._server.log if (c.label.client, c.label.seq) == (ME, number)]
            messages = self._pulled(log[0].prev, log[0].server_seq) if log else ()
        self._tell(tuple(each for each in messages if isinstance(each, wanted | Reject)))

    def _submit(self, client: ClientId, seq: ClientSeq, changes: Changes) -> tuple[Message, ...]:
        return self._ask(Submit(client, self._server.epoch, seq, changes))

    def _pulled(self, after: int, upto: int) -> tuple[Message, ...]:
        log = [c for c in self._server.log if after < c.server_seq <= upto]
        epoch = self._server.epoch
        return tuple(Delta(epoch, c.server_seq, c.prev, c.changes, (c.label,)) for c in log)

    def _ask(self, given: Input) -> tuple[Message, ...]:
        done = step(self._server, given)
        if done.error is not None:
            raise done.error
        self._server = done.state
        mine = (e for e in done.effects if isinstance(e, Broadcast) or e.to == ME)
        return tuple(effect.message for effect in mine)

    def _tell(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._sync.process_message(message)

    def _view(self) -> Obj:
        pending = (Overlay(p.seq, p.changes) for p in shown(self._sync.state))
        return fold(self._confirmed, pending).view

    def _apply(self, message: Delta | Snapshot) -> None:
        if isinstance(message, Delta):
            self._confirmed = apply_changes(self._confirmed, message.changes)
        else:
            self._confirmed = message.docs

    def _changed(self) -> None:
        self._recorder.tell({"e": "shown", "view": thaw(self._view())})

    def _event(self, effect: Effect) -> None:
        name = self._names.name
        match effect:
            case Acked(seq):
                self._recorder.tell({"e": "settled", "m": name(seq), "verdict": "ok"})
            case Rejected(seq):
                self._recorder.tell({"e": "settled", "m": name(seq), "verdict": "rejected"})
            case Request(after, upto):  # answered at once: the network of this profile is perfect
                self._tell(self._ask(Pull(ME, self._server.epoch, after, upto)))
            case _:
                pass

    def observe(self, out: Out) -> Observation:
        """The observation of the step just taken."""
        return {
            "out": out,
            "effects": self._recorder.taken(),
            "view": thaw(self._view()),
            "server": thaw(documents(self._server)),
        }
