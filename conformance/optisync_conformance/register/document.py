"""`specs/register.md`: the answers to the seed, and the trace of every rejected rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, assert_never

from jinja2 import Environment, PackageLoader, StrictUndefined

from optisync.server.state import documents
from optisync.values import Json, Obj, dump
from optisync.view import Changes, changes_to_json
from optisync_conformance.register import wire_orders
from optisync_conformance.register.actions import ACTIONS, deliver_all, game
from optisync_conformance.register.rules import (
    Promise,
    RegisterMalformed,
    Rejected,
    items,
    read_promises,
    read_rules,
    read_toml,
    scope_texts,
    strings,
    text,
)
from optisync_conformance.register.search import Action, Found, shortest, survey
from optisync_conformance.register.world import Property, Rules, World, view
from optisync_conformance.requirements import requirements

KINDS: Final = ("kept", "decided", "departed")
LIMIT: Final = 7
DEPTH: Final = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one sentence of the seed."""

    seed: str
    says: str
    kind: str
    slugs: tuple[str, ...]
    because: str
    rejects: tuple[str, ...]


def read_answers(path: Path) -> tuple[Answer, ...]:
    """The answers, in the order of the seed. Raises RegisterMalformed naming the entry."""
    return tuple(_answer(raw) for raw in items(read_toml(path), "answer"))


def _answer(raw: Obj) -> Answer:
    answer = Answer(
        text(raw, "seed"),
        text(raw, "says"),
        text(raw, "kind"),
        strings(raw, "requirements"),
        text(raw, "because"),
        strings(raw, "rejects"),
    )
    if answer.kind not in KINDS:
        raise RegisterMalformed(
            f"{answer.seed}: kind {answer.kind!r} is none of {', '.join(KINDS)}"
        )
    unknown = [slug for slug in answer.slugs if slug not in requirements()]
    if unknown or not answer.slugs:
        raise RegisterMalformed(f"{answer.seed}: no requirement {', '.join(unknown) or 'at all'}")
    return answer


def render(specs: Path) -> str:
    """The whole text. Deterministic; takes the time of the searches.

    Raises RegisterMalformed for data that cannot be, a rule no answer names, and a rule that no
    script within LIMIT breaks; EditMisses for a rule that no longer fits the reference.
    """
    answers, rules = read_answers(specs / "register.toml"), read_rules(specs / "rejected.toml")
    lonely = {name for answer in answers for name in answer.rejects} ^ {r.name for r in rules}
    if lonely:
        raise RegisterMalformed(
            f"in only one of register.toml and rejected.toml: {', '.join(sorted(lonely))}"
        )
    count = {kind: sum(1 for answer in answers if answer.kind == kind) for kind in KINDS}
    return (
        environment()
        .get_template("register.md.jinja")
        .render(
            answers=answers,
            figures=", ".join(f"{number} {kind}" for kind, number in count.items()),
            orders=len(tuple(wire_orders.runs())),
            wire=_wire(),
            scopes=_scopes(rules, specs),
            actions=ACTIONS.items(),
            depth=DEPTH,
            promises=[_promise(promise) for promise in read_promises(specs / "rejected.toml")],
            rules=[_rule(rule) for rule in rules],
        )
    )


def environment() -> Environment:
    """Templates of this package."""
    made = Environment(
        loader=PackageLoader("optisync_conformance.register", "."),
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
    )
    made.filters["cell"] = _cell
    return made


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _wire() -> list[dict[str, str | int]]:
    words = {"lost": "the effect vanishes", "twice": "it shows twice", "kept": "it stays pending"}
    return [
        {
            "at_ack": row.at_ack,
            "at_delta": row.at_delta,
            "bad": row.bad,
            "shortest": "" if row.shortest is None else _order(row.shortest),
            "what": "" if row.what is None else words[row.what],
        }
        for row in wire_orders.table()
    ]


def _order(run: wire_orders.Run) -> str:
    names = {"own": "own delta", "same": "foreign delta (same change)", "other": "foreign delta"}
    return "; ".join(e if not e.isdigit() else names[run.commits[int(e)]] for e in run.order)


