"""Random scripts on the TypeScript implementation and on the reference; the answers must be equal.

`python -m tests.adapters.differential --scripts 50000 --seed 1` runs a volume and prints the first
difference as a script.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast

from tests.adapters.outbox_scripts import outbox

from optisync.errors import ChangeInapplicable
from optisync.values import ClientSeq, Obj, freeze
from optisync.view import Changes, Overlay, apply_changes, changes_from_json, fold, invert_changes
from optisync_conformance.frames import Json
from optisync_conformance.reference.run import run_script
from optisync_conformance.script import ScriptError

Thing: TypeAlias = dict[str, Json]

ADAPTERS = Path(__file__).resolve().parents[2] / "conformance" / "adapters"
TYPESCRIPT = ADAPTERS / "typescript" / "dist" / "main.js"
BATCH = 100  # scripts for one process of the adapter
WINDOW = 8  # frames in flight: answers to them fit into a pipe, so nobody waits for nobody


@dataclass(frozen=True)
class Script:
    """One frame: profile, setting and steps."""

    profile: str
    setting: Thing
    steps: list[Thing]


def scripts(seed: int, count: int, profile: str) -> Iterator[Script]:
    """`count` random scripts of a profile, the same for the same seed."""
    rng = random.Random(f"{seed} {profile}")
    makers = {"coordinator": _coordinator, "view": _view, "patch": _patch, "outbox": _outbox}
    make = makers[profile]
    for _ in range(count):
        yield make(rng)


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


def _patch(rng: random.Random) -> Script:
    steps: list[Thing] = []
    for _ in range(6):
        patch: Json = [_operation(rng) for _ in range(rng.randrange(1, 4))]
        if not rng.randrange(20):
            patch = rng.choice(MALFORMED)
        steps.append({"do": rng.choice(("apply", "invert")), "doc": _doc(rng), "patch": patch})
    return Script("patch", {}, steps)


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


def _coordinator(rng: random.Random) -> Script:
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
    return Script("coordinator", setting, steps)


def _registered(steps: Sequence[Json]) -> set[str]:
    text = json.dumps(steps)
    return {f"$m{n}" for n in range(1, 6) if f'"$m{n}"' in text}


def _outbox(rng: random.Random) -> Script:
    return Script("outbox", *outbox(rng))


def _view(rng: random.Random) -> Script:
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
    return Script("view", {"docs": DOCS}, steps)


def answers(command: Sequence[str], wanted: Sequence[Script]) -> Iterator[Thing]:
    """The frames with which an adapter answers, in order."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        _put(process, {"t": "hello", "protocol": [1], "limits": {}})
        assert json.loads(process.stdout.readline())["t"] == "hello"
        for at in range(0, len(wanted), WINDOW):
            for number, script in enumerate(wanted[at : at + WINDOW], at):
                frame: Thing = {"t": "run", "id": number, "profile": script.profile}
                _put(process, {**frame, "with": script.setting, "steps": [*script.steps]})
            for number in range(at, min(at + WINDOW, len(wanted))):
                frame = cast(Thing, json.loads(process.stdout.readline()))
                assert frame["id"] == number, frame
                yield frame
        process.stdin.close()
        assert process.wait(10) == 0


def _put(process: subprocess.Popen[bytes], frame: Thing) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(frame).encode() + b"\n")
    process.stdin.flush()


def expected(script: Script) -> list[Thing]:
    """What the reference observes."""
    steps = copy.deepcopy(script.steps)  # a step of a script may change what an earlier one gave
    return run_script(script.profile, script.setting, steps)


def plain(observation: Thing, profile: str) -> Thing:
    """An observation without texts for people, inverses, and the plan."""
    if profile == "outbox":
        return observation | {"out": _plain(observation["out"], profile)}
    return {k: _plain(v, profile) if k in ("out", "effects") else v for k, v in observation.items()}


def _plain(value: Json, profile: str) -> Json:
    if isinstance(value, list):
        kept = [v for v in value if not (isinstance(v, dict) and v.get("e") in ("undo", "redo"))]
        return [_plain(v, profile) for v in kept]
    if isinstance(value, dict):
        hidden = {"text", "patch"} if "patch" in value or "text" in value else set[str]()
        return {k: _plain(v, profile) for k, v in value.items() if k not in hidden}
    return value


