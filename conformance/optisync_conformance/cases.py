"""Cases: scripts with expectations, each about one requirement; loaded strictly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, cast

import msgspec

from optisync.errors import OptisyncError
from optisync.values import Json, Obj, freeze, parse
from optisync.view import changes_to_json, invert_changes
from optisync_conformance.derive import Hosts, read_changes
from optisync_conformance.frames import Json as Plain
from optisync_conformance.match import MATCHERS
from optisync_conformance.reference.host import Observation, thaw
from optisync_conformance.reference.run import run_script
from optisync_conformance.requirements import requirements
from optisync_conformance.resources import resource_dir
from optisync_conformance.script import (
    PROFILES,
    Profile,
    ScriptError,
    filled_setting,
    filled_step,
)

PACKS: Final = ("core", "cover")

EXPECTED: Final[dict[str, frozenset[str]]] = {
    "patch": frozenset({"out"}),
    "coordinator": frozenset(
        {"out", "effects", "view", "push_view", "shown", "pending", "confirmed", "patches"}
        | {"acked", "suspended", "buffer", "requested"}
    ),
    "view": frozenset({"out", "effects", "view", "shown", "server"}),
}


class CaseError(Exception):
    """A case file or selection that is not valid; the text is one line: file, case, step, why."""


class Step(msgspec.Struct, frozen=True):
    """A step as it is sent, and what is expected of its observation (empty: only `out` ok).

    `req`: the requirement the step is about, if it is not that of the case.
    """

    do: Obj
    then: Obj
    req: str = ""

    def whole(self) -> Obj:
        """The step as it stands in a case file."""
        return self.do.put("then", self.then) if self.then else self.do


class Case(msgspec.Struct, frozen=True):
    """A script with expectations. `written_for`: faults this case was written to catch."""

    id: str
    title: str
    req: str
    profile: Profile
    setting: Obj
    steps: tuple[Step, ...]
    pack: str
    written_for: tuple[str, ...] = ()

    def given(self) -> dict[str, Plain]:
        """`with`, as it is sent."""
        return cast("dict[str, Plain]", thaw(self.setting))

    def script(self) -> list[Plain]:
        """The steps, as they are sent."""
        return [thaw(step.do) for step in self.steps]

    def to_json(self) -> dict[str, Plain]:
        """The case as it could stand in a case file, defaults filled in."""
        whole: dict[str, Plain] = {"id": self.id, "title": self.title, "req": self.req}
        whole |= {"profile": self.profile, "with": self.given()}
        if self.written_for:
            whole["for"] = [*self.written_for]
        whole["steps"] = [thaw(step.whole()) for step in self.steps]
        return whole


class _Raw(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    title: str
    req: str
    profile: Profile
    steps: list[dict[str, object]]
    setting: dict[str, object] = msgspec.field(name="with", default_factory=dict[str, object])
    written_for: list[str] = msgspec.field(name="for", default_factory=list[str])


def load_pack(
    packs: Sequence[str], profile: str | None = None, glob: str = "*"
) -> tuple[Case, ...]:
    """The cases of some packs, of one profile or all, whose id matches. Raises CaseError.

    >>> load_pack(["core"], "patch", "patch.*")[0].profile
    'patch'
    """
    for pack in packs:
        if pack not in PACKS:
            raise CaseError(f"there is no pack {pack!r}; there are {', '.join(PACKS)}")
    if profile is not None and profile not in PROFILES:
        raise CaseError(f"there is no profile {profile!r}; there are {', '.join(PROFILES)}")
    found: list[Case] = []
    if "core" in packs:
        folder = resource_dir("cases") / "core"
        for path in sorted(folder.glob("*/*.json")):
            if profile is None or path.parent.name == profile:
                found += _load(path, "core", glob)
    if "cover" in packs and profile in (None, "coordinator"):
        from optisync_conformance.cover import cover  # generated, which takes its time

        found += [case for case in cover() if fnmatchcase(case.id, glob)]
    _refuse_duplicates(found)
    return tuple(found)


def load_file(path: Path) -> tuple[Case, ...]:
    """The cases of one file. Raises CaseError."""
    found = _load(path, "file", "*")
    _refuse_duplicates(found)
    return tuple(found)


def _refuse_duplicates(cases: Iterable[Case]) -> None:
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise CaseError(f"the id {case.id} is used twice")
        seen.add(case.id)


def _load(path: Path, pack: str, glob: str) -> list[Case]:
    try:
        raw = parse(path.read_bytes())
    except OSError as error:
        raise CaseError(f"{path}: {error.strerror}") from None
    except (OptisyncError, UnicodeDecodeError) as error:
        raise CaseError(f"{path}: {error}") from None
    items = raw if isinstance(raw, tuple) else (raw,)
    cases = (_case(path, index, item, pack, glob) for index, item in enumerate(items))
    return [case for case in cases if case is not None]


def _case(path: Path, index: int, raw: Json, pack: str, glob: str) -> Case | None:
    where = f"{path}: case {index + 1}"
    if isinstance(raw, Obj) and isinstance(raw.get("id"), str):
        where = f"{path}: case {raw['id']}"
    try:
        read = msgspec.convert(thaw(raw), _Raw)
    except msgspec.ValidationError as error:
        text = str(error).replace("`$.", "`").replace(" - at `$`", "")
        raise CaseError(f"{where}: {text}") from None
    if not fnmatchcase(read.id, glob):
        return None
    return _checked(where, read, pack)


def _checked(where: str, raw: _Raw, pack: str) -> Case:
    if raw.req not in requirements():
        raise CaseError(f"{where}: there is no requirement {raw.req!r} in specs")
    if not raw.steps:
        raise CaseError(f"{where}: a case has at least one step")
    try:
        setting = _frozen(filled_setting(raw.profile, raw.setting))
    except ScriptError as error:
        raise CaseError(f"{where}: {error}") from None
    steps: list[Step] = []
    for index, step in enumerate(raw.steps):
        try:
            steps.append(_step(raw.profile, step))
        except ScriptError as error:
            raise CaseError(f"{where}: step {index + 1}: {error}") from None
    case = Case(
        raw.id, raw.title, raw.req, raw.profile, setting, tuple(steps), pack, tuple(raw.written_for)
    )
    return with_inverses(case) if raw.profile == "coordinator" else case


def _step(profile: str, raw: dict[str, object]) -> Step:
    then = _frozen(raw.get("then", {}))
    for field in then:
        if field not in EXPECTED[profile]:
            raise ScriptError(f"`then` has {field!r}; profile {profile} has {_listed(profile)}")
        _check_matchers(then[field])
    do = {key: value for key, value in raw.items() if key != "then"}
    return Step(_frozen(filled_step(profile, do)), then)


def _listed(profile: str) -> str:
    return ", ".join(sorted(EXPECTED[profile]))


def _check_matchers(expected: Json) -> None:
    if isinstance(expected, Obj):
        unknown = next((k for k in expected if k.startswith("$") and k not in MATCHERS), None)
        if unknown is not None:
            raise ScriptError(f"there is no matcher {unknown!r}")
        if len(expected) > 1 and any(key in MATCHERS for key in expected):
            raise ScriptError("a matcher stands alone in its object")
    inner = expected.values() if isinstance(expected, Obj) else expected
    for value in inner if not isinstance(inner, str | bool | int | float | None) else ():
        _check_matchers(value)


def run_case(case: Case) -> list[Observation]:
    """What the reference does with the script of a case. Raises ScriptError."""
    steps = [cast("dict[str, object]", step) for step in case.script()]
    return run_script(case.profile, case.given(), steps)


def with_inverses(case: Case) -> Case:
    """The case with `inverse` in every registration, as the reference's view gives it."""
    if not any(step.do["do"] == "register" for step in case.steps):
        return case
    try:
        observed = run_case(case)
    except ScriptError as error:
        raise CaseError(f"case {case.id}: {error}") from None
    docs = case.setting["docs"]
    hosts = Hosts(docs if isinstance(docs, Obj) else Obj(), (step.do for step in case.steps))
    derived = hosts.follow(None, _frozen(observed[0]))
    steps: list[Step] = []
    for step, after in zip(case.steps, observed[1:], strict=True):
        steps.append(with_inverse(step, derived.view))
        derived = hosts.follow(step.do, _frozen(after))
    return msgspec.structs.replace(case, steps=tuple(steps))


def with_inverse(step: Step, view: Obj) -> Step:
    """A registration with the `inverse` that takes it back from this view; other steps as is."""
    changes = read_changes(step.do.get("atoms"))
    if step.do["do"] != "register" or "inverse" in step.do or changes is None:
        return step
    try:
        inverse = changes_to_json(invert_changes(view, changes))
    except OptisyncError:  # it does not apply: there is nothing to take back
        inverse = Obj()
    return msgspec.structs.replace(step, do=step.do.put("inverse", inverse))


def _frozen(raw: object) -> Obj:
    try:
        value = freeze(raw)
    except OptisyncError as error:
        raise ScriptError(str(error)) from None
    if not isinstance(value, Obj):
        raise ScriptError("an object is expected")
    return value
