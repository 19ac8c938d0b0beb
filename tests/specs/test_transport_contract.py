"""The definition of done of seed 004, its phases and the names it deletes, as checks.

Each check is shown red once, by what it forbids.
"""

import ast
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import get_args, get_type_hints

import pytest
from tests.reference.test_pipeline_walls import kept

from optisync.contracts import entry as contract
from optisync.contracts import remote
from optisync.contracts.entry import WriteEntry, WriteEntryResult
from optisync.outbox.inputs import Enqueue, Result, Settle
from optisync.outbox.rows import Item
from optisync.pipeline.effects import Persist
from optisync.view import Change, Create, Delete, Update, Upsert
from optisync_conformance.resources import resource_dir

ROOT = Path(__file__).parents[2]
PACKAGES = (ROOT / "reference" / "optisync", ROOT / "conformance" / "optisync_conformance")
TYPESCRIPT = ROOT / "conformance" / "adapters" / "typescript" / "src"

# §5.2 deletes the first; §2.1 renames the bare ones, and §5.2 forbids what takes apart and puts
# together again.
DELETED = re.compile(
    r"(?i:write_?intent(_?options)?|outbox_?write_?action|outbox_?write_?item\w*"
    r"|map_?write_?ops_?to_?outbox_?writes)|Operation(Kind|Result)?"
)


def names_of(text: str) -> set[str]:
    """Every name that Python source defines, imports or uses."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                found.add(name)
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                found.add(name)
            case ast.alias(name=name, asname=other):
                found |= {part for part in (*name.split("."), other) if part}
            case _:
                pass
    return found


def deleted(names: set[str]) -> set[str]:
    return {name for name in names if DELETED.fullmatch(name)}


def python_files() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted(package.rglob("*.py"))


def test_deleted_names_are_nowhere() -> None:
    """DoD 3, §2.1, §5.2."""
    files = list(python_files())
    assert len(files) > 100
    found = {(path.stem, n) for path in files for n in deleted(names_of(path.read_text("utf-8")))}
    for path in sorted(TYPESCRIPT.rglob("*.ts")):
        words = set(re.findall(r"[A-Za-z_]\w*", path.read_text("utf-8")))
        found |= {(path.stem, name) for name in deleted(words)}
    assert found == set()


@pytest.mark.parametrize(
    "planted",
    [
        "class WriteIntent: ...",
        "from optisync.contracts import write_intent_options",
        "def outbox_write_action(): ...",
        "OutboxWriteItemMeta = int",
        "x.mapWriteOpsToOutboxWrites()",
        "class Operation: ...",
        "def f(kind: OperationKind) -> None: ...",
        "OperationResult = 1",
    ],
)
def test_a_deleted_name_is_found(planted: str) -> None:
    assert len(deleted(names_of(planted))) == 1


def test_what_is_renamed_is_allowed() -> None:
    assert (
        deleted(names_of("from optisync.contracts.remote import RemoteOp, RemoteOpKind")) == set()
    )


def calls_of(text: str, name: str) -> int:
    return sum(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        for node in ast.walk(ast.parse(text))
    )


def makers(root: Path, name: str) -> set[str]:
    """The modules that make something of this name, by their place under `root`."""
    texts = ((path, path.read_text("utf-8")) for path in root.rglob("*.py"))
    return {
        path.relative_to(root).with_suffix("").as_posix()
        for path, text in texts
        if f"{name}(" in text and calls_of(text, name)
    }


def test_operations_are_made_in_one_place(tmp_path: Path) -> None:
    """Phase D: the driver makes them of entries, and the reader of requests reads them."""
    assert makers(PACKAGES[0], "WriteOp") == {"transport/grouping", "transport/requests"}
    assert makers(PACKAGES[0], "QueryOp") == {"transport/driver", "transport/requests"}
    assert makers(PACKAGES[0], "ChangesPullOp") == {"transport/driver", "transport/requests"}
    assert not any(makers(PACKAGES[1], name) for name in ("WriteOp", "QueryOp", "ChangesPullOp"))
    (tmp_path / "planted.py").write_text("op = WriteOp('q', 'note', ())", encoding="utf-8")
    assert makers(tmp_path, "WriteOp") == {"planted"}


@pytest.mark.parametrize("home", ["outbox/step.py", "coordinator/step.py"])
def test_remote_operations_are_known_at_the_edge_alone(home: str, tmp_path: Path) -> None:
    """DoD 2: the import contract is broken by a planted import (and kept, without)."""
    copy = tmp_path / "reference"
    shutil.copytree(ROOT / "reference", copy, ignore=shutil.ignore_patterns("__pycache__"))
    planted = copy / "optisync" / home
    text = planted.read_text("utf-8")
    line = "\nfrom optisync.contracts.remote import RemoteOp\nfrom typing"
    planted.write_text(text.replace("\nfrom typing", line, 1), "utf-8")
    assert planted.read_text("utf-8") != text
    assert not kept("remote-ops-at-the-edge", copy)


def test_the_contract_of_remote_operations_is_kept() -> None:
    """DoD 2."""
    assert kept("remote-ops-at-the-edge", ROOT / "reference")


def test_inside_only_entries_travel() -> None:
    """DoD 1, phases A to C: whoever takes, holds or hands over writes does so as entries."""
    assert get_type_hints(Enqueue)["entries"] == tuple[WriteEntry, ...]
    assert get_type_hints(Item)["entry"] is WriteEntry
    assert get_type_hints(Persist)["entries"] == tuple[WriteEntry, ...]
    assert get_type_hints(remote.WriteOp)["entries"] == tuple[WriteEntry, ...]


def test_every_entry_has_its_action_and_what_aligns_it() -> None:
    """§2.2: four actions in a union that tells them apart, the id, the key, the client's time."""
    assert set(get_args(Change)) == {Create, Update, Upsert, Delete}
    hints = get_type_hints(WriteEntry)
    assert hints["change"] == Change
    assert {"entry_id", "idempotency_key", "client_time_ms"} <= hints.keys()
    assert all(name in schema_of("entry") for name in ("entryId", "idempotencyKey", "clientTimeMs"))


