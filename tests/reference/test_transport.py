"""The ops driver's own corners: refusals, answers that never came, what a fault says."""

import pytest

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    IdempotencyKey,
    Resource,
    Unknown,
    WriteEntry,
    WriteEntryResult,
)
from optisync.contracts.query import ChangesSpec, QuerySpec, ReadFailed
from optisync.contracts.remote import ChangesPullOp, OpId, QueryOp
from optisync.errors import OptisyncError
from optisync.transport.alignment import Aligned, Code, Diagnostic
from optisync.transport.answers import entry_result_from_json
from optisync.transport.driver import (
    NOTHING,
    Outgoing,
    read_op,
    read_results,
    write_ops,
    write_results,
)
from optisync.transport.errors import EntryIdRepeated, WireMalformed
from optisync.transport.requests import ops_from_json
from optisync.transport.wire import ops_to_json
from optisync.values import Json, Obj, parse
from optisync.view import Delete
from optisync_conformance.requirements import load

NOTE = Resource("note")


def outgoing(name: str, options: Obj | None = None) -> Outgoing:
    entity = Entity(NOTE, EntityId(name))
    entry = WriteEntry(EntryId(name), IdempotencyKey(f"k-{name}"), entity, Delete())
    return Outgoing(entry, Obj() if options is None else options)


def test_an_id_twice_is_refused_wherever_it_stands() -> None:
    """[entry-id-repeated] [transport-refusal-changes-nothing]"""
    for batch in ("aa", "aba", "abb"):
        with pytest.raises(EntryIdRepeated) as refused:
            write_ops("q", [outgoing(name, Obj({"n": i})) for i, name in enumerate(batch)])
        assert refused.value.entry_id == ("b" if batch == "abb" else "a")


def test_codes_are_those_of_the_text() -> None:
    """[transport-error-codes]"""
    raised: list[OptisyncError] = [EntryIdRepeated(EntryId("e")), WireMalformed("/x", "no")]
    text = load()["transport-error-codes"].reason
    assert all(f"`{error.code}`" in text for error in raised)
    assert str(raised[0]) == "the entry id 'e' stands twice in one exchange"
    assert str(raised[1]) == "malformed at /x: no"


def test_what_nobody_answered_is_unknown() -> None:
    """[no-answer-unknown]"""
    ops = write_ops("q", [outgoing("a"), outgoing("b", Obj({"returning": True}))])
    unknown = tuple(WriteEntryResult(EntryId(name), Unknown()) for name in "ab")
    assert write_results(ops, NOTHING) == Aligned(unknown)
    assert read_results("q", QuerySpec(NOTE), NOTHING) == ReadFailed("unreachable")


def test_null_is_an_answer() -> None:
    """[no-answer-unknown] [malformed-is-unknown] [read-whole-or-failed]"""
    ops = write_ops("q", [outgoing("a")])
    odd = Diagnostic(Code.MALFORMED, where="")
    assert write_results(ops, None) == Aligned((WriteEntryResult(EntryId("a"), Unknown()),), (odd,))
    assert read_results("q", QuerySpec(NOTE), None) == ReadFailed("wire-malformed")


def test_where_nothing_was_sent_nothing_is_read() -> None:
    """[nothing-no-op]"""
    for answer in (7, parse('{"results":[{"opId":"q","ok":true,"data":{"results":[]}}]}')):
        assert write_results((), answer) == Aligned(())


def test_operations_are_told_apart() -> None:
    ops = write_ops("q", [outgoing("a"), outgoing("b", Obj({"returning": True})), outgoing("c")])
    assert [op.op_id for op in ops] == ["q.1", "q.2", "q.3"]
    assert read_op("q", QuerySpec(NOTE)) == QueryOp(OpId("q.1"), QuerySpec(NOTE))
    assert read_op("q", ChangesSpec(NOTE)) == ChangesPullOp(OpId("q.1"), ChangesSpec(NOTE))


