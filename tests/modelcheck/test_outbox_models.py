"""The models of the outbox hold in small scopes, notice what is missing, and are not empty."""

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

MODULES = ("ExactlyOnce", "Outbox", "OutboxRefines", "OutboxSystem", "Outbox_laws")


@pytest.mark.parametrize("name", ["outbox-refines-child", "outbox-live-parked"])
def test_small_scopes_hold(name: str, tools: Toolchain) -> None:
    check_holds(check_of(name), tools)


@pytest.mark.parametrize("name", ["outbox-counter-from-queue", "outbox-skip-not-sent"])
def test_a_missing_guard_is_noticed(name: str, tools: Toolchain) -> None:
    check_noticed(mutant_of(name), tools)


def test_fairness_leaves_runs_that_settle_everything(tools: Toolchain) -> None:
    check_settles(check_of("outbox-live-parked"), "OutboxSystem", tools)


def test_every_flag_is_pinned_and_every_pin_has_a_flag() -> None:
    pins = [m for m in LISTED.mutant if m.check.startswith("outbox-")]
    assert flags(MODULES) == set(map(flag_of, pins))
    assert all(entry.id.startswith("outbox-") for entry in pins)


@pytest.mark.parametrize("name", MODULES)
def test_the_style_rules_hold(name: str) -> None:
    assert lint((MODELS / f"{name}.tla").read_text(encoding="utf-8"), f"{name}.tla") == ()
