"""A failing script as a sequence diagram: application, engine, server; what is wrong in red."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Final, Literal, cast

from optisync_conformance.events import Detail
from optisync_conformance.telling import compact, effect_text, members_of, out_text, step_text

LANES: Final = ("application", "engine", "server")
_FROM_SERVER: Final = {
    "ack", "reject", "delta", "snapshot", "head", "serve", "push", "settle", "watermark",
    "persisted", "decided", "fetched",
}  # fmt: skip
_TO_SERVER: Final = {"request", "resync", "send", "persist", "stale", "withdraw"}
_OF_ITS_OWN: Final = {"tick", "wall", "crash", "start", "store-fails", "arm-crash", "drain"}
_WIDTH: Final = 720
_X: Final[Mapping[str, int]] = {"application": 110, "engine": 360, "server": 610}
_ROW: Final = 30
_LETTERS: Final = 46


@dataclass(frozen=True, slots=True)
class Arrow:
    """One arrow between two lanes, or a note when they are the same."""

    source: str
    target: str
    text: str
    kind: Literal["call", "effect", "wrong"] = "call"
    number: int = 0


def arrows(detail: Detail) -> Iterator[Arrow]:
    """What happens, in order; after the step that diverges, what should have been."""
    for number, step in enumerate(detail.steps, 1):
        members = members_of(step)
        verb = str(members.get("do", ""))
        source = "server" if verb in _FROM_SERVER else "application"
        if verb in _OF_ITS_OWN:
            source = "engine"
        yield Arrow(source, "engine", step_text(step), number=number)
        if number < len(detail.observations):
            yield from _answers(detail.observations[number], source)
        if number == detail.step:
            yield from (Arrow("engine", "engine", text, "wrong") for text in _wrong(detail))


def _wrong(detail: Detail) -> tuple[str, ...]:
    if not detail.path:
        return (detail.text,)
    expected, got = compact(detail.expected), compact(detail.got)
    return (f"expected {detail.path}: {expected}", f"got {detail.path}: {got}")


def _answers(observation: Mapping[str, object], source: str) -> Iterator[Arrow]:
    out = out_text(observation.get("out"))
    if out != "ok":
        yield Arrow("engine", source, out, "effect")
    effects = observation.get("effects")
    for effect in cast("list[object]", effects) if isinstance(effects, list) else []:
        name = members_of(effect).get("e")
        target = "server" if name in _TO_SERVER else "application"
        yield Arrow("engine", target, effect_text(effect), "effect")


def svg(detail: Detail) -> str:
    """The diagram as an SVG element of an HTML page: no script, text that can be searched."""
    drawn = list(arrows(detail))
    height = 60 + _ROW * len(drawn)
    parts = [
        f'<svg class="sequence" role="img" '
        f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}">'
        f"<title>{escape(detail.text)}</title>"
    ]
    for lane in LANES:
        x = _X[lane]
        parts.append(f'<text class="lane" x="{x}" y="20">{lane}</text>')
        parts.append(f'<line class="life" x1="{x}" y1="30" x2="{x}" y2="{height - 10}"/>')
    for index, arrow in enumerate(drawn):
        parts.append(_arrow(arrow, 52 + _ROW * index))
    return "".join([*parts, "</svg>"])


def _arrow(arrow: Arrow, y: int) -> str:
    label = f"{arrow.number}. {arrow.text}" if arrow.number else arrow.text
    text, full = escape(_cut(label)), escape(label)
    start, end = _X[arrow.source], _X[arrow.target]
    shown = f'<text class="{arrow.kind}" x="{(start + end) // 2}" y="{y - 5}">{text}</text>'
    if start == end:
        return f"<g><title>{full}</title>{shown}</g>"
    tip = -7 if end > start else 7
    head = f"M{end},{y} l{tip},-4 l0,8 z"
    line = f'<line class="{arrow.kind}" x1="{start}" y1="{y}" x2="{end}" y2="{y}"/>'
    return f'<g><title>{full}</title>{shown}{line}<path class="{arrow.kind}" d="{head}"/></g>'


def _cut(text: str) -> str:
    return text if len(text) <= _LETTERS else text[: _LETTERS - 2] + ".."


def mermaid(detail: Detail) -> str:
    """The diagram in the notation that Markdown viewers draw."""
    lines = ["sequenceDiagram", *(f"  participant {lane}" for lane in LANES)]
    for arrow in arrows(detail):
        text = _plain(f"{arrow.number}. {arrow.text}" if arrow.number else arrow.text)
        if arrow.source == arrow.target:
            lines.append(f"  Note over {arrow.source}: {text}")
        else:
            line = "->>" if arrow.kind == "call" else "-->>"
            lines.append(f"  {arrow.source}{line}{arrow.target}: {text}")
    return "\n".join(lines)


def _plain(text: str) -> str:
    return text.replace(";", ",").replace("#", "no. ")  # both end a message there
