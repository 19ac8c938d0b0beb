"""Transition classes of the outbox."""

from __future__ import annotations

from typing import Final

from optisync.machine import Step
from optisync.outbox.config import Config
from optisync.outbox.effects import Effect
from optisync.outbox.inputs import Input
from optisync.outbox.state import Outbox

CLASSES: Final[dict[str, str]] = {}


def classes(
    config: Config, before: Outbox, given: Input, done: Step[Outbox, Effect]
) -> frozenset[str]:
    """The transition classes of one step; at least one."""
    return frozenset()
