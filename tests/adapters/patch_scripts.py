"""Random scripts of profile patch."""

from __future__ import annotations

import random

from tests.adapters.drawing import Thing

from optisync_conformance.frames import Json


def _doc(rng: random.Random, depth: int = 2) -> Json:
    kind = rng.randrange(7 if depth else 4)
    if kind < 4:
        return rng.choice((None, True, False, 0, 1, 2, "", "a", "1"))
    if kind < 5:
        return [_doc(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {k: _doc(rng, depth - 1) for k in rng.sample(("x", "y", "o", "a/b", "~", "0"), 3)}


def _pointer(rng: random.Random) -> str:
    tokens = ("x", "y", "o", "0", "1", "2", "-", "a~1b", "~0", "01")
    return "".join(f"/{rng.choice(tokens)}" for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3))))


def _operation(rng: random.Random) -> Thing:
    op = rng.choice(("add", "add", "replace", "remove", "move", "copy", "test"))
    made: Thing = {"op": op, "path": _pointer(rng)}
    if op in ("add", "replace", "test"):
        made["value"] = _doc(rng, 1)
    if op in ("move", "copy"):
        made["from"] = _pointer(rng)
    return made


MALFORMED: tuple[Json, ...] = (
    {},
    [1],
    [{"op": "add", "path": "/x"}],
    [{"op": "add", "path": "x", "value": 1}],
)


def patch(rng: random.Random) -> tuple[Thing, list[Thing]]:
    """The setting and the steps of one script."""
    steps: list[Thing] = []
    for _ in range(6):
        patch: Json = [_operation(rng) for _ in range(rng.randrange(1, 4))]
        if not rng.randrange(20):
            patch = rng.choice(MALFORMED)
        steps.append({"do": rng.choice(("apply", "invert")), "doc": _doc(rng), "patch": patch})
    return {}, steps
