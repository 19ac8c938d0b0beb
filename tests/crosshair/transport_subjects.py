"""What CrossHair confirms of the ops driver: bounded statements about its own code, on integers.

Versions, times and options are unbounded; how many entries and results there are is bounded. Each
subject is listed in `transport_confirmed.py`; see `subjects.py` for the form.
"""

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    IdempotencyKey,
    Millis,
    Resource,
    Stamp,
    Unknown,
    WriteEntry,
    WriteEntryResult,
    Written,
)
from optisync.contracts.messages import Refused
from optisync.contracts.remote import Done, Failed, OpId, RemoteError, WriteResultData
from optisync.transport.alignment import Code, align
from optisync.transport.errors import WireMalformed
from optisync.transport.grouping import Outgoing, write_ops
from optisync.transport.reading import count
from optisync.values import Epoch, Obj, Version
from optisync.view import Create, Delete

ENTRIES = (EntryId("x"), EntryId("y"), EntryId("stranger"))
NOTES = Entity(Resource("note"), EntityId("a"))
TAGS = Entity(Resource("tag"), EntityId("a"))
UNKNOWN, REFUSED = -1, -2


def outgoing(number: int, tag: bool, asked: int, base: int) -> Outgoing:
    """An entry of one resource or the other; what it asks; what it was made on."""
    change = Delete() if base > 3 else Create(1)
    seen = Stamp(Epoch(1), Version(base))
    name = ENTRIES[number]
    entry = WriteEntry(name, IdempotencyKey(name), TAGS if tag else NOTES, change, seen)
    return Outgoing(entry, Obj({"asked": asked}))


OPS = write_ops("q", [outgoing(0, False, 0, 0), outgoing(1, True, 0, 0)])
"""Two operations of one entry each."""
TOGETHER = write_ops("q", [outgoing(0, False, 0, 0), outgoing(1, False, 0, 0)])
"""One operation of both."""


def result(which: int, version: int) -> WriteEntryResult:
    return WriteEntryResult(ENTRIES[which], Written(Version(version)))


def told(results: tuple[WriteEntryResult, ...], entry: int) -> int:
    """The version of an accepted entry; or what else became of it."""
    outcome = results[entry].outcome
    assert results[entry].entry_id == ENTRIES[entry]
    if isinstance(outcome, Written):
        assert outcome.version is not None
        return outcome.version
    return REFUSED if isinstance(outcome, Refused) else UNKNOWN


def groups_of_three(second: bool, third: bool, asks: int, asks_too: int, base: int) -> list[int]:
    """A new operation begins where the kind changes, and nowhere else.

    [group-consecutive] [only-kind-divides] [options-compared-as-values]

    post: len(__return__) == 1 + (second or asks != 0) + (second != third or asks != asks_too)
    post: sum(__return__) == 3
    """
    given = [
        outgoing(0, False, 0, 0),
        outgoing(1, second, asks, base),
        outgoing(2, third, asks_too, base),
    ]
    return [len(op.entries) for op in write_ops("q", given)]


def order_is_kept(second: bool, third: bool, asks: int, base: int) -> bool:
    """[grouping-keeps-order]

    post: __return__
    """
    given = [
        outgoing(0, False, 0, base),
        outgoing(1, second, asks, base),
        outgoing(2, third, 0, 0),
    ]
    sent = [entry.entry_id for op in write_ops("q", given) for entry in op.entries]
    return sent == list(ENTRIES)


def one_result_by_its_id(which: int, version: int, place: int) -> tuple[int, int]:
    """It counts for the entry it names, in whatever answer; the other is unknown.

    [align-by-entry-id] [missing-unknown] [result-unasked]

    pre: 0 <= which <= 2 and 0 <= place <= 2 and 0 <= version
    post: __return__[0] == (version if which == 0 else -1)
    post: __return__[1] == (version if which == 1 else -1)
    """
    op = OpId("other") if place == 2 else OPS[place].op_id
    answer = Done(op, WriteResultData((result(which, version),)))
    found = align(OPS, (answer,)).results
    assert len(found) == 2
    return told(found, 0), told(found, 1)


