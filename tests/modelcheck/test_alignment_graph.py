"""The ops driver and its model: equal, and seen to differ when the model is changed."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from tests.modelcheck.graphs import MODELS, difference, with_rule

from optisync.contracts.entry import Stamp
from optisync.transport.grouping import Outgoing
from optisync.values import Epoch, Obj, Version
from optisync_conformance.modelcheck.alignment import ALIGNMENT, encode_input, exchange
from optisync_conformance.modelcheck.alignment_classes import CLASSES
from optisync_conformance.modelcheck.graph import explore
from optisync_conformance.modelcheck.outbox import NotMapped
from optisync_conformance.modelcheck.toolchain import Toolchain
from optisync_conformance.modelcheck.worlds import stale_modules

SMALL = replace(exchange(), entries=2, answers=1)


def test_driver_and_model_are_equal(tools: Toolchain) -> None:
    assert difference(SMALL, tools) == ""


def test_a_changed_rule_of_the_model_is_shown(tools: Toolchain, tmp_path: Path) -> None:
    found = "said.id = entry.id)\n     IN IF"
    models = with_rule(tmp_path, "Alignment", found, found.replace("=", "#"))
    assert "after 1 common steps" in difference(SMALL, tools, models)


def test_every_class_occurs() -> None:
    found: Counter[str] = Counter()
    explore(SMALL.counting(found))
    assert set(found) <= set(CLASSES)
    assert set(CLASSES) - set(found) == {"diag:results-differ"}  # that needs two answers


def test_what_the_mapping_leaves_out_cannot_go_astray() -> None:
    given = SMALL.inputs[0]
    assert isinstance(given, Outgoing)
    with pytest.raises(NotMapped, match="leaves out"):
        encode_input(replace(given, options=Obj({"returning": False})))
    based = replace(given.entry, base=Stamp(Epoch(1), Version(1)))
    with pytest.raises(NotMapped, match="leaves out"):
        encode_input(replace(given, entry=based))


def test_the_generated_module_is_what_the_scope_says() -> None:
    assert stale_modules(ALIGNMENT, MODELS) == ()
