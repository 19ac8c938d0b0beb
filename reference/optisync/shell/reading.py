"""The rows of the SQLite store's tables as rows of an outbox; `codec` is the way there.

Reading trusts nothing: what writing would not have stored raises Unreadable, so that a damaged row
never becomes another write.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias, TypeVar, cast

import msgspec

from optisync.contracts.entry import (
    EntryId,
    IdempotencyKey,
    Millis,
    Stamp,
    WriteEntry,
)
from optisync.contracts.messages import Accepted, Refused
from optisync.outbox.rows import (
    Acked,
    Alias,
    Doubt,
    Hole,
    InDoubt,
    InFlight,
    Item,
    Numbers,
    OwnVersion,
    Parked,
    Queued,
    Report,
    Row,
    Status,
    Verdict,
)
from optisync.shell.decoding import (
    Unreadable,
    change_of,
    entity_of,
    json_of,
    list_of,
    shaped,
    stamp_of,
    version_of,
)
from optisync.shell.plain import is_text
from optisync.values import AtomKey, ClientSeq, Epoch, ServerSeq, Version
from optisync.view import ABSENT, Doc

_Natural: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
_Positive: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
_Flag: TypeAlias = Literal[0, 1]
Decoded = TypeVar("Decoded")


class _Columns(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The columns of one row that are not NULL."""

    def row(self) -> Row:
        raise NotImplementedError


class _Numbers(_Columns, frozen=True, kw_only=True):
    id: Literal[0]
    epoch: _Natural
    server_seq: _Natural
    counter: _Natural
    token: _Natural
    reported: _Natural
    watermark: _Natural | None = None

    def row(self) -> Numbers:
        return Numbers(
            Epoch(self.epoch),
            ServerSeq(self.server_seq),
            ClientSeq(self.counter),
            self.token,
            self.reported,
            None if self.watermark is None else ClientSeq(self.watermark),
        )


class _Member(_Columns, frozen=True, kw_only=True, tag_field="status"):
    seq: _Positive


class _Hole(_Member, frozen=True, kw_only=True):
    resource: str | None = None
    entity_id: str | None = None
    temporary: _Flag

    def status(self) -> Queued | InFlight | None:
        raise NotImplementedError

    def row(self) -> Hole:
        seq, entity = ClientSeq(self.seq), None
        if self.resource is not None and self.entity_id is not None:
            entity = entity_of(self.resource, self.entity_id)
        return Hole(seq, self.status(), entity, bool(self.temporary))


class _Open(_Hole, frozen=True, kw_only=True, tag="open"):
    def status(self) -> None:
        return None


class _Skip(_Hole, frozen=True, kw_only=True, tag="skip"):
    not_before_ms: _Natural

    def status(self) -> Queued:
        return Queued(Millis(self.not_before_ms))


class _Skipping(_Hole, frozen=True, kw_only=True, tag="skipping"):
    token: _Natural
    owner: str
    until_ms: _Natural

    def status(self) -> InFlight:
        return InFlight(self.token, self.owner, Millis(self.until_ms))


class _Item(_Member, frozen=True, kw_only=True):
    resource: str
    entity_id: str
    enqueued_at_ms: int
    entry_id: str
    idempotency_key: str
    change: str
    planned_epoch: _Natural | None = None
    planned_version: int | None = None
    temporary: _Flag
    depends_on: str = "[]"
    client_time_ms: int
    waits_for: str = "[]"
    base_epoch: _Natural | None = None
    base_version: int | None = None
    first_lease: _Natural
    told: _Flag
    attempts: _Natural
    delays: _Natural

    def status(self) -> Status:
        raise NotImplementedError

    def row(self) -> Item:
        return Item(
            ClientSeq(self.seq),
            self._entry(),
            tuple(ClientSeq(seq) for seq in list_of(self.waits_for, tuple[int, ...])),
            self.status(),
            stamp_of(self.base_epoch, self.base_version),
            first=self.first_lease,
            told=bool(self.told),
            attempts=self.attempts,
            delays=self.delays,
            enqueued_at=Millis(self.enqueued_at_ms),
        )

    def _entry(self) -> WriteEntry:
        return WriteEntry(
            EntryId(self.entry_id),
            IdempotencyKey(self.idempotency_key),
            entity_of(self.resource, self.entity_id),
            change_of(self.change),
            stamp_of(self.planned_epoch, self.planned_version),
            bool(self.temporary),
            tuple(EntryId(name) for name in list_of(self.depends_on, tuple[str, ...])),
            Millis(self.client_time_ms),
        )


