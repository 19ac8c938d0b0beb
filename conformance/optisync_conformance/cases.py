"""Cases: scripts with expectations, each about one requirement; loaded strictly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from functools import cache, partial
from pathlib import Path
from typing import Final

import msgspec

from optisync.errors import OptisyncError
from optisync.values import Json, Obj, parse
from optisync_conformance.case import Case as Case
from optisync_conformance.case import CaseError as CaseError
from optisync_conformance.case import Step as Step
from optisync_conformance.case import frozen_object, with_inverses
from optisync_conformance.case import run_case as run_case
from optisync_conformance.match import MATCHERS
from optisync_conformance.reference.host import thaw
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
    "outbox": frozenset({"out", "effects", "pending", "queue", "cursor", "reports"}),
    "transport": frozenset({"out", "effects", "ops", "sent", "results", "rows"}),
    "pipeline": frozenset({"out", "effects", "view", "shown", "documents", "position"})
    | {"pending", "places", "tickets"},
}
# Fields whose members are names of a script, which begin as matchers do.
_BY_NAME: Final = ("places", "tickets")


class _Raw(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    title: str
    req: str
    profile: Profile
    steps: list[dict[str, object]]
    setting: dict[str, object] = msgspec.field(name="with", default_factory=dict[str, object])
    written_for: list[str] = msgspec.field(name="for", default_factory=list[str])


class _Head(msgspec.Struct, frozen=True):
    id: str
    req: str
    profile: Profile


class Listed(msgspec.Struct, frozen=True):
    """A case by its name: enough to count and to choose it.

    `read` gives the whole case, checked once. Raises CaseError.
    """

    id: str
    req: str
    profile: Profile
    pack: str
    read: Callable[[], Case]

    @staticmethod
    def of(case: Case) -> Listed:
        """A case that is there already."""
        return Listed(case.id, case.req, case.profile, case.pack, lambda: case)


def list_pack(pack: str, profiles: Sequence[str] = ()) -> tuple[Listed, ...]:
    """The cases of a pack, of some profiles in this order or of all. Raises CaseError.

    Those of files are not read before they are asked for; those that are generated are there.
    """
    if pack not in PACKS:
        raise CaseError(f"there is no pack {pack!r}; there are {', '.join(PACKS)}")
    for profile in profiles:
        if profile not in PROFILES:
            raise CaseError(f"there is no profile {profile!r}; there are {', '.join(PROFILES)}")
    if pack == "core":
        folder = resource_dir("cases") / "core"
        places = (sorted((folder / name).glob("*.json")) for name in profiles or sorted(PROFILES))
        listed = [each for paths in places for path in paths for each in _in_file(path)]
    else:
        from optisync_conformance.cover import cover  # generated, which takes its time

        listed = [Listed.of(case) for name in profiles or PROFILES for case in cover(name)]
    _refuse_duplicates(listed)
    return tuple(listed)


def load_pack(
    packs: Sequence[str], profile: str | None = None, glob: str = "*"
) -> tuple[Case, ...]:
    """The cases of some packs, of one profile or all, whose id matches. Raises CaseError.

    >>> load_pack(["core"], "patch", "patch.*")[0].profile
    'patch'
    """
    chosen = () if profile is None else (profile,)
    listed = [each for pack in packs for each in list_pack(pack, chosen)]
    return tuple(each.read() for each in listed if fnmatchcase(each.id, glob))


def load_file(path: Path) -> tuple[Case, ...]:
    """The cases of one file. Raises CaseError."""
    items = _items(path)
    found = tuple(_case(path, index, item, "file") for index, item in enumerate(items))
    _refuse_duplicates(found)
    return found


@cache
def _in_file(path: Path) -> tuple[Listed, ...]:
    """The cases of a file of the core pack."""
    items = cache(lambda: _items(path))

    def read(index: int) -> Case:
        return _case(path, index, items()[index], "core")

    return tuple(
        Listed(head.id, head.req, head.profile, "core", cache(partial(read, index)))
        for index, head in enumerate(_heads(path))
    )


def _heads(path: Path) -> Sequence[_Head | Case]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[_Head, ...])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return load_file(path)  # which says what is wrong


def _refuse_duplicates(cases: Iterable[Case | Listed]) -> None:
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise CaseError(f"the id {case.id} is used twice")
        seen.add(case.id)


def _items(path: Path) -> tuple[Json, ...]:
    try:
        raw = parse(path.read_bytes())
    except OSError as error:
        raise CaseError(f"{path}: {error.strerror}") from None
    except (OptisyncError, UnicodeDecodeError) as error:
        raise CaseError(f"{path}: {error}") from None
    return raw if isinstance(raw, tuple) else (raw,)


def _case(path: Path, index: int, raw: Json, pack: str) -> Case:
    where = f"{path}: case {index + 1}"
    if isinstance(raw, Obj) and isinstance(raw.get("id"), str):
        where = f"{path}: case {raw['id']}"
    try:
        read = msgspec.convert(thaw(raw), _Raw)
    except msgspec.ValidationError as error:
        text = str(error).replace("`$.", "`").replace(" - at `$`", "")
        raise CaseError(f"{where}: {text}") from None
    return _checked(where, read, pack)


def _checked(where: str, raw: _Raw, pack: str) -> Case:
    if raw.req not in requirements():
        raise CaseError(f"{where}: there is no requirement {raw.req!r} in specs")
    if not raw.steps:
        raise CaseError(f"{where}: a case has at least one step")
    try:
        setting = frozen_object(filled_setting(raw.profile, raw.setting))
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
    then = frozen_object(raw.get("then", {}))
    for field in then:
        if field not in EXPECTED[profile]:
            raise ScriptError(f"`then` has {field!r}; profile {profile} has {_listed(profile)}")
        _check_matchers(then[field], by_name=field in _BY_NAME)
    do = {key: value for key, value in raw.items() if key != "then"}
    return Step(frozen_object(filled_step(profile, do)), then)


def _listed(profile: str) -> str:
    return ", ".join(sorted(EXPECTED[profile]))


def _check_matchers(expected: Json, by_name: bool = False) -> None:
    if isinstance(expected, Obj) and not by_name:
        unknown = next((k for k in expected if k.startswith("$") and k not in MATCHERS), None)
        if unknown is not None:
            raise ScriptError(f"there is no matcher {unknown!r}")
        if len(expected) > 1 and any(key in MATCHERS for key in expected):
            raise ScriptError("a matcher stands alone in its object")
    inner = expected.values() if isinstance(expected, Obj) else expected
    for value in inner if not isinstance(inner, str | bool | int | float | None) else ():
        _check_matchers(value)
