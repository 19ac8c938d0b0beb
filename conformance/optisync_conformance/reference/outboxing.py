"""Profile `outbox`: the machine over a store, workers and server by script."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import assert_never, cast

from msgspec import UNSET, UnsetType

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
from optisync.contracts.messages import (
    Accepted,
    Delta,
    Ids,
    Label,
    Outcome,
    Refused,
    Snapshot,
)
from optisync.outbox import inputs
from optisync.outbox.config import Config, Mode
from optisync.outbox.effects import Effect
from optisync.shell.durable import DurableOutbox
from optisync.shell.memory import MemoryStore
from optisync.shell.store import Store
from optisync.values import AtomKey, ClientSeq, Epoch, Obj, ServerSeq, Version
from optisync.view import Change
from optisync_conformance import script, scriptoutbox
from optisync_conformance.reference import host
from optisync_conformance.reference.host import OK, Observation, Out, Recorder
from optisync_conformance.reference.names import ME, OTHER, Names
from optisync_conformance.reference.outboxtelling import Telling
from optisync_conformance.reference.stores import Crashed, FailingStore
from optisync_conformance.script import ScriptError
from optisync_conformance.script import Step as ScriptStep

OPEN: Out = {"open": True}


def run(
    setting: script.OutboxSetting, steps: Sequence[ScriptStep], make: Callable[[], Store]
) -> list[Observation]:
    """One observation after start and one for each step. Raises ScriptError."""
    engine = Engine(setting, make())
    try:
        observed = [engine.observe(OK)]
        for step in steps:
            observed.append(engine.observe(engine.take(step)))
        return observed
    finally:
        engine.close()


def in_memory() -> Store:
    """The store that needs no file."""
    return MemoryStore()


class Engine:
    """An outbox and its host; what `crash` leaves is what the store was told to save."""

    def __init__(self, setting: script.OutboxSetting, store: Store) -> None:
        self._config = Config(
            ME,
            Mode(setting.mode),
            setting.capacity,
            setting.lease_ms,
            setting.max_attempts,
            setting.delay_ms,
            setting.max_delay_ms,
        )
        self._epoch = Epoch(setting.epoch)
        self._store = FailingStore(store)
        self._wall = self._now = 0
        self._leases: dict[str, int] = {}
        self._callers: dict[str, object] = {}
        self._taken: dict[str, ClientSeq] = {}
        self._recorder = Recorder("outbox", self._guarded)
        self._names = Names(self._recorder)
        self._telling = Telling(self._recorder, self._names)
        self._life: DurableOutbox | None = self._started()

    def _started(self) -> DurableOutbox:
        self._now = 0
        return DurableOutbox(self._config, self._store, self._epoch, self._told)

    def _begin(self) -> Out:
        self._life = self._started()
        return OK

    def close(self) -> None:
        """Give the store back."""
        self._store.close()

    def _require_alive(self) -> DurableOutbox:
        if self._life is None:
            raise ScriptError("after `crash` only `start` may follow")
        return self._life

    def take(self, step: ScriptStep) -> Out:
        """Make the call of a step, and see that no callback failed unplanned."""
        try:
            out = self._guarded(step)
        except Crashed:
            self._life = None
            return OPEN
        if self._life is not None:
            host.forget_planned(self._life.errors)
        return out

    def _guarded(self, step: ScriptStep) -> Out:
        match step:
            case script.Together(steps):
                inner = [script.read_step("outbox", raw) for raw in steps]
                return {"ok": {"outs": [self._guarded(each) for each in inner]}}
            case script.Hook():
                self._recorder.arm(step)
            case script.Crash():
                self._require_alive()
                self._life = None
            case script.Start():
                if self._life is not None:
                    raise ScriptError("`start` follows `crash`")
                return host.outcome(self._begin)
            case scriptoutbox.StoreFails(times):
                self._store.fail(times)
            case scriptoutbox.ArmCrash(nth, when):
                self._store.arm(nth, before=when == "before")
            case scriptoutbox.Wall(ms):
                self._wall += ms
            case scriptoutbox.Scribble(m):
                scribble(self._callers.get(m))
            case _:
                return host.outcome(lambda: self._call(step))
        return OK

    def _call(self, step: ScriptStep) -> Out:
        life, number = self._require_alive(), self._names.number
        match step:
            case scriptoutbox.Take(m):
                self._taken[m] = life.take()
                self._names.give(m, self._taken[m])
            case scriptoutbox.GiveUp(m):
                life.give_up(number(m))
            case scriptoutbox.Enqueue(entries, stored):
                self._enqueue(life, entries, stored)
            case scriptoutbox.Reserve(lease, limit, owner):
                self._telling.lease = lease
                sent = life.reserve(limit, owner)
                if sent is not None:
                    self._leases[lease] = sent.token
            case scriptoutbox.Settle(lease, results, epoch):
                found = tuple(_result(result) for result in results)
                life.settle(self._leases.get(lease, -1), Epoch(epoch), found)
            case scriptoutbox.Release(lease):
                life.release(self._leases.get(lease, -1))
            case scriptoutbox.Covered() | scriptoutbox.Loaded() | scriptoutbox.Watermark():
                self._hear(life, step)
            case scriptoutbox.Cancel(m):
                life.cancel(EntryId(m))
            case scriptoutbox.AbandonEntry(m):
                life.abandon(EntryId(m))
            case scriptoutbox.Resume(m):
                life.resume(EntryId(m))
            case scriptoutbox.HasRead(resource, entity):
                life.has_read(Entity(Resource(resource), EntityId(entity)))
            case scriptoutbox.Consume():
                life.consume(max((r.number for r in life.state.reports), default=0))
            case script.Tick(ms):
                self._now, self._wall = self._now + ms, self._wall + ms
                life.tick(Millis(self._now))
            case _:
                raise ScriptError("this is no step of profile outbox")
        return OK

    def _enqueue(
        self, life: DurableOutbox, entries: Sequence[scriptoutbox.Entry], stored: bool
    ) -> None:
        taken = [self._taken.get(entry.m) for entry in entries]
        writes = [self._entry(entry) for entry in entries]
        life.enqueue(writes, seqs=taken, stored=stored, at=Millis(max(self._wall, 0)))
        for entry in entries:
            self._taken.pop(entry.m, None)

    def _entry(self, raw: scriptoutbox.Entry) -> WriteEntry:
        self._callers.setdefault(raw.m, raw.change)
        base = host.given(raw.base)
        epoch = self._epoch if isinstance(raw.base_epoch, UnsetType) else Epoch(raw.base_epoch)
        entry = WriteEntry(
            entry_id=EntryId(raw.m),
            idempotency_key=IdempotencyKey(f"key-of-{raw.m}" if raw.key is UNSET else raw.key),
            entity=Entity(Resource(raw.resource), EntityId(raw.entity)),
            change=_change(raw.change),
            base=None if base is None else Stamp(epoch, Version(base)),
            temporary=raw.temporary,
            depends_on=tuple(EntryId(m) for m in raw.after),
        )
        self._telling.expect(entry, keyed=raw.key is not UNSET)
        return entry

    def _hear(
        self,
        life: DurableOutbox,
        step: scriptoutbox.Covered | scriptoutbox.Loaded | scriptoutbox.Watermark,
    ) -> None:
        epoch, seq, number = Epoch(step.epoch), ServerSeq(step.seq), self._names.number
        match step:
            case scriptoutbox.Covered(settles=settles):
                labels = tuple(self._label(label) for label in settles)
                prev = ServerSeq(max(step.seq - 1, 0))
                life.process_delta(Delta(epoch, seq, prev, (), labels))
            case scriptoutbox.Loaded(outcomes=outcomes, client_known=known):
                found = sorted(
                    (Outcome(number(m), _outcome(o)) for m, o in outcomes.items()),
                    key=lambda outcome: outcome.seq,
                )
                life.process_snapshot(Snapshot(epoch, seq, Obj(), tuple(found), known))
            case scriptoutbox.Watermark(upto=upto, refused=refused):
                upto_number = ClientSeq(0) if upto is None else number(upto)
                named = None if isinstance(refused, UnsetType) else self._refusals(refused)
                life.process_watermark(inputs.Watermark(epoch, seq, upto_number, named))
            case _:
                assert_never(step)

    def _refusals(self, refused: Mapping[str, str]) -> tuple[inputs.Refusal, ...]:
        return tuple(inputs.Refusal(self._names.number(m), code) for m, code in refused.items())

    def _label(self, label: scriptoutbox.EntryLabel) -> Label:
        client = ME if label.client is UNSET else OTHER
        version = _version(label.version)
        return Label(client, self._names.number(label.m), version, _ids(label.ids))

    def _told(self, effect: Effect) -> None:
        self._telling.effect(effect)

    def observe(self, out: Out) -> Observation:
        """The observation of the step just taken; a dead process shows nothing but its effects."""
        observed: Observation = {"out": out, "effects": self._recorder.taken()}
        if self._life is not None:
            leases = {token: name for name, token in self._leases.items()}
            observed |= self._telling.state(self._life.state, leases)
        return observed


def scribble(raw: object) -> None:
    """Change every object in a value in place, as a careless caller would."""
    match raw:
        case dict():
            members = cast(dict[str, object], raw)
            for member in list(members.values()):
                scribble(member)
            members["scribbled"] = True
        case list() | tuple():
            for item in cast(Sequence[object], raw):
                scribble(item)
        case _:
            pass


def _change(raw: object) -> Change:
    return host.changes({AtomKey("entity"): raw})[0][1]


def _result(raw: scriptoutbox.Result) -> inputs.Result:
    outcome: Accepted | Refused | inputs.Retry | inputs.Unknown
    if isinstance(raw.retry, int):
        outcome = inputs.Retry(Millis(raw.retry))
    elif raw.unknown is True:
        outcome = inputs.Unknown()
    else:
        outcome = _outcome(raw)
    return inputs.Result(EntryId(raw.m), outcome)


def _outcome(raw: scriptoutbox.EntryOutcome | scriptoutbox.Result) -> Accepted | Refused:
    if isinstance(raw.rejected, str):
        return Refused(raw.rejected)
    at = ServerSeq(host.given(raw.ok) or 0)
    return Accepted(at, _version(raw.version), _ids(raw.ids))


def _ids(raw: Mapping[str, str] | UnsetType) -> Ids:
    return () if isinstance(raw, UnsetType) else tuple(sorted(raw.items()))


def _version(version: int | UnsetType) -> Version | None:
    given = host.given(version)
    return None if given is None else Version(given)
