"""A persistence between a pipeline and a server, which may be slow, forgetful, and wrong.

It answers a request in any way that is true: results in any order, of some of the entries, twice;
it may store entries instead, and tell their verdicts later; it finds out what is unknown.
"""

from dataclasses import dataclass, field

from tests.properties.pipeline_backends import RowAuthority, StreamAuthority, Verdict, raise_bases
from tests.properties.pipeline_judge import Judge
from tests.properties.scripts import Choose

from optisync.contracts.entry import (
    EntryId,
    Stamp,
    Unknown,
    WriteEntry,
    WriteEntryResult,
    Written,
    makes_row,
    rename,
)
from optisync.contracts.messages import Refused
from optisync.pipeline.effects import Persist
from optisync.pipeline.inputs import (
    Confirmed,
    Decided,
    Enqueued,
    Failed,
    InDoubt,
    NoAnswer,
    Persisted,
)
from optisync.pipeline.pending import Place
from optisync.pipeline.state import Pipeline
from optisync.values import ClientSeq, Epoch

STRANGER = EntryId("me/999999")


@dataclass
class Request:
    """What was handed over. `results`: what the server said, of the entries that it has seen."""

    persist: Persist
    epoch: Epoch
    results: dict[ClientSeq, Verdict] = field(default_factory=dict)
    said_in: Epoch | None = None


