"""Steps of the profile `pipeline` as inputs of the machine: names become numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from msgspec import UNSET, UnsetType

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    Millis,
    Resource,
    Row,
    Stamp,
    Unknown,
    WriteEntryResult,
    Written,
)
from optisync.contracts.messages import Accepted, Delta, Ids, Label, Outcome, Refused, Snapshot
from optisync.errors import OptisyncError
from optisync.patch import Patch, patch_from_json
from optisync.pipeline import inputs
from optisync.pipeline.events import Context
from optisync.values import AtomKey, ClientSeq, Epoch, ServerSeq, Version
from optisync.view import ABSENT, Change
from optisync_conformance import scriptpipeline as script
from optisync_conformance.reference import host
from optisync_conformance.reference.names import ME, OTHER, Names
from optisync_conformance.script import ScriptError
from optisync_conformance.scriptoutbox import EntryLabel, EntryOutcome


def change(raw: object) -> Change:
    """A change of one entity. Raises ScriptError."""
    return dict(host.changes({"entity": raw}))[AtomKey("entity")]


def patch(raw: object) -> Patch:
    """A patch of rows. Raises ScriptError."""
    try:
        return patch_from_json(host.value(raw))
    except OptisyncError as error:
        raise ScriptError(str(error)) from None


def text(member: str | UnsetType) -> str | None:
    """A text, or None where the script leaves it out."""
    return None if isinstance(member, UnsetType) else member


def context(raw: script.EventContext) -> Context:
    """Where an event comes from."""
    return Context(raw.scope, raw.origin, text(raw.action), text(raw.label), Millis(raw.at))


def entry_id(names: Names, name: str) -> EntryId:
    """The id of the entry of a name."""
    return EntryId(f"{ME}/{names.number(name)}")


def outcome(names: Names, step: script.PersistedRequest) -> inputs.Outcome:
    """The answer to a request."""
    if step.results is not UNSET:
        results = tuple(_result(names, result) for result in step.results)
        return inputs.Confirmed(results, epoch(step.epoch))
    if step.enqueued is not UNSET:
        return inputs.Enqueued(tuple(entry_id(names, name) for name in step.enqueued))
    return inputs.NoAnswer() if step.failed is UNSET else inputs.Failed(step.failed)


def epoch(member: int | UnsetType) -> Epoch | None:
    """An epoch, or None where the script leaves it out."""
    return None if isinstance(member, UnsetType) else Epoch(member)


def _result(names: Names, raw: script.WriteResult) -> WriteEntryResult:
    said: Written | Refused | Unknown = Unknown()
    if raw.ok is not UNSET:
        said = _written(raw.ok)
    elif raw.rejected is not UNSET:
        said = Refused(raw.rejected)
    return WriteEntryResult(entry_id(names, raw.m), said)


def _written(raw: script.WrittenAt) -> Written:
    at = None if isinstance(raw.seq, UnsetType) else ServerSeq(raw.seq)
    row = None if raw.row is UNSET else _row(raw.row)
    return Written(_version(raw.version), at, _ids(raw.ids), row)


def _row(raw: script.WrittenRow | script.ReadRow) -> Row:
    return Row(ABSENT if raw.absent is not UNSET else host.value(raw.doc))


def _version(member: int | UnsetType) -> Version | None:
    return None if isinstance(member, UnsetType) else Version(member)


def _ids(raw: Mapping[str, str] | UnsetType) -> Ids:
    return () if isinstance(raw, UnsetType) else tuple(sorted(raw.items()))


def decided(names: Names, step: script.DecidedWrite) -> inputs.Decided:
    """A verdict that comes by itself."""
    said: Written | Refused | inputs.InDoubt = inputs.InDoubt()
    if step.ok is not UNSET:
        said = _written(step.ok)
    elif step.rejected is not UNSET:
        said = Refused(step.rejected)
    return inputs.Decided(entry_id(names, step.m), said, epoch(step.epoch))


def delta(names: Names, step: script.StreamDelta) -> Delta:
    """Changes at a position."""
    labels = tuple(_label(names, label) for label in step.settles)
    changes = host.changes(step.atoms)
    return Delta(Epoch(step.epoch), ServerSeq(step.seq), None, changes, labels)


def _label(names: Names, raw: EntryLabel) -> Label:
    client = OTHER if raw.client == "other" else ME
    return Label(client, names.number(raw.m), _version(raw.version), _ids(raw.ids))


def snapshot(names: Names, step: script.StreamSnapshot) -> Snapshot:
    """All documents and outcomes."""
    outcomes = tuple(
        Outcome(names.number(name), _verdict(raw)) for name, raw in step.outcomes.items()
    )
    return Snapshot(
        Epoch(step.epoch),
        ServerSeq(step.seq),
        host.documents(step.docs),
        outcomes,
        step.client_known,
        tuple((AtomKey(atom), Version(version)) for atom, version in step.versions.items()),
    )


def _verdict(raw: EntryOutcome) -> Accepted | Refused:
    if isinstance(raw.ok, UnsetType):
        return Refused(cast(str, raw.rejected))
    return Accepted(ServerSeq(raw.ok), _version(raw.version), _ids(raw.ids))


def rows(raw: tuple[script.ReadRow, ...]) -> tuple[inputs.FetchedRow, ...]:
    """Rows that were read."""
    return tuple(
        inputs.FetchedRow(entity(row.resource, row.entity), _row(row), _version(row.version))
        for row in raw
    )


def entity(resource: str, name: str) -> Entity:
    """An entity of a script."""
    return Entity(Resource(resource), EntityId(name))


def stamps(raw: Mapping[str, int], at: Epoch) -> list[tuple[AtomKey, Stamp]]:
    """Versions of documents in an epoch."""
    return [(AtomKey(atom), Stamp(at, Version(version))) for atom, version in raw.items()]


def numbers(names: Names, given: tuple[str, ...], first: int) -> tuple[ClientSeq, ...]:
    """Numbers for writes, from one on; their names are given to them."""
    found = tuple(ClientSeq(first + index) for index in range(len(given)))
    for name, number in zip(given, found, strict=True):
        names.give(name, number)
    return found
