"""A register whose rules are searched for in a game: its answers, the rules, their traces."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, Generic, TypeAlias, TypeVar

from optisync.values import Obj
from optisync_conformance.register.document import KINDS, Line, environment, read_answers
from optisync_conformance.register.rules import (
    RegisterMalformed,
    actions_of,
    items,
    read_toml,
    text,
)
from optisync_conformance.register.search import Action, Found, Game, shortest

LIMIT: Final = 11
Text: TypeAlias = dict[str, str | int | list[Line]]
W = TypeVar("W", bound=Hashable)
P = TypeVar("P", bound=Enum)
C = TypeVar("C")
M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Searched(Generic[P, C, M]):
    """A rejected rule: what it says, which promise it breaks, and where to look for it."""

    name: str
    sentence: str
    promise: P
    scope: C
    reference: M
    variant: M
    fault: str


def read_searched(
    path: Path,
    promise: type[P],
    always: Sequence[str],
    known: Container[str],
    games: Callable[[Obj, tuple[str, ...]], tuple[C, M, M]],
) -> tuple[Searched[P, C, M], ...]:
    """All rejected rules, in the order of the file. Raises RegisterMalformed, EditMisses.

    `games`: scope, reference and variant of a rule with these actions.
    """

    def rule(raw: Obj) -> Searched[P, C, M]:
        scope, reference, variant = games(raw, actions_of(raw, always, known))
        broken, fault = promise(text(raw, "promise")), text(raw, "fault") if "fault" in raw else ""
        sentence = text(raw, "sentence")
        return Searched(text(raw, "name"), sentence, broken, scope, reference, variant, fault)

    return tuple(rule(raw) for raw in items(read_toml(path), "rule"))


def render_searched(
    specs: Path,
    stem: str,
    actions: Mapping[str, str],
    rules: Sequence[Searched[P, C, M]],
    describe: Callable[[Searched[P, C, M]], Text],
) -> str:
    """`STEM-register.md`: deterministic; raises as `document.render` does."""
    answers = read_answers(specs / f"{stem}-register.toml")
    lonely = {name for answer in answers for name in answer.rejects} ^ {r.name for r in rules}
    if lonely:
        names, files = ", ".join(sorted(lonely)), f"{stem}-register.toml and {stem}-rejected.toml"
        raise RegisterMalformed(f"in only one of {files}: {names}")
    count = {kind: sum(1 for answer in answers if answer.kind == kind) for kind in KINDS}
    return (
        environment()
        .get_template(f"{stem}-register.md.jinja")
        .render(
            answers=answers,
            figures=", ".join(f"{number} {kind}" for kind, number in count.items()),
            actions=actions.items(),
            rules=[describe(rule) for rule in rules],
        )
    )


def found_for(rule: Searched[P, C, M], reference: Game[W, P], variant: Game[W, P]) -> Found[W]:
    """The shortest script on which the rule breaks its promise. Raises RegisterMalformed."""
    found = shortest(reference, variant, rule.promise, LIMIT)
    if found is None:
        raise RegisterMalformed(f"rule {rule.name}: no script of {LIMIT} steps breaks it")
    return found


def described(rule: Searched[P, C, M], allowed: Sequence[str], found: Found[W]) -> Text:
    """What is told of every rule."""
    return {
        "name": rule.name,
        "sentence": rule.sentence,
        "fault": rule.fault,
        "promise": str(rule.promise.value),
        "length": len(found.script),
        "actions": ", ".join(allowed),
        "states": found.states,
        "tried": found.tried,
    }


def lines(actions: Mapping[str, str], found: Found[W], seen: Callable[[W], str]) -> Iterator[Line]:
    """The trace, a line for each step."""
    for number, action in enumerate(found.script, 1):
        variant, reference = found.worlds[number]
        yield Line(str(number), _words(actions, action), seen(variant), seen(reference))


def end(
    rule: Searched[P, C, M],
    found: Found[W],
    heal: Callable[[M, C, W], W],
    seen: Callable[[W], str],
) -> Line:
    """What becomes of it when everything arrives."""
    variant, reference = found.worlds[-1]
    healed = heal(rule.variant, rule.scope, variant), heal(rule.reference, rule.scope, reference)
    return Line("", "the network heals", *map(seen, healed))


def _words(actions: Mapping[str, str], action: Action) -> str:
    verb, *name = action
    return f"{actions[verb]}: {name[0]}" if name else actions[verb]
