"""The models hold in their small scopes, and each missing guard is noticed as pinned."""

from dataclasses import replace

import pytest
from tests.modelcheck.listed import (
    LISTED,
    MODELS,
    check_holds,
    check_noticed,
    check_of,
    flag_of,
    flags,
    job,
    mutant_of,
)

from optisync_conformance.modelcheck import tlc
from optisync_conformance.modelcheck.judge import judge_mutant
from optisync_conformance.modelcheck.lint import lint
from optisync_conformance.modelcheck.manifest import Check, Mutant
from optisync_conformance.modelcheck.results import Violated
from optisync_conformance.modelcheck.toolchain import Toolchain

MODULES = ("Abstract", "Rollback", "Sequencing", "SequencingRefines")

#: Larger scopes are for `optisync models check`.
SMALL = 1_000

CHECKS = [entry for entry in LISTED.check if entry.module in MODULES]
MUTANTS = [m for m in LISTED.mutant if m.check in {entry.id for entry in CHECKS}]


@pytest.mark.parametrize(
    "entry", [c for c in CHECKS if c.distinct < SMALL], ids=lambda entry: entry.id
)
def test_small_scopes_hold(entry: Check, tools: Toolchain) -> None:
    check_holds(entry, tools)


@pytest.mark.parametrize("entry", MUTANTS, ids=lambda entry: entry.id)
def test_a_missing_guard_is_noticed(entry: Mutant, tools: Toolchain) -> None:
    check_noticed(entry, tools)


def test_a_mutant_that_removes_nothing_is_reported(tools: Toolchain) -> None:
    entry = mutant_of("ack-drops-overlay")
    base = LISTED.base(entry)
    config = replace(entry.config(base), constants=base.constants)
    problems = judge_mutant(entry, tlc.check(job(base, config), tools)).problems
    assert len(problems) == 1 and problems[0].startswith("nothing is violated")


def test_a_lost_guard_turns_a_check_red(tools: Toolchain) -> None:
    entry = check_of("sequencing-1x2")
    source = (MODELS / "Sequencing.tla").read_text(encoding="utf-8")
    kept = [line for line in source.splitlines() if 'Mutant = "executed-twice"' not in line]
    assert len(kept) == len(source.splitlines()) - 1
    broken = replace(job(entry, entry.config()), extra={"Sequencing": "\n".join(kept)})
    result = tlc.check(broken, tools)
    assert isinstance(result, Violated) and result.name == "SETTLED_ONCE"


def test_every_flag_is_pinned_and_every_pin_has_a_flag() -> None:
    names = ("Abstract", "Coordinator", "Rollback", "Sequencing")
    assert flags(names) == set(map(flag_of, MUTANTS))


@pytest.mark.parametrize("name", MODULES)
def test_the_style_rules_hold(name: str) -> None:
    assert lint((MODELS / f"{name}.tla").read_text(encoding="utf-8"), f"{name}.tla") == ()
