"""Results to entries: each entry gets exactly one, by its id alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias, assert_never

from optisync.contracts.entry import EntryId, Unknown, WriteEntryResult, Written
from optisync.contracts.messages import Refused
from optisync.contracts.remote import (
    Done,
    Failed,
    OpId,
    RemoteError,
    RemoteOpResult,
    WriteOp,
    WriteResultData,
)

Outcome: TypeAlias = Written | Refused | Unknown


class Code(Enum):
    """What a diagnostic says."""

    MALFORMED = "malformed"
    OP_UNASKED = "op-unasked"
    UNASKED = "result-unasked"
    DIFFER = "results-differ"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Something in an answer that should not be. `where`: a JSON Pointer into it."""

    code: Code
    entry_id: EntryId | None = None
    where: str | None = None


@dataclass(frozen=True, slots=True)
class Aligned:
    """One result for each entry, in the order of the entries, and what was odd."""

    results: tuple[WriteEntryResult, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


def align(ops: Sequence[WriteOp], answers: Iterable[RemoteOpResult]) -> Aligned:
    """What became of every entry of the operations. [alignment-total] [options-steer-nothing]

    The answers of all operations are one heap: which of them holds a result means nothing.
    """
    asked = {op.op_id: op for op in ops}
    claims: dict[EntryId, list[Outcome]] = {e.entry_id: [] for op in ops for e in op.entries}
    strangers: dict[Diagnostic, None] = {}
    for answer in answers:
        if answer.op_id not in asked:
            strangers[Diagnostic(Code.OP_UNASKED)] = None  # [op-unasked]
        for result in _said(asked, answer):
            if result.entry_id in claims:  # [align-by-entry-id]
                claims[result.entry_id].append(result.outcome)
            else:  # [result-unasked]
                strangers[Diagnostic(Code.UNASKED, result.entry_id)] = None
    results = tuple(WriteEntryResult(entry, _settled(made)) for entry, made in claims.items())
    differing = (entry for entry, made in claims.items() if not _agree(made))
    odd = (Diagnostic(Code.DIFFER, entry) for entry in differing)
    return Aligned(results, (*strangers, *odd))


def _said(asked: Mapping[OpId, WriteOp], answer: RemoteOpResult) -> tuple[WriteEntryResult, ...]:
    """What one answer says of entries."""
    match answer:
        case Done(_, WriteResultData(results)):
            return results
        case Done():
            return ()
        case Failed(op_id, error):  # [failed-op-speaks-for-its-entries]
            op = asked.get(op_id)
            entries = () if op is None else op.entries
            return tuple(WriteEntryResult(e.entry_id, outcome_of(error)) for e in entries)
        case _:
            assert_never(answer)


def outcome_of(error: RemoteError) -> Refused | Unknown:
    """What an error means for a write. [definite-rejects] [indefinite-unknown]"""
    return Refused(error.code) if error.definite else Unknown(error.after)


def _settled(made: Sequence[Outcome]) -> Outcome:
    # [missing-unknown] [equal-results-one] [results-differ]
    return made[0] if made and _agree(made) else Unknown()


def _agree(made: Sequence[Outcome]) -> bool:
    return all(made[0] == each for each in made[1:])
