"""What must hold of one client and its server, judged from what was done, sent and executed.

The queue's own fields are asked only for what it holds and shows; which writes these have to be,
in which order and under which version they may be executed, follows from the history kept here.
"""

from dataclasses import dataclass, field

from tests.properties.outbox_authority import ME, Authority, Ordered, atom_of

from optisync.contracts.entry import Entity, EntryId, IdempotencyKey, Stamp, WriteEntry, mentions
from optisync.contracts.messages import Accepted, Refused
from optisync.outbox.config import Config, Mode
from optisync.outbox.effects import Diag, DiagCode, Effect, Enqueued, ParkedEntry, Send, Told
from optisync.outbox.rows import Acked, InDoubt, InFlight, Item, Report
from optisync.outbox.state import Outbox, overlays
from optisync.server.state import Commit
from optisync.values import AtomKey, ClientSeq, Epoch, ServerSeq
from optisync.view import Docs

NEVER_SENT = ("cancelled", "parent-rejected", "base-unknown")


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
class Judge:
    """The history of a run. `tried`: every write that was to be enqueued, and whether stored."""

    config: Config
    authority: Authority
    tried: dict[EntryId, tuple[WriteEntry, bool]] = field(default_factory=dict)
    to_store: set[IdempotencyKey] = field(default_factory=set)
    storing: bool = False
    notes: dict[EntryId, Note] = field(default_factory=dict)
    numbers: dict[ClientSeq, EntryId | None] = field(default_factory=dict)
    open: set[ClientSeq] = field(default_factory=set)
    expected: set[ClientSeq] = field(default_factory=set)
    reports: dict[int, Report] = field(default_factory=dict)
    consumed: int = 0
    docs: dict[tuple[Epoch, ServerSeq], Docs] = field(default_factory=dict)
    versions: dict[tuple[Epoch, ServerSeq], dict[AtomKey, Stamp]] = field(default_factory=dict)
    log: list[Commit] = field(default_factory=list)
    lines: dict[Epoch, dict[ClientSeq, ServerSeq]] = field(default_factory=dict)
    accepted: set[ClientSeq] = field(default_factory=set)
    refused: set[ClientSeq] = field(default_factory=set)
    given_up: set[ClientSeq] = field(default_factory=set)
    doubted: set[Entity] = field(default_factory=set)
    retries: dict[EntryId, int] = field(default_factory=dict)
    unsent_answered: set[EntryId] = field(default_factory=set)
    watermark: ClientSeq = ClientSeq(0)
    forgotten: bool = False
    reached: tuple[Epoch, ServerSeq] = (Epoch(0), ServerSeq(0))
    counted: tuple[int, int, int] = (0, 0, 0)

    def of(self, seq: ClientSeq) -> Note | None:
        name = self.numbers.get(seq)
        return None if name is None else self.notes[name]

    # --- the server -------------------------------------------------------------------------

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

    # --- what the client says ---------------------------------------------------------------

    def trying(self, entries: list[WriteEntry], stored: bool) -> None:
        """Writes are about to be enqueued; the process may end before they are reported."""
        self.storing = stored
        for entry in entries:
            self.tried.setdefault(entry.entry_id, (entry, stored))
            if stored:
                self.to_store.add(entry.idempotency_key)

    def hear(self, effects: list[Effect], state: Outbox) -> None:
        for effect in effects:
            match effect:
                case Enqueued():
                    self.enqueued(effect, state)
                case Send():
                    self.sending(effect, state)
                case Told(report):
                    self.told(report)
                case ParkedEntry(entry_id):  # [only-answers-are-attempts]
                    assert self.retries.get(entry_id, 0) >= self.config.max_attempts
                case Diag():
                    self.diagnosed(effect)
                case _:
                    pass

    def enqueued(self, effect: Enqueued, state: Outbox) -> None:
        """[number-durable] [dedupe-by-key]"""
        if effect.again:
            note = self.of(effect.seq)
            assert note is not None
            assert note.seq in self.expected
            note.stored = note.stored or self.storing
            return
        entry, stored = self.tried[effect.entry_id]
        self.add(entry, effect.seq, stored, state)

    def add(self, entry: WriteEntry, seq: ClientSeq, stored: bool, state: Outbox) -> None:
        assert entry.entry_id not in self.notes
        fresh = seq > max(self.numbers, default=0)
        assert fresh or seq in self.open, f"number {seq} was used or passed over"
        self.open.discard(seq)
        named = [self.notes[name] for name in entry.depends_on if name in self.notes]
        made = [n for n in self.notes.values() if n.entry.temporary]
        made = [n for n in made if n.entry.entity.id in mentions(entry)]
        undecided = (n for n in (*named, *made) if n.report is None and n.seq in self.expected)
        waits = frozenset(n.entry.entry_id for n in undecided)
        over = frozenset(n.seq for n in self.notes.values() if n.report is not None)
        self.notes[entry.entry_id] = Note(entry, seq, stored, waits, over)
        self.numbers[seq] = entry.entry_id
        self.expected.add(seq)

    def took(self, seq: ClientSeq) -> None:
        assert seq > max(self.numbers, default=0)
        self.numbers[seq] = None
        self.open.add(seq)

    def sending(self, send: Send, state: Outbox) -> None:
        for item in send.items:
            note = self.notes[item.entry.entry_id]
            assert note.seq == item.seq in self.expected
            # [content-fixed-at-first-send]
            assert note.sent in (None, (item.entry, item.base)), "sent again, and not the same"
            assert item.entry.idempotency_key == note.entry.idempotency_key
            note.sent = (item.entry, item.base)
            # [dependency-order]
            for name in note.waits:
                other = self.notes[name]
                decided = other.report is not None or other.ended
                assert decided, f"{note.seq} passed {other.seq}"
            assert item.entry.entity not in self.doubted  # [doubt-lifted-by-read]
            self.check_ids(item, note, state)
        items = {item.seq for item in send.items}
        skips = {ClientSeq(n) for first, last in send.skips for n in range(first, last + 1)}
        assert not skips & (self.expected | self.open)  # [unused-number-skipped]
        assert not skips or self.config.mode is Mode.ORDERED
        if self.config.mode is Mode.ORDERED:
            self.check_prefix(items | skips, state)

    def check_ids(self, item: Item, note: Note, state: Outbox) -> None:
        """[ids-renamed] [dependency-order]: also when the create is queued again."""
        for other in self.notes.values():
            if other is note or not other.entry.temporary:
                continue
            temporary = str(other.entry.entity.id)
            assert temporary not in mentions(item.entry), f"{note.seq} mentions {temporary}"
            queued = state.queue.get(other.seq)
            if temporary in mentions(note.entry) and other.seq < note.seq:
                assert not isinstance(queued, Item) or isinstance(queued.status, Acked)

    def check_prefix(self, numbers: set[ClientSeq], state: Outbox) -> None:
        """[ordered-is-a-prefix]"""
        settled = [n.seq for n in self.notes.values() if n.report is not None and n.sent]
        passed = max([self.watermark, *settled])  # by a watermark, or by a later number's result
        for seq in map(ClientSeq, range(1, max(numbers))):
            note, member = self.of(seq), state.queue.get(seq)
            if seq not in numbers and member is not None:
                assert isinstance(member.status, Acked), f"{seq} was passed"
            elif seq not in numbers:
                assert seq <= passed or (note is not None and note.report is not None)

    def told(self, report: Report) -> None:
        """[verdict-reported] [report-kept-until-consumed]"""
        known = self.reports.get(report.number)
        assert known in (None, report)
        if known is not None:
            return
        assert report.number == len(self.reports) + 1
        self.reports[report.number] = report
        if report.entry_id not in self.notes:  # the process ended before it was reported
            entry, stored = self.tried[report.entry_id]
            assert report.seq not in self.numbers or report.seq in self.open
            self.notes[report.entry_id] = Note(entry, report.seq, stored)
            self.numbers[report.seq] = report.entry_id
        note = self.notes[report.entry_id]
        assert note.report is None, f"{note.seq} was told {note.report} and {report}"
        assert note.seq == report.seq
        note.report = report
        match report.verdict:
            case Accepted():
                assert note.seq in self.accepted
                assert note.sent is not None
            case Refused(code) if code in NEVER_SENT:
                assert note.sent is None
                assert note.seq not in self.accepted
            case Refused():
                assert note.seq in self.refused
            case InDoubt():
                assert note.seq in self.given_up or self.forgotten
                self.doubted.add(note.entry.entity if note.sent is None else note.sent[0].entity)

    def diagnosed(self, diag: Diag) -> None:
        """There is a diagnostic only where something is odd. [first-settlement-stands]"""
        note = self.notes[diag.entry_id]
        match diag.code:
            case DiagCode.NOT_SENT:
                assert diag.entry_id in self.unsent_answered
            case DiagCode.LATE_VERDICT:
                assert self.given_up_on(note) or self.forgotten
            case DiagCode.CONTRADICTORY_VERDICT:
                both = note.seq in self.accepted and note.seq in self.refused
                assert both or diag.entry_id in self.unsent_answered, f"{note.seq}: {diag}"

    # --- after every call -------------------------------------------------------------------

    def restarted(self, state: Outbox, effects: list[Effect]) -> None:
        """A new life: what may have been enqueued is, if it is there; direct writes ended."""
        for note in self.notes.values():
            if not note.stored and note.seq in self.expected:
                note.stored = isinstance(state.queue.get(note.seq), Item)
                assert not note.stored or note.entry.idempotency_key in self.to_store
                note.ended = not note.stored
        for note in self.notes.values():
            if note.ended:
                self.expected.discard(note.seq)
        for member in state.queue:
            assert not isinstance(member.status, InFlight)
            if isinstance(member, Item) and member.entry.entry_id not in self.notes:
                entry, stored = self.tried[member.entry.entry_id]
                assert stored
                self.add(entry, member.seq, stored, state)
        self.hear(effects, state)
        again = [effect.report for effect in effects if isinstance(effect, Told)]
        assert again[len(again) - len(state.reports) :] == list(state.reports)
        lost = range(max(self.numbers, default=0) + 1, state.numbers.counter + 1)
        self.numbers |= {ClientSeq(seq): None for seq in lost}
        self.open.clear()

    def check(self, state: Outbox, documents: Docs) -> None:
        """PREFIX, and the queue holds exactly what it must; nothing goes back."""
        numbers = state.numbers
        position = numbers.epoch, numbers.server_seq
        assert position >= self.reached  # [cursor-never-back]
        self.reached = position
        counted = numbers.counter, numbers.token, numbers.reported
        assert all(now >= was for now, was in zip(counted, self.counted, strict=True))
        self.counted = counted
        if numbers.epoch:
            assert documents == self.docs[position]
        items = {m.seq: m for m in state.queue if isinstance(m, Item)}
        for seq in self.expected - items.keys():
            self.check_removal(seq, position)
        self.expected &= items.keys()
        assert items.keys() == self.expected
        assert len(items) <= self.config.capacity
        if self.authority.labels:  # [acked-until-covered] [label-settles-entry]
            for seq in items:
                assert not self.covered(position, seq), f"{seq} is shown twice"
        if not isinstance(self.authority, Ordered):
            assert [item.seq for item in overlays(state)] == sorted(items)
        self.check_gate(items)

    def check_gate(self, items: dict[ClientSeq, Item]) -> None:
        """[one-in-flight-per-entity]"""
        rows = [i.entry.entity for i in items.values() if isinstance(i.status, InFlight)]
        assert len(rows) == len(set(rows)), "two writes of a row are in flight"

    def check_removal(self, seq: ClientSeq, position: tuple[Epoch, ServerSeq]) -> None:
        """[acked-until-covered] [rejected-removed]"""
        note = self.of(seq)
        assert note is not None
        assert note.report is not None, f"{seq} went without a verdict"
        if isinstance(note.report.verdict, Accepted) and self.authority.labels:
            later = seq in self.refused or seq in self.given_up or self.forgotten
            assert self.covered(position, seq) or later, f"{seq} went too early"

    def covered(self, at: tuple[Epoch, ServerSeq], seq: ClientSeq) -> bool:
        """Whether the documents at a position contain the effect."""
        line = self.lines.get(at[0], {}).get(seq)
        return line is not None and line <= at[1]

    def finish(self, state: Outbox) -> None:
        """Everything is over: each write has one verdict, and it is true."""
        assert not tuple(state.queue)
        for note in self.notes.values():
            assert note.report is not None or note.ended, f"nobody was told about {note.seq}"
            if note.report is not None and isinstance(note.report.verdict, Accepted):
                assert note.seq in self.accepted
