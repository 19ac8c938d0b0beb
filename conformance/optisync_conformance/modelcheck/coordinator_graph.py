"""The coordinator as the subject of ``optisync models graph``."""

from __future__ import annotations

from typing import Final

from optisync.coordinator.inputs import Input
from optisync.coordinator.state import Coordinator

from .coordinator import Out
from .coordinator_alphabets import large_scopes, small_scopes
from .coordinator_classes import CLASSES
from .coordinator_cover import cover_scopes
from .worlds import Subject

COORDINATOR: Final[Subject[Coordinator, Input, Out]] = Subject(
    "coordinator", large_scopes(), small_scopes(), {"cover": cover_scopes()}, CLASSES
)
