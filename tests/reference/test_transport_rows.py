"""The backend of rows, rule by rule."""

from collections.abc import Sequence

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    IdempotencyKey,
    Resource,
    Row,
    Stamp,
    WriteEntry,
    WriteEntryResult,
    Written,
)
from optisync.contracts.messages import Refused
from optisync.contracts.query import ChangesSpec, QuerySpec, ReadRow, Rows
from optisync.contracts.remote import (
    ChangesPullOp,
    Done,
    OpId,
    QueryOp,
    RemoteOp,
    WriteOp,
    WriteResultData,
)
from optisync.patch import Replace
from optisync.server.rows import Backend, step
from optisync.values import Epoch, Json, Obj, ServerSeq, Version
from optisync.view import ABSENT, Change, Create, Delete, Update, Upsert

NOTE, TAG = Resource("note"), Resource("tag")
A, B, C = (Entity(NOTE, EntityId(name)) for name in "abc")
OP = OpId("q.1")
RETURNING = Obj({"returning": True})


def entry(
    name: str,
    entity: Entity,
    change: Change,
    base: int | None = None,
    *,
    epoch: int = 1,
    temporary: bool = False,
) -> WriteEntry:
    seen = None if base is None else Stamp(Epoch(epoch), Version(base))
    return WriteEntry(EntryId(name), IdempotencyKey(name), entity, change, seen, temporary)


def x(value: Json) -> Obj:
    return Obj({"x": value})


def put(value: Json) -> Update:
    return Update((Replace(("x",), value),))


def write(
    backend: Backend, *entries: WriteEntry, options: Obj | None = None
) -> tuple[Backend, tuple[WriteEntryResult, ...]]:
    """The state afterwards and the results, from one operation."""
    op = WriteOp(OP, NOTE, entries, Obj() if options is None else options)
    done = step(backend, (op,))
    (result,) = done.effects
    assert isinstance(result, Done) and isinstance(result.data, WriteResultData)
    assert [each.entry_id for each in result.data.results] == [e.entry_id for e in entries]
    return done.state, result.data.results


def verdicts(results: Sequence[WriteEntryResult]) -> list[object]:
    return [r.outcome.code if isinstance(r.outcome, Refused) else "ok" for r in results]


def read(backend: Backend, op: RemoteOp) -> Rows:
    done = step(backend, (op,))
    assert done.state is backend
    (result,) = done.effects
    assert isinstance(result, Done) and isinstance(result.data, Rows)
    return result.data


def query(backend: Backend, spec: QuerySpec) -> list[tuple[str, object]]:
    return [(row.entity.id, row.row.doc) for row in read(backend, QueryOp(OP, spec)).rows]


def filled() -> Backend:
    """a is x:=1 in version 1, b x:=2 in version 2."""
    return write(Backend(), entry("1", A, Create(x(1))), entry("2", B, Create(x(2))))[0]


def test_a_write_that_comes_again_gets_its_outcome_and_no_second_effect() -> None:
    """[rows-decided-once]"""
    first = entry("1", A, Create(x(1)))
    no = entry("2", B, put(1))
    once, results = write(Backend(), first, no, options=RETURNING)
    changed, _ = write(once, entry("3", A, Delete(), 1), entry("4", B, Create(x(2))))
    again, repeated = write(changed, first, no, options=RETURNING)
    assert (repeated, again) == (results, changed)
    assert verdicts(repeated) == ["ok", "change-inapplicable"]


def test_a_key_stands_for_one_write() -> None:
    """[rows-decided-once]"""
    backend = filled()
    other = WriteEntry(EntryId("9"), IdempotencyKey("1"), A, put(7))
    after, results = write(backend, other, entry("3", B, put(3)))
    assert verdicts(results) == ["key-reused", "ok"]
    assert query(after, QuerySpec(NOTE)) == [("a", x(1)), ("b", x(3))]


def test_a_write_on_another_version_is_refused() -> None:
    """[rows-compare-and-set]"""
    stale = entry("3", A, put(3), 2)
    other_epoch = entry("4", A, put(4), 1, epoch=2)
    right, second = entry("5", A, put(5), 1), entry("6", A, put(6), 1)
    unseen = entry("7", C, Create(x(7)), 0)
    after, results = write(filled(), stale, other_epoch, right, second, unseen)
    assert verdicts(results) == ["conflict", "conflict", "ok", "conflict", "ok"]
    assert query(after, QuerySpec(NOTE)) == [("a", x(5)), ("b", x(2)), ("c", x(7))]


def test_a_write_that_says_no_version_is_not_compared() -> None:
    """[rows-compare-and-set]"""
    _, results = write(filled(), entry("3", A, put(3)), entry("4", B, Delete()))
    assert verdicts(results) == ["ok", "ok"]


def test_versions_go_on_after_a_delete() -> None:
    """[rows-versions-never-reused]"""
    late = entry("5", A, put(5), 1)
    after, results = write(filled(), entry("3", A, Delete(), 1), entry("4", A, Create(x(4))), late)
    versions = [r.outcome.version for r in results if isinstance(r.outcome, Written)]
    assert versions == [3, 4]
    assert verdicts(results)[2] == "conflict"
    assert query(after, QuerySpec(NOTE)) == [("a", x(4)), ("b", x(2))]