@dataclass
class Carrier:
    """`stored`: enqueued and not decided; `durable`: what ever was; `lost`: what a server that
    forgot us may have done; `policy`: what is refused before the server sees it.
    """

    choose: Choose
    authority: RowAuthority | StreamAuthority
    judge: Judge
    requests: list[Request] = field(default_factory=list)
    entries: dict[ClientSeq, WriteEntry] = field(default_factory=dict)
    stored: list[ClientSeq] = field(default_factory=list)
    mail: list[Decided] = field(default_factory=list)
    dead: set[EntryId] = field(default_factory=set)
    lost: set[ClientSeq] = field(default_factory=set)
    durable: set[ClientSeq] = field(default_factory=set)
    policy: set[ClientSeq] = field(default_factory=set)
    tried: set[ClientSeq] = field(default_factory=set)

    def coin(self, sides: int) -> bool:
        return self.choose(sides) == 1

    def take(self, persist: Persist, epoch: Epoch) -> None:
        self.requests.append(Request(persist, epoch))
        for seq, entry in zip(persist.seqs, persist.entries, strict=True):
            self.entries[seq] = entry

    # --- the server -------------------------------------------------------------------------

    def execute(self, seq: ClientSeq, epoch: Epoch) -> Verdict:
        """What the server makes of an entry under the names that it has given."""
        if isinstance(self.authority, RowAuthority):
            self.authority.returning = self.coin(2)
        ids = tuple(self.judge.names.items())
        entry = rename(self.entries[seq], ids)
        if any(parent in self.dead for parent in entry.depends_on):
            said: Verdict = Refused("parent-rejected")
            self.judge.notes[seq].codes.add("parent-rejected")
        elif seq in self.policy or (self.coin(10) and seq not in self.tried):
            self.policy.add(seq)
            said = Refused("policy")
            self.judge.notes[seq].codes.add("policy")
        else:
            self.tried.add(seq)
            said = self.authority.execute(seq, entry, epoch)
        self.judge.check_executed()
        if isinstance(said, Written):
            self.judge.name(said.ids)
            if said.version is not None and seq in self.durable:
                stamp = Stamp(self.authority.epoch, said.version)
                raise_bases(self.entries, seq, self.entries[seq].entity, stamp)
        elif isinstance(said, Refused) and makes_row(entry):
            self.dead.add(entry.entry_id)
        return said

    def may_go(self, seq: ClientSeq, state: Pipeline) -> bool:
        """[order-per-entity] [child-after-parent] among what is stored and what is unknown."""
        entry = self.entries[seq]
        entity = self.judge.known(entry.entity)
        for other in self.stored:
            same = self.judge.known(self.entries[other].entity) == entity
            if other < seq and (same or self.entries[other].entry_id in entry.depends_on):
                return False
        if any(decided.entry_id in entry.depends_on for decided in self.mail):
            return False
        mine = (m for m in state.pending if self.judge.known(m.write.entity) == entity)
        return all(m.status is not Place.UNKNOWN or m.seq > seq for m in mine)

    # --- answers ----------------------------------------------------------------------------

    def answer(self, state: Pipeline) -> Persisted | None:
        """Something happens to a request; the answer, if there is one."""
        if not self.requests:
            return None
        at = self.choose(len(self.requests))
        request, how = self.requests[at], self.choose(12)
        waits = not all(self.may_go(seq, state) for seq in request.persist.seqs)
        if how <= 2 and not request.results:
            return self.enqueued(self.requests.pop(at), whole=how > 0)
        if waits:
            return None
        if how == 3 and not request.results:
            return self.failed(self.requests.pop(at))
        self.send(request, request.persist.seqs if how != 4 else request.persist.seqs[:1])
        if how <= 5:  # the answer comes later, or never
            return None
        self.requests.pop(at)
        if how == 6:
            return Persisted(request.persist.handle, NoAnswer())
        return self.confirmed(request)

    def settle(self, request: Request, state: Pipeline) -> Persisted | None:
        """The whole answer, as soon as nothing stands in the way."""
        if not all(self.may_go(seq, state) for seq in request.persist.seqs):
            return None
        self.send(request, request.persist.seqs)
        self.requests.remove(request)
        return self.confirmed(request)

    def send(self, request: Request, seqs: tuple[ClientSeq, ...]) -> None:
        """An answer speaks of one epoch: what was not executed in it is missing."""
        if request.said_in in (None, self.authority.epoch):
            request.said_in = self.authority.epoch
            for seq in seqs:
                if seq not in request.results:
                    request.results[seq] = self.execute(seq, request.epoch)

    def restart(self) -> None:
        """Who waited for answers is gone; what was stored is not."""
        self.requests = []

    def enqueued(self, request: Request, whole: bool) -> Persisted:
        seqs = [seq for seq in request.persist.seqs if whole or self.coin(2)]
        self.stored = sorted({*self.stored, *seqs})
        self.durable.update(seqs)
        ids = [self.entries[seq].entry_id for seq in seqs]
        ids += [STRANGER] if self.coin(10) else []
        return Persisted(request.persist.handle, Enqueued(tuple(ids)))

    def failed(self, request: Request) -> Persisted:
        for seq in request.persist.seqs:
            self.judge.notes[seq].codes.add("disk-full")
            self.dead.add(self.entries[seq].entry_id)
        return Persisted(request.persist.handle, Failed("disk-full"))

    def confirmed(self, request: Request) -> Persisted:
        """[results-by-entry-id]: in any order, with holes, doubles, strangers, contradictions."""
        results = [
            WriteEntryResult(self.entries[seq].entry_id, said)
            for seq, said in request.results.items()
            if not self.coin(8)
        ]
        if results and self.coin(3):
            results.append(results[self.choose(len(results))])
        if results and self.coin(12):
            results.append(WriteEntryResult(results[0].entry_id, Refused("other")))
        if self.coin(8):
            results.append(WriteEntryResult(STRANGER, Written()))
        if self.coin(2):
            results.reverse()
        in_rows = isinstance(self.authority, RowAuthority)
        epoch = None if in_rows else request.said_in
        return Persisted(request.persist.handle, Confirmed(tuple(results), epoch))

    # --- verdicts that come by themselves ---------------------------------------------------

    def work(self, state: Pipeline) -> None:
        """Send one of the stored writes."""
        ready = [seq for seq in self.stored if self.may_go(seq, state)]
        if ready:
            self.decide(ready[self.choose(len(ready))], state)

    def find_out(self, state: Pipeline) -> None:
        """Ask again, under the same key, about a write whose outcome is unknown."""
        unknown = [m.seq for m in state.pending if m.status is Place.UNKNOWN]
        if unknown:
            self.decide(unknown[0], state)

    def decide(self, seq: ClientSeq, state: Pipeline) -> None:
        if seq in self.lost:
            said: Verdict | InDoubt = InDoubt()
            self.judge.doubtful.add(seq)
            self.dead.add(self.entries[seq].entry_id)
        else:
            said = self.execute(seq, state.epoch)
        if not isinstance(said, Unknown):
            in_rows = isinstance(self.authority, RowAuthority)
            epoch = None if in_rows or isinstance(said, InDoubt) else self.authority.epoch
            self.mail.append(Decided(self.entries[seq].entry_id, said, epoch))
            self.stored = [other for other in self.stored if other != seq]

    def undecided(self, state: Pipeline) -> None:
        """What is enqueued, and whose verdict was of a dead epoch, is sent again."""
        waiting = {int(decided.entry_id.split("/")[1]) for decided in self.mail}
        again = [m.seq for m in state.pending if m.status is Place.ENQUEUED]
        self.stored = sorted({s for s in (*self.stored, *again) if s not in waiting})

    def withdraw(self, entry_id: EntryId) -> None:
        seq = next((s for s in self.stored if self.entries[s].entry_id == entry_id), None)
        if seq is not None:
            self.stored.remove(seq)
            self.judge.notes[seq].codes.add("cancelled")
            self.dead.add(entry_id)
            self.mail.append(Decided(entry_id, Refused("cancelled")))

    def forgotten(self, state: Pipeline) -> None:
        """The server no longer knows this client: what it did before nobody can find out."""
        for mutation in state.pending:
            if mutation.status is not Place.WAITING:
                self.lost.add(mutation.seq)
                self.judge.doubtful.add(mutation.seq)
                self.dead.add(self.entries[mutation.seq].entry_id)
