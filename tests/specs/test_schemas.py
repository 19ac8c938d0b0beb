"""The JSON Schemas of specs/schemas: the suite's own data validates, bad data does not."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Protocol, TypedDict, cast, get_args

import msgspec
import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012, Schema

from optisync_conformance.cases import Case, load_pack, run_case
from optisync_conformance.frames import Script, hello_line, run_line
from optisync_conformance.resources import resource_dir
from optisync_conformance.script import CoordinatorStep, PatchStep, ViewStep
from optisync_conformance.scriptoutbox import OutboxStep
from optisync_conformance.scriptpipeline import PipelineStep
from optisync_conformance.scripttransport import TransportStep

SCHEMAS = resource_dir("specs") / "schemas"
NAMES = ("patch", "changes", "messages", "script", "frames", "case", "remote")


def read(path: Path) -> dict[str, object]:
    return cast("dict[str, object]", json.loads(path.read_text(encoding="utf-8")))


STEPS = {
    "patch": PatchStep,
    "coordinator": CoordinatorStep,
    "view": ViewStep,
    "outbox": OutboxStep,
    "transport": TransportStep,
    "pipeline": PipelineStep,
}


class StepSchema(TypedDict):
    """The members of a schema that are looked at here."""

    properties: dict[str, dict[str, str]]
    required: list[str]
    oneOf: list[dict[str, str]]


REGISTRY: Registry[Schema] = Registry[Schema]().with_resources(
    (f"urn:optisync:schema:{name}", DRAFT202012.create_resource(read(SCHEMAS / f"{name}.json")))
    for name in NAMES
)


class Validating(Protocol):
    """The part of a validator that is used here, and its types."""

    def iter_errors(self, instance: object) -> Iterator[ValidationError]: ...


@cache
def validator(name: str, part: str = "") -> Validating:
    fragment = f"#/$defs/{part}" if part else ""
    ref = {"$ref": f"urn:optisync:schema:{name}{fragment}"}
    return cast(Validating, Draft202012Validator(ref, registry=REGISTRY))


def errors(name: str, value: object, part: str = "") -> list[str]:
    return [error.message for error in validator(name, part).iter_errors(value)]


def test_every_file_is_a_schema_with_its_own_name() -> None:
    assert sorted(path.stem for path in SCHEMAS.glob("*.json")) == sorted(NAMES)
    for name in NAMES:
        schema = read(SCHEMAS / f"{name}.json")
        Draft202012Validator.check_schema(schema)
        assert schema["$id"] == f"urn:optisync:schema:{name}"


def case_files() -> list[Path]:
    return sorted((resource_dir("cases") / "core").glob("*/*.json"))


@pytest.mark.parametrize("path", case_files(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_case_file_validates(path: Path) -> None:
    assert errors("case", json.loads(path.read_text(encoding="utf-8"))) == []


@cache
def cases() -> tuple[Case, ...]:
    """One of every third requirement: validating costs more than running."""
    return tuple({case.req: case for case in load_pack(["core"])}.values())[::3]


def test_what_the_suite_sends_and_the_reference_answers_validates() -> None:
    assert errors("frames", json.loads(hello_line("0", "0", 1, 0)), "to-adapter") == []
    seen = 0
    for number, case in enumerate(cases()):
        line = run_line(number, Script(case.profile, case.given(), case.script()))
        assert errors("frames", json.loads(line), "to-adapter") == [], case.id
        answer: object = json.loads(
            json.dumps({"t": "ran", "id": number, "obs": run_case(case)}, default=dict)
        )
        assert errors("frames", answer, "from-adapter") == [], case.id
        seen += 1
    assert seen > 60


@pytest.mark.parametrize("profile", list(STEPS))
def test_steps_have_the_members_of_their_types(profile: str) -> None:
    found = dict(steps_in("script", f"{profile}-open"))
    for step in get_args(STEPS[profile]):
        fields = {f.encode_name: f.required for f in msgspec.structs.fields(step)}
        schema = found.pop(step.__struct_config__.tag)
        assert schema["properties"].keys() - {"do"} == fields.keys()
        assert set(schema["required"]) - {"do"} == {name for name in fields if fields[name]}
    assert not found


def steps_in(name: str, part: str) -> Iterator[tuple[str, StepSchema]]:
    """The schema of each step that a part allows, by its verb."""
    here = cast(dict[str, dict[str, StepSchema]], read(SCHEMAS / f"{name}.json"))["$defs"][part]
    if here.get("properties"):
        yield here["properties"]["do"]["const"], here
        return
    for choice in here["oneOf"]:
        place, _, inner = choice["$ref"].partition("#/$defs/")
        yield from steps_in(place.removeprefix("urn:optisync:schema:") or name, inner)


def test_messages_of_the_cases_validate() -> None:
    kinds = set[str]()
    for case in load_pack(["core"], "coordinator")[::3]:
        for step in case.script():
            match step:
                case {"do": "ack" | "reject" | "delta" | "snapshot" | "head" as kind}:
                    assert errors("messages", step) == [], case.id
                    kinds.add(kind)
                case _:
                    pass
    assert len(kinds) == 5


BAD: dict[str, tuple[str, str, object]] = {
    "an operation that is none": ("patch", "", [{"op": "set", "path": "/x", "value": 1}]),
    "an add without a value": ("patch", "", [{"op": "add", "path": "/x"}]),
    "a move without from": ("patch", "", [{"op": "move", "path": "/x"}]),
    "a path without its slash": ("patch", "", [{"op": "remove", "path": "x"}]),
    "a bad escape": ("patch", "", [{"op": "remove", "path": "/~2"}]),
    "a path that ends in a tilde": ("patch", "", [{"op": "remove", "path": "/a~"}]),
    "a patch that is an object": ("patch", "", {"op": "remove", "path": "/x"}),
    "an empty atom key": ("changes", "", {"": []}),
    "a delete that is false": ("changes", "", {"a": {"delete": False}}),
    "create and delete at once": ("changes", "", {"a": {"create": 1, "delete": True}}),
    "a patch without upsert": ("changes", "", {"a": {"patch": []}}),
    "an ack of nobody": ("messages", "", {"do": "ack", "epoch": 1, "seq": 1}),
    "a fraction for a position": ("messages", "", {"do": "head", "epoch": 1, "seq": 1.5}),
    "a position beyond 2^53-1": ("messages", "", {"do": "head", "epoch": 1, "seq": 2**53}),
    "a name without its dollar": ("messages", "", {"do": "reject", "m": "m1"}),
    "a delta without changes": ("messages", "", {"do": "delta", "seq": 1, "prev": 0}),
    "a label of nobody": (
        "messages",
        "",
        {"do": "delta", "seq": 1, "prev": 0, "atoms": {}, "settles": [{"version": 1}]},
    ),
    "an outcome both ways": (
        "messages",
        "",
        {"do": "snapshot", "seq": 1, "docs": {}, "outcomes": {"$m1": {"ok": 1, "rejected": "no"}}},
    ),
    "a message with more": ("messages", "", {"do": "head", "seq": 1, "then": {}}),
    "a run of no profile": ("frames", "", {"t": "run", "id": 1, "with": {}, "steps": []}),
    "a run with a strange step": (
        "frames",
        "",
        {"t": "run", "id": 1, "profile": "view", "with": {}, "steps": [{"do": "fly"}]},
    ),
    "an expectation in a frame": (
        "frames",
        "",
        {
            "t": "run",
            "id": 1,
            "profile": "coordinator",
            "with": {},
            "steps": [{"do": "head", "seq": 1, "then": {}}],
        },
    ),
    "a step of another profile": (
        "frames",
        "",
        {
            "t": "run",
            "id": 1,
            "profile": "view",
            "with": {},
            "steps": [{"do": "sent", "m": "$m1"}],
        },
    ),
    "an answer without observations": ("frames", "", {"t": "ran", "id": 1, "obs": []}),
    "an observation without out": ("frames", "", {"t": "ran", "id": 1, "obs": [{}, {}]}),
    "out both ways": (
        "frames",
        "",
        {"t": "ran", "id": 1, "obs": [{"out": {"ok": {}, "err": "no"}}]},
    ),
    "an effect without a name": (
        "frames",
        "",
        {"t": "ran", "id": 1, "obs": [{"out": {"ok": {}}, "effects": [{"m": "$m1"}]}]},
    ),
    "a verdict of nobody": (
        "frames",
        "",
        {"t": "ran", "id": 1, "obs": [{"out": {"ok": {}}, "effects": [{"e": "acked"}]}]},
    ),
    "a fault of no kind": ("frames", "", {"t": "fault", "id": 1, "kind": "tired"}),
    "a hello without an engine": ("frames", "", {"t": "hello", "protocol": 1, "profiles": {}}),
    "a case without a requirement": (
        "case",
        "",
        {
            "id": "x",
            "title": "x",
            "profile": "patch",
            "steps": [{"do": "apply", "doc": 1, "patch": []}],
        },
    ),
    "an expected field of another profile": (
        "case",
        "",
        {
            "id": "x",
            "title": "x",
            "req": "view-is-fold",
            "profile": "view",
            "steps": [{"do": "push", "atoms": {}, "then": {"confirmed": {}}}],
        },
    ),
    "a result both ways": (
        "frames",
        "",
        {
            "t": "run",
            "id": 1,
            "profile": "outbox",
            "with": {},
            "steps": [
                {"do": "settle", "lease": "$l1", "results": [{"m": "$m1", "ok": 1, "retry": 0}]}
            ],
        },
    ),
    "an entry that writes nothing": (
        "case",
        "",
        {
            "id": "x",
            "title": "x",
            "req": "dedupe-by-key",
            "profile": "outbox",
            "steps": [{"do": "enqueue", "entries": [{"m": "$m1", "resource": "r", "entity": "a"}]}],
        },
    ),
    "a number in no state": (
        "frames",
        "",
        {
            "t": "ran",
            "id": 1,
            "obs": [{"out": {"ok": {}}, "queue": [{"m": "$m1", "state": "new"}]}],
        },
    ),
    "two answers to a request": (
        "frames",
        "",
        {
            "t": "run",
            "id": 1,
            "profile": "pipeline",
            "with": {},
            "steps": [{"do": "persisted", "request": "$m1", "failed": "no", "unknown": True}],
        },
    ),
    "a row that is there and not": (
        "case",
        "",
        {
            "id": "x",
            "title": "x",
            "req": "deleted-leaves-version",
            "profile": "pipeline",
            "steps": [
                {
                    "do": "fetched",
                    "rows": [{"resource": "r", "entity": "a", "doc": 1, "absent": True}],
                }
            ],
        },
    ),
    "a write in no place": (
        "frames",
        "",
        {"t": "ran", "id": 1, "obs": [{"out": {"ok": {}}, "places": {"$m1": "lost"}}]},
    ),
    "a request of nothing": (
        "frames",
        "",
        {
            "t": "ran",
            "id": 1,
            "obs": [{"effects": [{"e": "persist", "request": "$m1", "entries": []}]}],
        },
    ),
    "a push of both": (
        "case",
        "",
        {
            "id": "x",
            "title": "x",
            "req": "view-is-fold",
            "profile": "view",
            "steps": [{"do": "push", "m": "$m1", "atoms": {}}],
        },
    ),
    "a hook that does nothing": (
        "case",
        "",
        {
            "id": "x",
            "title": "x",
            "req": "one-change",
            "profile": "coordinator",
            "steps": [{"do": "hook", "on": "change", "nth": 1}],
        },
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data_does_not_validate(name: str) -> None:
    schema, part, value = BAD[name]
    assert errors(schema, value, part)
