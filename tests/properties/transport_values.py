"""Hypothesis strategies: entries and what is asked about them, results, answers to operations."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st
from tests.reference import json_strategies

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    IdempotencyKey,
    Millis,
    Resource,
    Row,
    Stamp,
    Unknown,
    WriteEntry,
    WriteEntryResult,
    Written,
)
from optisync.contracts.messages import Ids, Refused
from optisync.contracts.remote import (
    Done,
    Failed,
    OpId,
    RemoteError,
    RemoteOpResult,
    WriteOp,
    WriteResultData,
)
from optisync.patch import Add, Remove, Replace
from optisync.transport.alignment import Outcome
from optisync.transport.driver import Outgoing
from optisync.values import Epoch, Json, Obj, ServerSeq, Version, freeze
from optisync.view import ABSENT, Change, Create, Delete, Update, Upsert

STRANGER = EntryId("stranger")
RESOURCES = ("note", "tag")

values: st.SearchStrategy[Json] = json_strategies.values.map(freeze)
numbers = st.integers(0, 3)
versions = st.none() | numbers.map(Version)
waits = st.none() | numbers.map(Millis)
codes = st.sampled_from(["conflict", "busy"])
patches = st.lists(
    st.builds(Replace, st.just(("x",)), values)
    | st.builds(Add, st.just(("y", "0")), values)
    | st.just(Remove(("~",))),
    max_size=2,
).map(tuple)
changes: st.SearchStrategy[Change] = (
    st.builds(Create, values)
    | st.builds(Update, patches)
    | st.builds(Upsert, values, st.none() | patches)
    | st.just(Delete())
)
# Few options, some of them nearly equal.
options: st.SearchStrategy[Obj] = st.sampled_from(
    [Obj(), Obj({"a": 1, "b": 2}), Obj({"b": 2, "a": 1}), Obj({"a": 1}), Obj({"a": True})]
)
ids: st.SearchStrategy[Ids] = st.sampled_from([(), (("t1", "s1"),), (("t/~2", "s1"), ("t1", "s2"))])
# Documents that are nearly equal, so that equal results occur and nearly equal ones.
rows = st.sampled_from([None, Row(1), Row(True), Row(Obj({"x": 1})), Row(ABSENT)])
written = st.builds(Written, versions, st.none() | numbers.map(ServerSeq), ids, rows)
outcomes: st.SearchStrategy[Outcome] = (
    written | st.builds(Refused, codes) | st.builds(Unknown, waits)
)
errors = codes.map(lambda code: RemoteError(code, definite=True)) | st.builds(
    RemoteError, codes, st.just(value=False), waits
)


# What the grouping might look at.
plain: st.SearchStrategy[WriteEntry] = st.builds(
    WriteEntry,
    st.just(EntryId("")),
    st.just(IdempotencyKey("k")),
    st.sampled_from([Entity(Resource(name), EntityId("a")) for name in RESOURCES]),
    st.sampled_from([Delete(), Create(1)]),
    st.sampled_from([None, Stamp(Epoch(1), Version(1)), Stamp(Epoch(2), Version(1))]),
)


@st.composite
def entries(draw: st.DrawFn, name: str) -> WriteEntry:
    """An entry of this name."""
    return WriteEntry(
        entry_id=EntryId(name),
        idempotency_key=IdempotencyKey(f"key-of-{name}"),
        entity=Entity(
            Resource(draw(st.sampled_from(RESOURCES))), EntityId(draw(st.sampled_from("ab")))
        ),
        change=draw(changes),
        base=draw(st.none() | st.builds(Stamp, numbers.map(Epoch), numbers.map(Version))),
        temporary=draw(st.booleans()),
        client_time_ms=Millis(draw(numbers)),
    )


@st.composite
def batches(draw: st.DrawFn, most: int = 5) -> tuple[Outgoing, ...]:
    """Entries with ids of their own, and what is asked about each."""
    found = draw(st.lists(st.builds(Outgoing, plain, options), max_size=most))
    named = ((EntryId(f"e{number}"), each) for number, each in enumerate(found))
    return tuple(replace(o, entry=replace(o.entry, entry_id=name)) for name, o in named)


@st.composite
def heaps(draw: st.DrawFn, ops: Sequence[WriteOp]) -> tuple[RemoteOpResult, ...]:
    """Results of operations as no backend should give them: of ours and others, in any order."""
    known = [entry.entry_id for op in ops for entry in op.entries]
    names = st.sampled_from([*(op.op_id for op in ops), OpId("other")])
    few = draw(st.lists(outcomes, min_size=1, max_size=2))
    near = [
        replace(each, row=Row(n)) for each in few if isinstance(each, Written) for n in (1, True)
    ]
    said = st.sampled_from([*few, *near])  # so that equal results are not rare
    results = st.builds(WriteEntryResult, st.sampled_from([*known, STRANGER]), said)
    done = st.builds(
        Done, names, st.lists(results, max_size=4).map(lambda r: WriteResultData(tuple(r)))
    )
    return tuple(draw(st.lists(done | st.builds(Failed, names, errors), max_size=4)))
