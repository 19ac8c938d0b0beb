"""The models of pipeline and driver hold in small scopes, and notice what is missing."""

import pytest
from tests.modelcheck.listed import (
    LISTED,
    MODELS,
    check_holds,
    check_noticed,
    check_of,
    check_settles,
    flag_of,
    flags,
    mutant_of,
)

from optisync_conformance.modelcheck.lint import lint
from optisync_conformance.modelcheck.toolchain import Toolchain

MODULES = {
    "batching-": ("Batching", "BatchingRefines", "BatchingSystem", "Batching_laws"),
    "alignment-": ("Alignment", "Alignment_laws"),
}


@pytest.mark.parametrize("name", ["batching-child-stored"])
def test_small_scopes_hold(name: str, tools: Toolchain) -> None:
    check_holds(check_of(name), tools)


@pytest.mark.parametrize("name", ["batching-orphan-stays", "alignment-by-place"])
def test_a_missing_guard_is_noticed(name: str, tools: Toolchain) -> None:
    check_noticed(mutant_of(name), tools)


def test_fairness_leaves_runs_that_settle_everything(tools: Toolchain) -> None:
    check_settles(check_of("batching-live-silent"), "BatchingSystem", tools)


@pytest.mark.parametrize("prefix", MODULES)
def test_every_flag_is_pinned_and_every_pin_has_a_flag(prefix: str) -> None:
    pins = [m for m in LISTED.mutant if m.check.startswith(prefix)]
    assert flags(MODULES[prefix]) == set(map(flag_of, pins))
    assert len(pins) >= 10 and all(entry.id.startswith(prefix) for entry in pins)


@pytest.mark.parametrize("name", [name for names in MODULES.values() for name in names])
def test_the_style_rules_hold(name: str) -> None:
    assert lint((MODELS / f"{name}.tla").read_text(encoding="utf-8"), f"{name}.tla") == ()
