"""The pipeline and its model: equal, and seen to differ when either is changed."""

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

from optisync.contracts.entry import IdempotencyKey, Millis, WriteEntry
from optisync.machine import Step
from optisync.patch import Add
from optisync.pipeline import step as rules
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Effect, Persist, Told
from optisync.pipeline.inputs import Failed, Input, Persisted
from optisync.pipeline.state import Pipeline
from optisync.values import Obj
from optisync_conformance.modelcheck.graph import explore
from optisync_conformance.modelcheck.outbox import NotMapped
from optisync_conformance.modelcheck.pipeline import doc, encode_state, name
from optisync_conformance.modelcheck.pipeline_alphabets import scopes
from optisync_conformance.modelcheck.pipeline_classes import CLASSES, classes
from optisync_conformance.modelcheck.pipeline_given import encode_effect, encode_input
from optisync_conformance.modelcheck.pipeline_graph import PIPELINE
from optisync_conformance.modelcheck.pipeline_inputs import (
    DRAIN,
    REFUSED,
    answered,
    failed,
    result,
    row,
    update,
    upsert,
    write,
    written,
)
from optisync_conformance.modelcheck.toolchain import Toolchain

Machine = Callable[[Config, Pipeline, Input], Step[Pipeline, Effect]]


#: Two writes of two rows in one request, its answers and its failure.
SMALL = replace(
    next(scope for scope in scopes() if scope.name == "segments"),
    inputs=(
        write(1, "r/a", upsert("1")),
        write(2, "r/b", upsert("2")),
        DRAIN,
        answered(1, result("me/2", REFUSED), result("me/1", written(1))),
        failed(1),
    ),
)


def small(tools: Toolchain, machine: Machine = rules.step, models: Path = MODELS) -> str:
    """The difference in a small scope, or "" if there is none."""
    return difference(replace(SMALL, machine=machine), tools, models)


def fails_nobody(config: Config, state: Pipeline, given: Input) -> Step[Pipeline, Effect]:
    """A definite failure changes nothing."""
    if isinstance(given, Persisted) and isinstance(given.outcome, Failed):
        return Step(state)
    return rules.step(config, state, given)


def tells_backwards(config: Config, state: Pipeline, given: Input) -> Step[Pipeline, Effect]:
    """A fault that no state shows."""
    done = rules.step(config, state, given)
    told = tuple(effect for effect in done.effects if isinstance(effect, Told))
    rest = tuple(effect for effect in done.effects if not isinstance(effect, Told))
    return replace(done, effects=(*rest[:1], *reversed(told), *rest[1:]))


def test_machine_and_model_are_equal(tools: Toolchain) -> None:
    assert small(tools) == ""


@pytest.mark.parametrize(
    ("fault", "path"),
    [
        (fails_nobody, ["dispatch 1", "drain", "persisted #1 failed"]),
        (tells_backwards, ["dispatch 1", "dispatch 2", "drain", "persisted #1"]),
    ],
)
def test_a_changed_rule_of_the_machine_is_shown_by_its_shortest_path(
    tools: Toolchain, fault: Machine, path: list[str]
) -> None:
    check_path(small(tools, fault), path)


def test_a_changed_rule_of_the_model_is_shown(tools: Toolchain, tmp_path: Path) -> None:
    models = with_rule(
        tmp_path, "Batching", "Append(state.queue, event)", "<<event>> \\o state.queue"
    )
    assert "after 1 common steps, at dispatch 2" in small(tools, models=models)


def test_every_edge_has_a_class_that_is_listed() -> None:
    found: Counter[str] = Counter()
    graph = explore(SMALL.counting(found))
    assert set(found) <= set(CLASSES)
    assert {"drain:joins", "persisted:other-order", "told:failed"} <= set(found)
    assert found.total() >= graph.edge_count
    for given in SMALL.inputs:
        done = rules.step(SMALL.config, SMALL.initial, given)
        assert classes(SMALL.config, SMALL.initial, given, done)


def test_what_the_mapping_leaves_out_cannot_go_astray() -> None:
    with pytest.raises(NotMapped, match="no document"):
        doc(Obj({"c": 1}))
    with pytest.raises(NotMapped, match="no operation"):
        encode_input(write(1, "r/a", update(Add(("a",), 1))))
    with pytest.raises(NotMapped, match="leaves out"):
        name("me/01")
    begun = rules.step(SMALL.config, SMALL.initial, SMALL.inputs[0]).state
    with pytest.raises(NotMapped, match="leaves out"):
        encode_state(replace(begun, awaited=begun.awaited.insert(1)))
    entry = WriteEntry(_entry().entry_id, IdempotencyKey("other"), row("r/a"), upsert("1"))
    with pytest.raises(NotMapped, match="leaves out"):
        encode_effect(replace(_persist(), entries=(entry,)))


def test_what_the_mapping_keeps_is_kept() -> None:
    later = replace(_entry(), client_time_ms=Millis(1))
    assert encode_effect(_persist()) != encode_effect(replace(_persist(), entries=(later,)))
    graph = explore(SMALL)
    assert len(set(graph.states)) == len(graph.states) > 10


def _persist() -> Persist:
    begun = rules.step(SMALL.config, SMALL.initial, SMALL.inputs[0]).state
    done = rules.step(SMALL.config, begun, DRAIN)
    return next(effect for effect in done.effects if isinstance(effect, Persist))


def _entry() -> WriteEntry:
    return _persist().entries[0]


def test_labels_name_inputs() -> None:
    check_labels(scopes())


def test_generated_modules_are_what_the_scopes_say(tmp_path: Path) -> None:
    check_modules(PIPELINE, tmp_path, "Batching_segments", "Batching_rows")
