"""What a caller without types gives is refused by name, or becomes what the type promises."""

from collections.abc import Callable
from copy import copy
from dataclasses import fields, replace
from pathlib import Path
from typing import TypeVar, cast

import pytest
from tests.shell.samples import ME, ONE, entry, opened
from typeguard import suppress_type_checks

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    Millis,
    Resource,
    Stamp,
    WriteEntry,
)
from optisync.contracts.messages import Accepted, Delta, Label, Outcome, Refused, Snapshot
from optisync.errors import LimitTooSmall, ValueMalformed
from optisync.outbox.config import Config, Mode
from optisync.outbox.errors import ClientUnnamed, ModeUnknown
from optisync.outbox.inputs import Input, Refusal, Result, Retry, Watermark
from optisync.patch import Add
from optisync.pipeline.config import Config as PipelineConfig
from optisync.shell.durable import DurableOutbox
from optisync.shell.given import InputMalformed
from optisync.shell.memory import MemoryStore
from optisync.shell.taking import FIELDS, INPUTS
from optisync.values import (
    MAX_DEPTH,
    AtomKey,
    ClientId,
    ClientSeq,
    Epoch,
    Json,
    Obj,
    ServerSeq,
    Version,
)
from optisync.view import Change, Changes, Create, Docs, Update, Upsert

A = AtomKey("a")
WRITE = entry("e1")
SNAPSHOT = Snapshot(ONE, ServerSeq(5), Obj())
ACCEPTED = Accepted(ServerSeq(5))
ODD = cast(int, 1000.0)
"""A number to the eye, but not what is read back from a store."""
TEXT = cast(str, 5)
Call = Callable[[DurableOutbox], object]
Thing = TypeVar("Thing", Delta, WriteEntry)


def settled(outcome: object) -> Call:
    result = Result(EntryId("e0"), cast(Accepted, outcome))
    return lambda outbox: outbox.settle(1, ONE, [result])


def changed(thing: Thing, **others: object) -> Thing:
    """A copy with fields of whatever type."""
    made = copy(thing)
    for name, value in others.items():
        object.__setattr__(made, name, value)
    return made


def delta(changes: object = (), **other: object) -> Call:
    given = changed(Delta(ONE, ServerSeq(6), None, cast(Changes, changes)), **other)
    return lambda outbox: outbox.process_delta(given)


def enqueued(**other: object) -> Call:
    return lambda outbox: outbox.enqueue([entry("e2"), changed(WRITE, **other)])


