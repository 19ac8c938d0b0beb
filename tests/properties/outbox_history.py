"""What a client and its server did, and what the server may have done of it."""

from dataclasses import dataclass, field

from tests.properties.outbox_authority import ME, Authority, atom_of

from optisync.contracts.entry import EntryId, Stamp, WriteEntry
from optisync.contracts.messages import Refused
from optisync.outbox.config import Config
from optisync.outbox.rows import InDoubt, Item, Report
from optisync.server.state import Commit
from optisync.values import AtomKey, ClientSeq, Epoch, ServerSeq
from optisync.view import Docs


@dataclass
class Note:
    """A write that is in the queue, or was. `ended`: a direct write whose process ended.

    `over`: what was settled before it was enqueued, which may be under a number taken long ago.
    """

    entry: WriteEntry
    seq: ClientSeq
    stored: bool
    waits: frozenset[EntryId] = frozenset()
    over: frozenset[ClientSeq] = frozenset()
    report: Report | None = None
    sent: tuple[WriteEntry, Stamp | None] | None = None
    ended: bool = False


@dataclass
class History:
    """The writes of a run, and every position of the server. `numbers`: whose each is, if any."""

    config: Config
    authority: Authority
    notes: dict[EntryId, Note] = field(default_factory=dict)
    numbers: dict[ClientSeq, EntryId | None] = field(default_factory=dict)
    docs: dict[tuple[Epoch, ServerSeq], Docs] = field(default_factory=dict)
    versions: dict[tuple[Epoch, ServerSeq], dict[AtomKey, Stamp]] = field(default_factory=dict)
    log: list[Commit] = field(default_factory=list)
    lines: dict[Epoch, dict[ClientSeq, ServerSeq]] = field(default_factory=dict)
    accepted: set[ClientSeq] = field(default_factory=set)
    refused: set[ClientSeq] = field(default_factory=set)
    given_up: set[ClientSeq] = field(default_factory=set)

    def of(self, seq: ClientSeq) -> Note | None:
        name = self.numbers.get(seq)
        return None if name is None else self.notes[name]

    def note_server(self) -> None:
        """The server did something: exactly once, in order, over nothing it has not seen."""
        server, position = self.authority.server, self.authority.position()
        mine = [commit.label.seq for commit in server.log if commit.label.client == ME]
        assert len(mine) == len(set(mine)), "a write took effect twice"
        epoch = position[0]
        known = {c.server_seq for c in self.log} if epoch in self.lines else set[ServerSeq]()
        if epoch in self.lines:
            for commit in server.log:
                if commit.server_seq not in known and commit.label.client == ME:
                    self.executed(commit)
        for item, code in self.authority.refusals:
            self.refused.add(item.seq)
            if code == "conflict":
                assert self.may_conflict(item), f"{item.seq} conflicts with nothing foreign"
        self.authority.refusals.clear()
        self.log = list(server.log)
        self.lines[epoch] = {c.label.seq: c.server_seq for c in server.log if c.label.client == ME}
        self.accepted.update(mine)
        for at in (position[1], *(commit.server_seq for commit in server.log)):
            if (epoch, at) not in self.docs:
                self.docs[epoch, at] = self.authority.docs(at)
                self.versions[epoch, at] = self.authority.versions(at)
        for note in self.notes.values():
            if note.report is not None and isinstance(note.report.verdict, Refused):
                assert note.seq not in mine, "what was rejected took effect"

    def executed(self, commit: Commit) -> None:
        """[fifo-by-number] [one-in-flight-per-entity] [base-version-own-only]"""
        note = self.of(commit.label.seq)
        assert note is not None
        assert note.sent is not None
        if self.given_up_on(note):
            return
        before = self.touching(commit)
        own = [c for c in before if c.label.client == ME]
        late = [c for c in own if c.label.seq > note.seq and c.label.seq not in note.over]
        assert not late, "a later write of the row came first"
        planned, base = note.entry.base, note.sent[1]
        if base is None or planned is None or planned.epoch != self.authority.server.epoch:
            return
        if self.authority.labels:
            unseen = [c for c in before if c.server_seq > planned.version]
            foreign = [c for c in unseen if c.label.client != ME]
            assert not foreign, f"{note.seq} overwrote what it never saw"

    def touching(self, commit: Commit) -> list[Commit]:
        """The commits before one that touch its row."""
        atom = commit.changes[0][0]
        return [
            c
            for c in self.authority.server.log
            if c.server_seq < commit.server_seq and c.changes[0][0] == atom
        ]

    def may_conflict(self, item: Item) -> bool:
        """Whether something came between that the client could not have known to be its own."""
        planned, server = item.entry.base, self.authority.server
        if planned is None or planned.epoch != server.epoch or self.breaks_chain(item.seq):
            return True
        atom = atom_of(item.entry.entity)
        since = [
            c for c in server.log if c.server_seq > planned.version and c.changes[0][0] == atom
        ]
        return any(c.label.client != ME or self.breaks_chain(c.label.seq) for c in since)

    def breaks_chain(self, seq: ClientSeq) -> bool:
        """Whether an own write was sent without a version, or nobody was told of its success."""
        note = self.of(seq)
        return note is None or note.sent is None or note.sent[1] is None or self.given_up_on(note)

    def given_up_on(self, note: Note) -> bool:
        """Whether nobody waits for it any more: then it may be executed late, or not at all."""
        in_doubt = note.report is not None and isinstance(note.report.verdict, InDoubt)
        return note.ended or in_doubt or note.seq in self.given_up

    def covered(self, at: tuple[Epoch, ServerSeq], seq: ClientSeq) -> bool:
        """Whether the documents at a position contain the effect."""
        line = self.lines.get(at[0], {}).get(seq)
        return line is not None and line <= at[1]
