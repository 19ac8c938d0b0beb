"""The driver: entries and reads out, results and rows back. Nothing else converts them."""

from __future__ import annotations

from collections.abc import Sequence

from optisync.contracts.query import ChangesSpec, QuerySpec, ReadFailed, Rows
from optisync.contracts.remote import ChangesPullOp, OpId, QueryOp, RemoteOp, WriteOp
from optisync.transport.alignment import Aligned, Code, Diagnostic, align
from optisync.transport.answers import read_rows, read_writes
from optisync.transport.grouping import Outgoing as Outgoing
from optisync.transport.grouping import write_ops as write_ops
from optisync.transport.wire import ops_to_json as ops_to_json
from optisync.values import Json


def write_results(ops: Sequence[WriteOp], answer: Json) -> Aligned:
    """What became of the entries of an exchange. `answer`: what came back; null if nothing did."""
    if answer is None:
        return align(ops, ())  # [no-answer-unknown]
    read, faults = read_writes(answer)
    aligned = align(ops, read)
    told = (Diagnostic(Code.MALFORMED, fault.entry_id, fault.where) for fault in faults)
    return Aligned(aligned.results, (*told, *aligned.diagnostics))


def read_op(request: str, spec: QuerySpec | ChangesSpec) -> RemoteOp:
    """The operation of a read, which goes alone. [read-alone]"""
    op_id = OpId(f"{request}.1")
    return QueryOp(op_id, spec) if isinstance(spec, QuerySpec) else ChangesPullOp(op_id, spec)


def read_results(request: str, spec: QuerySpec | ChangesSpec, answer: Json) -> Rows | ReadFailed:
    """The rows of a read, or why there are none; null: nothing came back. [read-error-kept]"""
    if answer is None:
        return ReadFailed("unreachable")
    return read_rows(OpId(f"{request}.1"), spec.resource, answer)
