"""The report as one HTML page that needs nothing else: no script, no other file, no network."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from optisync_conformance.events import RED, Detail
from optisync_conformance.reports.collect import Report
from optisync_conformance.reports.diagram import svg
from optisync_conformance.reports.plain import divergence
from optisync_conformance.telling import pretty, setting_text, step_text

_PAGE: Final = Path(__file__).with_name("page.html.jinja")


def to_html(report: Report) -> str:
    """The page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(_PAGE.read_text(encoding="utf-8")).render(
        report=report,
        red=RED,
        svg=_drawn,
        divergence=divergence,
        pretty=pretty,
        step_text=step_text,
        setting_text=setting_text,
    )


def _drawn(detail: Detail) -> Markup:
    return Markup(svg(detail))  # its texts are escaped where they are drawn
