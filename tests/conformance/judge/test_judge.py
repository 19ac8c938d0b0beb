"""The judge is right about the reference, and red for every expectation that is not met."""

import copy
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import cast

import pytest
from msgspec.structs import replace

from optisync.values import Json, Obj, freeze
from optisync_conformance.cases import Case, Step, load_pack, run_case
from optisync_conformance.judge import died, judge
from optisync_conformance.reference.stdio import SEES
from optisync_conformance.scoring import failure_line

CORE = load_pack(["core"])


@pytest.mark.parametrize("case", CORE, ids=[case.id for case in CORE])
def test_the_reference_passes(case: Case) -> None:
    found = judge(case, run_case(case), SEES[case.profile])
    assert not found.failures
    assert not found.blind
    assert found.compared


def tampered(value: Json, inside_all: bool = False) -> Iterator[Json]:
    """The value with one leaf changed, in every way."""
    match value:
        case Obj():
            for key, member in value.items():
                if key != "$hasnt":
                    for other in tampered(member, key == "$all_of"):
                        yield value.put(key, other)
        case tuple():
            if not inside_all or len(value) == 1:
                for index, item in enumerate(value):
                    for other in tampered(item):
                        yield (*value[:index], other, *value[index + 1 :])
            if not inside_all:
                yield (*value, "more")
        case str():
            yield value + "x"
        case None | bool():
            yield "neither"
        case _:
            yield value + 77


def wrong_cases() -> Iterator[Case]:
    for case in CORE:
        for index, step in enumerate(case.steps):
            for then in tampered(step.then):
                assert isinstance(then, Obj)
                wrong = Step(step.do, then)
                yield replace(case, steps=(*case.steps[:index], wrong, *case.steps[index + 1 :]))


def test_every_expectation_that_is_not_met_is_red() -> None:
    # All of them (about 1,400, two of which stay green) take too long with types checked.
    tried = green = 0
    for case in islice(wrong_cases(), 3, None, 17):
        tried += 1
        green += not judge(case, run_case(case), SEES[case.profile]).failures
    # `$all_of` over the notifications of a step that has none cannot be broken.
    assert tried > 50 and green <= 1


def coordinator(*steps: dict[str, object]) -> Case:
    def made(raw: dict[str, object]) -> Step:
        then = raw.pop("then", {})
        return Step(cast(Obj, freeze(raw)), cast(Obj, freeze(then)))

    setting = freeze({"docs": {"a": {"x": 0}, "b": {}}})
    parts = tuple(made(dict(step)) for step in steps)
    return Case("c.x", "T", "told-once", "coordinator", cast(Obj, setting), parts, "core")


START: dict[str, object] = {
    "out": {"ok": {}},
    "effects": [],
    "pending": [],
    "confirmed": {"seq": 0},
}
SEEN = ("out", "effects", "pending", "confirmed")


def after(**members: object) -> dict[str, object]:
    return {**START, **members}


def refused(then: Mapping[str, object], **members: object) -> list[tuple[str, str]]:
    case = coordinator({"do": "abandon", "m": "$m1", "then": then})
    found = judge(case, [START, after(**members)], SEEN)
    return [(f.requirement, f"{f.path} {f.kind}") for f in found.failures]


ERR = {"out": {"err": "unknown-mutation"}}


def test_a_wrong_code_fails_error_codes_alone() -> None:
    assert refused(ERR, out={"err": "oops"}) == [("error-codes", "out/err code")]
    assert refused({"out": {"err": "other"}}, out={"err": "oops"}) == []
    assert refused(ERR, out={"err": "unknown-mutation"}) == []


def test_a_refusal_that_is_accepted() -> None:
    assert refused(ERR) == [("told-once", "out accepted")]
    assert refused(ERR, out={"open": True}) == [("told-once", "out open")]


def test_a_refusal_is_bound_to_unchanged_state() -> None:
    for changed in ({"pending": ["$m1"]}, {"confirmed": {"seq": 1}}, {"effects": [{"e": "x"}]}):
        found = refused(ERR, out={"err": "unknown-mutation"}, **changed)
        assert ("refusal-changes-nothing", True) in [(req, True) for req, _ in found]


def test_an_unexpected_refusal_and_an_open_answer() -> None:
    assert refused({}, out={"err": "unknown-mutation"}) == [("told-once", "out differs")]
    assert refused({}, out={"open": True}) == []
    assert refused({"out": "ok"}, out={"open": True}) == [("told-once", "out open")]


def test_what_cannot_be_seen_is_blind() -> None:
    case = coordinator({"do": "tick", "then": {"view": {}, "push_view": {}, "buffer": []}})
    found = judge(case, [START, START], ("out", "effects", "pending"))
    assert found.blind == ("push_view", "buffer")
    assert [failure.path for failure in found.failures] == ["view/a"]


def test_what_is_lacked_is_taken_out_on_both_sides() -> None:
    told = [{"e": "diag", "code": "late-verdict"}, {"e": "undo", "m": "$m1"}, {"e": "change"}]
    case = coordinator({"do": "tick", "then": {"effects": [{"e": "diag"}, {"e": "change"}]}})
    quiet = after(effects=[{"e": "change"}])
    assert judge(case, [START, after(effects=told)], SEEN).failures == ()
    assert judge(case, [START, quiet], SEEN).failures[0].path == "effects/0"
    lacking = judge(case, [START, quiet], SEEN, ("diagnostics",))
    assert (lacking.failures, lacking.blind) == ((), ("effects:diag",))


