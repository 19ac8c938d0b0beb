"""The reference pipeline as an engine without versions, and what else its first argument names.

It declares that it lacks base-versions, and no request of it carries one.
"""

from __future__ import annotations

import json
import sys
from typing import cast

from optisync_conformance.reference.run import run_script

Frame = dict[str, object]
SEES = ["out", "effects", "view", "documents", "position", "pending", "places", "tickets"]
HELLO = {
    "t": "hello",
    "protocol": 1,
    "impl": {"name": "lacking", "version": "1"},
    "profiles": {"pipeline": {"sees": SEES, "lacks": ["base-versions"]}},
}
WRITE = {"resource": "note", "entity": "b", "change": {"delete": True}}


def persisted(observation: Frame) -> list[Frame]:
    effects = cast("list[Frame]", observation["effects"])
    return [effect for effect in effects if effect["e"] == "persist"]


def answer(mode: str, frame: Frame) -> Frame:
    steps = cast("list[Frame]", frame["steps"])
    for number, step in enumerate(steps, 1):
        if mode == "undoes-nothing" and step["do"] in ("undo", "redo"):
            fault = {"t": "fault", "id": frame["id"], "kind": "bad-request", "step": number}
            return fault | {"text": f"no step {step['do']}"}
    obs = cast("list[Frame]", run_script("pipeline", cast("Frame", frame["with"]), steps))
    for step, observation in zip([{}, *steps], obs, strict=True):
        for request in persisted(observation):
            entries = cast("list[Frame]", request["entries"])
            for entry in entries:
                entry.pop("base", None)
            if mode == "adds-an-entry":
                entries.append({"m": "$m99", **WRITE})
        if mode == "refuses-together" and step.get("do") == "together":
            ok = cast("dict[str, list[Frame]]", cast("Frame", observation["out"])["ok"])
            ok["outs"][-1] = {"err": "change-inapplicable"}
    return {"t": "ran", "id": frame["id"], "obs": obs}


def main(mode: str) -> None:
    for line in sys.stdin:
        frame = cast("Frame", json.loads(line))
        sys.stdout.write(json.dumps(HELLO if frame["t"] == "hello" else answer(mode, frame)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
