"""The scopes of the pipeline: which inputs, which configuration.

Every alphabet is hostile: beside the orderly run it holds answers that come late, twice, in part or
about nobody, contradictory verdicts, dead and future epochs, labels of other clients, and calls
that are refused, as far as they say something new in that scope. Sizes: ``models/README.md``.
"""

from __future__ import annotations

from optisync.contracts.entry import Millis, atom_of
from optisync.pipeline.inputs import Abandon, Begin, Cancel, Tick
from optisync.pipeline.state import start
from optisync.values import Obj

from .pipeline_inputs import (
    DOUBT,
    DRAIN,
    REFUSED,
    UNKNOWN,
    a,
    accepted,
    answered,
    b,
    changes,
    create,
    decided,
    delta,
    doc,
    failed,
    fetched,
    gone,
    hydrate,
    label_of,
    made,
    patches,
    put,
    read,
    redo,
    result,
    row,
    silent,
    snapshot,
    stored,
    undo,
    update,
    upsert,
    wait,
    write,
    written,
)
from .pipeline_scopes import Scope, scope_of


def scopes() -> tuple[Scope, ...]:
    """All scopes."""
    return (*large_scopes(), *small_scopes())


def large_scopes() -> tuple[Scope, ...]:
    """Scopes of 5,000 to 15,000 states."""
    return (_history(), _names(), _anew())


def small_scopes() -> tuple[Scope, ...]:
    """Scopes that add what the large ones do not show."""
    return (_segments(), _tickets(), _stream(), _rows(), _refusals())


def _segments() -> Scope:
    return scope_of(
        "segments",
        "keys, kinds, repeated entities; answers in any order, partial, missing, doubled, unasked",
        (
            write(1, "r/a", upsert("1"), label="first"),
            write(2, "r/b", upsert("2"), label="second"),
            write(3, "r/a", update(a(3))),
            write(4, "q/a", create("4"), key="k", scope="other", origin="plugin"),
            patches((5, 6), "r", put("b", a(5)), made("c", "6")),
            DRAIN,
            answered(1, result("me/2", REFUSED), result("me/1", written(1)), result("x", UNKNOWN)),
            answered(1, result("me/1", written(value="7")), result("me/1", REFUSED)),
            failed(1),
            silent(1),
            stored(4, "me/4", "me/9"),
            failed(3),
            answered(5, result("me/6", REFUSED), result("me/5", UNKNOWN)),
            answered(3, result("me/3", written(4)), result("me/3", written(4))),
            decided("me/2", written(2)),
            decided("me/3", REFUSED),
        ),
    )


def _tickets() -> Scope:
    return scope_of(
        "tickets",
        "awaits before, during and after; time-outs; cancel, abandon; one verdict remembered",
        (
            Begin(),
            write(1, "r/a", upsert("1"), ticket=1),
            write(2, "r/b", upsert("2")),
            DRAIN,
            wait(1, 1, optimistic=True),
            wait(2, 1, timeout=1, ok=True),
            wait(3, 2, timeout=2),
            stored(1, "me/1"),
            stored(1, "me/1", "me/2"),
            stored(2, "me/2"),
            silent(1),
            silent(2),
            decided("me/1", written(at=1)),
            decided("me/2", REFUSED),
            decided("me/1", DOUBT),
            Cancel(1),
            Cancel(2),
            Abandon(1),
            Tick(Millis(1)),
            Tick(Millis(2)),
        ),
        tickets=2,
        waits=2,
        remembered=1,
    )


def _history() -> Scope:
    docs = Obj({str(atom_of(row("r/a"))): doc("9")})
    return scope_of(
        "history",
        "undo and redo of pending, confirmed and refused writes; what an undo waits for",
        (
            write(1, "r/a", update(a(1))),
            patches((2, 3), "r", put("a", b("x")), made("c", "4")),
            undo(4, 5),
            undo(6),
            redo(7),
            redo(8, 9),
            DRAIN,
            answered(1, result("me/1", written(1))),
            failed(1),
            answered(2, result("me/2", written(2)), result("me/3", REFUSED)),
            silent(2),
            delta(1, changes(a=upsert("7")), label_of(2)),
            Cancel(1),
            Cancel(3),
        ),
        history=2,
        initial=start(docs),
    )


