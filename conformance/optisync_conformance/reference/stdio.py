"""The reference as an adapter: lines of JSON on stdin and stdout."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import BinaryIO, Final, Literal, TypeAlias

import msgspec

from optisync_conformance.frames import FRAME_BYTES
from optisync_conformance.reference.host import Observation
from optisync_conformance.script import ScriptError

Runner: TypeAlias = Callable[
    [str, dict[str, object], Sequence[dict[str, object]]], list[Observation]
]

SEES: Final[dict[str, tuple[str, ...]]] = {
    "patch": ("out",),
    "coordinator": (
        *("out", "effects", "pending", "confirmed", "patches"),
        *("acked", "suspended", "buffer", "requested", "plan"),
    ),
    "view": ("out", "effects", "view", "server"),
    "outbox": ("out", "effects", "pending", "queue", "cursor", "reports"),
    "transport": ("out", "effects", "ops", "sent", "results", "rows"),
    "pipeline": (
        *("out", "effects", "view", "documents", "position"),
        *("pending", "places", "tickets"),
    ),
}


class Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="t"):
    """The suite says hello."""

    protocol: list[int]


class Run(msgspec.Struct, frozen=True, tag="run", tag_field="t"):
    """The suite wants a script run."""

    id: int
    profile: str
    setting: dict[str, object] = msgspec.field(name="with")
    steps: list[dict[str, object]]


class _Numbered(msgspec.Struct, frozen=True):
    """As much of a bad frame as can be told."""

    id: int = -1


FaultKind: TypeAlias = Literal["unsupported", "bad-request", "internal", "overload"]


def serve_stdio(run: Runner, name: str = "optisync reference", version: str = "0.1.0") -> None:
    """Answer frames until stdin closes. No frame, however bad, ends it."""
    serve(run, sys.stdin.buffer, sys.stdout.buffer, name, version)


def serve(run: Runner, source: BinaryIO, sink: BinaryIO, name: str, version: str) -> None:
    """Answer the frames of `source` on `sink`."""
    encode = msgspec.json.Encoder().encode
    decoder = msgspec.json.Decoder(Hello | Run)
    while line := source.readline(FRAME_BYTES + 1):
        if len(line) > FRAME_BYTES and not line.endswith(b"\n"):
            _skip_line(source)
        answer = _answer(run, decoder, line, name, version)
        sink.write(encode(answer) + b"\n")
        sink.flush()


def _skip_line(source: BinaryIO) -> None:
    while (rest := source.readline(FRAME_BYTES)) and not rest.endswith(b"\n"):
        pass


def _answer(
    run: Runner, decoder: msgspec.json.Decoder[Hello | Run], line: bytes, name: str, version: str
) -> dict[str, object]:
    if len(line) > FRAME_BYTES:
        return _fault(-1, "bad-request", f"a line longer than {FRAME_BYTES} bytes")
    try:
        frame = decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return _fault(_number(line), "bad-request", str(error))
    if isinstance(frame, Hello):
        return _hello(frame, name, version)
    try:
        return {"t": "ran", "id": frame.id, "obs": run(frame.profile, frame.setting, frame.steps)}
    except (ScriptError, RecursionError) as error:
        return _fault(frame.id, "bad-request", str(error))
    except Exception as error:  # whatever it is, the next frame deserves an answer
        return _fault(frame.id, "internal", f"{type(error).__name__}: {error}")


def _number(line: bytes) -> int:
    try:
        return msgspec.json.decode(line, type=_Numbered).id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return -1


def _hello(frame: Hello, name: str, version: str) -> dict[str, object]:
    if 1 not in frame.protocol:
        return _fault(-1, "bad-request", "this adapter speaks protocol 1")
    impl = {"name": name, "version": version, "language": "Python", "source": "reference/optisync"}
    profiles = {profile: {"sees": list(sees), "lacks": []} for profile, sees in SEES.items()}
    return {"t": "hello", "protocol": 1, "impl": impl, "profiles": profiles}


def _fault(number: int, kind: FaultKind, text: str) -> dict[str, object]:
    return {"t": "fault", "id": number, "kind": kind, "text": text}
