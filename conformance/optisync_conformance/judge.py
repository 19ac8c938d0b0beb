"""The judgement: what was observed against what a case expects, field by field."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from optisync.errors import OptisyncError
from optisync.patch import apply, patch_from_json
from optisync.values import Json, Obj, freeze
from optisync.view import Doc
from optisync_conformance.case import Case, Step
from optisync_conformance.derive import Hosts
from optisync_conformance.lacked import Lacked
from optisync_conformance.match import Difference, Kind, difference

# Compared as a whole: a member too many is a difference too.
WHOLE: Final = frozenset(
    {"view", "push_view", "shown", "pending", "confirmed", "cursor", "reports"}
    | {"ops", "sent", "results", "rows", "documents", "position", "places"}
)
# What the suite must see to derive a field.
DERIVED_FROM: Final[dict[str, tuple[str, ...]]] = {
    "view": ("effects", "pending"),
    "shown": ("effects", "pending"),
    "push_view": ("effects", "pending", "plan"),
}
# What a difference in one field is about, whatever the step of a generated case is about.
_OF_FIELD: Final = {"tickets": "ticket-status"}
# Rules that each text states for itself.
_OWN: Final[dict[str, str]] = {
    "outbox": "outbox-",
    "transport": "transport-",
    "pipeline": "pipeline-",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """One broken expectation. `step` counts from 1; 0 is the observation after start."""

    requirement: str
    step: int
    verb: str
    nth: int
    path: str
    kind: Kind
    expected: Doc
    got: Doc

    @property
    def fingerprint(self) -> str:
        """What stays the same from run to run: values are left out.

        >>> Failure("told-once", 3, "ack", 2, "effects/0", "extra", None, None).fingerprint
        'told-once @ ack#2 : effects/0 extra'
        """
        return f"{self.requirement} @ {self.verb}#{self.nth} : {self.path} {self.kind}"

    @property
    def root(self) -> str:
        """The field that differs."""
        return self.path.split("/")[0]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Failures in the order of the steps; expected fields that could not be seen.

    `compared` counts the expectations that were compared: none is no pass.
    """

    failures: tuple[Failure, ...]
    blind: tuple[str, ...]
    compared: int


def judge(
    case: Case,
    observations: Sequence[Mapping[str, object]],
    sees: Collection[str],
    lacks: Collection[str] = (),
) -> Judgement:
    """Hold observations (after start, then after each step) against the expectations of a case."""
    return _Judge(case, frozenset(sees), frozenset(lacks)).all(observations)


def died(case: Case, step: int, kind: Literal["hang", "crash"]) -> Failure:
    """The failure of an implementation that hung, or died, at a step (from 1; 0: unknown)."""
    verb, nth = place(case, step)
    return Failure(case.req, step, verb, nth, "out", kind, None, None)


def topic(case: Case, step: int, field: str) -> str:
    """The requirement that a difference in a field breaks at a step (from 1)."""
    generated = _OF_FIELD.get(field) if case.pack == "cover" else None
    return generated or case.steps[step - 1].req or case.req


def place(case: Case, step: int) -> tuple[str, int]:
    """The verb of a step, and how many steps of this verb there are up to it."""
    if step == 0:
        return "start", 0
    verbs = [str(each.do["do"]) for each in case.steps[:step]]
    return verbs[-1], verbs.count(verbs[-1])


def fields(
    case: Case, observations: Sequence[Mapping[str, object]], lacks: Collection[str] = ()
) -> list[dict[str, Json]]:
    """What there is to compare after start and after each step: reported, or derived.

    Effects come without undo and redo; everything without what goes with what is lacked.
    """
    docs = case.setting.get("docs")
    scripted = (step.do for step in case.steps) if case.profile == "coordinator" else ()
    hosts = Hosts(docs if isinstance(docs, Obj) else Obj(), scripted)
    steps = (None, *(step.do for step in case.steps))
    lacked = Lacked.of(case.profile, lacks)
    found: list[dict[str, Json]] = []
    for do, raw in zip(steps, observations, strict=False):
        observation = _object(raw)
        effects = observation.get("effects")
        reported = effects if isinstance(effects, tuple) else ()
        whole = {**observation, "effects": reported}
        here = {field: lacked.without(field, value)[0] for field, value in whole.items()}
        if case.profile == "coordinator":
            derived = hosts.follow(do, observation)
            here |= {"view": derived.view, "push_view": derived.push_view, "shown": derived.shown}
        elif case.profile in ("view", "pipeline"):
            shown = (e for e in reported if isinstance(e, Obj) and e.get("e") == "shown")
            here["shown"] = tuple(effect.get("view") for effect in shown)
        found.append(here)
    return found


