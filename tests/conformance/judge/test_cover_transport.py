"""The cover pack of the transport: many answers, told apart by what they are about."""

import pytest

from optisync_conformance.covertransport import cases
from optisync_conformance.faults import load_fault
from optisync_conformance.reference.run import run_script
from optisync_conformance.requirements import load
from optisync_conformance.selftest import bounded, looking

CASES = tuple(cases())
FAULTS = (
    *("aligned-by-index", "the-last-result-wins", "a-failed-operation-by-its-place"),
    *("strangers-are-let-in", "what-cannot-be-read-is-passed-over"),
)


def test_the_pack_has_every_answer_of_its_forms() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
    assert sum(len(case.steps) for case in CASES) == 91 + 273 + 72
    topics = {step.req for case in CASES for step in case.steps}
    assert topics <= load().keys()
    assert len(topics) == 8


def test_the_reference_passes() -> None:
    with bounded(run_script) as run:
        look = looking(run)
        assert [case.id for case in CASES[::8] if look(case) is not None] == []


@pytest.mark.parametrize("name", FAULTS)
def test_the_pack_catches_what_it_was_not_written_for(name: str) -> None:
    with bounded(load_fault(name)) as run:
        look = looking(run)
        assert any(look(case) is not None for case in CASES)
