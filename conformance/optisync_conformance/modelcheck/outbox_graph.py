"""The outbox as the subject of ``optisync models graph``."""

from __future__ import annotations

from typing import Final

from optisync.outbox.inputs import Input
from optisync.outbox.state import Outbox

from .outbox import Out
from .outbox_alphabets import large_scopes, small_scopes
from .outbox_classes import CLASSES
from .worlds import Subject

OUTBOX: Final[Subject[Outbox, Input, Out]] = Subject(
    "outbox", large_scopes(), small_scopes(), {}, CLASSES
)
