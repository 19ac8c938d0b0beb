"""The ops driver against plain definitions, whatever is sent and whatever comes back."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st
from tests.properties.transport_values import batches, heaps, options

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    IdempotencyKey,
    Resource,
    Row,
    Unknown,
    WriteEntry,
    WriteEntryResult,
    Written,
)
from optisync.contracts.messages import Refused
from optisync.contracts.remote import Done, Failed, RemoteOpResult, WriteOp, WriteResultData
from optisync.transport.alignment import Aligned, Code, align
from optisync.transport.driver import Outgoing, write_ops
from optisync.transport.wire import entry_result_to_json
from optisync.values import Obj, dump
from optisync.view import Delete

Heap = tuple[RemoteOpResult, ...]
ROW = Entity(Resource("note"), EntityId("a"))


@st.composite
def exchanges(draw: st.DrawFn) -> tuple[tuple[WriteOp, ...], Heap]:
    ops = write_ops("q", draw(batches()))
    return ops, draw(heaps(ops))


ONE = Outgoing(WriteEntry(EntryId("e"), IdempotencyKey("k"), ROW, Delete()))
OPS = write_ops("q", [ONE])
TRUE_AND_ONE = tuple(WriteEntryResult(EntryId("e"), Written(row=Row(doc))) for doc in (True, 1))
NEARLY: tuple[tuple[WriteOp, ...], Heap] = (
    OPS,
    (Done(OPS[0].op_id, WriteResultData(TRUE_AND_ONE)),),
)
"""Two results that Python takes for equal."""


def told(results: Sequence[WriteEntryResult]) -> list[str]:
    """Results as they can be compared: true is not 1."""
    return [dump(entry_result_to_json(result)) for result in results]


def claims(ops: Sequence[WriteOp], heap: Heap) -> list[WriteEntryResult]:
    """Every result that an answer states, of whatever entry: the operations are unpacked."""
    found: list[WriteEntryResult] = []
    for answer in heap:
        match answer:
            case Done(_, WriteResultData(results)):
                found += results
            case Failed(op_id, error):
                outcome = Refused(error.code) if error.definite else Unknown(error.after)
                meant = (op for op in ops if op.op_id == op_id)
                found += (WriteEntryResult(e.entry_id, outcome) for o in meant for e in o.entries)
            case _:
                pass
    return found


def kind(op: WriteOp) -> tuple[str, str]:
    return op.resource, dump(op.options)


@given(batches())
def test_operations_one_after_the_other_are_the_entries(batch: tuple[Outgoing, ...]) -> None:
    """[grouping-keeps-order] [group-consecutive] [only-kind-divides] [nothing-no-op]"""
    ops = write_ops("q", batch)
    assert [entry for op in ops for entry in op.entries] == [out.entry for out in batch]
    for left, right in pairwise(ops):
        assert kind(left) != kind(right)
    sent = {entry.entry_id: op for op in ops for entry in op.entries}
    for out in batch:
        op = sent[out.entry.entry_id]
        assert kind(op) == (out.entry.entity.resource, dump(out.options))
    assert len({op.op_id for op in ops}) == len(ops)


@given(batches())
def test_the_order_of_keys_means_nothing(batch: tuple[Outgoing, ...]) -> None:
    """[options-compared-as-values]"""
    turned = [replace(o, options=Obj(list(o.options.items())[::-1])) for o in batch]
    assert write_ops("q", turned) == write_ops("q", batch)


@example(NEARLY)
@given(exchanges())
def test_each_entry_gets_the_one_result_that_is_stated(
    exchange: tuple[tuple[WriteOp, ...], Heap],
) -> None:
    """[alignment-total] [missing-unknown] [equal-results-one] [results-differ]

    [result-as-told] [indefinite-unknown] [definite-rejects]
    """
    ops, heap = exchange
    made = claims(ops, heap)
    expected: list[WriteEntryResult] = []
    for entry in (entry for op in ops for entry in op.entries):
        mine = {
            text for r, text in zip(made, told(made), strict=True) if r.entry_id == entry.entry_id
        }
        stated = [r.outcome for r, text in zip(made, told(made), strict=True) if text in mine]
        only = stated[0] if len(mine) == 1 else Unknown()
        expected.append(WriteEntryResult(entry.entry_id, only))
    assert told(align(ops, heap).results) == told(expected)


@given(exchanges())
def test_what_is_odd_is_told(exchange: tuple[tuple[WriteOp, ...], Heap]) -> None:
    """[result-unasked] [op-unasked] [results-differ]"""
    ops, heap = exchange
    made, known = claims(ops, heap), {entry.entry_id for op in ops for entry in op.entries}
    differing = [e for e in known if len(set(told([c for c in made if c.entry_id == e]))) > 1]
    expected: set[tuple[Code, EntryId | None]] = {(Code.DIFFER, entry) for entry in differing}
    expected |= {(Code.UNASKED, claim.entry_id) for claim in made if claim.entry_id not in known}
    if any(answer.op_id not in {op.op_id for op in ops} for answer in heap):
        expected.add((Code.OP_UNASKED, None))
    found = [(odd.code, odd.entry_id) for odd in align(ops, heap).diagnostics]
    assert set(found) == expected
    assert len(found) == len(expected)


@given(exchanges(), st.data())
def test_order_and_place_of_results_mean_nothing(
    exchange: tuple[tuple[WriteOp, ...], Heap], data: st.DataObject
) -> None:
    """[align-by-entry-id] [failed-op-speaks-for-its-entries]"""
    ops, heap = exchange
    moved = data.draw(st.permutations(_scattered(heap)))
    places = [op.op_id for op in ops]
    if places:  # results are put under any of ours; an error stays with its operation
        moved = [
            replace(each, op_id=data.draw(st.sampled_from(places)))
            if isinstance(each, Done)
            else each
            for each in moved
        ]
    assert told(align(ops, tuple(moved)).results) == told(align(ops, heap).results)


def _scattered(heap: Heap) -> Heap:
    """Each result in an answer of its own."""
    return tuple(
        part
        for answer in heap
        for part in (
            [Done(answer.op_id, WriteResultData((r,))) for r in answer.data.results]
            if isinstance(answer, Done) and isinstance(answer.data, WriteResultData)
            else [answer]
        )
    )


@given(exchanges(), st.data())
def test_what_is_repeated_changes_nothing(
    exchange: tuple[tuple[WriteOp, ...], Heap], data: st.DataObject
) -> None:
    """[equal-results-one]"""
    ops, heap = exchange
    again = data.draw(st.lists(st.sampled_from(heap), max_size=3)) if heap else []
    assert align(ops, (*heap, *again)) == align(ops, heap)


@given(exchanges(), st.data())
def test_what_is_lost_of_one_entry_is_lost_of_that_alone(
    exchange: tuple[tuple[WriteOp, ...], Heap], data: st.DataObject
) -> None:
    """[missing-unknown] [malformed-spares-others]"""
    ops, heap = exchange
    known = [entry.entry_id for op in ops for entry in op.entries]
    if not known:
        return
    lost = data.draw(st.sampled_from(known))
    less = tuple(_without(answer, lost) for answer in heap if isinstance(answer, Done))
    failed = tuple(answer for answer in heap if isinstance(answer, Failed))
    before, after = align(ops, heap), align(ops, (*less, *failed))
    assert told(_others(before, lost)) == told(_others(after, lost))
    if not failed:
        assert WriteEntryResult(lost, Unknown()) in after.results


def _others(aligned: Aligned, entry: EntryId) -> list[WriteEntryResult]:
    return [result for result in aligned.results if result.entry_id != entry]


def _without(answer: Done, entry: EntryId) -> Done:
    assert isinstance(answer.data, WriteResultData)
    left = tuple(result for result in answer.data.results if result.entry_id != entry)
    return replace(answer, data=WriteResultData(left))


@given(exchanges(), options)
def test_options_make_no_outcome(exchange: tuple[tuple[WriteOp, ...], Heap], other: Obj) -> None:
    """[options-steer-nothing]"""
    ops, heap = exchange
    asked = tuple(replace(op, options=other.put("returning", value=True)) for op in ops)
    assert align(asked, heap) == align(ops, heap)
