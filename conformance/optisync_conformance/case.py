"""A case: a script with expectations, about one requirement."""

from __future__ import annotations

from typing import cast

import msgspec

from optisync.errors import OptisyncError
from optisync.values import Obj, freeze
from optisync.view import changes_to_json, invert_changes
from optisync_conformance.derive import Hosts, read_changes
from optisync_conformance.frames import Json as Plain
from optisync_conformance.reference.host import Observation, thaw
from optisync_conformance.script import CoordinatorSetting, Profile, ScriptError, read_step
from optisync_conformance.script import Step as ScriptStep


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


def run_case(case: Case) -> list[Observation]:
    """What the reference does with the script of a case. Raises ScriptError."""
    from optisync_conformance.reference.run import run_script  # all machines, which take their time

    steps = [cast("dict[str, object]", step) for step in case.script()]
    return run_script(case.profile, case.given(), steps)


def with_inverses(case: Case) -> Case:
    """The case with `inverse` in every registration, as the reference's view gives it."""
    if not any(step.do["do"] == "register" for step in case.steps):
        return case
    try:
        observed = _coordinated(case)
    except ScriptError as error:
        raise CaseError(f"case {case.id}: {error}") from None
    docs = case.setting["docs"]
    hosts = Hosts(docs if isinstance(docs, Obj) else Obj(), (step.do for step in case.steps))
    derived = hosts.follow(None, frozen_object(observed[0]))
    steps: list[Step] = []
    for step, after in zip(case.steps, observed[1:], strict=True):
        steps.append(with_inverse(step, derived.view))
        derived = hosts.follow(step.do, frozen_object(after))
    return msgspec.structs.replace(case, steps=tuple(steps))


def _coordinated(case: Case) -> list[Observation]:
    """As `run_case`, of the profile coordinator; the other machines take their time."""
    from optisync_conformance.reference import coordinating

    setting = msgspec.convert(case.given(), CoordinatorSetting)
    return coordinating.run(setting, [_typed(step) for step in case.script()])


def _typed(step: Plain) -> ScriptStep:
    return read_step("coordinator", cast("dict[str, object]", step))


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


def frozen_object(raw: object) -> Obj:
    """An object of a script or a case. Raises ScriptError."""
    try:
        value = freeze(raw)
    except OptisyncError as error:
        raise ScriptError(str(error)) from None
    if not isinstance(value, Obj):
        raise ScriptError("an object is expected")
    return value
