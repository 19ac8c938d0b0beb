"""Random scripts of the profiles coordinator and view."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

from tests.adapters.drawing import Thing

from optisync_conformance.frames import Json

DOCS: Thing = {"a": {"x": 0, "l": [0]}, "b": {}}


def _change(rng: random.Random) -> Json:
    kind = rng.randrange(8)
    value = rng.randrange(9)
    if kind == 0:
        return {"create": {"x": value}}
    if kind == 1:
        return {"delete": True}
    if kind == 2:
        patch: Thing = {"patch": [_own(rng)]} if rng.randrange(2) else {}
        return {"upsert": {"x": value}, **patch}
    return [_own(rng) for _ in range(rng.randrange(1, 3))]


def _own(rng: random.Random) -> Thing:
    path = rng.choice(("/x", "/y", "/o", "/o/k", "/l/-", "/l/0"))
    op = rng.choice(("add", "add", "add", "replace", "remove"))
    value: Json = {} if path == "/o" else rng.randrange(9)
    made: Thing = {"op": op, "path": path}
    return made if op == "remove" else {**made, "value": value}


def _changes(rng: random.Random) -> Thing:
    return {atom: _change(rng) for atom in rng.sample("abc", rng.choice((1, 1, 1, 2, 2)))}


def _foreign(rng: random.Random) -> Thing:
    """Changes that always apply to what the server may have."""
    atoms: Thing = {}
    for atom in rng.sample("abc", rng.choice((0, 1, 1, 2))):
        path = rng.choice(("/x", "/y", "/o"))
        add: Thing = {"op": "add", "path": path, "value": rng.randrange(9)}
        atoms[atom] = {"upsert": {"x": rng.randrange(9)}} if atom == "c" else [add]
    return atoms


HOOKED = ("change", "change", "acked", "rejected", "apply", "load", "request", "diag")


class _Coordinating:
    """Draws the steps of a script of profile coordinator, half of them a likely course."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.seq = 0

    def name(self) -> str:
        return f"$m{self.rng.randrange(1, 6)}"

    def epoch(self) -> int:
        return self.rng.choice((1, 1, 1, 1, 1, 1, 1, 0, 2, 2))

    def version(self) -> Thing:
        return {"version": self.rng.randrange(3)} if self.rng.randrange(3) == 0 else {}

    def place(self) -> int:
        return max(0, self.seq + self.rng.choice((-1, 0, 1, 1, 1, 2, 3)))

    def label(self) -> Thing:
        other: Thing = {"client": "other"} if self.rng.randrange(8) == 0 else {}
        return {"m": self.name(), **self.version(), **other}

    def outcome(self) -> Thing:
        if self.rng.randrange(3) == 0:
            return {"rejected": self.rng.choice(("no", "never"))}
        return {"ok": self.place(), **self.version()}

    def register(self) -> Thing:
        ungenerated: Thing = {"ungenerated": True} if self.rng.randrange(25) == 0 else {}
        sent = self.rng.randrange(3) > 0
        atoms = _changes(self.rng)
        return {"do": "register", "m": self.name(), "atoms": atoms, "sent": sent, **ungenerated}

    def delta(self) -> Thing:
        rng = self.rng
        labels: list[Json] = [self.label() for _ in range(rng.choice((0, 0, 1, 1, 2)))]
        seq = self.place()
        step: Thing = {"do": "delta", "epoch": self.epoch(), "seq": seq}
        step["atoms"], step["settles"] = _foreign(rng), labels
        likely = seq - 1
        prev = max(0, rng.choice((likely, likely, likely, self.seq, likely - 1, likely + 1)))
        if rng.randrange(10):
            step["prev"] = prev
        self.seq = max(self.seq, seq) if rng.randrange(2) else self.seq
        return step

    def ack(self) -> Thing:
        seq: Thing = {"seq": self.place()} if self.rng.randrange(8) else {}
        return {"do": "ack", "m": self.name(), "epoch": self.epoch(), **seq, **self.version()}

    def snapshot(self) -> Thing:
        names = sorted({self.name() for _ in range(self.rng.randrange(3))})
        outcomes: Thing = {name: self.outcome() for name in names}
        docs: Thing = {"a": {"x": 7}, "b": {"y": 7}}
        step: Thing = {"do": "snapshot", "epoch": self.epoch(), "seq": self.place(), "docs": docs}
        return {**step, "outcomes": outcomes, "client_known": self.rng.randrange(5) > 0}

    def step(self) -> Thing:
        rng = self.rng
        match rng.choice("rrrrrrrrraaaaadddddddddjjjsshtttgbnfo"):
            case "r":
                return self.register()
            case "a":
                return self.ack()
            case "d":
                return self.delta()
            case "j":
                code = rng.choice(("no", "no", "never"))
                return {"do": "reject", "m": self.name(), "epoch": self.epoch(), "code": code}
            case "s":
                return self.snapshot()
            case "h":
                return {"do": "head", "epoch": self.epoch(), "seq": self.place()}
            case "t":
                return {"do": "tick", "ms": 60000}
            case "g":
                return {"do": "abandon", "m": self.name()}
            case "b":
                return {"do": "sent", "m": self.name()}
            case "n":
                return {"do": "apply-fails", "times": 1}
            case "f":
                inner: list[Json] = [self.step_plain() for _ in range(rng.randrange(1, 4))]
                return {"do": "together", "steps": inner}
            case _:
                hook: Thing = {"do": "hook", "on": rng.choice(HOOKED), "nth": rng.choice((1, 1, 2))}
                if rng.randrange(2):
                    return {**hook, "throw": True}
                return {**hook, "call": self.step_plain()}

    def step_plain(self) -> Thing:
        makes = (self.register, self.ack, self.delta, self.snapshot)
        return self.rng.choice(makes)()