ENTITY = WRITE.entity
WRONG: list[tuple[str, Call]] = [
    ("input", lambda o: o.run(cast(Input, "take"))),
    ("input", lambda o: o.process_delta(cast(Delta, None))),
    ("entries", lambda o: o.enqueue(cast(list[WriteEntry], WRITE))),
    ("entries", lambda o: o.enqueue(cast(list[WriteEntry], "e1"))),
    ("Enqueue.entries[0]", lambda o: o.enqueue([cast(WriteEntry, {"entry_id": "e1"})])),
    ("Enqueue.entries[1].entry_id", enqueued(entry_id=None)),
    ("Enqueue.entries[1].idempotency_key", enqueued(idempotency_key=b"k")),
    ("Enqueue.entries[1].entity", enqueued(entity="todos/1")),
    ("Enqueue.entries[1].entity.id", enqueued(entity=Entity(ENTITY.resource, EntityId(TEXT)))),
    ("Enqueue.entries[1].entity.resource", enqueued(entity=Entity(Resource("\ud800"), ENTITY.id))),
    ("Enqueue.entries[1].base", enqueued(base=3)),
    ("Enqueue.entries[1].base.version", enqueued(base=Stamp(ONE, Version(ODD)))),
    ("Enqueue.entries[1].base.epoch", enqueued(base=Stamp(Epoch(-1), Version(3)))),
    ("Enqueue.entries[1].temporary", enqueued(temporary=1)),
    ("Enqueue.entries[1].depends_on", enqueued(depends_on="e0")),
    ("Enqueue.entries[1].depends_on[0]", enqueued(depends_on=(7,))),
    ("Enqueue.entries[1].client_time_ms", enqueued(client_time_ms=ODD)),
    ("Enqueue.entries[1].client_time_ms", enqueued(client_time_ms=2**53)),
    ("Enqueue.at", lambda o: o.enqueue([WRITE], at=Millis(ODD))),
    ("Enqueue.stored", lambda o: o.enqueue([WRITE], stored=cast(bool, None))),
    ("seqs", lambda o: o.enqueue([WRITE], seqs=cast(list[ClientSeq], 1))),
    ("Enqueue.seqs[0]", lambda o: o.enqueue([WRITE], seqs=[ClientSeq(ODD)])),
    ("Enqueue.seqs[0]", lambda o: o.enqueue([WRITE], seqs=[ClientSeq(True)])),
    ("Enqueue.seqs", lambda o: o.enqueue([WRITE], seqs=[None, o.take()])),
    ("Reserve.limit", lambda o: o.reserve(ODD)),
    ("Reserve.owner", lambda o: o.reserve(1, cast(str, None))),
    ("Settle.token", lambda o: o.settle(ODD, ONE, [])),
    ("Settle.epoch", lambda o: o.settle(1, Epoch(-1), [])),
    ("results", lambda o: o.settle(1, ONE, cast(list[Result], {"e0": 1}))),
    ("Settle.results[0]", lambda o: o.settle(1, ONE, [cast(Result, {"entry_id": "e0"})])),
    ("Settle.results[0].outcome", settled("accepted")),
    ("Settle.results[0].outcome", settled(Accepted)),
    ("Settle.results[0].outcome.server_seq", settled(Accepted(ServerSeq(-5)))),
    ("Settle.results[0].outcome.version", settled(replace(ACCEPTED, version=Version(ODD)))),
    ("Settle.results[0].outcome.ids[0]", settled(replace(ACCEPTED, ids=cast("tuple[()]", ("t",))))),
    ("Settle.results[0].outcome.ids[0][1]", settled(replace(ACCEPTED, ids=(("t", TEXT),)))),
    (
        "Settle.results[0].outcome.ids[0]",
        settled(replace(ACCEPTED, ids=cast("tuple[()]", (("t",),)))),
    ),
    ("Settle.results[0].outcome.code", settled(Refused(TEXT))),
    ("Settle.results[0].outcome.after", settled(Retry(Millis(ODD)))),
    ("Release.token", lambda o: o.release(cast(int, None))),
    ("Tick.now", lambda o: o.tick(Millis(ODD))),
    ("Consume.upto", lambda o: o.consume(ODD)),
    ("GiveUp.seq", lambda o: o.give_up(ClientSeq(ODD))),
    ("Cancel.entry_id", lambda o: o.cancel(EntryId(cast(str, ["e0"])))),
    ("HasRead.entity", lambda o: o.has_read(cast(Entity, "todos"))),
    ("Delta.server_seq", delta(server_seq=6.5)),
    ("Delta.changes", delta({"a": Create(1)})),
    ("Delta.changes[0]", delta(((5, Create(1)),))),
    ("Delta.settles[0].seq", delta(settles=(Label(ME, ClientSeq(-1)),))),
    (
        "Snapshot.server_seq",
        lambda o: o.process_snapshot(replace(SNAPSHOT, server_seq=ServerSeq(ODD))),
    ),
    ("Snapshot.docs", lambda o: o.process_snapshot(replace(SNAPSHOT, docs=cast(Docs, None)))),
    (
        "Snapshot.docs: an atom",
        lambda o: o.process_snapshot(replace(SNAPSHOT, docs=cast(Docs, {5: 1}))),
    ),
    (
        "Snapshot.outcomes[0].verdict",
        lambda o: o.process_snapshot(
            replace(SNAPSHOT, outcomes=(Outcome(ClientSeq(1), cast(Refused, Retry())),))
        ),
    ),
    ("Watermark.upto", lambda o: o.process_watermark(Watermark(ONE, ServerSeq(0), ClientSeq(-1)))),
    (
        "Watermark.refused[0].code",
        lambda o: o.process_watermark(
            Watermark(ONE, ServerSeq(0), ClientSeq(0), (Refusal(ClientSeq(1), TEXT),))
        ),
    ),
]


@pytest.mark.parametrize(("where", "call"), WRONG)
def test_what_is_of_another_type_is_refused_by_its_place(where: str, call: Call) -> None:
    outbox = DurableOutbox(Config(ME), MemoryStore(), ONE)
    outbox.enqueue([entry("e0")])
    outbox.reserve(1)
    before = outbox.state.queue
    with suppress_type_checks(), pytest.raises(InputMalformed) as caught:
        call(outbox)
    assert caught.value.where == where
    assert where in str(caught.value)
    assert [m for m in outbox.state.queue if m.seq == 1] == list(before)


def test_every_field_is_checked() -> None:
    for kind, checks in {**FIELDS, **INPUTS}.items():
        assert list(checks) == [field.name for field in fields(kind)], kind


def nested(levels: int, value: Json = 0) -> Json:
    for _ in range(levels):
        value = (value,)
    return value