class Follower:
    """A host that follows undo, redo, apply and load, and one that folds; they must agree."""

    def __init__(self, script: Script) -> None:
        self.confirmed = _docs(script.setting["docs"])
        self.pushed = self.confirmed
        self.changes: dict[str, Changes] = {}
        self.layers: list[tuple[str, Changes | None]] = []

    def registered(self, m: str, atoms: Json) -> None:
        """The application showed a mutation that was registered."""
        self.changes[m] = changes_from_json(freeze(atoms))
        self.redo(m, self.changes[m])

    def redo(self, m: str, changes: Changes) -> None:
        """Put a mutation on top, and record its inverse."""
        try:
            inverse = invert_changes(self.pushed, changes)
            self.pushed = apply_changes(self.pushed, changes)
            self.layers.append((m, inverse))
        except ChangeInapplicable:
            self.layers.append((m, None))

    def follow(self, effect: Thing) -> None:
        """Do what one effect asks for."""
        match effect["e"]:
            case "redo":
                m = str(effect["m"])
                given = effect.get("atoms")
                known = self.changes[m] if given is None else changes_from_json(freeze(given))
                self.redo(m, known)
            case "undo":
                m, recorded = self.layers.pop()
                assert m == effect["m"], f"undo of {effect['m']}, but {m} is on top"
                given = effect.get("atoms")
                inverse = changes_from_json(freeze(given)) if given is not None else recorded
                if inverse is not None:
                    self.pushed = apply_changes(self.pushed, inverse)
            case "apply" if "failed" not in effect:
                assert not self.layers, "a delta over overlays"
                self.pushed = apply_changes(self.pushed, changes_from_json(freeze(effect["atoms"])))
                self.confirmed = self.pushed
            case _:
                pass

    def folded(self, pending: Json) -> Obj:
        """What a host shows that folds."""
        assert isinstance(pending, list)
        overlays: list[Overlay] = []
        for number, entry in enumerate(pending):
            atoms = self._atoms(entry)
            overlays.append(Overlay(ClientSeq(number + 1), atoms))
        return fold(self.confirmed, overlays).view

    def _atoms(self, entry: Json) -> Changes:
        if isinstance(entry, dict):
            return changes_from_json(freeze(entry["atoms"]))
        return self.changes[str(entry)]


def _docs(raw: Json) -> Obj:
    docs = freeze(raw)
    assert isinstance(docs, Obj)
    return docs


def plan_difference(script: Script, observed: Sequence[Thing]) -> str | None:
    """Where following the plan shows something else than folding; None if nowhere.

    Scripts with snapshots, calls from callbacks, crashes or several steps at once are passed over.
    """
    if any(step["do"] in ("snapshot", "hook", "together", "crash") for step in script.steps):
        return None
    follower = Follower(script)
    for number, (step, observation) in enumerate(zip(script.steps, observed[1:], strict=True), 1):
        if step["do"] == "register" and "ok" in cast(Thing, observation["out"]):
            follower.registered(str(step["m"]), step["atoms"])
        for effect in cast(list[Thing], observation["effects"]):
            follower.follow(effect)
        folded = follower.folded(observation["pending"])
        if follower.pushed != folded:
            return f"step {number}: the plan shows {follower.pushed}, the fold {folded}"
    return None


def difference(script: Script, answer: Thing) -> str | None:
    """How an answer differs from the reference's; None if it does not."""
    try:
        wanted = [plain(each, script.profile) for each in expected(script)]
    except ScriptError as error:
        refused = answer.get("kind") == "bad-request"
        return None if refused else f"bad script ({error}), but {answer}"
    if answer["t"] != "ran":
        return f"fault: {answer}"
    observed = cast(list[Thing], answer["obs"])
    for number, (want, got) in enumerate(zip(wanted, observed, strict=True)):
        seen = plain(got, script.profile)
        wrong = [key for key in {**want, **seen} if _text(want.get(key)) != _text(seen.get(key))]
        if wrong:
            lines = [f"{k}: wanted {_text(want.get(k))} got {_text(seen.get(k))}" for k in wrong]
            return f"step {number}: " + "; ".join(lines)
    return plan_difference(script, observed) if script.profile == "coordinator" else None


def _text(value: Json) -> str:
    return json.dumps(value, sort_keys=True)


def differences(
    profile: str, seed: int, count: int, adapter: Path = TYPESCRIPT
) -> Iterator[tuple[Script, str]]:
    """Every script whose answers differ, with the first difference."""
    drawing = scripts(seed, count, profile)
    while drawn := list(itertools.islice(drawing, BATCH)):
        for script, answer in zip(drawn, answers(("node", str(adapter)), drawn), strict=True):
            found = difference(script, answer)
            if found is not None:
                yield script, found


def main() -> int:
    """Run a volume; 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scripts", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", nargs="+", default=["patch", "coordinator", "view", "outbox"])
    parser.add_argument("--adapter", type=Path, default=TYPESCRIPT)
    parser.add_argument("--first", action="store_true", help="end at the first difference")
    given = parser.parse_args()
    most = 1 if cast(bool, given.first) else None
    bad = 0
    for profile in cast(list[str], given.profile):
        seed, count, adapter = (cast(int, given.seed), cast(int, given.scripts), given.adapter)
        every = differences(profile, seed, count, cast(Path, adapter))
        found = list(itertools.islice(every, most))
        print(f"{profile}: {given.scripts} scripts, {len(found)} differ")
        for script, text in sorted(found, key=lambda pair: len(pair[0].steps))[:3]:
            lines = [json.dumps({"with": script.setting}), *map(json.dumps, script.steps), text]
            print("\n  ".join(lines))
        bad += len(found)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