class _Queued(_Item, frozen=True, kw_only=True, tag="queued"):
    not_before_ms: _Natural

    def status(self) -> Queued:
        return Queued(Millis(self.not_before_ms))


class _InFlight(_Item, frozen=True, kw_only=True, tag="in-flight"):
    token: _Natural
    owner: str
    until_ms: _Natural

    def status(self) -> InFlight:
        return InFlight(self.token, self.owner, Millis(self.until_ms))


class _Acked(_Item, frozen=True, kw_only=True, tag="acked"):
    server_seq: _Natural
    version: int | None = None

    def status(self) -> Acked:
        return Acked(ServerSeq(self.server_seq), version_of(self.version))


class _Parked(_Item, frozen=True, kw_only=True, tag="parked"):
    def status(self) -> Parked:
        return Parked()


class _OwnVersion(_Columns, frozen=True, kw_only=True):
    resource: str
    entity_id: str
    epoch: _Natural
    version: int
    since_epoch: _Natural
    since_version: int

    def row(self) -> OwnVersion:
        stamp = Stamp(Epoch(self.epoch), Version(self.version))
        since = Stamp(Epoch(self.since_epoch), Version(self.since_version))
        return OwnVersion(entity_of(self.resource, self.entity_id), stamp, since)


class _Alias(_Columns, frozen=True, kw_only=True):
    temporary: str
    id: str | None = None

    def row(self) -> Alias:
        return Alias(self.temporary, self.id)


class _Doubt(_Columns, frozen=True, kw_only=True):
    place: int
    seq: _Positive
    entry_id: str
    resource: str
    entity_id: str

    def row(self) -> Doubt:
        entity = entity_of(self.resource, self.entity_id)
        return Doubt(ClientSeq(self.seq), EntryId(self.entry_id), entity)


class _Report(_Columns, frozen=True, kw_only=True, tag_field="verdict"):
    number: _Positive
    seq: _Positive
    entry_id: str

    def told(self) -> Verdict:
        raise NotImplementedError

    def row(self) -> Report:
        return Report(self.number, ClientSeq(self.seq), EntryId(self.entry_id), self.told())


class _Accepted(_Report, frozen=True, kw_only=True, tag="accepted"):
    server_seq: _Natural
    version: int | None = None
    ids: str = "[]"

    def told(self) -> Accepted:
        ids = list_of(self.ids, tuple[tuple[str, str], ...])
        return Accepted(ServerSeq(self.server_seq), version_of(self.version), ids)


class _Refused(_Report, frozen=True, kw_only=True, tag="refused"):
    code: str

    def told(self) -> Refused:
        return Refused(self.code)


class _InDoubt(_Report, frozen=True, kw_only=True, tag="in-doubt"):
    def told(self) -> InDoubt:
        return InDoubt()


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    atom: str
    content: str | None = None
    epoch: _Natural | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table of rows: the column that names a row and gives their order, and what a row can be."""

    name: str
    key: str
    shape: object

    def read(self, columns: dict[str, object]) -> Row:
        """The row that was stored in these columns. Raises Unreadable."""
        return cast(_Columns, shaped(columns, self.shape)).row()


TABLES: Final = (
    Table("numbers", "id", _Numbers),
    Table("members", "seq", _Open | _Skip | _Skipping | _Queued | _InFlight | _Acked | _Parked),
    Table("versions", "resource", _OwnVersion),
    Table("aliases", "temporary", _Alias),
    Table("doubts", "place", _Doubt),
    Table("reports", "number", _Accepted | _Refused | _InDoubt),
)


def read_document(columns: dict[str, object]) -> tuple[AtomKey, Doc, Stamp | None]:
    """The document that was stored in these columns, and its version. Raises Unreadable."""
    document = cast(_Document, shaped(columns, _Document))
    atom, stamp = AtomKey(document.atom), stamp_of(document.epoch, document.version)
    if document.content is not None:
        return atom, json_of(document.content, "content"), stamp
    if stamp is None:
        raise Unreadable("neither content nor version")
    return atom, ABSENT, stamp


def trace(seq: int, columns: dict[str, object]) -> Hole:
    """What is left of a member that cannot be read: its number, and what it was about if that can
    be read, so that nothing goes out that cannot be without it."""
    resource, name = columns["resource"], columns["entity_id"]
    known = isinstance(resource, str) and isinstance(name, str)
    known = known and is_text(f"{resource}{name}")
    entity = entity_of(str(resource), str(name)) if known else None
    return Hole(ClientSeq(seq), None, entity, columns["temporary"] == 1)
