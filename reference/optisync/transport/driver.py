"""The driver: entries and reads out, results and rows back. Nothing else converts them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final, TypeAlias

from optisync.contracts.query import ChangesSpec, QuerySpec, ReadFailed, Rows
from optisync.contracts.remote import ChangesPullOp, OpId, QueryOp, RemoteOp, WriteOp
from optisync.transport.alignment import Aligned, Code, Diagnostic, align
from optisync.transport.answers import read_rows, read_writes
from optisync.transport.grouping import Outgoing as Outgoing
from optisync.transport.grouping import write_ops as write_ops
from optisync.transport.wire import ops_to_json as ops_to_json
from optisync.values import Json


class _Silence(Enum):
    NOTHING = "nothing"


NOTHING: Final = _Silence.NOTHING
"""Nothing came back; `null` is something, of no form."""
Answer: TypeAlias = Json | _Silence


def write_results(ops: Sequence[WriteOp], answer: Answer) -> Aligned:
    """What became of the entries of an exchange. `answer`: what came back."""
    if answer is NOTHING or not ops:  # [no-answer-unknown] [nothing-no-op]
        return align(ops, ())
    read, faults = read_writes(answer)
    aligned = align(ops, read)
    told = (Diagnostic(Code.MALFORMED, fault.entry_id, fault.where) for fault in faults)
    return Aligned(aligned.results, (*told, *aligned.diagnostics))


def read_op(request: str, spec: QuerySpec | ChangesSpec) -> RemoteOp:
    """The operation of a read, which goes alone. [read-alone]"""
    op_id = OpId(f"{request}.1")
    return QueryOp(op_id, spec) if isinstance(spec, QuerySpec) else ChangesPullOp(op_id, spec)


def read_results(request: str, spec: QuerySpec | ChangesSpec, answer: Answer) -> Rows | ReadFailed:
    """The rows of a read, or why there are none. [read-error-kept]"""
    if answer is NOTHING:
        return ReadFailed("unreachable")
    return read_rows(OpId(f"{request}.1"), spec.resource, answer)
