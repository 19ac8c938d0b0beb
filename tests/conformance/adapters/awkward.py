"""An adapter that answers rightly but for one awkward thing, named by its first argument.

The answers are those of the reference. With `ONCE` in the environment, the name of a file, the
thing happens at the ninth run of the first process only; with `STEPS` at every script with so many
steps; without either at every run. `SLEEPER` is a word in the command lines of what it leaves.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NoReturn, cast

from optisync_conformance.reference.run import run_script

Frame = dict[str, object]
NAME = os.environ.get("SLEEPER", "sleeper")
SLEEPER = (sys.executable, "-S", "-c", "import time; time.sleep(600)", NAME)
NONE: list[str] = []
PROFILES: Frame = {"patch": {"sees": ["out"], "lacks": NONE}}


def write(text: str | bytes) -> None:
    data = text.encode() if isinstance(text, str) else text
    sys.stdout.buffer.write(data + b"\n")
    sys.stdout.buffer.flush()


def say(frame: Frame) -> None:
    write(json.dumps(frame))


def hello(**changes: object) -> None:
    impl = {"name": "awkward", "version": "1", "language": "Python", "source": ""}
    say({"t": "hello", "protocol": 1, "impl": impl, "profiles": PROFILES} | changes)


def observed(frame: Frame) -> list[Frame]:
    return cast("list[Frame]", ran(frame)["obs"])


def ran(frame: Frame) -> Frame:
    steps = cast("list[Frame]", frame["steps"])
    obs = run_script(str(frame["profile"]), cast("Frame", frame["with"]), steps)
    return {"t": "ran", "id": frame["id"], "obs": obs}


def sleep() -> NoReturn:
    while True:
        time.sleep(600)


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


def with_doc(frame: Frame, doc: str) -> str:
    """The right answer but for the document of its first step, which is this text."""
    text = json.dumps({"ok": {"doc": "HERE"}}).replace('"HERE"', doc)
    rest = ", ".join(f'{{"out": {text}}}' for _ in cast("list[Frame]", frame["steps"]))
    return f'{{"t": "ran", "id": {frame["id"]}, "obs": [{{"out": {{"ok": {{}}}}}}, {rest}]}}'


def half_a_line() -> NoReturn:
    sys.stdout.write('{"t":"ra')
    sys.stdout.flush()
    os._exit(0)


def many_megabytes() -> NoReturn:
    block = b"x" * (1 << 20)
    for _ in range(100):
        sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()
    sleep()


def leave_children(own_session: bool, env: dict[str, str] | None = None) -> None:
    quiet = subprocess.DEVNULL
    subprocess.Popen(
        SLEEPER, start_new_session=own_session, env=env, stdin=quiet, stdout=quiet, stderr=quiet
    )


def leave_orphan() -> None:
    """A grandchild in its own session whose parent is dead and whose environment is empty."""
    if os.fork() == 0:
        os.setsid()
        leave_children(own_session=True, env={})
        os._exit(0)
    os.wait()


def child_keeps_stdout() -> NoReturn:
    subprocess.Popen(SLEEPER, start_new_session=True)
    os._exit(3)


def close_stdout() -> NoReturn:
    sys.stdout.flush()
    os.close(1)
    sleep()


def unsupported(frame: Frame, cap: str) -> None:
    say({"t": "fault", "id": frame["id"], "kind": "unsupported", "cap": cap, "step": 1, "text": ""})


# What happens instead of the answer.
INSTEAD: dict[str, Callable[[Frame], object]] = {
    "dies": lambda _: os._exit(7),
    "is-killed": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "hangs": lambda _: sleep(),
    "prints-garbage": lambda _: write("connected to database"),
    "prints-no-utf8": lambda _: write(b'{"t":"\xff\xfe","id":1}'),
    "prints-nothing": lambda _: write(""),
    "prints-half-a-line": lambda _: half_a_line(),
    "prints-100-mb": lambda _: many_megabytes(),
    "answers-twice": lambda frame: write(json.dumps(ran(frame)) + "\n" + json.dumps(ran(frame))),
    "answers-unknown-id": lambda frame: say(ran(frame) | {"id": 123456}),
    "answers-with-text-id": lambda frame: say(ran(frame) | {"id": "7"}),
    "answers-with-more": lambda frame: say(ran(frame) | {"took": 3}),
    "answers-nan": lambda frame: write(with_doc(frame, "NaN")),
    "answers-infinity": lambda frame: write(with_doc(frame, "1e999")),
    "answers-beyond-2-53": lambda frame: write(with_doc(frame, "9007199254740992")),
    "answers-beyond-2-64": lambda frame: write(with_doc(frame, "36893488147419103232")),
    "answers-deep": lambda frame: write(with_doc(frame, deep(150))),
    "answers-very-deep": lambda frame: write(with_doc(frame, deep(200_000))),
    "answers-surrogate": lambda frame: write(with_doc(frame, '"\\ud800"')),
    "answers-too-few": lambda frame: say(ran(frame) | {"obs": observed(frame)[:0]}),
    "answers-too-many": lambda frame: say(ran(frame) | {"obs": observed(frame)[:1] * 5}),
    "answers-no-out": lambda frame: say(ran(frame) | {"obs": [{"in": 1} for _ in observed(frame)]}),
    "faults-internal": lambda frame: say(
        {"t": "fault", "id": frame["id"], "kind": "internal", "text": "TypeError: x is undefined"}
    ),
    "lacks-undeclared": lambda frame: unsupported(frame, "invert"),
    "lacks-declared": lambda frame: unsupported(frame, "invert"),
    "says-hello-again": lambda _: hello(),
    "closes-stdout": lambda _: close_stdout(),
    "child-keeps-stdout": lambda _: child_keeps_stdout(),
    "wrong-answer": lambda frame: write(with_doc(frame, '{"wrong": true}')),
}
# What happens instead of the hello.
AT_HELLO: dict[str, Callable[[], object]] = {
    "dies-at-once": lambda: os._exit(1),
    "hangs-at-hello": sleep,
    "garbage-at-hello": lambda: write("Server listening on port 8080"),
    "100-mb-at-hello": many_megabytes,
    "other-frame-at-hello": lambda: say({"t": "ran", "id": 1, "obs": NONE}),
    "other-protocol": lambda: hello(protocol=2),
    "other-protocol-alone": lambda: say({"t": "hello", "protocol": 2}),
    "no-profiles": lambda: hello(profiles=Frame()),
    "unknown-profile": lambda: hello(profiles={"pathc": {"sees": ["out"]}}),
    "unknown-lack": lambda: hello(profiles={"patch": {"sees": ["out"], "lacks": ["inverse"]}}),
    "no-impl": lambda: say({"t": "hello", "protocol": 1, "profiles": PROFILES}),
    "lacks-declared": lambda: hello(profiles={"patch": {"sees": ["out"], "lacks": ["invert"]}}),
    "sees-nothing": lambda: hello(profiles={"patch": {"sees": NONE}}),
}


def after_end(mode: str) -> None:
    """What happens when stdin is closed."""
    match mode:
        case "ends-with-code":
            sys.exit(5)
        case "never-ends":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            sleep()
        case "leaves-children":
            leave_children(own_session=False)
        case "leaves-setsid-children":
            leave_children(own_session=True)
        case "leaves-orphans":
            leave_orphan()
        case _:
            pass


def out_of_order(held: list[Frame], frame: Frame) -> None:
    """Answer runs eight at a time, the last first."""
    held.append(frame)
    if len(held) == 8 or os.environ.get("LAST") == str(frame["id"]):
        while held:
            say(ran(held.pop()))


def is_awkward(count: int, frame: Frame) -> bool:
    once, steps = os.environ.get("ONCE"), os.environ.get("STEPS")
    if once is not None:
        if count != 9 or os.path.exists(once):
            return False
        with open(once, "x"):
            return True
    return steps is None or len(cast("list[Frame]", frame["steps"])) == int(steps)


def leaks(count: int, frame: Frame) -> Frame:
    """The second and later runs of a process see what the first one left."""
    answer = ran(frame)
    obs = cast("list[Frame]", answer["obs"])
    return answer | {"obs": [*obs[:-1], obs[-1] | {"seen": count > 1}]}


def main(mode: str) -> None:
    held: list[Frame] = []
    count = 0
    rest = 0
    for line in sys.stdin:
        frame = cast("Frame", json.loads(line))
        if frame["t"] == "hello":
            rest = cast("dict[str, int]", frame["limits"])["extra_rest"]
            AT_HELLO.get(mode, hello)()
            continue
        count += 1
        if mode == "floods-stderr":
            sys.stderr.write("noise " * 100_000 + "\n")
        if mode in INSTEAD and is_awkward(count, frame):
            INSTEAD[mode](frame)
        elif mode == "out-of-order":
            out_of_order(held, frame)
        elif mode == "leaks":
            say(leaks(count, frame))
        elif mode == "unrested" and rest:
            obs = observed(frame)
            say({"t": "ran", "id": frame["id"], "obs": [*obs[:-1], {"out": {"open": True}}]})
        else:
            say(ran(frame))
    after_end(mode)


if __name__ == "__main__":
    main(sys.argv[1])
