"""What is fixed for the life of a pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from optisync.errors import check_limits
from optisync.values import ClientId


@dataclass(frozen=True, slots=True)
class Config:
    """Limits are at least 1; LimitTooSmall otherwise.

    `capacity`: pending writes. `history`: units that can be taken back, for each scope.
    `remembered`: tickets whose verdict is kept for a late await.
    """

    client: ClientId
    capacity: int = 100_000
    history: int = 100
    remembered: int = 1_000

    def __post_init__(self) -> None:
        check_limits(self, "capacity", "history", "remembered")
