"""Transition classes of an exchange: what an added entry does, what an answer brings."""

from __future__ import annotations

from typing import Final

from optisync.contracts.entry import Unknown
from optisync.contracts.messages import Refused
from optisync.contracts.query import Rows
from optisync.contracts.remote import Failed, RemoteOpResult, WriteOp
from optisync.transport.alignment import Aligned
from optisync.transport.grouping import Outgoing, write_ops

CLASSES: Final = {
    "add:first": "the first operation",
    "add:joins": "an entry shares the operation before it",
    "add:joins-across-options-order": "options with their members in another order are the same",
    "add:begins-resource": "another resource begins an operation",
    "add:begins-options": "other options begin an operation",
    "add:entry-id-repeated": "an id stands twice",
    "answer:aligned": "each entry hears something",
    "answer:elsewhere": "a result stands in the answer of another operation",
    "answer:missing": "an entry has no result",
    "answer:refused": "an entry is rejected",
    "answer:later": "an entry is to come again later",
    "answer:failed-op": "an operation failed, which was sent",
    "answer:failed-stranger": "an operation failed, which was not sent",
    "answer:rows": "rows, where results of entries belong",
    "diag:op-unasked": "an operation that was not sent",
    "diag:result-unasked": "a result for an entry that was not sent",
    "diag:results-differ": "results that differ",
}


def classes(
    outgoing: tuple[Outgoing, ...],
    given: Outgoing | RemoteOpResult,
    out: Aligned | tuple[WriteOp, ...],
) -> list[str]:
    """The classes of one step that was not refused."""
    if isinstance(out, Aligned):
        assert not isinstance(given, Outgoing)
        return [*_answer(outgoing, given, out), *(f"diag:{d.code.value}" for d in out.diagnostics)]
    last = out[-1]
    if len(out) == 1 and len(last.entries) == 1:
        return ["add:first"]
    if len(last.entries) > 1:
        before = outgoing[-2].options
        reordered = tuple(before) != tuple(outgoing[-1].options)
        return ["add:joins", *(["add:joins-across-options-order"] if reordered else [])]
    resources = [op.resource for op in out]
    other = resources[-2] != resources[-1]
    return ["add:begins-resource" if other else "add:begins-options"]


def _answer(outgoing: tuple[Outgoing, ...], given: RemoteOpResult, out: Aligned) -> list[str]:
    found: list[str] = []
    told = [result.outcome for result in out.results]
    if told and not any(isinstance(outcome, Unknown) for outcome in told):
        found.append("answer:aligned")
    if Unknown() in told:
        found.append("answer:missing")
    if any(isinstance(outcome, Refused) for outcome in told):
        found.append("answer:refused")
    if any(isinstance(outcome, Unknown) and outcome.after is not None for outcome in told):
        found.append("answer:later")
    return found + _kind(outgoing, given)


def _kind(outgoing: tuple[Outgoing, ...], given: RemoteOpResult) -> list[str]:
    ops = write_ops("q", outgoing)
    own = next((op for op in ops if op.op_id == given.op_id), None)
    if isinstance(given, Failed):
        return ["answer:failed-stranger" if own is None else "answer:failed-op"]
    if isinstance(given.data, Rows):
        return ["answer:rows"]
    named = {result.entry_id for result in given.data.results}
    sent = {each.entry.entry_id for each in outgoing}
    entries = () if own is None else own.entries
    mine = {entry.entry_id for entry in entries}
    return ["answer:elsewhere"] if (named & sent) - mine else []
