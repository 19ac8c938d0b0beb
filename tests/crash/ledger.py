"""What the parent saw, and what was wrong with it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.crash.authority import Executed
from tests.crash.wire import Waiting

from optisync.contracts.entry import EntryId, WriteEntry
from optisync.contracts.messages import Accepted, Refused
from optisync.outbox.effects import Effect, Enqueued, Send, Told
from optisync.outbox.rows import Verdict
from optisync.values import AtomKey, ClientSeq, ServerSeq

KINDS = ("lost", "duplicated", "reordered", "unreported", "returned", "half", "stuck")
"""lost: reported as enqueued, and neither executed nor refused by the outbox itself.
duplicated: executed twice, or executed and refused by the outbox itself.
reordered: executed before an earlier write of its row, or before what it depends on.
unreported: no verdict told, or not the one the server gave.
returned: settled and in the queue again, or consumed and told again.
half: part of a batch is in the queue, part was never.
stuck: still in the queue after everything arrived and was answered."""


@dataclass
class Ledger:
    """Everything the application, the server and the network know when the child is dead."""

    wanted: dict[EntryId, WriteEntry] = field(default_factory=dict)
    enqueued: dict[EntryId, ClientSeq] = field(default_factory=dict)
    sent: set[EntryId] = field(default_factory=set)
    told: dict[EntryId, set[Verdict]] = field(default_factory=lambda: defaultdict(set))
    heard_upto: int = 0
    consumed: int = 0
    findings: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _waiting: set[EntryId] = field(default_factory=set)
    _gone: set[EntryId] = field(default_factory=set)

    def heard(self, effect: Effect) -> None:
        """The child told an effect."""
        match effect:
            case Enqueued(entry_id, seq):
                self.enqueued[entry_id] = seq
            case Send(items=items):
                self.sent |= {item.entry.entry_id for item in items}
            case Told(report):
                self.told[report.entry_id].add(report.verdict)
                if report.number <= self.consumed:
                    self.finds("returned", f"{report} was consumed")
                self.heard_upto = max(self.heard_upto, report.number)
            case _:
                pass

    def listed(self, queue: Iterable[Waiting]) -> None:
        """The child showed its queue."""
        now = {waiting.entry_id for waiting in queue}
        for entry_id in now & self._gone:
            self.finds("returned", f"{entry_id} was out of the queue")
        self._gone = (self._gone | self._waiting) - now
        self._waiting = now

    def restarted(self, queue: Iterable[Waiting], batch: Sequence[EntryId]) -> None:
        """A batch was being enqueued when the process died."""
        there = {waiting.entry_id for waiting in queue} & set(batch)
        if there and len(there) < len(batch):
            self.finds("half", f"of {', '.join(batch)} only {', '.join(there)}")

    def finds(self, kind: str, what: str) -> None:
        """Something is wrong."""
        self.findings[kind].append(what)

    def judge(self, executed: Sequence[Executed]) -> None:
        """What must hold once everything has drained."""
        runs: dict[EntryId, list[Accepted | Refused]] = defaultdict(list)
        for each in executed:
            runs[each.item.entry.entry_id].append(each.verdict)
        for entry_id in self.wanted:
            self._judge(entry_id, runs[entry_id])
        self._judge_order(executed)

    def _judge(self, entry_id: EntryId, runs: Sequence[Accepted | Refused]) -> None:
        told = self.told[entry_id]
        own = entry_id not in self.sent and all(isinstance(each, Refused) for each in told)
        if len(runs) > 1:
            self.finds("duplicated", f"{entry_id}: {runs}")
        if entry_id not in self.enqueued:
            return  # nobody was promised anything
        if not runs and not (told and own):
            self.finds("lost", f"{entry_id} (told {told})")
        if len(told) != 1 or (runs and _bare(*told) != _bare(runs[0])):
            self.finds("unreported", f"{entry_id}: told {told}, decided {runs}")

    def _judge_order(self, executed: Sequence[Executed]) -> None:
        latest: Counter[AtomKey] = Counter()
        done: set[EntryId] = set()
        all_of_them = {each.item.entry.entry_id for each in executed}
        for each in executed:
            entry = each.item.entry
            if self.enqueued.get(entry.entry_id, each.item.seq) < latest[each.atom]:
                self.finds("reordered", f"{entry.entry_id} of {each.atom}")
            latest[each.atom] = max(latest[each.atom], each.item.seq)
            for parent in (set(entry.depends_on) & all_of_them) - done:
                self.finds("reordered", f"{entry.entry_id} before {parent}")
            done.add(entry.entry_id)


def _bare(verdict: Verdict) -> Verdict:
    """A verdict without what not every message repeats: a watermark names no position."""
    return Accepted(ServerSeq(0)) if isinstance(verdict, Accepted) else verdict
