"""The two hosts of a coordinator: the one that folds, the one that follows undo and redo."""

from collections.abc import Mapping
from typing import cast

from optisync.values import Obj, freeze
from optisync_conformance.derive import Derived, Hosts

DOCS = {"a": {"x": 0}, "b": {}}


def obj(raw: object) -> Obj:
    return cast(Obj, freeze(raw))


def write(name: str, value: int) -> Obj:
    patch = [{"op": "replace", "path": "/x", "value": value}]
    return obj({"do": "register", "m": name, "atoms": {"a": patch}})


def seen(pending: list[object], *effects: Mapping[str, object]) -> Obj:
    change = {"e": "change", "pending": pending}
    return obj({"effects": [*effects, change], "pending": pending})


def xs(derived: Derived) -> tuple[object, object]:
    return cast(Obj, derived.view["a"])["x"], cast(Obj, derived.push_view["a"])["x"]


def two_writes() -> tuple[Hosts, Obj]:
    reject = obj({"do": "reject", "m": "$m1"})
    steps = [write("$m1", 1), write("$m2", 2), reject]
    hosts = Hosts(obj(DOCS), steps)
    assert xs(hosts.follow(None, obj({"effects": [], "pending": []}))) == (0, 0)
    assert xs(hosts.follow(steps[0], seen(["$m1"]))) == (1, 1)
    assert xs(hosts.follow(steps[1], seen(["$m1", "$m2"]))) == (2, 2)
    return hosts, reject


def test_undoing_only_the_rejected_one_shows_in_push_view_alone() -> None:
    hosts, reject = two_writes()
    assert xs(hosts.follow(reject, seen(["$m2"], {"e": "undo", "m": "$m1"}))) == (2, 0)


def test_a_whole_plan_leads_where_the_fold_leads() -> None:
    hosts, reject = two_writes()
    plan = [{"e": "undo", "m": "$m2"}, {"e": "undo", "m": "$m1"}, {"e": "redo", "m": "$m2"}]
    assert xs(hosts.follow(reject, seen(["$m2"], *plan))) == (2, 2)
    last = obj({"do": "reject", "m": "$m2"})
    assert xs(hosts.follow(last, seen([], {"e": "undo", "m": "$m2"}))) == (0, 0)


def test_an_undo_may_bring_its_own_inverse() -> None:
    hosts, reject = two_writes()
    own = {"a": [{"op": "replace", "path": "/x", "value": 9}]}
    assert xs(hosts.follow(reject, seen(["$m2"], {"e": "undo", "m": "$m1", "atoms": own}))) == (
        2,
        9,
    )


def test_a_failed_apply_applies_nothing() -> None:
    atoms = {"a": [{"op": "replace", "path": "/x", "value": 5}]}
    for failed, x in ((True, 0), (False, 5)):
        hosts = Hosts(obj(DOCS), [])
        effect = {"e": "apply", "seq": 1, "atoms": atoms, "failed": failed}
        assert xs(hosts.follow(obj({"do": "tick"}), seen([], effect))) == (x, x)


def test_every_notification_shows_the_view_of_its_moment() -> None:
    step = write("$m1", 1)
    hosts = Hosts(obj(DOCS), [step])
    one: dict[str, object] = {"e": "change", "pending": ["$m1"]}
    none: dict[str, object] = {"e": "change", "pending": []}
    derived = hosts.follow(step, obj({"effects": [one, none, one], "pending": ["$m1"]}))
    assert [cast(Obj, cast(Obj, view)["a"])["x"] for view in derived.shown] == [1, 0, 1]


def test_a_refused_registration_is_not_shown() -> None:
    step = write("$m1", 1)
    hosts = Hosts(obj(DOCS), [step])
    assert xs(hosts.follow(step, obj({"effects": [], "pending": []}))) == (0, 0)
