"""What the random scripts of all profiles have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from optisync_conformance.frames import Json

Thing: TypeAlias = dict[str, Json]


@dataclass(frozen=True)
class Script:
    """One frame: profile, setting and steps."""

    profile: str
    setting: Thing
    steps: list[Thing]