def two_results(first: int, version: int, second: int, other: int) -> int:
    """Equal ones are one, different ones none, and each entry has its own.

    [alignment-total] [equal-results-one] [results-differ]

    pre: 0 <= first <= 2 and 0 <= second <= 2 and 0 <= version and 0 <= other
    post: implies(first != 0 and second != 0, __return__ == -1)
    post: implies(first == 0 and second != 0, __return__ == version)
    post: implies(first != 0 and second == 0, __return__ == other)
    post: implies(first == second == 0, __return__ == (version if version == other else -1))
    """
    data = WriteResultData((result(first, version), result(second, other)))
    aligned = align(TOGETHER, (Done(TOGETHER[0].op_id, data),))
    return told(aligned.results, 0)


def what_differs_is_told(version: int, other: int) -> int:
    """[results-differ]

    pre: 0 <= version and 0 <= other
    post: __return__ == (version != other)
    """
    data = WriteResultData((result(0, version), result(0, other)))
    odd = align(TOGETHER, (Done(TOGETHER[0].op_id, data),)).diagnostics
    return sum(each.code is Code.DIFFER and each.entry_id == ENTRIES[0] for each in odd)


def a_failure_is_its_operations(failed: int, definite: bool, first: bool, version: int) -> int:
    """Whatever its place in the answer. [failed-op-speaks-for-its-entries] [op-unasked]

    pre: 0 <= failed <= 2 and 0 <= version
    post: implies(failed == 0, __return__ == (-2 if definite else -1))
    post: implies(failed == 1, __return__ == version)
    post: implies(failed == 2, __return__ == version)
    """
    op = OpId("other") if failed == 2 else OPS[failed].op_id
    failure = Failed(op, RemoteError("no", definite))
    done = Done(OPS[1 - min(failed, 1)].op_id, WriteResultData((result(0, version),)))
    heap = (failure,) if failed == 0 else (failure, done) if first else (done, failure)
    return told(align(OPS, heap).results, 0)


def an_error_says_what_it_means(definite: bool, after: int) -> int:
    """[definite-rejects] [indefinite-unknown]

    pre: 0 <= after
    post: __return__ == (-2 if definite else after)
    """
    error = RemoteError("no", definite, None if definite else Millis(after))
    outcome = align(OPS, (Failed(OPS[0].op_id, error),)).results[0].outcome
    if isinstance(outcome, Unknown):
        assert outcome.after is not None
        return outcome.after
    return REFUSED if isinstance(outcome, Refused) else UNKNOWN


def numbers_are_from_0_on(number: int) -> bool:
    """[verdict-read-wholly]

    post: __return__ == (number >= 0)
    """
    try:
        return count(number, "") == number
    except WireMalformed:
        return False


def planted_grouping(second: bool, asks: int) -> int:
    """Wrong: options divide as well.

    post: __return__ == 1 + second
    """
    return len(write_ops("q", [outgoing(0, False, 0, 0), outgoing(1, second, asks, 0)]))


def planted_last_wins(version: int, other: int) -> int:
    """Wrong: of two results the last is believed.

    pre: 0 <= version and 0 <= other
    post: __return__ == other
    """
    data = WriteResultData((result(0, version), result(0, other)))
    return told(align(TOGETHER, (Done(TOGETHER[0].op_id, data),)).results, 0)


def planted_neighbour(which: int, version: int) -> int:
    """Wrong: the only result of an operation is that of its first entry.

    pre: 0 <= which <= 1 and 0 <= version
    post: __return__ == version
    """
    data = WriteResultData((result(which, version),))
    return told(align(TOGETHER, (Done(TOGETHER[0].op_id, data),)).results, 0)