def test_a_field_that_is_promised_and_not_there() -> None:
    case = coordinator({"do": "tick", "then": {"acked": []}})
    found = judge(case, [START, START], (*SEEN, "acked")).failures
    assert [(f.path, f.kind) for f in found] == [("acked", "missing")]


def test_too_few_observations() -> None:
    case = coordinator({"do": "tick", "then": {"pending": []}})
    assert [f.kind for f in judge(case, [START], SEEN).failures] == ["missing"]


def test_fingerprints_leave_values_out() -> None:
    case = coordinator({"do": "tick"}, {"do": "tick", "then": {"confirmed": {"seq": 0}}})
    one = judge(case, [START, START, after(confirmed={"seq": 1})], SEEN).failures[0]
    two = judge(case, [START, START, after(confirmed={"seq": 2})], SEEN).failures[0]
    assert one.fingerprint == two.fingerprint == "told-once @ tick#2 : confirmed/seq differs"
    assert died(case, 2, "hang").fingerprint == "told-once @ tick#2 : out hang"


def test_an_inverse_is_judged_by_what_it_does() -> None:
    do = {"do": "invert", "doc": {"x": 1}, "patch": [{"op": "remove", "path": "/x"}]}
    step = Step(cast(Obj, freeze(do)), cast(Obj, freeze({"out": "ok"})))
    case = Case("p", "T", "patch-inverse", "patch", Obj(), (step,), "core")
    right = [{"op": "add", "path": "/x", "value": 7}, {"op": "replace", "path": "/x", "value": 1}]
    wrong = [{"op": "add", "path": "/x", "value": True}]
    broken = [{"op": "replace", "path": "/x", "value": 1}]
    for patch, bad in ((right, False), (wrong, True), (broken, True), ("no patch", True)):
        observed = [START, after(out={"ok": {"patch": copy.deepcopy(patch)}})]
        assert bool(judge(case, observed, ("out",)).failures) is bad


def together(*outs: Mapping[str, object]) -> dict[str, object]:
    return {"out": {"ok": {"outs": list(outs)}}}


def test_steps_together_are_judged_one_by_one() -> None:
    taken: Mapping[str, object] = {"ok": {}}
    refused_one, other = {"err": "queue-full"}, {"err": "oops"}
    wrong: list[tuple[Mapping[str, object], Mapping[str, object], tuple[str, str]]] = [
        (taken, refused_one, ("told-once", "out/ok/outs/1 differs")),
        (refused_one, taken, ("told-once", "out/ok/outs/1 accepted")),
        (refused_one, other, ("error-codes", "out/ok/outs/1/err code")),
        (taken, {"open": True}, ("told-once", "out/ok/outs/1 open")),
    ]
    for expected, got, wanted in wrong:
        case = coordinator({"do": "together", "steps": [], "then": together(taken, expected)})
        [failure] = judge(case, [START, after(**together(taken, got))], SEEN).failures
        assert (failure.requirement, f"{failure.path} {failure.kind}") == wanted
        text = {"differs": "the engine refused (queue-full) what it has to take"}
        assert failure_line(failure).startswith(text.get(failure.kind, ""))
        assert failure_line(failure).endswith(", in step 2 of those together")


def test_what_goes_with_a_lack_is_no_difference_wherever_it_is_expected() -> None:
    entry = {"m": "$m1", "base": 3}
    requests = [{"e": "persist", "entries": [entry]}]
    quiet: list[dict[str, object]] = [{"e": "persist", "entries": [{"m": "$m1"}]}]
    for then in (
        requests,
        {"$has": requests},
        {"$unordered": requests},
        {"$all_of": requests},
        {"$hasnt": [{"e": "persist", "entries": [{"base": {"$any": True}}]}]},
        [{"e": "persist", "entries": {"$hasnt": [{"base": 4}]}}],
    ):
        case = replace(coordinator({"do": "tick", "then": {"effects": then}}), profile="pipeline")
        found = judge(case, [START, after(effects=quiet)], SEEN, ("base-versions",))
        assert (found.failures, found.blind) == ((), ("persist/entries/base",))
        # What it reports all the same is not looked at.
        assert not judge(case, [START, after(effects=requests)], SEEN, ("base-versions",)).failures
    # A member of the same name elsewhere is a document's.
    case = replace(coordinator({"do": "tick", "then": {"view": {"base": 1}}}), profile="pipeline")
    found = judge(case, [START, after(view={})], (*SEEN, "view"), ("base-versions",))
    assert [failure.path for failure in found.failures] == ["view/base"]


def test_what_a_generated_case_says_of_tickets_alone_is_about_them() -> None:
    start: dict[str, object] = {"out": {"ok": {}}, "pending": [], "tickets": {}}
    parts = (Step(Obj({"do": "drain"}), Obj({"pending": (), "tickets": Obj({"$m1": "pending"})})),)
    for pack, wanted in (("cover", "ticket-status"), ("core", "told-once")):
        case = Case("c.x", "T", "told-once", "pipeline", Obj(), parts, pack)
        (alone,) = judge(case, [start, start], ("out", "pending", "tickets")).failures
        assert (alone.requirement, alone.path) == (wanted, "tickets/$m1")
        both = judge(case, [start, {**start, "pending": ["$m2"]}], ("out", "pending", "tickets"))
        assert both.failures[0].requirement == "told-once"
