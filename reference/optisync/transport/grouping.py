"""Entries to operations: consecutive ones of a kind share one, and nothing changes places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from optisync.contracts.entry import EntryId, Resource, WriteEntry
from optisync.contracts.remote import OpId, TransportOptions, WriteOp
from optisync.transport.errors import EntryIdRepeated
from optisync.values import Obj


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An entry to be sent, and what is asked of the backend about its answer."""

    entry: WriteEntry
    options: TransportOptions = field(default_factory=Obj)


def write_ops(request: str, outgoing: Sequence[Outgoing]) -> tuple[WriteOp, ...]:
    """The operations of one exchange; their ids are `request` and a number. Raises EntryIdRepeated.

    A new one begins where the resource or the options change, nowhere else: none for no entries.
    [grouping-keeps-order] [group-consecutive] [options-on-the-op] [nothing-no-op]
    """
    _require_distinct(outgoing)  # [transport-refusal-changes-nothing]
    groups = ((kind, tuple(run)) for kind, run in groupby(outgoing, key=_kind))
    return tuple(
        WriteOp(OpId(f"{request}.{number}"), resource, tuple(o.entry for o in run), options)
        for number, ((resource, options), run) in enumerate(groups, 1)
    )


def _kind(outgoing: Outgoing) -> tuple[Resource, TransportOptions]:
    # [options-compared-as-values]: Obj compares as JSON. [only-kind-divides]: no action, no version
    return outgoing.entry.entity.resource, outgoing.options


def _require_distinct(outgoing: Sequence[Outgoing]) -> None:
    seen: set[EntryId] = set()
    for each in outgoing:
        if each.entry.entry_id in seen:
            raise EntryIdRepeated(each.entry.entry_id)  # [entry-id-repeated]
        seen.add(each.entry.entry_id)
