"""The coordinator and its model: equal, and seen to differ when either is changed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.modelcheck.graphs import (
    MODELS,
    check_labels,
    check_modules,
    difference,
    path_of,
    with_rule,
)

from optisync.contracts.messages import Ack
from optisync.coordinator import step as rules
from optisync.coordinator.config import Config
from optisync.coordinator.effects import Changed, Effect, Resync
from optisync.coordinator.inputs import Input
from optisync.coordinator.state import Coordinator, find, needs_resync, without
from optisync.machine import Step
from optisync_conformance.modelcheck.coordinator import (
    NotMapped,
    changes_at,
    encode_input,
    encode_state,
)
from optisync_conformance.modelcheck.coordinator_alphabets import scopes
from optisync_conformance.modelcheck.coordinator_classes import CLASSES, classes
from optisync_conformance.modelcheck.coordinator_cover import cover_scopes
from optisync_conformance.modelcheck.coordinator_graph import COORDINATOR
from optisync_conformance.modelcheck.coordinator_inputs import ME, STRATEGIES, delta, register
from optisync_conformance.modelcheck.coordinator_scopes import Scope
from optisync_conformance.modelcheck.toolchain import Toolchain

Machine = Callable[[Config, Coordinator, Input], Step[Coordinator, Effect]]


def named(name: str) -> Scope:
    return next(scope for scope in scopes() if scope.name == name)


def small(tools: Toolchain, machine: Machine = rules.step, models: Path = MODELS) -> str:
    """The difference in the scope cover_stream, or "" if there is none."""
    return difference(replace(named("cover_stream"), machine=machine), tools, models)


def drops_on_ack(config: Config, state: Coordinator, given: Input) -> Step[Coordinator, Effect]:
    """The classic fault: the overlay goes with the ack, before its delta came."""
    done = rules.step(config, state, given)
    if isinstance(given, Ack) and find(done.state, given.seq) is not None:
        return Step(without(done.state, given.seq), done.effects, done.error)
    return done


def silent(config: Config, state: Coordinator, given: Input) -> Step[Coordinator, Effect]:
    """A fault that no state shows: nobody is told that something changed."""
    done = rules.step(config, state, given)
    return replace(done, effects=tuple(e for e in done.effects if e != Changed()))


def test_machine_and_model_are_equal(tools: Toolchain) -> None:
    assert small(tools) == ""


def test_a_changed_rule_of_the_machine_is_shown_by_its_shortest_path(tools: Toolchain) -> None:
    text = small(tools, drops_on_ack)
    assert path_of(text) == ["generate", "register m1 {a/x,b/x}", "ack e1 m1 @1"]
    assert "after 2 common steps" in text


def test_a_changed_effect_is_a_difference_though_the_states_are_the_same(tools: Toolchain) -> None:
    text = small(tools, silent)
    assert "after 1 common steps, at register m1" in text
    assert 'TLA+: out [effects |-> <<[kind |-> "changed"]>>' in text


def test_a_changed_rule_of_the_model_is_shown(tools: Toolchain, tmp_path: Path) -> None:
    rule = 'ELSE IF prev = confirmed THEN "next"'
    models = with_rule(tmp_path, "Coordinator", rule, rule.replace("= confirmed", "< server_seq"))
    shown = small(tools, models=models)
    assert "after 0 common steps, at delta e1 1>2" in shown
    assert 'Python: out [effects |-> <<[after |-> 0, kind |-> "request", upto |-> 1]>>' in shown


def test_every_transition_class_occurs_and_the_cover_pack_lacks_two() -> None:
    cover = set[str]().union(*(classes_of(scope) for scope in cover_scopes()))
    lacking = {"withhold_once": "strategy:resumes", "replace_any": "strategy:replace-sent"}
    assert set(CLASSES) - cover == set(lacking.values())
    for name, wanted in lacking.items():
        scope = named(name)
        assert any(wanted in classes(scope.config, *edge) for edge in edges(scope))


Edge = tuple[Coordinator, Input, Step[Coordinator, Effect]]


def edges(scope: Scope) -> Iterator[Edge]:
    """Every edge of a scope, without encoding anything."""
    seen, queue = {scope.initial}, [scope.initial]
    for state in queue:
        for given in scope.inputs:
            done = rules.step(scope.config, state, given)
            if not scope.inside(done.state):
                continue
            if done.state not in seen:
                seen.add(done.state)
                queue.append(done.state)
            yield state, given, done


def classes_of(scope: Scope) -> frozenset[str]:
    each = [classes(scope.config, *edge) for edge in edges(scope)]
    assert all(each), "an edge without a class"
    return frozenset[str]().union(*each)


def test_a_resync_is_asked_for_in_the_step_that_makes_it_needed() -> None:
    asked = 0
    for scope in (named("rivals"), named("cover_epochs"), named("cover_seed")):
        for state, _, done in edges(scope):
            if needs_resync(done.state) and not needs_resync(state):
                assert Resync() in done.effects
                asked += 1
    assert asked > 100


def test_what_the_mapping_leaves_out_cannot_go_astray() -> None:
    entry = register(1, "a/x")
    with pytest.raises(NotMapped, match="do not set places"):
        encode_input(replace(entry, changes=changes_at(["a/x"], 2)))
    with pytest.raises(NotMapped, match="leaves out"):
        encode_input(replace(entry, info="something"))
    assert encode_input(entry) == encode_input(register(1, "a/x"))


def test_labels_name_inputs() -> None:
    check_labels(scopes())
    for scope in scopes():
        assert scope.config.client == ME
        assert scope.config.strategy is STRATEGIES[scope.strategy]
        assert encode_state(scope.initial)


def test_generated_modules_are_what_the_scopes_say(tmp_path: Path) -> None:
    check_modules(COORDINATOR, tmp_path, "Coordinator_seed", "Coordinator_rivals")


def test_the_alphabet_in_the_module_is_the_alphabet_of_the_scope() -> None:
    text = replace(named("rivals"), inputs=(delta(1, 2, "a/x", mine=[1]),)).text
    assert (
        'Alphabet == <<\n  [changes |-> {"a/x"}, epoch |-> 1, kind |-> "delta", prev |-> 1, '
        'server_seq |-> 2, settles |-> <<[client |-> "me", seq |-> 1]>>]  \\* 1\n>>'
    ) in text
