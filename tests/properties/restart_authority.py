"""A server whose versions are no positions, and which says them in more than one way.

Positions are multiples of ten, the version that an own write makes is a little above its position:
what a client knows of a version shows where it has it from.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from tests.properties.scripts import Choose
from tests.shell.pipeline_world import ME, OTHER
from tests.shell.pipeline_world import Authority as Plain

from optisync.contracts.entry import Entity, EntityId, atom_of, makes_row
from optisync.contracts.messages import Accepted, Delta, Label, Outcome, Refused, Snapshot
from optisync.outbox.rows import Item
from optisync.server.step import Base, Fetch, Forget, Restore, Submit, snapshot
from optisync.server.step import step as serve
from optisync.values import AtomKey, ClientSeq, Epoch, ServerSeq, Version
from optisync.view import Change

SCALE: Final = 10
OWN: Final = 3
"""How far the version of an own write is above its position."""
STYLES: Final = ((True, True), (True, None), (True, False), (False, False), (False, None))
"""Whether results and labels give a version, which is the position if they do not; None: there is
no label. With the first two every acceptance that is heard gives a version."""
VERSIONED: Final = 2
Ids = tuple[tuple[str, str], ...]


@dataclass
class Authority:
    """`manners`: in how many ways it speaks. `ids`: what it called the rows that the client made.

    `styles`: how it speaks of each write.
    """

    choose: Choose
    manners: int
    plain: Plain = field(default_factory=Plain)
    ids: dict[ClientSeq, Ids] = field(default_factory=dict)
    styles: dict[ClientSeq, tuple[bool, bool | None]] = field(default_factory=dict)
    foreign: int = 0

    @property
    def epoch(self) -> Epoch:
        return self.plain.state.epoch

    def execute(self, item: Item, floor: ClientSeq) -> Accepted | Refused:
        """What becomes of a write; the same whenever it is sent again."""
        entry, ids = item.entry, Ids()
        entity = entry.entity
        if makes_row(entry):
            ids = ((entity.id, f"s{item.seq}"),)
            entity = Entity(entity.resource, EntityId(ids[0][1]))
        atom = atom_of(entity)
        bases = () if item.base is None else (
            Base(atom, item.base.epoch, Version(item.base.version // SCALE)),
        )  # fmt: skip
        self.ids[item.seq] = ids
        self.styles.setdefault(item.seq, STYLES[self.choose(self.manners)])
        submit = Submit(ME, self.epoch, item.seq, ((atom, entry.change),), bases, floor)
        return self.said(item.seq, self.plain.submit(submit, ids))

    def said(self, seq: ClientSeq, verdict: Accepted | Refused) -> Accepted | Refused:
        if isinstance(verdict, Refused):
            return verdict
        at = wide(verdict.server_seq)
        version = own(at) if self.styles[seq][0] else None
        return Accepted(at, version, self.ids[seq])

    def write_elsewhere(self, atom: AtomKey, change: Change) -> None:
        self.foreign += 1
        submit = Submit(OTHER, self.epoch, ClientSeq(self.foreign), ((atom, change),))
        self.plain.submit(submit)

    def next_delta(self, epoch: Epoch, after: ServerSeq) -> Delta | None:
        """The first behind a position, as it goes over the wire."""
        if epoch != self.epoch:
            return None
        found = (d for d in self.plain.deltas if d.epoch == epoch and wide(d.server_seq) > after)
        delta = next(found, None)
        if delta is None:
            return None
        at, prev = wide(delta.server_seq), wide(delta.prev or ServerSeq(0))
        labels = tuple(
            Label(ME, label.seq, own(at) if gives else None, label.ids)
            for label in delta.settles
            if label.client == ME and (gives := self.styles[label.seq][1]) is not None
        )
        return Delta(epoch, at, prev, delta.changes, labels)

    def snapshot(self, forgetful: bool) -> Snapshot:
        """All documents; `forgetful`: without the versions of some."""
        found = snapshot(serve(self.plain.state, Fetch(ME)).state, ME)
        outcomes = tuple(Outcome(o.seq, self.said(o.seq, o.verdict)) for o in found.outcomes)
        versions = tuple(
            (atom, own(wide(ServerSeq(version))))
            for atom, version in found.versions
            if not forgetful or self.choose(2)
        )
        at = wide(found.server_seq)
        return replace(found, server_seq=at, outcomes=outcomes, versions=versions)

    def restore(self, upto: int | None) -> None:
        """Back to an earlier state, or without memory of the client: a new epoch."""
        given = Forget(ME) if upto is None else Restore(ServerSeq(upto))
        done = serve(self.plain.state, given)
        assert done.error is None, done.error
        self.plain.state = done.state
        self.plain.deltas.clear()


def wide(at: ServerSeq) -> ServerSeq:
    return ServerSeq(at * SCALE)


def own(at: ServerSeq) -> Version:
    return Version(at + OWN)
