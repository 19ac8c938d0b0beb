"""A register whose rules are searched for in a game: its answers, the rules, their traces."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Final, Protocol, TypeAlias, TypeVar

from optisync_conformance.register.document import KINDS, Line, environment, read_answers
from optisync_conformance.register.rules import RegisterMalformed
from optisync_conformance.register.search import Action, Found, Game, shortest

LIMIT: Final = 11
Text: TypeAlias = dict[str, str | int | list[Line]]
W = TypeVar("W", bound=Hashable)
P = TypeVar("P", bound=Enum)


class Searched(Protocol):
    """What every rejected rule has."""

    @property
    def name(self) -> str: ...
    @property
    def sentence(self) -> str: ...
    @property
    def fault(self) -> str: ...


R = TypeVar("R", bound=Searched)


def render_searched(
    specs: Path,
    stem: str,
    actions: Mapping[str, str],
    rules: Sequence[R],
    describe: Callable[[R], Text],
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


def found_for(rule: Searched, promise: P, reference: Game[W, P], variant: Game[W, P]) -> Found[W]:
    """The shortest script on which the rule breaks its promise. Raises RegisterMalformed."""
    found = shortest(reference, variant, promise, LIMIT)
    if found is None:
        raise RegisterMalformed(f"rule {rule.name}: no script of {LIMIT} steps breaks it")
    return found


def described(rule: Searched, promise: Enum, allowed: Sequence[str], found: Found[W]) -> Text:
    """What is told of every rule."""
    return {
        "name": rule.name,
        "sentence": rule.sentence,
        "fault": rule.fault,
        "promise": str(promise.value),
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


def _words(actions: Mapping[str, str], action: Action) -> str:
    verb, *name = action
    return f"{actions[verb]}: {name[0]}" if name else actions[verb]
