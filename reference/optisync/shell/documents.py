"""The documents of an outbox and their versions, by the rules that a pipeline has for its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain

from rpds import HashTrieMap

from optisync.contracts.entry import Stamp
from optisync.contracts.messages import Delta, Snapshot
from optisync.outbox.inputs import Input
from optisync.outbox.rows import Gone, Item, Row
from optisync.outbox.state import Outbox
from optisync.pipeline.config import Config
from optisync.pipeline.pending import Pending
from optisync.pipeline.state import Pipeline
from optisync.pipeline.stream import delta_applied, snapshot_applied
from optisync.pipeline.turn import Turn
from optisync.shell.enqueueing_restart import stored_write
from optisync.shell.store import StoredDocs, Versions
from optisync.values import AtomKey, ClientId, Obj
from optisync.view import ABSENT, Doc, Docs


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents at the cursor, and what is known of their versions.

    A version without a document is that of a deleted one.
    """

    docs: Docs = field(default_factory=Obj)
    versions: Versions = field(default_factory=lambda: HashTrieMap())


def documents_after(
    before: Documents, client: ClientId, outbox: Outbox, rows: Iterable[Row], given: Input
) -> Documents:
    """The documents once an input is taken in. Raises ChangeInapplicable.

    `outbox`: the state before; `rows`: what the step saves. The writes that a delta holds leave
    the queue in its step, and no others have a say in the versions that it brings.
    """
    if not isinstance(given, Delta | Snapshot):
        return before
    pending = Pending()
    for row in rows if isinstance(given, Delta) else ():
        left = outbox.queue.get(row.seq) if isinstance(row, Gone) else None
        if isinstance(left, Item):
            pending = pending.put(stored_write(outbox, left))
    numbers = outbox.numbers
    state = Pipeline(
        before.docs,
        numbers.epoch,
        numbers.server_seq,
        versions=before.versions,
        aliases=outbox.aliases,
        pending=pending,
    )
    turn = Turn(Config(client), state, state)
    turn = delta_applied(turn, given) if isinstance(given, Delta) else snapshot_applied(turn, given)
    after = turn.state
    if after.docs is before.docs and after.versions is before.versions:
        return before
    return Documents(after.docs, after.versions)


def changed(before: Documents, after: Documents, given: Input) -> StoredDocs:
    """What an input has changed; documents that were not touched are the same objects."""
    if before is after:
        return ()
    if isinstance(given, Delta):
        atoms: Iterable[str] = (atom for atom, _ in given.changes)
    else:
        atoms = chain(after.docs, before.docs, _deleted(after), _deleted(before))
    found: list[tuple[AtomKey, Doc, Stamp | None]] = []
    docs, versions = after.docs, after.versions
    for atom in map(AtomKey, dict.fromkeys(atoms)):
        doc, stamp = docs.get(atom, ABSENT), versions.get(atom)
        if doc is not before.docs.get(atom, ABSENT) or stamp != before.versions.get(atom):
            found.append((atom, doc, stamp))
    return tuple(found)


def _deleted(documents: Documents) -> Iterable[str]:
    """Where there is a version alone. A walk over the versions takes long: mostly there is none."""
    docs, versions = documents.docs, documents.versions
    if len(versions) == sum(map(versions.__contains__, docs)):
        return ()
    return (atom for atom in versions if atom not in docs)