def changes(levels: int) -> list[Change]:
    """Changes that are nested so deep, wherever a value stands."""
    value = nested(levels)
    return [
        Create(value),
        Upsert(value),
        Upsert(0, (Add((), value),)),
        Upsert(value, (Add((), Obj({"patch": nested(levels - 1)})),)),
        Update((Add((), value),)),
    ]


def written(change: Change) -> WriteEntry:
    return replace(entry("e1", change), base=Stamp(ONE, Version(1)))


@pytest.mark.parametrize("change", changes(MAX_DEPTH))
def test_what_is_as_deep_as_it_may_be_is_there_again(tmp_path: Path, change: Change) -> None:
    outbox = DurableOutbox(Config(ME), opened(tmp_path / "outbox.db"), ONE)
    docs = Obj({"a": nested(MAX_DEPTH)})
    outbox.enqueue([written(change)])
    outbox.process_snapshot(replace(SNAPSHOT, docs=docs))
    outbox.close()
    again = DurableOutbox(Config(ME), opened(tmp_path / "outbox.db"), ONE)
    assert again.quarantined == ()
    assert list(again.state.queue) == list(outbox.state.queue)
    assert again.documents == docs
    again.close()


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 900, 20_000])
def test_what_is_deeper_is_refused(levels: int) -> None:
    outbox = DurableOutbox(Config(ME), MemoryStore(), ONE)
    deep = nested(levels)
    with suppress_type_checks():
        for call in (
            lambda: outbox.enqueue([written(Upsert(deep))]),
            lambda: outbox.enqueue([written(Update((Add((), deep),)))]),
            lambda: outbox.process_snapshot(replace(SNAPSHOT, docs=Obj({"a": deep}))),
            lambda: outbox.process_delta(Delta(ONE, ServerSeq(1), None, ((A, Create(deep)),))),
        ):
            with pytest.raises(ValueMalformed, match="deeper"):
                call()
    assert len(outbox.state.queue) == 0
    assert outbox.documents == Obj()


def test_documents_are_copied_and_are_the_same_in_every_store(tmp_path: Path) -> None:
    sqlite, memory = opened(tmp_path / "outbox.db"), MemoryStore()
    inner: list[object] = [1.0, {"x": 2}]
    docs, change = {"a": inner}, Create(cast(Json, {"y": inner}))
    for store in (sqlite, memory):
        outbox = DurableOutbox(Config(ME), store, ONE)
        with suppress_type_checks():
            outbox.process_snapshot(replace(SNAPSHOT, docs=cast(Docs, docs)))
            outbox.process_delta(Delta(ONE, ServerSeq(6), None, ((AtomKey("b"), change),)))
        inner.append("later")
        wanted = Obj({"a": (1, Obj({"x": 2})), "b": Obj({"y": (1, Obj({"x": 2}))})})
        assert repr(outbox.documents) == repr(store.load().documents) == repr(wanted)
        inner.pop()
    sqlite.close()


def test_documents_that_are_frozen_are_not_copied() -> None:
    outbox = DurableOutbox(Config(ME), MemoryStore(), ONE)
    docs = Obj({"a": Obj({"x": ("ä", 1.5)})})
    outbox.process_snapshot(replace(SNAPSHOT, docs=docs))
    assert outbox.documents is docs


def test_what_can_be_gone_through_once_is_taken() -> None:
    outbox = DurableOutbox(Config(ME), MemoryStore(), ONE)
    with suppress_type_checks():
        outbox.enqueue(cast(list[WriteEntry], (entry(name) for name in ("e1", "e2"))))
    assert [member.seq for member in outbox.state.queue] == [1, 2]


@pytest.mark.parametrize("limit", ["5", 1.5, None, True, 0])
def test_a_limit_is_a_whole_number(limit: object) -> None:
    for made in (Config, PipelineConfig):
        with suppress_type_checks(), pytest.raises(LimitTooSmall, match="integer"):
            made(ME, capacity=cast(int, limit))


@pytest.mark.parametrize("name", ["capacity", "history", "remembered"])
def test_each_limit_of_a_pipeline_lets_something_through(name: str) -> None:
    with pytest.raises(LimitTooSmall, match=f"'{name}' must be an integer of at least 1, not 0"):
        PipelineConfig(ME, **{name: 0})


def test_a_mode_and_a_client_are_named() -> None:
    with suppress_type_checks():
        with pytest.raises(ModeUnknown, match="'ordered'"):
            Config(ME, cast(Mode, "ordered"))
        for client in ("", None):
            with pytest.raises(ClientUnnamed, match="name"):
                Config(cast(ClientId, client))
    assert Config(ME, Mode.ORDERED).mode is Mode.ORDERED
