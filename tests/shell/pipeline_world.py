"""A loop whose time passes only when nothing else can happen, and what a pipeline runs between."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import TypeVar

from optisync.contracts.entry import Entity, EntityId, Resource, WriteEntryResult, Written
from optisync.contracts.messages import Accepted as AcceptedAt
from optisync.contracts.messages import Ack, Delta, Label, Refused, Reject
from optisync.outbox.inputs import Result
from optisync.patch import Replace
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Persist, Told
from optisync.pipeline.events import Write
from optisync.pipeline.inputs import Confirmed, Outcome
from optisync.pipeline.state import Pipeline
from optisync.server.state import Server, version_of
from optisync.server.state import start as started
from optisync.server.step import Base, Broadcast, Send, Submit
from optisync.server.step import step as serve
from optisync.shell.durable import DurableOutbox
from optisync.shell.enqueueing import OutboxPersistence
from optisync.shell.mutation_pipeline import MutationPipeline
from optisync.shell.mutation_pipeline_ports import NumbersOfOneLife, PersistRequest
from optisync.values import AtomKey, ClientId, ClientSeq, Json, Obj, Version
from optisync.view import Change, Create, Delete, Update, Upsert

A = TypeVar("A")
ME, OTHER = ClientId("me"), ClientId("other")
TODO = Resource("todo")


class Loop(asyncio.SelectorEventLoop):
    """asyncio as it is, but for its clock: waiting costs no time."""

    def __init__(self) -> None:
        self.now = 1000.0
        selector = selectors.SelectSelector()
        select = selector.select

        def passing(timeout: float | None = None) -> object:
            assert timeout is not None, "everybody waits, and nothing will ever happen"
            self.now += max(0.0, timeout)
            return select(0)

        setattr(selector, "select", passing)  # noqa: B010 - its type says Any
        super().__init__(selector)

    def time(self) -> float:
        return self.now


def run(main: Coroutine[None, None, A]) -> A:
    """Run to the end on a loop of its own; what was left undone is cancelled, as by asyncio.run."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(main)


async def rest(turns: int = 12) -> None:
    """Let the loop run, at this moment, everything that can run."""
    for _ in range(turns):
        await asyncio.sleep(0)


class Asking:
    """A persistence that a test answers for, each request by its place from 1 on."""

    def __init__(self) -> None:
        self.requests: list[PersistRequest] = []
        self._answers: list[asyncio.Future[Outcome]] = []

    async def persist(self, request: PersistRequest) -> Outcome:
        self.requests.append(request)
        self._answers.append(asyncio.get_running_loop().create_future())
        return await self._answers[-1]

    async def answer(self, place: int, outcome: Outcome | BaseException) -> None:
        await rest()
        if isinstance(outcome, BaseException):
            self._answers[place - 1].set_exception(outcome)
        else:
            self._answers[place - 1].set_result(outcome)
        await rest()

    async def stop(self, place: int) -> None:
        """What persistence waits for is cancelled by somebody else."""
        await rest()
        self._answers[place - 1].cancel()
        await rest()


class Numbers(NumbersOfOneLife):
    """Knows what was given up."""

    def __init__(self) -> None:
        super().__init__()
        self.unused: list[int] = []

    def give_up(self, seq: ClientSeq) -> None:
        self.unused.append(seq)


class Heard:
    """What a pipeline told, as `ticket status code`."""

    def __init__(self, pipeline: MutationPipeline) -> None:
        self.told: list[str] = []
        pipeline.on_operation(self._told)

    def _told(self, told: Told) -> None:
        code = "" if told.code is None else f" {told.code}"
        self.told.append(f"{told.ticket} {told.status.value}{code}")


class World:
    """A pipeline over a persistence that the test answers for."""

    def __init__(self, state: Pipeline | None = None, config: Config | None = None) -> None:
        self.persistence, self.numbers = Asking(), Numbers()
        self.pipeline = MutationPipeline(
            Config(ME) if config is None else config,
            self.persistence,
            numbers=self.numbers,
            state=state,
        )
        self.heard = Heard(self.pipeline)

    @property
    def told(self) -> list[str]:
        return self.heard.told

    @property
    def asked(self) -> list[list[str]]:
        """The entry ids of each request."""
        return [[e.entry_id for e in request.entries] for request in self.persistence.requests]