def _scopes(rules: tuple[Rejected, ...], specs: Path) -> list[dict[str, str]]:
    by_name = {rule.scope_name: rule.scope for rule in rules}
    return [
        {
            "name": name,
            "about": about,
            "docs": _code(by_name[name].docs),
            "own": _changes(by_name[name].own),
            "foreign": _changes(by_name[name].foreign),
        }
        for name, about in scope_texts(specs / "rejected.toml")
    ]


def _changes(changes: tuple[Changes, ...]) -> str:
    return "; ".join(_code(changes_to_json(change)) for change in changes)


def _code(value: Json) -> str:
    return f"`{dump(value)}`"


def _promise(promise: Promise) -> dict[str, str | int]:
    broken, states = survey(game(promise.rules, promise.scope), DEPTH)
    if set(broken) != set(promise.breaks):
        found = ", ".join(sorted(each.value for each in broken)) or "nothing"
        raise RegisterMalformed(f"variant {promise.variant} breaks {found}, not what is written")
    return {
        "name": promise.variant,
        "wire": promise.wire,
        "actions": ", ".join(promise.scope.actions),
        "states": states,
        "breaks": ", ".join(each.value for each in broken),
        "length": ", ".join(str(length) for length in broken.values()),
    }


# --- rules --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a trace."""

    number: str
    step: str
    variant: str
    reference: str


def _rule(rule: Rejected) -> dict[str, str | int | list[Line]]:
    reference, variant = game(rule.reference, rule.scope), game(rule.variant, rule.scope)
    found = shortest(reference, variant, rule.property, LIMIT)
    if found is None:
        raise RegisterMalformed(f"rule {rule.name}: no script of {LIMIT} steps breaks it")
    return {
        "name": rule.name,
        "sentence": rule.sentence,
        "fault": rule.fault,
        "property": rule.property.value,
        "length": len(found.script),
        "scope": rule.scope_name,
        "actions": ", ".join(rule.scope.actions),
        "states": found.states,
        "tried": found.tried,
        "trace": list(_trace(rule, found)),
    }


def _trace(rule: Rejected, found: Found[World]) -> Iterator[Line]:
    for number, action in enumerate(found.script, 1):
        variant, reference = found.worlds[number]
        yield Line(
            str(number),
            _words(action, variant, reference),
            _seen(rule.property, rule.variant, variant),
            _seen(rule.property, rule.reference, reference),
        )
    if rule.property is Property.CONVERGENCE:
        variant, reference = found.worlds[-1]
        ends = (_end(rule, rule.variant, variant), _end(rule, rule.reference, reference))
        yield Line("", "everything is delivered", *ends)


def _end(rule: Rejected, rules: Rules, world: World) -> str:
    world = deliver_all(rules, rule.scope, world)
    client, server = view(rules, world, world.client), documents(world.server)
    left = ", ".join(f"#{p.seq}" for p in world.client.pending)
    pending = f", pending {left}" if left else ""
    return f"client {_code(client)}{pending}, server {_code(server)}"


def _seen(wanted: Property, rules: Rules, world: World) -> str:
    """What matters for the property, after a step."""
    match wanted:
        case Property.OVERLAY | Property.CONVERGENCE:
            shows = view(rules, world, world.client) if world.seen is None else world.seen
            return _code(shows)
        case Property.PLAN:
            return _code(world.push)
        case Property.PREFIX:
            at = world.client.confirmed
            return f"{_code(world.docs)} at ({at.epoch}, {at.server_seq})"
        case Property.SETTLED_ONCE:
            told = ", ".join(f"{verdict} #{seq}" for seq, verdict in world.told)
            return f"told: {told or 'nothing'}; server {_code(documents(world.server))}"
        case _:
            assert_never(wanted)


def _words(action: Action, variant: World, reference: World) -> str:
    """An action as a reader would say it."""
    match action:
        case ("register",):
            here, there = variant.client.generated, reference.client.generated
            return f"register #{here}" + (f" (the reference: #{there})" if here != there else "")
        case ("accept" | "refuse" as verb, seq):
            return f"the server {verb}s #{seq}"
        case ("resend", seq):
            return f"the server receives #{seq} again"
        case ("deliver", what):
            return f"{what} arrives"
        case ("lose", what):
            return f"{what} is lost"
        case ("foreign",):
            return "somebody else writes"
        case (name,):
            return ACTIONS[name]
        case _:
            return " ".join(action)
