"""`specs/pipeline-register.md`: the answers to seeds 000, 001 and 004, and the rejected rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from optisync.pipeline.pending import Accepted
from optisync.pipeline.state import view
from optisync.values import Obj, dump
from optisync_conformance.register.document import KINDS, Line, environment, read_answers
from optisync_conformance.register.pipelineactions import ACTIONS, ended, game, heal
from optisync_conformance.register.pipelinerules import RejectedPipeline, read_pipeline_rules
from optisync_conformance.register.pipelineworld import Promise, World
from optisync_conformance.register.rules import RegisterMalformed
from optisync_conformance.register.search import Action, Found, shortest

LIMIT: Final = 11


def render_pipeline(specs: Path) -> str:
    """The whole text. Deterministic; raises as `document.render` does."""
    answers = read_answers(specs / "pipeline-register.toml")
    rules = read_pipeline_rules(specs / "pipeline-rejected.toml")
    lonely = {name for answer in answers for name in answer.rejects} ^ {r.name for r in rules}
    if lonely:
        names = ", ".join(sorted(lonely))
        raise RegisterMalformed(
            f"in only one of pipeline-register.toml and pipeline-rejected.toml: {names}"
        )
    count = {kind: sum(1 for answer in answers if answer.kind == kind) for kind in KINDS}
    return (
        environment()
        .get_template("pipeline-register.md.jinja")
        .render(
            answers=answers,
            figures=", ".join(f"{number} {kind}" for kind, number in count.items()),
            actions=ACTIONS.items(),
            rules=[_rule(rule) for rule in rules],
        )
    )


def _rule(rule: RejectedPipeline) -> dict[str, str | int | list[Line]]:
    reference, variant = game(rule.reference, rule.scope), game(rule.variant, rule.scope)
    found = shortest(reference, variant, rule.promise, LIMIT)
    if found is None:
        raise RegisterMalformed(f"rule {rule.name}: no script of {LIMIT} steps breaks it")
    return {
        "name": rule.name,
        "sentence": rule.sentence,
        "fault": rule.fault,
        "promise": rule.promise.value,
        "length": len(found.script),
        "own": "; ".join(
            f"w{number}: {planned.kind} `{planned.entity}`"
            + (f" that mentions `{planned.parent}`" if planned.parent else "")
            for number, planned in enumerate(rule.scope.own, 1)
        ),
        "server": "stream" if rule.scope.stream else "rows",
        "actions": ", ".join(rule.scope.actions),
        "states": found.states,
        "tried": found.tried,
        "trace": list(_trace(rule, found)),
    }


def _trace(rule: RejectedPipeline, found: Found[World]) -> Iterator[Line]:
    for number, action in enumerate(found.script, 1):
        variant, reference = found.worlds[number]
        yield Line(str(number), _words(action), _seen(variant), _seen(reference))
    if rule.promise is Promise.ENDS:
        variant, reference = found.worlds[-1]
        ends = (
            _end(heal(rule.variant, rule.scope, variant)),
            _end(heal(rule.reference, rule.scope, reference)),
        )
        yield Line("", "the network heals", *ends)


def _words(action: Action) -> str:
    verb, *name = action
    return f"{ACTIONS[verb]}: {name[0]}" if name else ACTIONS[verb]


def _seen(world: World) -> str:
    """What is shown, what is pending, and what the server has executed."""
    pending = ", ".join(
        f"w{m.seq} {'accepted' if isinstance(m.status, Accepted) else m.status.value}"
        for m in world.pipe.pending
    )
    shown = view(world.pipe).view
    rows = ", ".join(f"{atom.removeprefix('rows/')} {_row(shown[atom])}" for atom in sorted(shown))
    log = ", ".join(f"{c.at}: {f'w{c.seq}' if c.seq else 'foreign'}" for c in world.log)
    told = ", ".join(f"w{ticket} {word}" for ticket, word in world.told)
    parts = [f"shows {rows or 'nothing'}", pending, f"server {log}" if log else ""]
    return "; ".join(part for part in (*parts, f"told {told}" if told else "") if part)


def _row(row: object) -> str:
    return f"`{dump(row)}`" if isinstance(row, Obj) else str(row)


def _end(world: World) -> str:
    return "equal to the server" if ended(world) else f"does not end well: {_seen(world)}"
