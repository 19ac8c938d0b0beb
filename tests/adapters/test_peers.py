"""The engines from npm: what they break is listed, shown by their own API, and can be mended."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.adapters.node import PEERS, ROOT, needs_kit, needs_node, needs_peers, optisync

from optisync_conformance import expect

EXPECTATIONS = sorted((PEERS / "expect").glob("*.toml"))
SCRIPTS = sorted((PEERS / "defects").glob("*.mjs"))
FIRST_OF_TWO = "view.reject-first-of-two-on-one-key"


def named(path: Path) -> str:
    """The name of a parametrised test."""
    return path.stem


def links(kind: str) -> set[str]:
    """The links of all entries of a kind."""
    entries = [entry for path in EXPECTATIONS for entry in expect.load(path)]
    return {entry.link for entry in entries if entry.kind == kind}


@pytest.mark.parametrize("path", EXPECTATIONS, ids=named)
@needs_node
@needs_kit
@needs_peers
def test_an_engine_breaks_what_is_listed_and_nothing_else(path: Path) -> None:
    # No engine here has a cover pack; exploring it takes longer than all else.
    done = optisync("run", "--target", path.stem, "--pack", "core", "--no-probes", "--show", "0")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


@pytest.mark.parametrize("path", SCRIPTS, ids=named)
@needs_node
@needs_peers
def test_a_defect_shows_by_the_public_api(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 20
    assert "typescript" not in text, "a defect is shown without the kit"
    done = subprocess.run(
        ["node", path], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("expected ") and " seen " in done.stdout
    assert not done.stdout.strip().endswith("seen undefined")


def test_every_defect_has_its_script_and_every_script_its_defect() -> None:
    assert links("defect") == {f"defects/{path.name}" for path in SCRIPTS}
    assert all("npm " in link for link in links("documented-design"))


MENDED = [
    ("json-patch-inverses", FIRST_OF_TWO),
    ("rtk-query", FIRST_OF_TWO),
    ("query-core", "view.reject-last-of-two-on-one-key"),
    ("query-core", "pipeline.the-second-write-of-an-entity-waits-for-the-first"),
    ("query-core", "pipeline.a-lost-answer-is-not-a-failure"),
    ("redux-offline", "outbox.an-unreachable-server-loses-no-write"),
    ("redux-offline", "outbox.an-unanswered-request-is-made-again"),
    ("redux-offline", "outbox.an-observer-that-throws-costs-no-other-write"),
]


@pytest.mark.parametrize(("name", "case"), MENDED)
@needs_node
@needs_kit
@needs_peers
def test_an_engine_mended_by_hand_passes_where_it_failed(name: str, case: str) -> None:
    words = ("run", "--no-probes", "--case", case, "--")
    assert optisync(*words, "node", str(PEERS / f"{name}.mjs")).returncode == 1
    mended = optisync(*words, "node", str(PEERS / "patched" / f"{name}.mjs"))
    assert mended.returncode == 0, mended.stdout + mended.stderr


WANTED = [
    ("json-patch-inverses", FIRST_OF_TWO),
    ("rtk-query", FIRST_OF_TWO),
    ("query-core", FIRST_OF_TWO),
    ("query-core", "pipeline.rejecting-the-first-of-two-of-one-entity-shows-the-second"),
    ("query-core-ui", "view.data-before-its-ack-shows-once"),
    ("query-core-ui", "pipeline.a-lost-answer-is-not-a-failure"),
    ("query-core-ui", "pipeline.a-throwing-callback-does-not-make-a-success-a-failure"),
    ("tanstack-db", "view.reject-in-the-middle-of-three-fields-of-one-row"),
    ("tanstack-db", "view.a-foreign-change-of-another-key-shows"),
    ("tanstack-db", "view.an-ack-before-its-data-keeps-the-value"),
    ("json-patch-replay", "view.an-ack-before-its-data-keeps-the-value"),
    ("redux-offline", "outbox.an-unanswered-request-holds-no-other-entity"),
]


@pytest.mark.parametrize(("name", "case"), WANTED)
@needs_node
@needs_kit
@needs_peers
def test_what_is_known_of_the_engines_comes_out_of_the_run(name: str, case: str) -> None:
    adapter = str(PEERS / f"{name}.mjs")
    done = optisync("run", "--no-probes", "--case", case, "--", "node", adapter)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"fail {case}" in done.stdout.lower() or case in done.stdout