class _Judge:
    def __init__(self, case: Case, sees: frozenset[str], lacks: frozenset[str]) -> None:
        self._case = case
        self._sees = sees
        self._lacks = lacks
        self._lacked = Lacked.of(case.profile, lacks)
        self._failures: list[Failure] = []
        self._blind: list[str] = []
        self._compared = 0

    def all(self, observations: Sequence[Mapping[str, object]]) -> Judgement:
        found = fields(self._case, observations, self._lacks)
        for number, step in enumerate(self._case.steps, 1):
            if number >= len(found):
                self._fail(number, Difference(("out",), "missing", None, None))
                break
            self._step(number, step, found[number - 1], found[number])
        return Judgement(tuple(self._failures), tuple(dict.fromkeys(self._blind)), self._compared)

    def _step(
        self, number: int, step: Step, before: dict[str, Json], after: dict[str, Json]
    ) -> None:
        refused = self._out(number, step, after.get("out"))
        for field in step.then:
            if field != "out" and self._can_see(field):
                self._field(number, field, step.then[field], after)
        if refused:
            self._unchanged(number, before, after)

    def _can_see(self, field: str) -> bool:
        sources = DERIVED_FROM.get(field, (field,)) if self._case.profile == "coordinator" else ()
        if self._case.profile != "coordinator":
            sources = ("effects",) if field == "shown" else (field,)
        if all(source in self._sees for source in sources):
            return True
        self._blind.append(field)
        return False

    def _field(self, number: int, field: str, expected: Json, after: dict[str, Json]) -> None:
        self._compared += 1
        expected, hidden = self._lacked.without(field, expected)
        self._blind += hidden
        if field not in after:
            self._fail(number, Difference((field,), "missing", expected, None))
            return
        found = difference(expected, after[field], exact=field in WHOLE, path=(field,))
        if found is not None:
            self._fail(number, found)

    def _out(self, number: int, step: Step, got: Json) -> bool:
        """Compare the engine's answer; whether it is a refusal, rightly."""
        expected = step.then.get("out", "ok")
        out = got if isinstance(got, Obj) else Obj()
        if "out" in step.then:
            if not self._can_see("out"):
                return False
            self._compared += 1
        elif "open" in out:
            return False
        refused = self._answer(number, expected, out, ("out",))
        if step.do["do"] == "invert" and expected == "ok" and "ok" in out:
            self._inverse(number, step.do, out)
        return refused

    def _answer(self, number: int, expected: Json, out: Obj, path: tuple[str, ...]) -> bool:
        """Compare the answer to a step, or to one of those together; whether it rightly refuses."""
        code = expected.get("err") if isinstance(expected, Obj) else None
        if code is not None:
            return self._refusal(number, str(code), out, path)
        outs, answers = _outs(expected), _outs(out)
        takes = expected == "ok" or (isinstance(expected, Obj) and "ok" in expected)
        if "open" in out:
            self._fail(number, Difference(path, "open", expected, out))
        elif takes and "ok" not in out:
            self._fail(number, Difference(path, "differs", expected, out))
        elif outs and len(outs) == len(answers):
            for index, (each, answer) in enumerate(zip(outs, answers, strict=True)):
                got = answer if isinstance(answer, Obj) else Obj()
                self._answer(number, each, got, (*path, "ok", "outs", str(index)))
        elif expected != "ok" and (found := difference(expected, out, path=path)) is not None:
            self._fail(number, found)
        return False

    def _refusal(self, number: int, code: str, out: Obj, path: tuple[str, ...]) -> bool:
        if "err" not in out:
            kind: Kind = "open" if "open" in out else "accepted"
            self._fail(number, Difference(path, kind, Obj({"err": code}), out))
            return False
        if code not in ("other", out["err"]):
            found = Difference((*path, "err"), "code", code, out["err"])
            self._fail(number, found, self._own("error-codes"))
        return True

    def _inverse(self, number: int, do: Obj, out: Obj) -> None:
        """An inverse is right if it takes the patched document back; many are."""
        answer = out["ok"]
        inverse = answer.get("patch") if isinstance(answer, Obj) else None
        try:
            patched = apply(do["doc"], patch_from_json(do["patch"]))
            back = apply(patched, patch_from_json(inverse))
        except OptisyncError as error:
            self._fail(number, Difference(("out", "ok", "patch"), "differs", str(error), inverse))
            return
        found = difference(do["doc"], back, exact=True, path=("out", "ok", "patch"))
        if found is not None:
            self._fail(number, found)

    def _unchanged(self, number: int, before: dict[str, Json], after: dict[str, Json]) -> None:
        """A refusal is bound to unchanged state and no effect."""
        for field, value in after.items():
            if field == "out" or not self._quietly_sees(field):
                continue
            expected = () if field in ("effects", "shown") else before.get(field)
            found = difference(expected, value, exact=True, path=(field,))
            if found is not None:
                self._fail(number, found, self._own("refusal-changes-nothing"))

    def _own(self, requirement: str) -> str:
        return _OWN.get(self._case.profile, "") + requirement

    def _quietly_sees(self, field: str) -> bool:
        blind = len(self._blind)
        seen = self._can_see(field)
        del self._blind[blind:]
        return seen

    def _fail(self, number: int, found: Difference, requirement: str | None = None) -> None:
        verb, nth = place(self._case, number)
        path, of = "/".join(found.path), requirement or topic(self._case, number, found.path[0])
        self._failures.append(
            Failure(of, number, verb, nth, path, found.kind, found.expected, found.got)
        )


def _outs(answer: Json) -> tuple[Json, ...]:
    """The answers to steps together; empty if it is the answer to something else."""
    ok = answer.get("ok") if isinstance(answer, Obj) else None
    outs = ok.get("outs") if isinstance(ok, Obj) else None
    return outs if isinstance(outs, tuple) else ()


def _object(raw: Mapping[str, object]) -> Obj:
    frozen = freeze(dict(raw))
    return frozen if isinstance(frozen, Obj) else Obj()
