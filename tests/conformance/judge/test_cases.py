"""Case files are refused in one line that names the file, the case and the step."""

import json
import shutil
from fnmatch import fnmatch
from pathlib import Path

import pytest

from optisync_conformance import cases
from optisync_conformance.cases import Case, CaseError, Listed, list_pack, load_file, load_pack
from optisync_conformance.commands.common import Shard, loaders
from optisync_conformance.resources import resource_dir

CORE = load_pack(["core"])

GOOD: dict[str, object] = {
    "id": "coordinator.x",
    "title": "T",
    "req": "view-is-fold",
    "profile": "coordinator",
    "with": {"docs": {"a": {"x": 0}}},
    "steps": [
        {"do": "register", "m": "$m1", "atoms": {"a": [{"op": "remove", "path": "/x"}]}},
        {"do": "reject", "m": "$m1", "then": {"view": {"a": {"x": 0}}}},
    ],
}


def step(do: dict[str, object]) -> dict[str, object]:
    return {**GOOD, "steps": [{"do": "tick"}, do]}


def piped(*steps: dict[str, object]) -> dict[str, object]:
    return {**GOOD, "profile": "pipeline", "with": {}, "steps": [{"do": "drain"}, *steps]}


BAD: list[tuple[dict[str, object], str]] = [
    ({**GOOD, "notes": 1}, "case coordinator.x: Object contains unknown field `notes`"),
    ({**GOOD, "title": 7}, "Expected `str`, got `int` - at `title`"),
    ({k: v for k, v in GOOD.items() if k != "id"}, "case 1: Object missing required field `id`"),
    ({**GOOD, "req": "be-nice"}, "there is no requirement 'be-nice'"),
    ({**GOOD, "profile": "replica"}, "Invalid enum value 'replica' - at `profile`"),
    ({**GOOD, "steps": []}, "at least one step"),
    ({**GOOD, "with": {"docs": {}, "window": 3}}, "with: Object contains unknown field `window`"),
    ({**GOOD, "with": {"variant": "fast"}}, "with: Invalid enum value 'fast' - at `variant`"),
    (step({"do": "fly"}), "step 2: `do` says 'fly', which is no step of profile coordinator"),
    (step({"do": "mutate", "m": "$m1", "atoms": {}}), "step 2: `do` says 'mutate'"),
    (step({"do": "head"}), "step 2: Object missing required field `seq`"),
    (step({"do": "head", "seq": "4"}), "step 2: Expected `int`, got `str` - at `seq`"),
    (step({"do": "head", "seq": -1}), "step 2: Expected `int` >= 0 - at `seq`"),
    (step({"do": "head", "seq": 1, "sq": 1}), "step 2: Object contains unknown field `sq`"),
    (step({"do": "sent", "m": "m1"}), "step 2: Expected `str` matching regex"),
    (step({"do": "hook", "on": "change"}), "step 2: a hook has either `throw` or `call`"),
    (step({"do": "together", "steps": [{"do": "crash"}]}), "`crash` cannot be nested"),
    (step({"do": "together", "steps": [{"do": "x"}]}), "step 2: `do` says 'x'"),
    (step({"do": "tick", "then": {"mood": 1}}), "step 2: `then` has 'mood'"),
    (step({"do": "tick", "then": {"view": {"$some": 1}}}), "there is no matcher '$some'"),
    (step({"do": "tick", "then": {"view": {"$any": 1, "a": 1}}}), "a matcher stands alone"),
    (
        step({"do": "snapshot", "seq": 1, "docs": {}, "outcomes": {"$m1": {}}}),
        "an outcome has either `ok` or `rejected`",
    ),
    (
        piped({"do": "persisted", "request": "$m1", "failed": "no", "enqueued": []}),
        "one of `results`, `enqueued`, `failed` and `unknown` is said",
    ),
    (piped({"do": "decided", "m": "$m1"}), "a verdict is one of `ok`, `rejected` and `in_doubt`"),
    (
        piped({"do": "fetched", "rows": [{"resource": "r", "entity": "a"}]}),
        "a row has either `doc` or `absent`",
    ),
    (piped({"do": "drain", "then": {"places": {"$m1": {"$hass": []}}}}), "no matcher '$hass'"),
]
TEXTS = [
    ("[{", "line 1 column 3"),
    ("[" * 10_000 + "]" * 10_000, ""),
    ("[" * 300 + "]" * 300, "nested deeper than 100"),
    ('[{"id": 1e999}]', "is not a JSON number"),
    ('[{"id": 9007199254740993}]', "integer beyond 2^53-1"),
    ('[{"id": ' + "9" * 5000 + "}]", ""),
    ('[{"id": "a", "id": "b"}]', "names the same key twice"),
    ("\xff", ""),
    ('"\\ud800"', "surrogate"),
    ("[7]", "case 1: Expected `object`, got `int`"),
]


def refusal(path: Path) -> str:
    with pytest.raises(CaseError) as caught:
        load_file(path)
    text = str(caught.value)
    assert "\n" not in text and str(path) in text and len(text) < 400
    return text


