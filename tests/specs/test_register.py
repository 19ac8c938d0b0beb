"""The register of the seed: complete, up to date, and found by searches that can fail."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from optisync_conformance.register import wire_orders
from optisync_conformance.register.actions import Scope, act, enabled, game
from optisync_conformance.register.document import read_answers
from optisync_conformance.register.outboxactions import game as outbox_game
from optisync_conformance.register.outboxrules import read_outbox_rules
from optisync_conformance.register.pipelineactions import game as pipeline_game
from optisync_conformance.register.pipelinerules import read_pipeline_rules
from optisync_conformance.register.pipelineworld import Promise
from optisync_conformance.register.rules import (
    RegisterMalformed,
    Rejected,
    read_rules,
    read_toml,
)
from optisync_conformance.register.search import Game, ReferenceBreaks, shortest, survey
from optisync_conformance.register.variants import Edit, EditMisses, build
from optisync_conformance.register.world import Property, World, begin
from optisync_conformance.requirements import requirements
from optisync_conformance.resources import resource_dir

SPECS = resource_dir("specs")

SEED_003 = (
    *("§1", "§2 Patch", "§2 AtomKey", "§2 PendingMutation", "§2 ServerDeltaMessage"),
    *("§2 ApplyDeltaCallback", "§2 RollbackCallback", "§2 StateChangeCallback"),
    *("§2 ConflictResolutionStrategy.resolve", "§3 internal state", "§3 generateClientSeq"),
    *("§3 registerPendingMutation", "§3 confirmMutation", "§3 rejectMutation"),
    *("§3 processServerDelta 1", "§3 processServerDelta 2", "§3 processServerDelta 3"),
    *("§3 processServerDelta 4, 5", "§3 processServerDelta 6", "§3 getPendingPatches"),
    *("§3 onStateChange", "§3 onApplyDelta", "§3 onRollback"),
    *("§4.1", "§4.2", "§4.3", "§4.4", "§4.5", "§5"),
)


SEED_000_MODULES = (
    *("MutationPipeline", "Scheduler", "LocalPlan", "MutationProgram", "MutationFlow"),
    *("WriteIntents", "WriteOps", "Persist", "WritebackCollector", "WriteTicketManager"),
)
SEED_000_CONCEPTS = ("Segments", "Optimistic state", "Patches", "Persistence", "Tickets")


@pytest.fixture(scope="module")
def rules() -> tuple[Rejected, ...]:
    return read_rules(SPECS / "rejected.toml")


def named(rules: tuple[Rejected, ...], name: str) -> Rejected:
    return next(rule for rule in rules if rule.name == name)


def test_the_register_is_up_to_date() -> None:
    # In a process of its own: checks of types at run time would slow the searches tenfold.
    asked = [sys.executable, "-m", "optisync_conformance", "spec", "register", "--check"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_part_of_the_seed_is_answered() -> None:
    answered = {answer.seed for answer in read_answers(SPECS / "register.toml")}
    assert set(SEED_003) <= answered


def test_every_departure_that_has_a_rule_to_reject_rejects_it() -> None:
    answers = read_answers(SPECS / "register.toml")
    silent = [a.says for a in answers if a.kind == "departed" and not a.rejects]
    # A symbol cannot be said in a script, and a signature has no trace.
    assert [says.split()[0] for says in silent] == ["string", "@param"]


def test_every_requirement_is_an_answer() -> None:
    files = ("register.toml", "outbox-register.toml", "pipeline-register.toml")
    cited = {slug for file in files for a in read_answers(SPECS / file) for slug in a.slugs}
    assert set(requirements()) - cited == {"settled-once"}  # the profile view's own told-once


def test_every_rejected_rule_of_the_outbox_has_its_trace() -> None:
    rules = read_outbox_rules(SPECS / "outbox-rejected.toml")
    text = (SPECS / "outbox-register.md").read_text(encoding="utf-8")
    assert len(rules) >= 20
    assert all(f"\n## {rule.name}\n" in text for rule in rules)


def test_the_search_finds_nothing_in_the_reference_outbox() -> None:
    rule = read_outbox_rules(SPECS / "outbox-rejected.toml")[0]
    same = outbox_game(rule.reference, rule.scope)
    assert shortest(same, same, rule.promise, 7) is None


def test_every_rejected_rule_of_the_pipeline_has_its_trace() -> None:
    rules = read_pipeline_rules(SPECS / "pipeline-rejected.toml")
    text = (SPECS / "pipeline-register.md").read_text(encoding="utf-8")
    assert len(rules) >= 17
    assert all(f"\n## {rule.name}\n" in text for rule in rules)


def test_every_part_of_seed_000_is_answered() -> None:
    answered = {answer.seed for answer in read_answers(SPECS / "pipeline-register.toml")}
    assert {f"000 call chain {number}" for number in range(1, 6)} <= answered
    assert {f"000 module map: {name}" for name in SEED_000_MODULES} <= answered
    assert {f"000 key concepts: {name}" for name in SEED_000_CONCEPTS} <= answered
    assert {
        "000",
        "000 error handling 1",
        "000 error handling 2",
        "000 contributor notes",
    } <= answered


@pytest.mark.parametrize(
    "name", ["later-passes-unknown", "older-row-replaces", "undo-needs-nothing"]
)
def test_the_search_finds_nothing_in_the_reference_pipeline(name: str) -> None:
    rules = read_pipeline_rules(SPECS / "pipeline-rejected.toml")
    rule = next(rule for rule in rules if rule.name == name)
    same = pipeline_game(rule.reference, rule.scope)
    for promise in Promise:
        assert shortest(same, same, promise, 6) is None


def test_the_search_finds_nothing_in_the_reference(rules: tuple[Rejected, ...]) -> None:
    rule = named(rules, "drop-on-ack")
    assert shortest(reference(rule), reference(rule), Property.OVERLAY, 5) is None


def test_the_search_says_when_the_reference_breaks(rules: tuple[Rejected, ...]) -> None:
    rule = named(rules, "drop-on-ack")
    with pytest.raises(ReferenceBreaks, match="OVERLAY"):
        shortest(variant(rule), reference(rule), Property.OVERLAY, 5)


def reference(rule: Rejected) -> Game[World, Property]:
    return game(rule.reference, rule.scope)


def variant(rule: Rejected) -> Game[World, Property]:
    return game(rule.variant, rule.scope)


def scripts(scope: Scope, rule: Rejected, length: int) -> Iterator[frozenset[Property]]:
    """What each script of a length breaks, every one run from the start, none left out."""
    runs = [(begin(scope.docs), frozenset[Property]())]
    for _ in range(length):
        runs = [
            (new, broken | new.broken)
            for world, broken in runs
            for action in enabled(scope, world)
            for new in [act(rule.variant, scope, world, action)]
        ]
    yield from (broken for _, broken in runs)


@pytest.mark.parametrize("name", ["drop-on-ack", "gap-applied", "only-k", "snapshot-keeps-all"])
def test_no_shorter_script_breaks_the_rule(rules: tuple[Rejected, ...], name: str) -> None:
    rule = named(rules, name)
    found = shortest(reference(rule), variant(rule), rule.property)
    assert found is not None
    length = len(found.script)
    assert all(rule.property not in broken for broken in scripts(rule.scope, rule, length - 1))
    assert any(rule.property in broken for broken in scripts(rule.scope, rule, length))


def test_a_survey_sees_what_a_variant_breaks(rules: tuple[Rejected, ...]) -> None:
    rule = named(rules, "drop-on-ack")
    broken, states = survey(variant(rule), 3)
    assert broken == {Property.OVERLAY: 3}
    assert states > 20


def test_no_rule_of_a_server_without_labels_is_right() -> None:
    *unlabelled, labelled = wire_orders.table()
    assert len(unlabelled) == 12
    assert all(row.bad for row in unlabelled)
    assert labelled.bad == 0


def test_an_edit_must_fit() -> None:
    with pytest.raises(EditMisses, match="not exactly one function"):
        build([Edit("coordinator.plan", "no such line", "")])
    with pytest.raises(EditMisses, match="no module"):
        build([Edit("coordinator.nowhere", "x", "y")])


def test_a_variant_leaves_the_reference_alone(rules: tuple[Rejected, ...]) -> None:
    rule = named(rules, "drop-on-ack")
    again = replace(rule.reference, machines=build())
    assert shortest(reference(rule), game(again, rule.scope), Property.OVERLAY, 4) is None


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('kind = "maybe"\nrequirements = ["view-is-fold"]', "kind 'maybe' is none of"),
        ('kind = "kept"\nrequirements = ["no-such"]', "no requirement no-such"),
        ('kind = "kept"\nrequirements = []', "no requirement at all"),
        ('requirements = ["view-is-fold"]', "'kind' must be a text"),
    ],
)
def test_a_bad_answer_is_one_clear_line(tmp_path: Path, entry: str, message: str) -> None:
    path = tmp_path / "register.toml"
    path.write_text(f'[[answer]]\nseed = "§1"\nsays = "x"\nbecause = "y"\n{entry}\n')
    with pytest.raises(RegisterMalformed, match=message):
        read_answers(path)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rejected.toml"
    path.write_text("[[rule")
    with pytest.raises(RegisterMalformed, match=r"rejected\.toml"):
        read_toml(path)
