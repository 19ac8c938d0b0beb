"""Kills of a real process lose nothing; and what would be lost is found."""

from collections.abc import Callable

import pytest
from tests.crash.authority import Executed
from tests.crash.harness import run
from tests.crash.ledger import Ledger
from tests.crash.story import MODES
from tests.crash.wire import Waiting

from optisync.contracts.entry import Entity, EntityId, EntryId, IdempotencyKey, Resource, WriteEntry
from optisync.contracts.messages import Accepted, Refused
from optisync.outbox.effects import Enqueued, Send, Told
from optisync.outbox.rows import Item, Report, Verdict
from optisync.values import AtomKey, ClientSeq, ServerSeq
from optisync.view import Delete


@pytest.mark.parametrize(("mode", "kills"), [("entity", 30), ("ordered", 10)])
def test_kills_lose_nothing(mode: str, kills: int) -> None:
    result = run(kills, seed=1, mode=mode)
    print(result.line(seed=1))
    assert result.clean, result.findings
    assert result.kills == kills <= result.writes
    assert len(set(result.points) & set(MODES[mode])) >= kills / 3


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_five_hundred_kills_lose_nothing(mode: str) -> None:
    result = run(kills=500, seed=2, mode=mode)
    print(result.line(seed=2))
    assert result.clean, result.findings
    assert set(MODES[mode]) <= set(result.points)
    assert result.points["clock"] > 50


@pytest.mark.parametrize(
    ("store", "kind"), [("memory", "lost"), ("late", "returned"), ("requeued-last", "duplicated")]
)
def test_a_planted_fault_is_found(store: str, kind: str) -> None:
    assert run(kills=12, seed=1, store=store, clock=0).findings[kind]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("store", "kinds"),
    [
        ("memory", {"lost", "unreported", "returned"}),
        ("late", {"lost", "unreported", "returned"}),
        ("counter-forgotten", {"lost"}),
        ("reports-forgotten", {"unreported"}),
        ("settled-kept", {"returned", "stuck"}),
        ("requeued-last", {"duplicated", "reordered"}),
        ("in-flight-forgotten", {"lost", "unreported"}),
    ],
)
def test_planted_faults_are_found_in_every_way_they_show(store: str, kinds: set[str]) -> None:
    found = run(kills=50, seed=3, store=store, clock=0).findings
    assert kinds <= {kind for kind, each in found.items() if each}


def test_named_kills_replay() -> None:
    first, second = (run(kills=3, seed=4, clock=0) for _ in range(2))
    assert (first.writes, first.points) == (second.writes, second.points)


def entry(name: str, *depends_on: str) -> WriteEntry:
    after = tuple(map(EntryId, depends_on))
    row = Entity(Resource("todo"), EntityId("a"))
    return WriteEntry(EntryId(name), IdempotencyKey(name), row, Delete(), depends_on=after)


def executed(seq: int, name: str, *depends_on: str) -> Executed:
    item = Item(ClientSeq(seq), entry(name, *depends_on))
    return Executed(item.entry.idempotency_key, item, AtomKey("todo/a"), OK)


OK = Accepted(ServerSeq(1))
NO = Refused("conflict")


def all_is_well() -> tuple[Ledger, list[Executed]]:
    """Two writes of one row, enqueued, sent, executed in order, told."""
    ledger, server = Ledger(), [executed(1, "x"), executed(2, "y")]
    for each in server:
        name = each.item.entry.entry_id
        ledger.wanted[name] = each.item.entry
        ledger.heard(Enqueued(name, each.item.seq))
        ledger.heard(Send(1, (each.item,), (), ClientSeq(1)))
        told(ledger, each.item.seq, name)
    return ledger, server


def told(ledger: Ledger, number: int, name: str, verdict: Verdict = OK) -> None:
    ledger.heard(Told(Report(number, ClientSeq(number), EntryId(name), verdict)))


def queue(*names: str) -> list[Waiting]:
    return [Waiting(EntryId(name), ClientSeq(1), "queued") for name in names]


def promised(ledger: Ledger, _: list[Executed]) -> None:
    ledger.wanted[EntryId("z")] = entry("z")
    ledger.heard(Enqueued(EntryId("z"), ClientSeq(3)))


def executed_again(_: Ledger, server: list[Executed]) -> None:
    server.append(executed(3, "y"))


def executed_first(_: Ledger, server: list[Executed]) -> None:
    server.reverse()


def executed_before_its_parent(_: Ledger, server: list[Executed]) -> None:
    server[:] = [executed(1, "x", "y"), executed(2, "y")]


def told_otherwise(ledger: Ledger, _: list[Executed]) -> None:
    told(ledger, 2, "y", NO)


def told_after_it_was_consumed(ledger: Ledger, _: list[Executed]) -> None:
    ledger.consumed = 1
    told(ledger, 1, "x")


def back_in_the_queue(ledger: Ledger, _: list[Executed]) -> None:
    for names in ["x", "y"], ["y"], ["x", "y"]:
        ledger.listed(queue(*names))


def half_a_batch(ledger: Ledger, _: list[Executed]) -> None:
    ledger.restarted(queue("x"), [EntryId("x"), EntryId("y")])


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (promised, ["lost", "unreported"]),
        (executed_again, ["duplicated"]),
        (executed_first, ["reordered"]),
        (executed_before_its_parent, ["reordered"]),
        (told_otherwise, ["unreported"]),
        (told_after_it_was_consumed, ["returned"]),
        (back_in_the_queue, ["returned"]),
        (half_a_batch, ["half"]),
    ],
)
def test_the_ledger_finds(
    change: Callable[[Ledger, list[Executed]], None], kinds: list[str]
) -> None:
    ledger, server = all_is_well()
    ledger.judge(server)
    assert not any(ledger.findings.values())
    change(ledger, server)
    ledger.judge(server)
    assert [kind for kind, found in ledger.findings.items() if found] == kinds
