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
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from tests.adapters.coordinator_scripts import coordinator, view
from tests.adapters.drawing import Script, Thing
from tests.adapters.following import plan_difference
from tests.adapters.outbox_scripts import outbox
from tests.adapters.outbox_worlds import outbox_world
from tests.adapters.patch_scripts import patch
from tests.adapters.pipeline_scripts import pipeline
from tests.adapters.pipeline_worlds import pipeline_world
from tests.adapters.transport_scripts import transport

from optisync_conformance.frames import Json
from optisync_conformance.reference.run import run_script
from optisync_conformance.script import ScriptError

ADAPTERS = Path(__file__).resolve().parents[2] / "conformance" / "adapters"
TYPESCRIPT = ADAPTERS / "typescript" / "dist" / "main.js"
BATCH = 100  # scripts for one process of the adapter
WINDOW = 8  # frames in flight: answers to them fit into a pipe, so nobody waits for nobody

MAKERS: Mapping[str, Callable[[random.Random], tuple[Thing, list[Thing]]]] = {
    "patch": patch,
    "coordinator": coordinator,
    "view": view,
    "outbox": outbox,
    "transport": transport,
    "pipeline": pipeline,
    "outbox-world": outbox_world,
    "pipeline-world": pipeline_world,
}


def scripts(seed: int, count: int, profile: str) -> Iterator[Script]:
    """`count` random scripts of a profile, or a world of it, the same for the same seed."""
    rng = random.Random(f"{seed} {profile}")
    for _ in range(count):
        yield Script(profile.removesuffix("-world"), *MAKERS[profile](rng))


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
    if profile in ("outbox", "transport", "pipeline"):
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
    return json.dumps(_same_numbers(value), sort_keys=True)


def _same_numbers(value: Json) -> Json:
    """1.0 as 1: JavaScript knows no difference."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_same_numbers(each) for each in value]
        case dict():
            return {key: _same_numbers(each) for key, each in value.items()}
        case _:
            return value


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
    parser.add_argument("--profile", nargs="+", default=[*MAKERS])
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
