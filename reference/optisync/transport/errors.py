"""Why the ops driver refuses an input. [transport-error-codes]"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from optisync.contracts.entry import EntryId
from optisync.errors import OptisyncError


@dataclass(unsafe_hash=True)
class EntryIdRepeated(OptisyncError):
    """Two entries of one exchange have the same id: no result could be told apart."""

    code: ClassVar[str] = "entry-id-repeated"
    entry_id: EntryId

    def __str__(self) -> str:
        return f"the entry id {self.entry_id!r} stands twice in one exchange"


@dataclass(unsafe_hash=True)
class WireMalformed(OptisyncError):
    """Something on the wire is not of its form. `where` is a JSON Pointer (RFC 6901)."""

    code: ClassVar[str] = "wire-malformed"
    where: str
    reason: str

    def __str__(self) -> str:
        return f"malformed at {self.where or 'the top'}: {self.reason}"
