"""The documents of an outbox and their versions, by the rules that a pipeline has for its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

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

    def at(self, atom: AtomKey) -> tuple[Doc, Stamp | None]:
        """A document and its version, as far as there are."""
        return self.docs.get(atom, ABSENT), self.versions.get(atom)


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
    for row in rows:
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
    atoms: Iterable[str] = (*after.docs, *after.versions, *before.docs, *before.versions)
    if isinstance(given, Delta):
        atoms = (atom for atom, _ in given.changes)
    found: list[tuple[AtomKey, Doc, Stamp | None]] = []
    for atom in map(AtomKey, dict.fromkeys(atoms)):
        doc, stamp = after.at(atom)
        was, known = before.at(atom)
        if doc is not was or stamp != known:
            found.append((atom, doc, stamp))
    return tuple(found)
