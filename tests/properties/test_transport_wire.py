"""The wire: what is written is what is read, and what is no message is not read as one."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Protocol, cast

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012, Schema
from tests.properties.transport_values import (
    batches,
    entries,
    errors,
    heaps,
    numbers,
    options,
    outcomes,
    values,
    versions,
)

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    Resource,
    Row,
    Unknown,
    WriteEntryResult,
    Written,
)
from optisync.contracts.query import ChangesSpec, QuerySpec, ReadFailed, ReadRow, Rows
from optisync.contracts.remote import (
    Done,
    Failed,
    OpId,
    RemoteError,
    RemoteOp,
    RemoteOpResult,
    WriteOp,
)
from optisync.patch import pointer
from optisync.transport.alignment import Code, align
from optisync.transport.answers import entry_result_from_json, read_writes
from optisync.transport.driver import read_op, read_results, write_ops, write_results
from optisync.transport.errors import WireMalformed
from optisync.transport.requests import ops_from_json
from optisync.transport.wire import (
    entry_result_to_json,
    ops_to_json,
    results_to_json,
)
from optisync.values import Json, Obj, ServerSeq, Version, dump, parse
from optisync.view import ABSENT
from optisync_conformance.reference.host import thaw
from optisync_conformance.resources import resource_dir


class Validating(Protocol):
    """The part of a validator that is used here, and its types."""

    def is_valid(self, instance: object) -> bool: ...


NOTE = Resource("note")
SCHEMAS = ("patch", "remote", "messages")
MEMBERS = (
    frozenset({"doc", "absent"}),
    frozenset({"code", "definite", "retryAfterMs"}),
    frozenset({"action", "value", "patch", "meta", "baseVersion", "baseEpoch", "temporary"}),
    frozenset({"ok", "error", "data", "version", "serverSeq", "ids", "row"}),
    frozenset({"resource", "where", "limit", "after", "entries", "options"}),
)
"""Members that stand beside one another, here or there."""
limits = st.none() | numbers
specs: st.SearchStrategy[QuerySpec | ChangesSpec] = st.builds(
    QuerySpec, st.just(NOTE), options, limits
) | st.builds(ChangesSpec, st.just(NOTE), numbers.map(ServerSeq), limits)
reads: st.SearchStrategy[RemoteOp] = specs.map(lambda spec: read_op("q", spec))
writes: st.SearchStrategy[RemoteOp] = st.builds(
    WriteOp,
    st.just(OpId("q.1")),
    st.just(NOTE),
    st.lists(entries("e1"), max_size=2).map(
        lambda found: tuple(e for e in found if e.entity.resource == NOTE)
    ),
    options,
)
requests = st.lists(reads | writes, max_size=3).map(tuple)
read_rows_of = st.lists(
    st.builds(
        ReadRow,
        st.sampled_from("abc").map(lambda name: Entity(NOTE, EntityId(name))),
        numbers.map(Version),
        (values | st.just(ABSENT)).map(Row),
    ),
    max_size=3,
    unique_by=lambda row: row.entity,
).map(tuple)


@given(requests)
def test_a_backend_reads_what_was_written(ops: tuple[RemoteOp, ...]) -> None:
    """[wire-round-trip] [entry-whole] [domain-options-travel] [options-on-the-op] [read-alone]"""
    written = dump(ops_to_json(ops))
    read = ops_from_json(parse(written))
    assert read == ops
    assert dump(ops_to_json(read)) == written
    assert valid("request", ops_to_json(ops))


@given(st.data())
def test_the_driver_reads_what_was_decided(data: st.DataObject) -> None:
    """[wire-round-trip] [result-as-told]"""
    heap: tuple[RemoteOpResult, ...] = data.draw(heaps(write_ops("q", data.draw(batches()))))
    written = dump(results_to_json(heap))
    read, faults = read_writes(parse(written))
    assert dump(results_to_json(read)) == written
    assert faults == ()
    assert valid("write-answer", results_to_json(heap))


@given(specs, read_rows_of, versions)
def test_rows_are_read_as_they_are(
    spec: QuerySpec | ChangesSpec, rows: tuple[ReadRow, ...], cursor: Version | None
) -> None:
    """[read-whole-or-failed] [wire-round-trip]"""
    found = Rows(rows, None if cursor is None else ServerSeq(cursor))
    answer = results_to_json([Done(OpId("q.1"), found)])
    read = read_results("q", spec, parse(dump(answer)))
    assert isinstance(read, Rows)
    assert dump(results_to_json([Done(OpId("q.1"), read)])) == dump(answer)
    assert valid("read-answer", answer)


@given(specs, errors)
def test_the_error_of_a_read_is_kept(spec: QuerySpec | ChangesSpec, error: RemoteError) -> None:
    """[read-error-kept]"""
    read = read_results("q", spec, results_to_json([Failed(OpId("q.1"), error)]))
    assert isinstance(read, ReadFailed)
    assert (read.code, read.definite, read.after) == (error.code, error.definite, error.after)


@cache
def validator(part: str) -> Validating:
    folder = resource_dir("specs") / "schemas"
    files = {name: json.loads((folder / f"{name}.json").read_text("utf-8")) for name in SCHEMAS}
    registry: Registry[Schema] = Registry[Schema]().with_resources(
        (f"urn:optisync:schema:{name}", DRAFT202012.create_resource(cast(Schema, schema)))
        for name, schema in files.items()
    )
    ref = {"$ref": f"urn:optisync:schema:remote#/$defs/{part}"}
    return cast(Validating, Draft202012Validator(ref, registry=registry))


def valid(part: str, value: Json) -> bool:
    return validator(part).is_valid(thaw(value))


def accepted(read: Callable[[], object]) -> bool:
    try:
        read()
    except WireMalformed:
        return False
    return True


odd: st.SearchStrategy[Json] = st.sampled_from(
    [None, True, False, 0, 1, -1, 1.5, "", "x", (), ("x",), Obj(), Obj({"x": 1})]
)


def places(value: Json, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    match value:
        case Obj():
            inner = [p for key, member in value.items() for p in places(member, (*at, key))]
        case tuple():
            inner = [p for index, item in enumerate(value) for p in places(item, (*at, index))]
        case _:
            inner = []
    return [at, *inner]


def put(value: Json, at: Sequence[str | int], new: Json) -> Json:
    if not at:
        return new
    head, *rest = at
    if isinstance(value, Obj) and isinstance(head, str):
        return value.put(head, put(value[head], rest, new))
    assert isinstance(value, tuple) and isinstance(head, int)
    return (*value[:head], put(value[head], rest, new), *value[head + 1 :])


@st.composite
def spoiled(draw: st.DrawFn, value: Json) -> Json:
    """A message with something replaced, left out or too much, at a place or two, or at none."""
    for _ in range(draw(st.integers(0, 2))):
        whole = draw(st.booleans())
        meant = [at for at in places(value) if whole or isinstance(at_place(value, at), Obj)]
        at = draw(st.sampled_from(meant or [()]))
        found = at_place(value, at)
        changed = draw(odd) if whole or not isinstance(found, Obj) else _spoil(draw, found)
        value = put(value, at, changed)
    return value


def _spoil(draw: st.DrawFn, found: Obj) -> Obj:
    if found and draw(st.booleans()):
        return found.drop(draw(st.sampled_from(sorted(found))))
    near = next((names for names in MEMBERS if names & found.keys()), frozenset({"strange"}))
    return found.put(draw(st.sampled_from(sorted(near))), draw(odd))


@given(st.builds(WriteEntryResult, st.just(EntryId("e1")), outcomes), st.data())
def test_a_result_is_read_if_its_schema_allows_it(
    result: WriteEntryResult, data: st.DataObject
) -> None:
    """[verdict-read-wholly]"""
    raw = data.draw(spoiled(entry_result_to_json(result)))
    assert accepted(lambda: entry_result_from_json(raw)) == valid("entry-result", raw)


@given(st.data())
def test_an_answer_is_read_without_a_fault_if_its_schema_allows_it(data: st.DataObject) -> None:
    """[malformed-is-unknown] [malformed-spares-others] [fault-has-its-place]"""
    ops = write_ops("q", data.draw(batches(3)))
    raw = data.draw(spoiled(results_to_json(data.draw(heaps(ops)))))
    aligned = write_results(ops, raw)
    bad = [each for each in aligned.diagnostics if each.code is Code.MALFORMED]
    assert (not bad) == (not ops or valid("write-answer", raw))
    assert [r.entry_id for r in aligned.results] == [e.entry_id for op in ops for e in op.entries]
    stated = {dump(each) for each in _read_results(raw)}
    for result in aligned.results:
        if isinstance(result.outcome, Written):
            assert dump(entry_result_to_json(result)) in stated
    assert aligned.results == align(ops, read_writes(raw)[0]).results
    unreadable = {each.entry_id for each in bad}
    for result in aligned.results:
        assert result.entry_id not in unreadable or isinstance(result.outcome, Unknown)
    for each in bad:
        assert each.where is not None
        assert pointed(raw, each.where)


def _read_results(raw: Json) -> list[Json]:
    """Every result in an answer that can be read, as it is read."""
    found: list[Json] = []
    for at in places(raw):
        place = at_place(raw, at)
        with suppress(WireMalformed):
            found.append(entry_result_to_json(entry_result_from_json(place)))
    return found


def at_place(value: Json, at: Sequence[str | int]) -> Json:
    for name in at:
        if isinstance(value, Obj):
            value = value[str(name)]
        else:
            assert isinstance(value, tuple) and isinstance(name, int)
            value = value[name]
    return value


def pointed(value: Json, where: str) -> bool:
    """Whether a pointer leads to something."""
    return where in {pointer(tuple(map(str, at))) for at in places(value)}


@given(read_rows_of, errors, st.data())
def test_a_read_is_read_if_its_schema_allows_it(
    rows: tuple[ReadRow, ...], error: RemoteError, data: st.DataObject
) -> None:
    """[read-whole-or-failed]"""
    op = OpId("q.1")
    failing: RemoteOpResult = Failed(op, error)
    result = Done(op, Rows(rows)) if data.draw(st.booleans()) else failing
    raw = data.draw(spoiled(results_to_json([result])))
    failed = read_results("q", QuerySpec(NOTE), raw) == ReadFailed("wire-malformed")
    expected = not (valid("read-answer", raw) and _is_ours(raw, op))
    assert failed == expected


def _is_ours(raw: Json, op: str) -> bool:
    """What a schema cannot say: whose result it is, and that no entity stands there twice."""
    answer = at_place(raw, ("results", 0))
    assert isinstance(answer, Obj)
    rows = at_place(answer, ("data", "rows")) if answer["ok"] is True else ()
    assert isinstance(rows, tuple)
    names = [at_place(row, ("entityId",)) for row in rows]
    return answer["opId"] == op and len(set(names)) == len(names)


@given(requests, st.data())
def test_a_request_is_read_if_its_schema_allows_it(
    ops: tuple[RemoteOp, ...], data: st.DataObject
) -> None:
    """[request-strict]"""
    raw = data.draw(spoiled(ops_to_json(ops)))
    assert accepted(lambda: ops_from_json(raw)) == valid("request", raw)