def coordinator(rng: random.Random) -> tuple[Thing, list[Thing]]:
    """The setting and the steps of one script of profile coordinator."""
    limits: Thing = {"pending": rng.choice((1000, 1000, 2)), "buffer": rng.choice((100, 100, 2))}
    setting: Thing = {
        "docs": DOCS,
        "epoch": 1,
        "variant": rng.choice(("labelled", "labelled", "labelled", "ack-first", "seed-literal")),
        "strategy": rng.choice(("client-wins", "server-wins", "rebase", "raises")),
        "dense": rng.randrange(6) == 0,
        "limits": limits,
    }
    draw = _Coordinating(rng)
    steps: list[Thing] = []
    generated: set[str] = set()
    while len(steps) < rng.randrange(3, 12):
        if rng.randrange(25) == 0:
            steps.append({"do": "crash"})
            steps.append({"do": "start"})
        elif rng.randrange(25) == 0 and (name := draw.name()) not in generated | _registered(steps):
            generated.add(name)
            steps.append({"do": "generate", "m": name})
        else:
            steps.append(draw.step())
    return setting, steps


def _registered(steps: Sequence[Json]) -> set[str]:
    text = json.dumps(steps)
    return {f"$m{n}" for n in range(1, 6) if f'"$m{n}"' in text}


def view(rng: random.Random) -> tuple[Thing, list[Thing]]:
    """The setting and the steps of one script of profile view."""
    steps: list[Thing] = []
    names: list[str] = []
    for _ in range(rng.randrange(3, 12)):
        kind = rng.randrange(8)
        if kind < 3 or not names:
            names.append(f"$m{len(names) + 1}")
            steps.append({"do": "mutate", "m": names[-1], "atoms": _changes(rng)})
        elif kind < 5:
            data = rng.choice(("with", "with", "later", "sent"))
            verdict = rng.choice(("ok", "ok", "rejected"))
            step: Thing = {"do": "serve", "m": rng.choice(names), "verdict": verdict}
            how: Thing = {"data": data} if verdict == "ok" else {"code": "no"}
            steps.append({**step, **how})
        elif kind < 6:
            steps.append({"do": "push", "m": rng.choice(names)})
        else:
            steps.append({"do": "push", "atoms": _foreign(rng) or {"a": [_own(rng)]}})
    return {"docs": DOCS}, steps
