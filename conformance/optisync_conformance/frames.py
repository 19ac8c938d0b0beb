"""The lines between the suite and an adapter: protocol 1, as specs/protocol.md has it.

What the suite sends is built here; what an adapter sends is read here, strictly, and refused with
a message that says what is wrong with the line and what to do about it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

import msgspec

PROTOCOL: Final = 1
FRAME_BYTES: Final = 16 * 1024 * 1024
IN_FLIGHT: Final = 16
MAX_INT: Final = 2**53 - 1
MAX_DEPTH: Final = 100

if TYPE_CHECKING:
    Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
else:  # what checks at run time need: no reference that only this module can resolve
    Json = bool | int | float | str | list | dict | None

Observation: TypeAlias = dict[str, Json]
FaultKind: TypeAlias = Literal["unsupported", "bad-request", "internal", "overload"]


class FrameError(Exception):
    """A line of an adapter that is not a frame; the text quotes it and names the remedy."""


class Impl(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an adapter says of the engine behind it."""

    name: str
    version: str
    language: str = ""
    source: str = ""


class Scope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an adapter declares about one profile: the fields it reports, what the engine lacks."""

    sees: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    is_: tuple[str, ...] = msgspec.field(default=(), name="is")


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="hello", tag_field="t"):
    """The answer to the suite's hello."""

    protocol: int
    impl: Impl
    profiles: dict[str, Scope]
    pipelining: int = IN_FLIGHT


class _Version(msgspec.Struct, frozen=True, tag="hello", tag_field="t"):
    protocol: int


class Ran(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="ran", tag_field="t"):
    """What was observed: after start, then after each step."""

    id: int
    obs: list[dict[str, object]]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="fault", tag_field="t"):
    """Why a script could not be run."""

    id: int
    kind: FaultKind
    text: str = ""
    cap: str = ""
    step: int | None = None


Answer: TypeAlias = Hello | Ran | Fault


class Script(msgspec.Struct, frozen=True):
    """One fresh instance and everything done to it; `id` is unique within a session's run."""

    profile: str
    given: Json
    steps: list[Json]


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Answer)


def hello_line(suite: str, spec: str, seed: int, extra_rest: int) -> bytes:
    """The suite's first line."""
    limits = {"frame_bytes": FRAME_BYTES, "in_flight": IN_FLIGHT, "extra_rest": extra_rest}
    frame = {"t": "hello", "protocol": [PROTOCOL], "suite": suite, "spec": spec, "seed": seed}
    return _encoder.encode({**frame, "limits": limits}) + b"\n"


def run_line(number: int, script: Script) -> bytes:
    r"""The line that has one script run.

    >>> run_line(7, Script("patch", {}, []))
    b'{"t":"run","id":7,"profile":"patch","with":{},"steps":[]}\n'
    """
    frame = {"t": "run", "id": number, "profile": script.profile}
    return _encoder.encode({**frame, "with": script.given, "steps": script.steps}) + b"\n"


