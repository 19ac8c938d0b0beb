"""The TypeScript file store: torn and damaged logs, killed writers, owners, disks without room."""

from __future__ import annotations

import hashlib
import json
import random
import resource
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias, cast

import pytest
from tests.adapters.node import needs_kit, needs_node

from optisync_conformance.frames import Json

pytestmark = [needs_node, needs_kit]
PROBE = Path(__file__).parent / "store_probe.mjs"
Answer: TypeAlias = dict[str, Json]


class Probe:
    """A process that opens stores as it is told."""

    def __init__(self) -> None:
        self.process = started()

    def ask(self, **command: Json) -> Answer:
        """The answer to one command."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()
        return cast(Answer, json.loads(self.process.stdout.readline()))

    def open(self, where: Path, slack: int = 1 << 16) -> Answer:
        """Open the store of a directory."""
        return self.ask(do="open", dir=str(where), slack=slack)

    def commit(self, *changes: Json) -> Answer:
        """Commit changes of rows."""
        return self.ask(do="commit", changes=list(changes))

    def reopened(self, where: Path) -> Answer:
        """What is found after the process of the store has died."""
        self.ask(do="die")
        return self.open(where)


def started(*words: str) -> subprocess.Popen[bytes]:
    """The probe program."""
    command = ["node", str(PROBE), *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


@pytest.fixture
def probe() -> Iterator[Probe]:
    probe = Probe()
    yield probe
    probe.process.kill()
    probe.process.communicate()


def three(probe: Probe, where: Path) -> list[bytes]:
    """A log with three commits, one of them of two rows and a text of several bytes a letter."""
    assert probe.open(where) == {"rows": {}, "damage": []}
    probe.commit(["a", 1], ["n", "é\u2028😀\n"])
    probe.commit(["b", {"x": None}])
    probe.commit(["a", 2], ["b"])
    probe.ask(do="close")
    lines = (where / "log").read_bytes().splitlines(keepends=True)
    assert len(lines) == 4
    return lines


TEXT = "é\u2028😀\n"
BEFORE: Answer = {"a": 1, "n": TEXT, "b": {"x": None}}
AFTER: Answer = {"a": 2, "n": TEXT}


def test_a_commit_torn_at_any_byte_is_dropped_whole(probe: Probe, tmp_path: Path) -> None:
    lines = three(probe, tmp_path)
    for length in range(len(lines[3])):
        (tmp_path / "log").write_bytes(b"".join(lines[:3]) + lines[3][:length])
        assert probe.open(tmp_path) == {"rows": BEFORE, "damage": []}
        probe.commit(["new", length])
        assert probe.reopened(tmp_path) == {"rows": BEFORE | {"new": length}, "damage": []}
        probe.ask(do="close")


def test_a_last_commit_with_any_wrong_byte_is_dropped_whole(probe: Probe, tmp_path: Path) -> None:
    lines = three(probe, tmp_path)
    for at in range(len(lines[3])):
        bad = lines[3][:at] + bytes([lines[3][at] ^ 1]) + lines[3][at + 1 :]
        (tmp_path / "log").write_bytes(b"".join(lines[:3]) + bad)
        assert probe.open(tmp_path) == {"rows": BEFORE, "damage": []}
        probe.ask(do="close")


def test_damage_inside_is_kept_aside_and_told(probe: Probe, tmp_path: Path) -> None:
    lines = three(probe, tmp_path)
    for at in range(len(lines[2]) - 1):
        bad = lines[2][:at] + bytes([lines[2][at] ^ 0xF0]) + lines[2][at + 1 :]
        (tmp_path / "log").write_bytes(b"".join([*lines[:2], bad, lines[3]]))
        (tmp_path / "quarantine").unlink(missing_ok=True)
        damage: Json = [{"line": 3, "bytes": len(bad) - 1}]
        assert probe.open(tmp_path) == {"rows": AFTER, "damage": damage}
        assert (tmp_path / "quarantine").read_bytes() == bad
        probe.commit(["new", at])
        assert probe.reopened(tmp_path) == {"rows": AFTER | {"new": at}, "damage": []}
        probe.ask(do="close")


def test_a_log_of_another_format_is_refused_and_left_alone(probe: Probe, tmp_path: Path) -> None:
    three(probe, tmp_path)
    body = b'{"format":2}'
    foreign = hashlib.sha256(body).hexdigest()[:16].encode() + b" " + body + b"\n"
    (tmp_path / "log").write_bytes(foreign)
    assert probe.open(tmp_path)["error"] == "StoreForeign"
    assert (tmp_path / "log").read_bytes() == foreign


def test_what_a_killed_writer_said_is_stored_is_there(probe: Probe, tmp_path: Path) -> None:
    rng = random.Random(1)
    said = 0
    for _ in range(5):
        writer = started("hammer", str(tmp_path))
        assert writer.stdout is not None
        for _ in range(rng.randrange(1, 50)):
            said = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest = writer.communicate()[0].split(b"\n")[:-1]
        said = int(rest[-1]) if rest else said
        found = probe.open(tmp_path)
        rows = cast(dict[str, int], found["rows"])
        assert found["damage"] == []
        assert said <= rows["a"] <= said + 1
        assert rows["b"] == rows[f"c{rows['a'] % 7}"] == rows["a"]
        assert f"c{(rows['a'] + 3) % 7}" not in rows
        said = rows["a"]
        probe.ask(do="close")
    assert said > 60


def test_a_log_that_grows_is_written_anew(probe: Probe, tmp_path: Path) -> None:
    probe.open(tmp_path, slack=1000)
    for number in range(120):
        probe.commit([f"k{number % 5}", "x" * 50])
        assert (tmp_path / "log").stat().st_size < 4000
    rows = {f"k{number}": "x" * 50 for number in range(5)}
    (tmp_path / "log.new").write_bytes(b"left by a process that was killed while it wrote")
    assert probe.reopened(tmp_path) == {"rows": rows, "damage": []}
    assert not (tmp_path / "log.new").exists()


def test_a_directory_has_one_owner(tmp_path: Path) -> None:
    first = started("own", str(tmp_path))
    assert first.stdout is not None
    assert "rows" in json.loads(first.stdout.readline())
    second = started("own", str(tmp_path))
    assert second.stdout is not None
    refused = json.loads(second.stdout.readline())
    assert refused["error"] == "StoreOwned"
    assert str(first.pid) in refused["text"]
    first.send_signal(signal.SIGKILL)
    first.communicate()
    # Its lock is there still; of several who find it, one takes it over.
    others = [started("own", str(tmp_path)) for _ in range(4)]
    answers = [json.loads(o.stdout.readline()) for o in others if o.stdout]
    assert sum("rows" in answer for answer in answers) == 1
    for other in (second, *others):
        other.kill()
        other.communicate()


def test_without_room_nothing_is_stored_and_later_it_is(probe: Probe, tmp_path: Path) -> None:
    probe.open(tmp_path)
    probe.commit(["a", 1])
    size = (tmp_path / "log").stat().st_size
    pid = probe.process.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size + 30, hard))
    assert "EFBIG" in str(probe.commit(["a", 2], ["b", "x" * 100])["text"])
    assert (tmp_path / "log").stat().st_size == size
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert probe.commit(["c", 3]) == {}
    assert probe.reopened(tmp_path) == {"rows": {"a": 1, "c": 3}, "damage": []}
