"""Every faulty version is caught as it should be, and loading one leaves the real thing alone."""

import re
import subprocess
import sys

import pytest

import optisync.patch
import optisync_conformance.reference.run
from optisync_conformance import isolate, selftest
from optisync_conformance.cases import load_pack
from optisync_conformance.faults import (
    Fault,
    FaultError,
    Replacement,
    faults,
    find_fault,
    load_fault,
    sources_of,
)
from optisync_conformance.isolate import load_copy
from optisync_conformance.mutation import mutants, sample
from optisync_conformance.requirements import requirements
from optisync_conformance.selftest import bounded, looking, try_faults, try_mutants

CORE = load_pack(["core"])
DOCUMENTS = [case for case in CORE if case.profile != "outbox"]


def test_every_fault_is_caught_as_it_should_be() -> None:
    # A process of its own: checking types at run time would make it ten times as long.
    command = [sys.executable, "-m", "optisync_conformance", "selftest", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout
    caught = re.search(r"mechanical mutants: (\d+) of 40 caught", done.stdout)
    assert caught is not None and int(caught[1]) >= 25
    assert f"{len(faults())} of {len(faults())} faulty versions caught" in done.stdout


@pytest.mark.parametrize("name", ["reject-drops-later", "half-of-a-mutation-is-shown"])
def test_a_fault_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "faults", lambda: (find_fault(name),))
    [tried] = try_faults(DOCUMENTS)
    assert tried.problems == ()


def test_faults_break_requirements_that_there_are() -> None:
    assert {fault.requirement for fault in faults()} <= set(requirements())


def test_there_are_enough_and_they_are_named_once() -> None:
    assert len(faults()) >= 480
    known = {fault.name for fault in faults()}
    assert all(set(case.written_for) <= known for case in CORE)


def test_an_unchanged_copy_is_not_caught() -> None:
    # All of core, in a process of its own for the same reason.
    script = (
        "from optisync_conformance.cases import load_pack\n"
        "from optisync_conformance.isolate import load_copy\n"
        "from optisync_conformance.selftest import bounded, looking\n"
        "with bounded(load_copy({})) as run:\n"
        "    look = looking(run)\n"
        "    caught = [case.id for case in load_pack(['core']) if look(case) is not None]\n"
        "print(caught)\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.stdout == "[]\n", done.stderr


def test_a_fault_that_changes_nothing_survives(monkeypatch: pytest.MonkeyPatch) -> None:
    same = Replacement("optisync.patch", "def apply(doc: Json", "def apply(doc: Json")
    harmless = Fault("harmless", "none", "told-once", "no change", (same,))
    monkeypatch.setattr(selftest, "faults", lambda: (harmless,))
    [tried] = try_faults([case for case in CORE if case.profile == "patch"])
    assert tried.killers == ()
    assert "survives" in tried.problems


def test_loading_a_fault_leaves_the_real_modules_alone() -> None:
    before = {name: module for name, module in sys.modules.items() if isolate.copied(name)}
    case = next(case for case in CORE if case.id == "patch.true-is-not-one")
    with bounded(load_fault("true-is-one")) as run:
        assert looking(run)(case) is not None
    with bounded(load_copy({})) as run:
        assert looking(run)(case) is None
    assert {n: m for n, m in sys.modules.items() if isolate.copied(n)} == before
    assert sys.modules["optisync.patch"] is optisync.patch
    assert not any(isinstance(each, isolate.Copies) for each in sys.meta_path)


def test_a_version_that_loops_for_ever_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "SECONDS", 0.2)
    endless = "    while True:\n        pass\n    return docs\n"
    head = "def apply_changes(docs: Docs, changes: Changes) -> Docs:\n"
    fault = Fault("endless", "", "", "", (Replacement("optisync.view", head, head + endless),))
    case = next(case for case in CORE if case.profile == "view")
    with bounded(load_copy(sources_of(fault))) as run:
        assert looking(run)(case) == "hang"


def test_a_name_that_is_none_is_met_with_the_nearest() -> None:
    with pytest.raises(FaultError, match="did you mean true-is-one"):
        find_fault("true-is-two")


@pytest.mark.parametrize("old", ["no such text", "return doc\n"])
def test_a_text_must_stand_exactly_once(old: str) -> None:
    fault = Fault("f", "", "", "", (Replacement("optisync.patch", old, "x"),))
    with pytest.raises(FaultError, match=r"its text stands \d times in"):
        sources_of(fault)


def test_mechanical_mutants_are_many_and_some_are_caught() -> None:
    every = mutants()
    assert len(every) > 600
    assert sample(every, 4) == sample(every, 4)
    [tried] = try_mutants(
        [m for m in every if m.module == "optisync.coordinator.sequence"][:1], DOCUMENTS
    )
    assert tried.killer is not None


def test_the_reference_is_loaded_once() -> None:
    assert sys.modules["optisync_conformance.reference.run"] is optisync_conformance.reference.run