def todo(name: str) -> Entity:
    return Entity(TODO, EntityId(name))


def create(name: str, value: Json = 0, temporary: bool = False) -> Write:
    return Write(todo(name), Create(Obj({"n": value})), temporary)


def update(name: str, value: Json) -> Write:
    return Write(todo(name), Update((Replace(("n",), value),)))


def upsert(name: str, value: Json) -> Write:
    return Write(todo(name), Upsert(Obj({"n": value})))


def delete(name: str) -> Write:
    return Write(todo(name), Delete())


def confirmed(request: Persist, first_version: int = 1) -> Confirmed:
    """Every entry accepted, in versions of their own, by a backend without a stream."""
    numbered = enumerate(request.entries, first_version)
    results = (WriteEntryResult(e.entry_id, Written(Version(n))) for n, e in numbered)
    return Confirmed(tuple(results))


class Authority:
    """The server machine, and the messages that it has sent to everybody."""

    def __init__(self) -> None:
        self.state: Server = started()
        self.deltas: list[Delta] = []

    def submit(self, given: Submit, ids: tuple[tuple[str, str], ...] = ()) -> AcceptedAt | Refused:
        done = serve(self.state, given)
        assert done.error is None, done.error
        self.state = done.state
        verdict: AcceptedAt | Refused | None = None
        for effect in done.effects:
            match effect:
                case Send(message=Ack(_, _, server_seq, version)) if server_seq is not None:
                    verdict = AcceptedAt(server_seq, version, ids)
                case Send(message=Reject(code=code)):
                    verdict = Refused(code)
                case Broadcast(Delta() as delta):
                    label = delta.settles[0]
                    labels = (Label(label.client, label.seq, label.version, ids),)
                    changes = delta.changes
                    whole = Delta(delta.epoch, delta.server_seq, delta.prev, changes, labels)
                    self.deltas.append(whole)
                case _:
                    pass
        assert verdict is not None
        return verdict

    def foreign(self, number: int, atom: str, change: Change) -> None:
        """Somebody else writes."""
        changes = ((AtomKey(atom), change),)
        verdict = self.submit(Submit(OTHER, self.state.epoch, ClientSeq(number), changes))
        assert isinstance(verdict, AcceptedAt)

    def version(self, atom: str) -> Version:
        return version_of(self.state, AtomKey(atom))


class Worker:
    """Carries an outbox's writes to the authority, and the authority's words back to both."""

    def __init__(
        self, outbox: DurableOutbox, persistence: OutboxPersistence, authority: Authority
    ) -> None:
        self.outbox, self.persistence, self.authority = outbox, persistence, authority
        self._heard = 0

    def work(self, limit: int = 10) -> bool:
        """One request, its answer, and every delta since the last; False: there was none."""
        sent = self.outbox.reserve(limit)
        if sent is None:
            return False
        results: list[Result] = []
        for item in sent.items:
            entity, ids = item.entry.entity, ()
            made: tuple[tuple[str, str], ...] = ids
            if item.entry.temporary:
                made = ((entity.id, f"s{self.authority.state.newest + 1}"),)
                entity = Entity(entity.resource, EntityId(made[0][1]))
            atom = AtomKey(f"{entity.resource}/{entity.id}")
            base = item.base
            bases = () if base is None else (Base(atom, base.epoch, base.version),)
            changes = ((atom, item.entry.change),)
            epoch = self.authority.state.epoch
            submit = Submit(ME, epoch, item.seq, changes, bases, sent.floor)
            results.append(Result(item.entry.entry_id, self.authority.submit(submit, made)))
        self.outbox.settle(sent.token, self.authority.state.epoch, results)
        self.hear()
        return True

    def hear(self) -> None:
        """Every delta that was not heard yet, in order."""
        while self._heard < len(self.authority.deltas):
            self.persistence.process_delta(self.authority.deltas[self._heard])
            self._heard += 1
