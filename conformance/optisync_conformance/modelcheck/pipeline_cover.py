"""The scopes behind the `cover` pack of the pipeline: every transition of some small worlds.

Each has some hundred states. An event is given the numbers that come next, whichever the alphabet
names, so `me/1` is the first write of a run; `tickets` bounds how many events there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

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


@cache
def cover_scopes() -> tuple[Scope, ...]:
    """The scopes."""
    return (*_batching(), *_settling(), *_documents(), *_promises(), *_taking_back())


def _batching() -> Iterable[Scope]:
    yield scope_of(
        "keys",
        "events of two scopes and a persist key, that may or may not share a segment",
        (
            write(1, "r/a", upsert("1"), label="first"),
            write(1, "r/b", create("2")),
            write(1, "r/b", upsert("3"), scope="other"),
            write(1, "q/a", upsert("4"), key="k"),
            DRAIN,
        ),
        tickets=3,
    )
    yield scope_of(
        "patches",
        "patches events beside writes, cancelled as a whole or not at all",
        (
            patches((1, 2), "r", put("a", a(5)), made("c", "6")),
            patches((1,), "r", gone("a"), made("a", "7")),
            patches((1,), "r", made("c", "1"), gone("c")),
            write(1, "r/a", update(a(2))),
            DRAIN,
            answered(1, result("me/1", REFUSED), result("me/2", written(1))),
            stored(1, "me/2"),
            answered(2, result("me/3", written(2))),
            Cancel(1),
            Cancel(2),
            Abandon(1),
        ),
        tickets=2,
    )
    yield scope_of(
        "room",
        "a pipeline of two writes, some of them not shown",
        (
            write(1, "r/a", upsert("1"), optimistic=False),
            write(1, "r/b", update(a(2))),
            write(1, "r/a", update()),
            patches((1, 2), "r", made("a", "5"), made("c", "6")),
            DRAIN,
            answered(1, result("me/1", written(1))),
            failed(2),
            failed(3),
            Cancel(1),
        ),
        tickets=3,
        capacity=2,
    )


def _settling() -> Iterable[Scope]:
    yield scope_of(
        "results",
        "answers in part, doubled, unasked, late and repeated",
        (
            write(1, "r/a", upsert("1")),
            write(1, "r/b", upsert("2")),
            DRAIN,
            answered(1, result("me/2", REFUSED), result("me/1", written(1))),
            answered(1, result("me/1", written(1)), result("me/1", REFUSED)),
            answered(1, result("me/1", UNKNOWN)),
            stored(1, "me/1"),
            decided("me/1", written(2)),
            decided("me/1", REFUSED),
            decided("me/2", DOUBT),
        ),
        tickets=2,
    )
    yield scope_of(
        "positions",
        "verdicts with positions, deltas before and after them, labels of other clients",
        (
            write(1, "r/a", upsert("1")),
            DRAIN,
            answered(1, result("me/1", written(1, at=1))),
            stored(1, "me/1"),
            decided("me/1", written(2, at=2)),
            delta(1, changes(a=upsert("1")), label_of(1, 1), label_of(2, client="you")),
            snapshot(1, {"a": "1"}, (1, accepted(2)), (2, REFUSED)),
        ),
        tickets=2,
    )
    yield scope_of(
        "epochs",
        "a restore of the server: dead and future epochs, a server that forgot this client",
        (
            write(1, "r/a", upsert("1")),
            DRAIN,
            answered(1, result("me/1", written(1, at=1)), epoch=1),
            answered(1, result("me/1", written(1, at=1)), epoch=2),
            stored(1, "me/1"),
            decided("me/1", REFUSED, epoch=2),
            delta(1, changes(a=upsert("1")), label_of(1)),
            delta(1, changes(b=upsert("5")), label_of(1), epoch=2),
            snapshot(0, {}, epoch=2),
            snapshot(0, {}, (1, accepted(1)), epoch=2, known=False),
            snapshot(0, {"b": "4"}, epoch=2, known=False),
            Abandon(1),
        ),
        tickets=1,
    )
    yield scope_of(
        "ids",
        "temporary ids: children that wait, are renamed or go with their parent",
        (
            write(1, "r/t1", create("1"), temporary=True),
            write(1, "r/b", upsert("2:t1")),
            write(1, "r/t1", update(a(3))),
            DRAIN,
            answered(1, result("me/1", written(1, t1="r1"))),
            stored(1, "me/1"),
            failed(1),
            decided("me/1", written(1, at=1, t1="r1")),
            Cancel(1),
        ),
        tickets=2,
    )


def _documents() -> Iterable[Scope]:
    docs = Obj({str(atom_of(row("r/a"))): doc("9")})
    yield scope_of(
        "rows",
        "a backend of rows: rows and versions of answers and reads",
        (
            write(1, "r/a", update(a(1))),
            DRAIN,
            answered(1, result("me/1", written(2, value="1"))),
            answered(1, result("me/1", written(2))),
            answered(1, result("me/1", written())),
            answered(2, result("me/2", written(3))),
            fetched(read("r/a", "4", 1)),
            fetched(read("r/a", "5", 2)),
        ),
        tickets=2,
        initial=start(docs),
    )
    yield scope_of(
        "deletions",
        "rows that are deleted, read again, and filled from a cache",
        (
            patches((1,), "r", gone("a")),
            write(1, "r/a", create("2")),
            DRAIN,
            answered(1, result("me/1", written(2, value=""))),
            fetched(read("r/a", "4", 1)),
            hydrate(read("r/a", "8"), read("r/b", "9", 1)),
        ),
        tickets=2,
        initial=start(docs),
    )


def _promises() -> Iterable[Scope]:
    yield scope_of(
        "tickets",
        "waits before and after what they wait for, time-outs, one verdict remembered",
        (
            Begin(),
            write(1, "r/a", upsert("1"), ticket=1),
            write(1, "r/b", upsert("2")),
            DRAIN,
            wait(1, 1, optimistic=True),
            wait(2, 1, timeout=1, ok=True),
            stored(1, "me/1"),
            silent(1),
            decided("me/1", written(1)),
            Tick(Millis(1)),
        ),
        tickets=2,
        waits=1,
        remembered=1,
    )
    yield scope_of(
        "ends",
        "cancelled, abandoned and withdrawn, while somebody waits",
        (
            write(1, "r/a", upsert("1")),
            DRAIN,
            wait(1, 1),
            wait(2, 2, optimistic=True),
            stored(1, "me/1"),
            silent(1),
            silent(2),
            decided("me/1", REFUSED),
            decided("me/1", written(1, at=1)),
            Cancel(1),
            Cancel(2),
            Abandon(1),
            Abandon(2),
        ),
        tickets=2,
        waits=1,
    )


def _taking_back() -> Iterable[Scope]:
    docs = Obj({str(atom_of(row("r/a"))): doc("9")})
    yield scope_of(
        "undo",
        "undo and redo of pending, enqueued, confirmed and refused writes",
        (
            write(1, "r/a", update(a(1))),
            undo(1),
            redo(1),
            DRAIN,
            answered(1, result("me/1", written(1))),
            stored(1, "me/1"),
            failed(1),
            decided("me/1", REFUSED),
        ),
        tickets=3,
        history=1,
        initial=start(docs),
    )
    yield scope_of(
        "units",
        "units of one action, of two scopes and of another origin",
        (
            write(1, "r/a", update(a(1)), action="one"),
            write(1, "r/a", update(b("x")), action="two"),
            write(1, "r/b", upsert("3"), action="one", scope="other"),
            write(1, "r/b", upsert("4"), origin="sync"),
            undo(1),
            undo(1, scope="other"),
            redo(1),
            Cancel(1),
        ),
        tickets=3,
        initial=start(docs),
    )
