"""The outbox and its model: equal, and seen to differ when either is changed."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.modelcheck.graphs import (
    MODELS,
    check_labels,
    check_modules,
    check_path,
    difference,
    with_rule,
)

from optisync.contracts.entry import IdempotencyKey, Millis
from optisync.machine import Step
from optisync.outbox import step as rules
from optisync.outbox.config import Config
from optisync.outbox.effects import Effect, Save
from optisync.outbox.inputs import Input, Settle
from optisync.outbox.rows import Alias
from optisync.outbox.state import Outbox, with_row
from optisync.patch import Add
from optisync.view import Update
from optisync_conformance.modelcheck.graph import explore
from optisync_conformance.modelcheck.outbox import NotMapped, encode_entry, encode_row
from optisync_conformance.modelcheck.outbox_alphabets import scopes
from optisync_conformance.modelcheck.outbox_classes import CLASSES, classes
from optisync_conformance.modelcheck.outbox_given import encode_input
from optisync_conformance.modelcheck.outbox_graph import OUTBOX
from optisync_conformance.modelcheck.outbox_inputs import (
    LATER,
    accepted,
    delta,
    enqueue,
    entry,
    reserve,
    settle,
    tick,
)
from optisync_conformance.modelcheck.outbox_scopes import Scope
from optisync_conformance.modelcheck.toolchain import Toolchain

Machine = Callable[[Config, Outbox, Input], Step[Outbox, Effect]]


def named(name: str) -> Scope:
    return next(scope for scope in scopes() if scope.name == name)


#: One write, its lease, its verdicts: a corner of the scope leases.
SMALL = replace(
    named("leases"),
    inputs=(
        enqueue(entry("x", "a")),
        reserve(),
        settle(1, x=accepted(1, 1)),
        settle(2, x=LATER),
        delta(1),
        tick(2),
    ),
)


def small(tools: Toolchain, machine: Machine = rules.step, models: Path = MODELS) -> str:
    """The difference in a small scope, or "" if there is none."""
    return difference(replace(SMALL, machine=machine), tools, models)


def fences_all(config: Config, state: Outbox, given: Input) -> Step[Outbox, Effect]:
    """The classic fault: a verdict counts only under the last lease."""
    if isinstance(given, Settle) and given.token < state.numbers.token:
        return Step(state)
    return rules.step(config, state, given)


def tells_before_it_saves(config: Config, state: Outbox, given: Input) -> Step[Outbox, Effect]:
    """A fault that no state shows."""
    done = rules.step(config, state, given)
    return replace(done, effects=tuple(sorted(done.effects, key=lambda e: isinstance(e, Save))))


def test_machine_and_model_are_equal(tools: Toolchain) -> None:
    assert small(tools) == ""


@pytest.mark.parametrize(
    ("fault", "path"),
    [
        (fences_all, ["enqueue x(upsert a 1)", "reserve 9", "tick 2", "reserve 9", "settle #1"]),
        (tells_before_it_saves, ["enqueue x(upsert a 1)"]),
    ],
)
def test_a_changed_rule_of_the_machine_is_shown_by_its_shortest_path(
    tools: Toolchain, fault: Machine, path: list[str]
) -> None:
    check_path(small(tools, fault), path)


def test_a_changed_rule_of_the_model_is_shown(tools: Toolchain, tmp_path: Path) -> None:
    rule = "covered == accepted.server_seq <= turn"
    models = with_rule(tmp_path, "Outbox", rule, rule.replace("<=", "<"))
    assert "after 3 common steps, at settle #1" in small(tools, models=models)


def test_every_edge_has_a_class_that_is_listed() -> None:
    found: Counter[str] = Counter()
    graph = explore(SMALL.counting(found))
    assert set(found) <= set(CLASSES)
    assert {"settle:any-lease", "settle:retry-fenced", "tick:expires", "delta:covers"} <= set(found)
    assert found.total() >= graph.edge_count
    for given in SMALL.inputs:
        done = rules.step(SMALL.config, SMALL.initial, given)
        assert classes(SMALL.config, SMALL.initial, given, done)


def test_what_the_mapping_leaves_out_cannot_go_astray() -> None:
    given = entry("x", "a")
    assert encode_entry(given) != encode_entry(replace(given, idempotency_key=IdempotencyKey("k")))
    with pytest.raises(NotMapped, match="leaves out"):
        encode_entry(replace(given, client_time_ms=Millis(1)))
    with pytest.raises(NotMapped, match="not a change"):
        encode_entry(replace(given, change=Update((Add(("n",), 1),))))
    with pytest.raises(NotMapped, match="leaves out"):
        encode_input(replace(enqueue(given), at=Millis(1)))
    with pytest.raises(NotMapped, match="leaves out"):
        encode_row(Alias("t1", ""))


def test_states_that_differ_are_written_differently() -> None:
    graph = explore(SMALL)
    assert len(set(graph.states)) == len(graph.states) > 20
    later = with_row(SMALL.initial, replace(SMALL.initial.numbers, token=1))
    assert SMALL.encode(later) != SMALL.encode(SMALL.initial)


def test_labels_name_inputs() -> None:
    check_labels(scopes())


def test_generated_modules_are_what_the_scopes_say(tmp_path: Path) -> None:
    check_modules(OUTBOX, tmp_path, "Outbox_leases", "Outbox_direct")