def _stream() -> Scope:
    return scope_of(
        "stream",
        "verdicts and deltas of a stream, two epochs, snapshots with outcomes and without memory",
        (
            write(1, "r/a", upsert("1")),
            write(2, "r/a", update(a(2))),
            DRAIN,
            answered(1, result("me/1", written(1, at=1)), epoch=1),
            answered(1, result("me/1", written(1, at=1)), epoch=2),
            silent(1),
            stored(2, "me/2"),
            decided("me/1", REFUSED),
            decided("me/2", written(2, at=3)),
            decided("me/2", DOUBT, epoch=0),
            delta(1, changes(a=upsert("1")), label_of(1, 1), label_of(2, client="you")),
            delta(2, changes(a=update(a(5)))),
            delta(3, changes(a=update(a(2))), label_of(2)),
            delta(1, (), epoch=2),
            snapshot(2, {"a": "5"}, (1, accepted(1, 1)), (2, REFUSED), versions={"a": 2}),
            snapshot(1, {"a": "8"}, (2, accepted(2, 2)), epoch=2),
            snapshot(0, {}, epoch=2, known=False),
            Abandon(1),
        ),
    )


def _names() -> Scope:
    return scope_of(
        "names",
        "creates under temporary ids, what mentions them, and what becomes of it",
        (
            write(1, "r/t1", create("1"), temporary=True),
            write(2, "r/b", create("2:t1")),
            write(3, "r/t1", update(b("t1"))),
            write(4, "r/t1", upsert("5"), temporary=True),
            DRAIN,
            answered(1, result("me/1", written(1, t1="r1"))),
            answered(1, result("me/1", written(1, at=1))),
            silent(1),
            failed(1),
            answered(2, result("me/2", written(2)), result("me/3", written(2))),
            stored(3, "me/3"),
            delta(1, changes(r1=upsert("1")), label_of(1, 1, t1="r1")),
            decided("me/1", DOUBT),
            decided("me/1", written(2, t1="r1", value="9")),
            fetched(read("r/t1", "8", 3)),
        ),
    )


def _rows() -> Scope:
    return scope_of(
        "rows",
        "a backend of rows: rows and versions of answers and reads, deletions, a cache, a doubt",
        (
            write(1, "r/a", upsert("1")),
            write(2, "r/a", update(a(2))),
            DRAIN,
            answered(1, result("me/1", written(2, value="1"))),
            answered(1, result("me/1", written(2))),
            answered(1, result("me/1", written(value=""))),
            answered(2, result("me/2", written(3))),
            answered(2, result("me/2", written(1, value="6"))),
            answered(2, result("me/2", written())),
            silent(2),
            decided("me/1", DOUBT),
            fetched(read("r/a", "4", 2)),
            fetched(read("r/a", "", 3)),
            fetched(read("r/a", "5")),
            hydrate(read("r/a", "9", 1), read("r/b", "9")),
            snapshot(0, {"b": "7"}),
            delta(1, changes(b=create("8"))),
        ),
    )


def _anew() -> Scope:
    return scope_of(
        "anew",
        "two names of one row in a segment; another id in another epoch; children of a queue",
        (
            write(1, "r/t1", create("1"), temporary=True),
            write(2, "r/t1", update(a(2))),
            write(3, "r/r1", update(a(3))),
            write(4, "r/b", update(b("t1"))),
            DRAIN,
            stored(1, "me/1"),
            silent(1),
            decided("me/1", written(1, at=1, t1="r1"), epoch=1),
            decided("me/1", written(1, at=1, t1="r2"), epoch=2),
            decided("me/2", written(2, at=2)),
            snapshot(0, {}, epoch=2),
            Abandon(1),
        ),
    )


def _refusals() -> Scope:
    return scope_of(
        "refusals",
        "room for 3 writes and 1 unit; what dispatch and undo refuse",
        (
            Begin(),
            write(1, "r/a", upsert("1"), ticket=1),
            write(2, "r/a", update(a(2)), optimistic=False),
            write(3, "r/b", upsert("3"), ticket=1),
            write(4, "r/", create("4")),
            write(5, "r/c", update()),
            patches((5,), "r", made("c", "4"), gone("c")),
            patches((5, 6), "r", gone("a"), made("a", "5"), made("c", "6"), put("c", a(7))),
            undo(7),
            redo(8),
            write(9, "r/b", update(a(9)), action="new"),
            DRAIN,
            answered(1, result("me/1", written(1))),
            answered(7, result("me/7", written(2))),
            failed(1),
        ),
        tickets=4,
        capacity=3,
        history=1,
    )