def test_results_are_aligned_by_entry_id() -> None:
    """DoD 4, §2.3: a result has an id and no index, inside as on the wire."""
    assert {field.name for field in fields(WriteEntryResult)} == {"entry_id", "outcome"}
    assert {field.name for field in fields(remote.WriteResultData)} == {"results"}
    assert get_type_hints(remote.WriteResultData)["results"] == tuple[WriteEntryResult, ...]
    assert get_type_hints(Settle)["results"] == tuple[Result, ...]
    assert {field.name for field in fields(Result)} == {"entry_id", "outcome"}
    for part in ("entry-result", "write-result", "entry"):
        assert '"index"' not in schema_of(part)
    assert indexed(contract) | indexed(remote) == set()


def indexed(module: ModuleType) -> set[str]:
    """The dataclasses of a module that have an index."""
    found = (thing for thing in vars(module).values() if isinstance(thing, type))
    return {
        thing.__name__
        for thing in found
        if is_dataclass(thing) and "index" in {field.name for field in fields(thing)}
    }


def test_an_index_is_found() -> None:
    from optisync import errors

    class Planted(ModuleType):
        """A module with a class that has an index, as an error of patches rightly has."""

    planted = Planted("planted")
    planted.__dict__.update(vars(errors))
    assert indexed(planted) == {"PatchInapplicable"}


def schema_of(part: str) -> str:
    path = resource_dir("specs") / "schemas" / "remote.json"
    return json.dumps(json.loads(path.read_text("utf-8"))["$defs"][part])


TRANSPORT_OPTIONS = {"returning", "TransportOptions", "transport_options"}


def optioned(package: Path) -> set[str]:
    """The modules of a package that know a transport option."""
    return {
        path.stem
        for path in package.rglob("*.py")
        if TRANSPORT_OPTIONS & names_of(path.read_text("utf-8"))
        or '"returning"' in path.read_text("utf-8")
    }


def test_transport_options_are_known_at_the_edge_alone(tmp_path: Path) -> None:
    """§4: neither an entry, nor a queue, nor the pipeline, nor a coordinator has any."""
    for name in ("outbox", "pipeline", "coordinator"):
        assert optioned(PACKAGES[0] / name) == set()
    assert "options" not in {field.name for field in fields(WriteEntry)}
    assert optioned(PACKAGES[0] / "transport") == {"grouping"}
    (tmp_path / "planted.py").write_text('asked = {"returning": True}', encoding="utf-8")
    assert optioned(tmp_path) == {"planted"}