REQUEST = ops_to_json(write_ops("q", [outgoing("a")]))
PLACES = {
    '{"ops":7}': "/ops",
    '{"ops":[],"more":1}': "",
    '{"ops":[{"opId":"q"}]}': "/ops/0",
    '{"ops":[{"opId":"q","kind":"read"}]}': "/ops/0/kind",
    '{"ops":[{"opId":"q","kind":"query","query":{"resource":"note"},"write":{}}]}': "/ops/0",
    '{"ops":[{"opId":"q","kind":"query","query":{"resource":""}}]}': "/ops/0/query/resource",
    '{"ops":[{"opId":"q","kind":"changes.pull","pull":{"resource":"note","after":-1}}]}': (
        "/ops/0/pull/after"
    ),
    '{"ops":[{"opId":"q","kind":"write","write":{"resource":"note","entries":[{}]}}]}': (
        "/ops/0/write/entries/0"
    ),
}


@pytest.mark.parametrize("text", PLACES)
def test_a_request_is_refused_with_the_place(text: str) -> None:
    """[request-strict]"""
    with pytest.raises(WireMalformed) as refused:
        ops_from_json(parse(text))
    assert refused.value.where == PLACES[text]


ENTRY_PLACES: dict[str, tuple[str, Json]] = {
    "a member that nobody knows": ("", Obj({"merge": True})),
    "a value that a delete does not have": ("", Obj({"value": 1})),
    "an action that is none": ("/action", Obj({"action": "replace"})),
    "half a version": ("", Obj({"baseVersion": 1})),
    "a key that is none": ("/meta", Obj({"meta": Obj()})),
    "a member of meta that nobody knows": (
        "/meta",
        Obj({"meta": Obj({"idempotencyKey": "k", "more": 1})}),
    ),
    "a patch of no form": (
        "/patch/0/path",
        Obj({"action": "update", "patch": (Obj({"op": "remove", "path": "x"}),)}),
    ),
}


@pytest.mark.parametrize("name", ENTRY_PLACES)
def test_an_entry_is_refused_with_the_place(name: str) -> None:
    """[request-strict]"""
    where, more = ENTRY_PLACES[name]
    (op,) = _items(REQUEST["ops"])
    write = _object(_object(op)["write"])
    (entry,) = _items(write["entries"])
    spoiled = Obj({**_object(entry), **_object(more)})
    whole = _object(op).put("write", write.put("entries", (spoiled,)))
    with pytest.raises(WireMalformed) as refused:
        ops_from_json(Obj({"ops": (whole,)}))
    assert refused.value.where == f"/ops/0/write/entries/0{where}"


RESULT_PLACES = {
    '{"ok":true}': "",
    '{"entryId":"e"}': "",
    '{"entryId":"e","ok":1}': "/ok",
    '{"entryId":"e","ok":true,"error":{}}': "/error",
    '{"entryId":"e","ok":true,"serverSeq":"1"}': "/serverSeq",
    '{"entryId":"e","ok":true,"ids":{"t~/1":""}}': "/ids/t~0~11",
    '{"entryId":"e","ok":true,"row":{"absent":false}}': "/row",
    '{"entryId":"e","ok":false}': "",
    '{"entryId":"e","ok":false,"error":{"code":"no"}}': "/error",
    '{"entryId":"e","ok":false,"error":{"code":"no","definite":0}}': "/error/definite",
    '{"entryId":"e","ok":false,"error":{"code":"no","definite":true,"retryAfterMs":1}}': (
        "/error/retryAfterMs"
    ),
    '{"entryId":"e","ok":false,"error":{"code":"no","definite":true},"version":1}': "/version",
}


@pytest.mark.parametrize("text", RESULT_PLACES)
def test_a_result_is_refused_with_the_place(text: str) -> None:
    """[fault-has-its-place] [verdict-read-wholly]"""
    with pytest.raises(WireMalformed) as refused:
        entry_result_from_json(parse(text))
    assert refused.value.where == RESULT_PLACES[text]


def _object(value: Json) -> Obj:
    assert isinstance(value, Obj)
    return value


def _items(value: Json) -> tuple[Json, ...]:
    assert isinstance(value, tuple)
    return value
