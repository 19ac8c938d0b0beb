"""Lines of an adapter: read strictly, refused with a message that helps."""

from __future__ import annotations

import json

import pytest

from optisync_conformance import declared
from optisync_conformance.frames import (
    MAX_DEPTH,
    FrameError,
    Hello,
    Impl,
    Ran,
    Scope,
    problem,
    read,
)

SEES = ("out", "effects")


def ran(*obs: object) -> tuple[Ran, bytes]:
    line = json.dumps({"t": "ran", "id": 1, "obs": obs}).encode()
    answer = read(line)
    assert isinstance(answer, Ran)
    return answer, line


NONE: list[object] = []
OK: dict[str, object] = {"ok": dict[str, object]()}
GOOD: dict[str, object] = {"out": OK, "effects": [{"e": "change", "pending": NONE}]}


@pytest.mark.parametrize(
    ("obs", "said"),
    [
        ([GOOD, GOOD], ""),
        ([{"effects": NONE}, GOOD], ""),
        ([GOOD], "1 observations for 1 steps"),
        ([GOOD, {"effects": NONE}], "observation 1 has no `out`"),
        ([GOOD, {"out": "ok", "effects": NONE}], "observation 1 has no `out`"),
        ([GOOD, {"out": dict[str, object](), "effects": NONE}], "not one of ok, err, open"),
        ([GOOD, {"out": {**OK, "err": "x"}, "effects": NONE}], "not one of ok, err, open"),
        ([GOOD, {"out": {"err": 3}, "effects": NONE}], "`err` that is not text"),
        ([GOOD, {"out": OK}], "no `effects`, which hello says it sees"),
        ([GOOD, {"out": OK, "effects": OK}], "`effects` that are not an array"),
        ([GOOD, {"out": OK, "effects": ["change"]}], "an effect without a name"),
        ([GOOD, {**GOOD, "view": {"a": 2**53}}], "beyond 2^53-1"),
        ([GOOD, {**GOOD, "view": {"a": 2**53 - 1}}], ""),
        ([GOOD, {**GOOD, "view": {"a": "9" * 30}}], ""),
    ],
)
def test_an_answer_is_looked_at_closely(obs: list[object], said: str) -> None:
    wrong = problem(*ran(*obs), steps=1, sees=SEES)
    assert said in wrong if said else wrong == ""


def test_depth_is_bounded() -> None:
    def nested(levels: int) -> object:
        return "leaf" if levels == 0 else [nested(levels - 1)]

    assert problem(*ran(GOOD, {**GOOD, "view": nested(MAX_DEPTH - 1)}), 1, SEES) == ""
    assert "deeper" in problem(*ran(GOOD, {**GOOD, "view": nested(MAX_DEPTH + 1)}), 1, SEES)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", "not JSON: ''"),
        (b"hello", "stdout is for frames alone, print to stderr"),
        (b"[]", "Expected `object`"),
        (b'{"t":"done"}', "Invalid value 'done' - at `t`"),
        (b'{"t":"ran","id":1}', "missing required field `obs`"),
        (b'{"t":"fault","id":1,"kind":"odd"}', "Invalid enum value 'odd' - at `kind`"),
        (b'{"t":"ran","id":1,"obs":[],"more":1}', "unknown field `more`"),
        (b'{"t":"ran","id":1,"obs":[{"x":' + b"[" * 100_000, "nested too deep"),
        (b"x" * 1000, "(1000 bytes)"),
    ],
)
def test_what_is_no_frame_is_quoted(line: bytes, said: str) -> None:
    with pytest.raises(FrameError) as caught:
        read(line)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("profiles", "said"),
    [
        ({"view": Scope(("out", "view"), ("clock",))}, ""),
        ({}, "declares no profile"),
        ({"views": Scope(())}, "'views'; did you mean 'view'?"),
        ({"view": Scope((), ("clocks",))}, "cannot lack 'clocks'; did you mean 'clock'?"),
        ({"patch": Scope((), ("clock",))}, "cannot lack 'clock'"),
        ({"view": Scope(("pending",))}, "has no field 'pending'"),
    ],
)
def test_a_declaration_keeps_to_the_lists(profiles: dict[str, Scope], said: str) -> None:
    wrong = declared.problem(Hello(1, Impl("x", "1"), profiles))
    assert said in wrong if said else wrong == ""
