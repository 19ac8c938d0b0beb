"""The cover pack: every transition of small worlds of the machines, as cases of protocol 1.

The worlds are scopes like those whose state graphs are compared with the TLA+ models. Walks take
every transition; what is expected after each is what the reference shows. Generated when asked
for, always the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from msgspec.structs import replace

from optisync.values import Obj, freeze
from optisync_conformance import covercoordinator, coveroutbox, coverpipeline, covertransport
from optisync_conformance.case import Case, Step, run_case, with_inverse
from optisync_conformance.coverworld import Graph, Taken, explore, is_open, refusal_of, walks
from optisync_conformance.judge import fields


@cache
def cover(profile: str) -> tuple[Case, ...]:
    """Every case of the pack for a profile."""
    if profile == "transport":
        return tuple(covertransport.cases())
    return tuple(case for graph in graphs(profile) for case in cases_of(graph))


def graphs(profile: str) -> Iterator[Graph]:
    """The worlds of a profile, explored when asked for; none for a profile without a machine."""
    match profile:
        case "coordinator":
            yield from map(explore, covercoordinator.worlds())
        case "outbox":
            yield from map(explore, coveroutbox.worlds())
        case "pipeline":
            yield from map(explore, coverpipeline.worlds())
        case _:
            pass


def cases_of(graph: Graph) -> Iterator[Case]:
    """The walks of a world as cases with full expectations."""
    for number, walk in enumerate(walks(graph), 1):
        yield _case(graph, number, walk)


def _case(graph: Graph, number: int, walk: Sequence[Taken]) -> Case:
    subject = graph.subject
    steps = tuple(Step(_object(do), Obj()) for _, edge in walk for do in edge.steps)
    name = f"cover.{subject.name.replace('_', '-')}.{number}"
    title = f"Transitions of {subject.about}: walk {number}"
    bare = Case(name, title, "", subject.profile, _object(subject.setting), steps, "cover")
    return _expecting(graph, bare)


def _expecting(graph: Graph, case: Case) -> Case:
    """The case with what the reference shows as its expectation, and with its inverses."""
    subject, found = graph.subject, fields(case, run_case(case))
    steps: list[Step] = []
    for step, before, after in zip(case.steps, found, found[1:], strict=False):
        then = {field: after[field] for field in subject.seen if field in after}
        if not is_open(after):
            code = refusal_of(after)
            then["out"] = "ok" if code is None else Obj({"err": code})
        view = before.get("view")
        step = with_inverse(step, view if isinstance(view, Obj) else Obj())
        steps.append(replace(step, then=Obj(then), req=subject.topic(step.do, after)))
    names = [step.req for step in steps]
    most = max(sorted(set(names)), key=names.count)
    return replace(case, steps=tuple(steps), req=most)


def _object(raw: Mapping[str, object]) -> Obj:
    value = freeze(dict(raw))
    if not isinstance(value, Obj):
        raise TypeError(value)
    return value