def test_a_refused_entry_stops_no_other() -> None:
    """[rows-each-alone]"""
    after, results = write(
        filled(), entry("3", A, Create(x(3))), entry("4", B, put(4)), entry("5", C, Delete())
    )
    assert verdicts(results) == ["change-inapplicable", "ok", "change-inapplicable"]
    assert query(after, QuerySpec(NOTE)) == [("a", x(1)), ("b", x(4))]
    assert after.newest == 3


def test_entries_are_executed_in_their_order() -> None:
    """[rows-each-alone]"""
    after, results = write(
        filled(), entry("3", A, Delete()), entry("4", A, Create(x(4))), entry("5", A, put(5))
    )
    assert verdicts(results) == ["ok", "ok", "ok"]
    assert query(after, QuerySpec(NOTE))[0] == ("a", x(5))


def test_a_created_row_gets_an_id_that_no_row_had() -> None:
    """[rows-name-created]"""
    taken = Entity(NOTE, EntityId("s4"))
    temporary = Entity(NOTE, EntityId("t1"))
    backend, _ = write(filled(), entry("3", taken, Create(x(3))))
    child = entry("5", C, Create(Obj({"of": "t1"})))
    made = entry("4", temporary, Create(x(4)), temporary=True)
    after, results = write(backend, made, child)
    outcome = results[0].outcome
    assert isinstance(outcome, Written)
    ((old, new),) = outcome.ids
    assert old == "t1" and new not in ("t1", "s4")
    rows = dict(query(after, QuerySpec(NOTE)))
    assert rows[new] == x(4) and "t1" not in rows
    assert rows["c"] == Obj({"of": "t1"})
    assert write(after, made)[1] == results[:1]


def test_a_row_that_exists_is_upserted_under_its_own_id() -> None:
    """[rows-name-created]"""
    _, results = write(filled(), entry("3", A, Upsert(x(3))), entry("4", C, Upsert(x(4))))
    assert [r.outcome.ids for r in results if isinstance(r.outcome, Written)] == [(), ()]


def test_rows_are_returned_to_who_asks() -> None:
    """[rows-returning]"""
    delete, update, no = entry("3", A, Delete()), entry("4", B, put(4)), entry("5", C, put(1))
    _, results = write(filled(), delete, update, no, options=RETURNING)
    assert [r.outcome for r in results] == [
        Written(Version(3), row=Row(ABSENT)),
        Written(Version(4), row=Row(x(4))),
        Refused("change-inapplicable"),
    ]
    for options in (Obj(), Obj({"returning": False}), Obj({"returning": 1})):
        _, bare = write(filled(), delete, update, options=options)
        assert [r.outcome for r in bare] == [Written(Version(3)), Written(Version(4))]


def test_a_query_finds_rows_by_their_members() -> None:
    rows = (x(1), x(True), Obj({"x": 1, "y": 2}), 1, None)
    entries = [
        entry(f"{n}", Entity(NOTE, EntityId(f"r{n}")), Create(doc)) for n, doc in enumerate(rows)
    ]
    backend, _ = write(Backend(), *reversed(entries))
    backend, _ = write(backend, entry("9", Entity(TAG, EntityId("a")), Create(x(1))))
    assert query(backend, QuerySpec(NOTE)) == [(f"r{n}", doc) for n, doc in enumerate(rows)]
    assert query(backend, QuerySpec(NOTE, x(1))) == [("r0", x(1)), ("r2", Obj({"x": 1, "y": 2}))]
    assert query(backend, QuerySpec(NOTE, limit=2)) == [("r0", x(1)), ("r1", x(True))]
    assert query(backend, QuerySpec(TAG)) == [("a", x(1))]
    assert query(
        write(backend, entry("8", entries[0].entity, Delete()))[0], QuerySpec(NOTE, x(1))
    ) == [("r2", Obj({"x": 1, "y": 2}))]


def test_a_pull_gives_what_changed_and_where_to_go_on() -> None:
    """[rows-changed-after]"""
    backend, _ = write(filled(), entry("3", A, Delete()), entry("4", C, Create(x(4))))
    deleted, b, c = (
        ReadRow(A, Version(3), Row(ABSENT)),
        ReadRow(B, Version(2), Row(x(2))),
        ReadRow(C, Version(4), Row(x(4))),
    )

    def pull(after: int, limit: int | None = None, resource: Resource = NOTE) -> Rows:
        return read(backend, ChangesPullOp(OP, ChangesSpec(resource, ServerSeq(after), limit)))

    assert pull(0) == Rows((b, deleted, c), ServerSeq(4))
    assert pull(2) == Rows((deleted, c), ServerSeq(4))
    assert pull(0, 2) == Rows((b, deleted), ServerSeq(3))
    assert pull(3, 2) == Rows((c,), ServerSeq(4))
    assert pull(4) == Rows((), ServerSeq(4))
    assert pull(1, 0) == Rows((), ServerSeq(1))
    assert pull(0, resource=TAG) == Rows((), ServerSeq(4))


def test_operations_of_a_request_follow_one_another() -> None:
    op = WriteOp(OP, NOTE, (entry("1", A, Create(x(1))),))
    done = step(Backend(), (QueryOp(OP, QuerySpec(NOTE)), op, QueryOp(OP, QuerySpec(NOTE))))
    before, _, after = (r.data for r in done.effects if isinstance(r, Done))
    assert (before, after) == (
        Rows((), ServerSeq(0)),
        Rows((ReadRow(A, Version(1), Row(x(1))),), ServerSeq(1)),
    )