def read(line: bytes) -> Answer:
    """The frame on a line. Raises FrameError.

    >>> read(b'{"t":"fault","id":3,"kind":"internal","text":"no"}').id
    3
    >>> read(b"hm")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    optisync_conformance.frames.FrameError: the adapter wrote a line that is not JSON: 'hm'; ...
    """
    try:
        return cast(Answer, _decoder.decode(line))
    except msgspec.ValidationError as error:
        text = str(error).replace("`$.", "`").replace(" - at `$`", "")
        raise FrameError(
            f"the adapter wrote a frame that is not valid: {text}: {quote(line)}"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        deep = isinstance(error, RecursionError)
        what = "is nested too deep" if deep else "is not JSON"
        remedy = "stdout is for frames alone, print to stderr"
        raise FrameError(f"the adapter wrote a line that {what}: {quote(line)}; {remedy}") from None


def read_hello(line: bytes) -> Hello:
    """The hello on the first line. Raises FrameError.

    >>> read_hello(b'{"t":"hello","protocol":2}')
    Traceback (most recent call last):
    optisync_conformance.frames.FrameError: the adapter speaks protocol 2, the suite 1
    """
    try:
        answer = read(line)
    except FrameError as error:
        _check_protocol(_protocol_of(line))
        if not line.lstrip().startswith(b"{"):
            raise
        raise FrameError(f"{error}; specs/protocol.md has the form of a hello") from None
    if not isinstance(answer, Hello):
        raise FrameError(f"the first line must be a hello, not {quote(line)}")
    _check_protocol(answer.protocol)
    return answer


def _protocol_of(line: bytes) -> int:
    """The protocol of a hello that is not as hellos are in other ways; ours if it has none."""
    try:
        return msgspec.json.decode(line, type=_Version).protocol
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return PROTOCOL


def _check_protocol(protocol: int) -> None:
    if protocol != PROTOCOL:
        raise FrameError(f"the adapter speaks protocol {protocol}, the suite {PROTOCOL}")


def quote(line: bytes, width: int = 160) -> str:
    """The start of a line, safe to print.

    >>> quote(bytes(range(7, 12)) + b"x" * 200, 8)
    "'\\\\x07\\\\x08\\\\t\\\\n\\\\x0bxxx'.. (205 bytes)"
    """
    text = repr(line[:width].decode("utf-8", "replace"))
    return text if len(line) <= width else f"{text}.. ({len(line)} bytes)"


_LONG_NUMBER: Final = re.compile(rb"[0-9]{16}")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


def problem(ran: Ran, line: bytes, steps: int, sees: tuple[str, ...]) -> str:
    """What is wrong with an answer that is a frame but not an answer to the script; "" if nothing.

    `steps` is the number of steps of the script, `sees` the fields the adapter said it reports.
    """
    if len(ran.obs) != steps + 1:
        return f"{len(ran.obs)} observations for {steps} steps; one after start and one per step"
    # A walk through every value costs more than judging it, and most lines cannot need it.
    if _LONG_NUMBER.search(line) or _may_be_deep(line):
        for index, obs in enumerate(ran.obs):
            if wrong := _bad_value(obs, 0):
                return f"observation {index} holds {wrong}"
    for index, obs in enumerate(ran.obs):
        if wrong := _bad_observation(obs, first=index == 0, sees=sees):
            return f"observation {index} {wrong}"
    return ""


def _may_be_deep(line: bytes) -> bool:
    """Whether brackets nest deeper than MAX_DEPTH, or cannot be counted since texts hold some.

    >>> _may_be_deep(b"[[1], {}]"), _may_be_deep(b"[" * 101 + b"]" * 101)
    (False, True)
    """
    left = line.translate(None, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not left:
            return False
        inner, left = left, left.replace(b"[]", b"").replace(b"{}", b"")
        if len(inner) == len(left):
            return True
    return True


def _bad_value(value: object, depth: int) -> str:
    if depth > MAX_DEPTH:
        return f"a value nested deeper than {MAX_DEPTH}"
    match value:
        case bool():
            return ""
        case int() if abs(value) > MAX_INT:
            return f"the integer {value}, beyond 2^53-1"
        case list():
            items = cast("list[object]", value)
        case dict():
            items = list(cast("dict[str, object]", value).values())
        case _:
            return ""
    return next((wrong for item in items if (wrong := _bad_value(item, depth + 1))), "")


def _bad_observation(obs: dict[str, object], first: bool, sees: tuple[str, ...]) -> str:
    if wrong := "" if first and "out" not in obs else _bad_out(obs.get("out")):
        return wrong
    effects = obs.get("effects", [])
    if not isinstance(effects, list):
        return "has `effects` that are not an array"
    if not all(_is_effect(effect) for effect in cast("list[object]", effects)):
        return "has an effect without a name `e`"
    if "effects" in sees and "effects" not in obs:
        return "has no `effects`, which hello says it sees"
    return ""


def _bad_out(out: object) -> str:
    if not isinstance(out, dict):
        return "has no `out`"
    answer = cast("dict[str, object]", out)
    if sum(kind in answer for kind in ("ok", "err", "open")) != 1:
        return "has an `out` that is not one of ok, err, open"
    return "" if isinstance(answer.get("err", ""), str) else "has an `err` that is not text"


def _is_effect(effect: object) -> bool:
    return isinstance(effect, dict) and isinstance(cast("dict[str, object]", effect).get("e"), str)
