"""Profile `pipeline`: the machine over persistence and server by script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from msgspec import UNSET

from optisync.contracts.entry import Millis, Resource
from optisync.errors import OptisyncError
from optisync.pipeline import inputs
from optisync.pipeline.config import Config
from optisync.pipeline.documents import without_hydrated
from optisync.pipeline.effects import Effect
from optisync.pipeline.events import Patches, Write
from optisync.pipeline.inputs import Direction
from optisync.pipeline.pending import Accepted, Place
from optisync.pipeline.state import Mode, OnTimeout, Pipeline, start
from optisync.shell.pipelinelife import PipelineLife
from optisync.values import ClientSeq, Epoch
from optisync_conformance import script
from optisync_conformance import scriptpipeline as steps
from optisync_conformance.reference import host
from optisync_conformance.reference import pipelinegiving as giving
from optisync_conformance.reference.host import OK, Observation, Out, Recorder
from optisync_conformance.reference.names import ME, Names
from optisync_conformance.reference.pipelinetelling import PipelineTelling
from optisync_conformance.script import ScriptError
from optisync_conformance.script import Step as ScriptStep


def run(setting: steps.PipelineSetting, given: Sequence[ScriptStep]) -> list[Observation]:
    """One observation after start and one for each step. Raises ScriptError."""
    engine = Engine(setting)
    observed = [engine.observe(OK)]
    for step in given:
        observed.append(engine.observe(engine.take(step)))
    return observed


class Engine:
    """A pipeline and its host. Durable is what a store would keep: documents, their versions and
    position, the counter, names, and the writes that were enqueued."""

    def __init__(self, setting: steps.PipelineSetting) -> None:
        self._config = Config(ME, setting.capacity, setting.history, setting.remembered)
        self._recorder = Recorder("pipeline", self._guarded)
        self._names = Names(self._recorder)
        self._telling = PipelineTelling(self._recorder, self._names)
        self._enqueued: set[ClientSeq] = set()
        epoch = Epoch(setting.epoch)
        versions = giving.stamps(setting.versions, epoch)
        self._begin(start(host.documents(setting.docs), epoch, versions=versions))
        self._dead: Pipeline | None = None

    def _begin(self, state: Pipeline) -> None:
        self._now = 0
        self._life = PipelineLife(self._config, state)
        self._life.on_effect(self._told)

    def _told(self, effect: Effect) -> None:
        self._telling.effect(effect, self._life.view)

    def take(self, step: ScriptStep) -> Out:
        """Make the call of a step, and see that no callback failed unplanned."""
        out = self._guarded(step)
        host.forget_planned(self._life.errors, OptisyncError)
        return out

    def _guarded(self, step: ScriptStep) -> Out:
        match step:
            case script.Start() if self._dead is not None:
                self._restart(self._dead)
            case _ if self._dead is not None:
                raise ScriptError("after `crash` only `start` may follow")
            case script.Start():
                raise ScriptError("`start` follows `crash`")
            case script.Crash():
                self._dead = self._life.state
            case script.Together(inner):
                each = [script.read_step("pipeline", raw) for raw in inner]
                return {"ok": {"outs": [self._guarded(one) for one in each]}}
            case script.Hook():
                self._recorder.arm(step)
            case _:
                return host.outcome(lambda: self._call(step))
        return OK

    def _restart(self, dead: Pipeline) -> None:
        stored = [
            m if isinstance(m.status, Accepted) else replace(m, status=Place.ENQUEUED)
            for m in dead.pending
            if m.seq in self._enqueued
        ]
        self._telling.tickets = {int(m.seq): self._names.name(m.seq) for m in stored}
        self._dead = None
        dead = without_hydrated(dead, tuple(dead.hydrated))
        again = start(
            dead.docs,
            dead.epoch,
            dead.server_seq,
            dead.versions.items(),
            dead.numbered,
            stored,
            dead.aliases.items(),
            dead.loaded,
        )
        self._begin(again)

    def _call(self, step: ScriptStep) -> Out:
        run, telling = self._life.run, self._telling
        match step:
            case steps.Begin(m):
                run(inputs.Begin())
                telling.tickets[self._life.state.begun] = m
            case steps.DispatchWrite() | steps.DispatchPatches() | steps.Undo() | steps.Redo():
                self._write(step)
            case steps.DrainNow():
                run(inputs.Drain())
            case steps.PersistedRequest():
                self._answer(step)
            case steps.DecidedWrite():
                run(giving.decided(self._names, step))
            case steps.StreamDelta():
                run(giving.delta(self._names, step))
            case steps.StreamSnapshot():
                run(giving.snapshot(self._names, step))
            case steps.FetchedRows(rows):
                run(inputs.Fetched(giving.rows(rows)))
            case steps.HydrateRows(rows):
                run(inputs.Hydrate(giving.rows(rows)))
            case steps.AwaitTicket():
                self._await(step)
            case steps.CancelEvent(m):
                run(inputs.Cancel(telling.ticket(m)))
            case steps.AbandonEvent(m):
                run(inputs.Abandon(telling.ticket(m)))
            case script.Tick(ms):
                self._now += ms
                run(inputs.Tick(Millis(self._now)))
            case _:
                raise ScriptError("this is no step of profile pipeline")
        return OK

    def _write(
        self, step: steps.DispatchWrite | steps.DispatchPatches | steps.Undo | steps.Redo
    ) -> None:
        """Give the names their numbers and the event its ticket, unless it is refused."""
        state, telling = self._life.state, self._telling
        names = (step.m,) if isinstance(step, steps.DispatchWrite) else step.writes
        first = state.numbered + 1
        if isinstance(step, steps.DispatchWrite) and step.stale_number:
            self._life.run(self._input(step, (state.numbered,), None))
            return
        numbers = giving.numbers(self._names, names, first)
        named = step.m if isinstance(step, steps.Undo | steps.Redo) else step.ticket
        # Named: a ticket that is there or not. Else that of a begin with the event's own name.
        ticket = telling.ticket(named) if isinstance(named, str) and named != step.m else None
        ticket = telling.ticket(step.m) or None if ticket is None else ticket
        if ticket is None:
            telling.tickets[state.begun + 1] = step.m
        try:
            self._life.run(self._input(step, numbers, ticket))
        except OptisyncError:
            for name in names:
                self._names.take_back(name)
            if ticket is None:
                del telling.tickets[state.begun + 1]
            raise

    def _input(
        self,
        step: steps.DispatchWrite | steps.DispatchPatches | steps.Undo | steps.Redo,
        numbers: tuple[ClientSeq, ...],
        ticket: int | None,
    ) -> inputs.Dispatch | inputs.Revert:
        key = giving.text(step.persist_key)
        if isinstance(step, steps.Undo | steps.Redo):
            direction = Direction.UNDO if isinstance(step, steps.Undo) else Direction.REDO
            return inputs.Revert(direction, numbers, step.scope, key, ticket)
        event: Write | Patches
        if isinstance(step, steps.DispatchWrite):
            entity = giving.entity(step.resource, step.entity)
            event = Write(entity, giving.change(step.change), step.temporary)
        else:
            event = Patches(Resource(step.resource), giving.patch(step.patch))
        context = giving.context(step.context)
        return inputs.Dispatch(event, numbers, context, key, step.optimistic, ticket)

    def _answer(self, step: steps.PersistedRequest) -> None:
        outcome = giving.outcome(self._names, step)
        handle = self._telling.requests.get(step.request, 0)
        asked = self._life.state.handed.get(handle, ())
        if step.enqueued is not UNSET:
            self._enqueued |= {self._names.number(name) for name in step.enqueued} & {*asked}
        self._life.run(inputs.Persisted(handle, outcome))

    def _await(self, step: steps.AwaitTicket) -> None:
        telling = self._telling
        telling.waits.append(step.w)
        timeout = None if step.timeout is UNSET else Millis(step.timeout)
        self._life.run(
            inputs.Await(
                len(telling.waits) - 1,
                telling.ticket(step.m),
                Mode(step.mode),
                timeout,
                OnTimeout(step.on_timeout),
            )
        )

    def observe(self, out: Out) -> Observation:
        """The observation of the step just taken; a dead process shows nothing but its effects."""
        observed: Observation = {"out": out, "effects": self._recorder.taken()}
        if self._dead is None:
            observed |= self._telling.state(self._life.state)
        return observed
