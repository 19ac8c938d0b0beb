"""What must hold of one client and its server, judged from what was done, sent and executed.

The queue's own fields are asked only for what it holds and shows; which writes these have to be,
in which order and under which version they may be executed, follows from the history kept here.
"""

from dataclasses import dataclass, field

from tests.properties.outbox_authority import Ordered
from tests.properties.outbox_history import History, Note

from optisync.contracts.entry import Entity, EntryId, IdempotencyKey, WriteEntry, mentions
from optisync.contracts.messages import Accepted, Refused
from optisync.outbox.config import Mode
from optisync.outbox.effects import Diag, DiagCode, Effect, Enqueued, ParkedEntry, Send, Told
from optisync.outbox.rows import Acked, InDoubt, InFlight, Item, Report
from optisync.outbox.state import Outbox, overlays
from optisync.values import ClientSeq, Epoch, ServerSeq
from optisync.view import Docs

NEVER_SENT = ("cancelled", "parent-rejected", "base-unknown")


@dataclass
class Judge(History):
    """The history of a run. `tried`: every write that was to be enqueued, and whether stored."""

    tried: dict[EntryId, tuple[WriteEntry, bool]] = field(default_factory=dict)
    to_store: set[IdempotencyKey] = field(default_factory=set)
    storing: bool = False
    open: set[ClientSeq] = field(default_factory=set)
    expected: set[ClientSeq] = field(default_factory=set)
    reports: dict[int, Report] = field(default_factory=dict)
    doubted: set[Entity] = field(default_factory=set)
    retries: dict[EntryId, int] = field(default_factory=dict)
    unsent_answered: set[EntryId] = field(default_factory=set)
    watermark: ClientSeq = ClientSeq(0)
    forgotten: bool = False
    reached: tuple[Epoch, ServerSeq] = (Epoch(0), ServerSeq(0))
    counted: tuple[int, int, int] = (0, 0, 0)

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
            case Refused(code) if code in NEVER_SENT:  # [parent-rejected]
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

    def finish(self, state: Outbox) -> None:
        """Everything is over: each write has one verdict, and it is true."""
        assert not tuple(state.queue)
        for note in self.notes.values():
            assert note.report is not None or note.ended, f"nobody was told about {note.seq}"
            if note.report is not None and isinstance(note.report.verdict, Accepted):
                assert note.seq in self.accepted
