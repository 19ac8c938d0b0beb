"""A failure as plain text: what the terminal, JUnit and Markdown share."""

from __future__ import annotations

from optisync_conformance.events import Detail, Done
from optisync_conformance.telling import pretty, setting_text, step_text


def failure_text(done: Done) -> str:
    """Everything about a failure, as lines."""
    detail = done.detail
    if detail is None:
        return done.note
    lines = [detail.sentence, ""] if detail.sentence else []
    if unusual := setting_text(detail.setting):
        lines.append(unusual)
    for number, step in enumerate(detail.steps, 1):
        mark = "  <-- here" if number == detail.step else ""
        lines.append(f"{number:3}. {step_text(step)}{mark}")
    lines += ["", divergence(detail)]
    if detail.path:
        lines += [f"expected: {pretty(detail.expected, 80)}", f"got:      {pretty(detail.got, 80)}"]
    if detail.stderr:
        lines += ["", "stderr:", detail.stderr]
    if detail.replay:
        lines += ["", f"replay: {detail.replay}"]
    return "\n".join(lines)


def divergence(detail: Detail) -> str:
    """Where a run diverges, in a line."""
    if not detail.path:
        return f"at step {detail.step}: {detail.text}" if detail.step else detail.text
    place = f"after step {detail.step}" if detail.step else "after start"
    return f"{place}: {detail.text}"
