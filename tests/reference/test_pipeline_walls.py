"""The pipeline has none of the names of those who persist, queue or send, and none of their homes.

Each check is shown red once, on a copy with a planted violation.
"""

import io
import os
import re
import shutil
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "reference" / "optisync" / "pipeline"
FORBIDDEN = (
    *("outbox", "sync_store", "local_first", "persist_mode", "queue_mode", "in_flight"),
    *("lease", "reserve", "rebase", "retry", "cursor"),
)
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def parts(name: str) -> tuple[str, ...]:
    """The parts of a name, split where case or punctuation splits it."""
    return tuple(part.lower() for part in PART.findall(name))


def words_in(text: str) -> Iterator[str]:
    """The forbidden words that a text has as whole parts."""
    found = parts(text)
    for word in FORBIDDEN:
        wanted = parts(word)
        starts = range(len(found) - len(wanted) + 1)
        if any(found[at : at + len(wanted)] == wanted for at in starts):
            yield word


def forbidden_in(package: Path) -> list[str]:
    """Every forbidden word in the package: in a name, a text, a comment, or the name of a file."""
    found: list[str] = []
    for path in sorted(package.rglob("*.py")):
        found += (f"{path.stem}: {word}" for word in words_in(path.stem))
        for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline):
            where = f"{path.stem}:{token.start[0]}"
            found += (f"{where}: {word}" for word in words_in(token.string))
    return found


def test_no_forbidden_word_is_part_of_a_name() -> None:
    assert len(list(PACKAGE.glob("*.py"))) > 10
    assert forbidden_in(PACKAGE) == []


@pytest.mark.parametrize("word", FORBIDDEN)
def test_each_word_is_found_in_every_spelling(word: str, tmp_path: Path) -> None:
    camel = "".join(part.capitalize() for part in word.split("_"))
    dashed = word.replace("_", "-")
    for line in (f"max_{word}_ms = 1", f"class An{camel}ID: ...", f"code = 'an-{dashed}'"):
        (tmp_path / "planted.py").write_text(line, encoding="utf-8")
        assert forbidden_in(tmp_path) == [f"planted:1: {word}"], line
    (tmp_path / "planted.py").write_text("", encoding="utf-8")
    (tmp_path / f"{word}.py").write_text("", encoding="utf-8")
    assert forbidden_in(tmp_path) == [f"{word}: {word}"]


def test_a_word_within_a_part_is_none() -> None:
    allowed = ("release", "released", "reserved", "retrying", "precursor", "light", "first_local")
    assert [word for name in allowed for word in words_in(name)] == []


def kept(contract: str, reference: Path) -> bool:
    """Whether the import contract is kept by the packages under `reference`."""
    program = (Path(sys.executable).parent / "lint-imports", "--contract", contract, "--no-cache")
    roots = os.pathsep.join((str(reference), str(ROOT / "conformance")))
    env = {**os.environ, "PYTHONPATH": roots}
    done = subprocess.run(program, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    answer = "1 kept, 0 broken" if done.returncode == 0 else "0 kept, 1 broken"
    assert f"Contracts: {answer}." in done.stdout, done.stdout + done.stderr
    return done.returncode == 0


@pytest.mark.parametrize(
    ("contract", "planted"),
    [
        ("pipeline-alone", "from optisync.outbox.state import Outbox"),
        ("pipeline-alone", "from optisync.coordinator.state import Coordinator"),
        ("pipeline-alone", "from optisync.transport.driver import write_ops"),
        ("pipeline-alone", "from optisync.contracts.remote import WriteOp"),
        ("pipeline-alone", "from optisync.server.rows import Backend"),
        ("pipeline-alone", "from optisync.shell.durable import DurableOutbox"),
        ("pure-core", "import asyncio"),
        ("pure-core", "import time"),
        ("remote-ops-at-the-edge", "from optisync.contracts.remote import WriteOp"),
    ],
)
def test_the_pipeline_imports_no_home_of_theirs(
    contract: str, planted: str, tmp_path: Path
) -> None:
    copy = tmp_path / "reference"
    shutil.copytree(ROOT / "reference", copy, ignore=shutil.ignore_patterns("__pycache__"))
    step = copy / "optisync" / "pipeline" / "step.py"
    text = step.read_text("utf-8")
    step.write_text(text.replace("\nfrom typing", f"\n{planted}\nfrom typing", 1), "utf-8")
    assert not kept(contract, copy)


def test_the_contracts_are_kept_as_it_is() -> None:
    assert kept("pipeline-alone", ROOT / "reference")