@pytest.mark.parametrize(("raw", "wanted"), BAD)
def test_a_case_that_is_not_valid(tmp_path: Path, raw: dict[str, object], wanted: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps([raw]), encoding="utf-8")
    assert wanted in refusal(path)


@pytest.mark.parametrize(("text", "wanted"), TEXTS, ids=range(len(TEXTS)))
def test_a_file_that_is_not_valid(tmp_path: Path, text: str, wanted: str) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(text.encode("latin-1"))
    assert wanted in refusal(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none.json")


def test_places_and_tickets_are_expected_by_name(tmp_path: Path) -> None:
    then = {"places": {"$m1": "waiting"}, "tickets": {"$m1": {"$one_of": ["pending"]}}}
    path = tmp_path / "good.json"
    path.write_text(json.dumps([piped({"do": "drain", "then": then})]), encoding="utf-8")
    [case] = load_file(path)
    assert case.to_json()["steps"] == [{"do": "drain"}, {"do": "drain", "then": then}]


def test_ids_are_not_used_twice(tmp_path: Path) -> None:
    path = tmp_path / "twice.json"
    path.write_text(json.dumps([GOOD, GOOD]), encoding="utf-8")
    with pytest.raises(CaseError, match=r"coordinator\.x is used twice"):
        load_file(path)


def test_defaults_and_inverses_are_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "good.json"
    path.write_text(json.dumps(GOOD), encoding="utf-8")
    [case] = load_file(path)
    assert case.given() == {
        "docs": {"a": {"x": 0}},
        "epoch": 1,
        "variant": "labelled",
        "strategy": "client-wins",
        "dense": False,
        "limits": {"pending": 1000, "buffer": 100},
    }
    register, reject = case.script()
    assert isinstance(register, dict)
    assert register["sent"] is True
    assert register["inverse"] == {"a": [{"op": "add", "path": "/x", "value": 0}]}
    assert reject == {"do": "reject", "m": "$m1", "epoch": 1, "code": "no"}


def test_what_is_written_out_is_read_back(tmp_path: Path) -> None:
    for number, case in enumerate(CORE[::9]):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(case.to_json()), encoding="utf-8")
        [again] = load_file(path)
        assert again.to_json() == case.to_json()


@pytest.mark.parametrize(
    ("packs", "profile", "wanted"),
    [(["all"], None, "there is no pack 'all'"), (["core"], "queries", "no profile 'queries'")],
)
def test_a_selection_that_is_not_valid(packs: list[str], profile: str | None, wanted: str) -> None:
    with pytest.raises(CaseError, match=wanted):
        load_pack(packs, profile)


def test_cases_are_listed_unread_and_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for profile in ("patch", "view"):
        shutil.copytree(resource_dir("cases") / "core" / profile, tmp_path / "core" / profile)
    monkeypatch.setattr(cases, "resource_dir", {"cases": tmp_path}.__getitem__)
    listed = list_pack("core", ["view", "patch"])
    assert list(dict.fromkeys(each.profile for each in listed)) == ["view", "patch"]
    first, second, *_, last = listed
    case = first.read()
    assert Listed.of(case).id == first.id and (case.req, case.pack) == (first.req, "core")
    shutil.rmtree(tmp_path / "core")
    assert first.read() is case
    assert second.read().id == second.id
    with pytest.raises(CaseError, match="No such file"):
        last.read()


@pytest.mark.parametrize("profiles", [(), ("patch",), ("view", "patch")])
@pytest.mark.parametrize("patterns", [(), ("*-[a-m]*",), ("view.*", "patch.a-*", "view.*")])
@pytest.mark.parametrize("shard", [Shard(1, 1), Shard(2, 3)])
def test_what_is_listed_is_what_was_asked_for(
    profiles: tuple[str, ...], patterns: tuple[str, ...], shard: Shard
) -> None:
    played = ("patch", "view", "outbox")
    [load] = loaders("core", profiles, patterns, shard)
    wanted = [
        case.id
        for case in CORE
        if case.profile in (profiles or played)
        and any(fnmatch(case.id, each) for each in patterns or ["*"])
    ]
    found = [each.id for each in load(played)]
    assert len(set(found)) == len(found)
    if shard.count == 1:
        assert sorted(found) == sorted(wanted)
    else:
        others = (loaders("core", profiles, patterns, Shard(n, 3))[0](played) for n in (1, 3))
        assert sorted(found + [e.id for each in others for e in each]) == sorted(wanted)


def test_what_an_adapter_does_not_play_is_not_generated(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def noted(profile: str) -> tuple[Case, ...]:
        asked.append(profile)
        return ()

    monkeypatch.setattr("optisync_conformance.cover.cover", noted)
    [load] = loaders("cover", (), ())
    assert load(("patch", "view")) == ()
    assert asked == ["patch", "view"]


def test_every_core_case_is_as_cases_are() -> None:
    assert len(CORE) >= 134
    for case in CORE:
        assert case.id.startswith(case.profile + ".")
        assert any(step.then for step in case.steps)
        docs = case.given().get("docs", {"a": 1, "b": 1})
        assert isinstance(docs, dict) and len(docs) >= 2, case.id
