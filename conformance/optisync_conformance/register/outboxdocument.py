"""`specs/outbox-register.md`: the answers to seeds 001 and 004, and the rejected rules' traces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from optisync.outbox.rows import Item
from optisync.outbox.state import status_name
from optisync_conformance.register.document import KINDS, Line, environment, read_answers
from optisync_conformance.register.outboxactions import ACTIONS, drained, game, heal
from optisync_conformance.register.outboxrules import RejectedOutbox, read_outbox_rules
from optisync_conformance.register.outboxworld import Promise, World
from optisync_conformance.register.rules import RegisterMalformed
from optisync_conformance.register.search import Action, Found, shortest

LIMIT: Final = 9


def render_outbox(specs: Path) -> str:
    """The whole text. Deterministic; raises as `document.render` does."""
    answers = read_answers(specs / "outbox-register.toml")
    rules = read_outbox_rules(specs / "outbox-rejected.toml")
    lonely = {name for answer in answers for name in answer.rejects} ^ {r.name for r in rules}
    if lonely:
        names = ", ".join(sorted(lonely))
        raise RegisterMalformed(
            f"in only one of outbox-register.toml and outbox-rejected.toml: {names}"
        )
    count = {kind: sum(1 for answer in answers if answer.kind == kind) for kind in KINDS}
    return (
        environment()
        .get_template("outbox-register.md.jinja")
        .render(
            answers=answers,
            figures=", ".join(f"{number} {kind}" for kind, number in count.items()),
            actions=ACTIONS.items(),
            rules=[_rule(rule) for rule in rules],
        )
    )


def _rule(rule: RejectedOutbox) -> dict[str, str | int | list[Line]]:
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
            f"w{number}: {write.kind} `{write.entity}`"
            + (f" that mentions `{write.parent}`" if write.parent else "")
            + (" (direct)" if write.direct else "")
            + (" (planned at version 0)" if write.stale else "")
            for number, write in enumerate(rule.scope.own, 1)
        ),
        "mode": rule.reference.config.mode.value,
        "actions": ", ".join(rule.scope.actions),
        "states": found.states,
        "tried": found.tried,
        "trace": list(_trace(rule, found)),
    }


def _trace(rule: RejectedOutbox, found: Found[World]) -> Iterator[Line]:
    for number, action in enumerate(found.script, 1):
        variant, reference = found.worlds[number]
        yield Line(str(number), _words(action), _seen(variant), _seen(reference))
    if rule.promise is Promise.DRAINS:
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
    """The queue, and what the server has executed."""
    queue = ", ".join(
        f"{member.entry.entry_id} {status_name(member)}"
        + (f" on version {member.base.version}" if member.base is not None else "")
        if isinstance(member, Item)
        else f"#{member.seq} {status_name(member)}"
        for member in world.box.queue
    )
    log = ", ".join(f"{c.at}: {c.entry_id or 'foreign'}" for c in world.log)
    told = ", ".join(f"{name} {word}" for name, word in world.told)
    parts = [queue or "queue empty", f"server {log}" if log else "", f"told {told}" if told else ""]
    return "; ".join(part for part in parts if part)


def _end(world: World) -> str:
    return "drained" if drained(world) else f"does not drain: {_seen(world)}"
