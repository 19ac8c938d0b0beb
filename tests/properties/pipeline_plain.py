"""A pipeline whose persistence loses nothing and is asked when to answer: for laws of two runs."""

from dataclasses import dataclass, field

from tests.properties.outbox_authority import ME
from tests.properties.pipeline_backends import RowAuthority, StreamAuthority, Verdict, raise_bases

from optisync.contracts.entry import (
    Stamp,
    Unknown,
    WriteEntry,
    WriteEntryResult,
    Written,
    rename,
)
from optisync.contracts.messages import Refused
from optisync.machine import Step
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Effect, Persist, Stale
from optisync.pipeline.errors import NothingToRevert
from optisync.pipeline.inputs import (
    Confirmed,
    Decided,
    Direction,
    Drain,
    Enqueued,
    Failed,
    Fetched,
    Input,
    NoAnswer,
    Persisted,
    Revert,
)
from optisync.pipeline.pending import Place
from optisync.pipeline.revert import inverses
from optisync.pipeline.state import Pipeline, TicketStatus, start, view
from optisync.pipeline.step import step
from optisync.values import ClientSeq
from optisync.view import Docs


@dataclass
class Plain:
    """One client. `refuses`: the numbers that are refused before the server sees them."""

    authority: RowAuthority | StreamAuthority
    refuses: frozenset[int] = frozenset()
    state: Pipeline = field(default_factory=start)
    config: Config = field(default_factory=lambda: Config(ME))
    requests: list[Persist] = field(default_factory=list)
    persisted: list[Persist] = field(default_factory=list)
    entries: dict[ClientSeq, WriteEntry] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    stale: list[Stale] = field(default_factory=list)

    def __post_init__(self) -> None:
        if isinstance(self.authority, RowAuthority):
            self.give(Fetched(self.authority.everything()))
        else:
            self.give(self.authority.snapshot())

    @property
    def view(self) -> Docs:
        return view(self.state).view

    def give(self, *inputs: Input) -> Step[Pipeline, Effect] | None:
        """The last step; a refusal changes nothing."""
        done = None
        for given in inputs:
            done = step(self.config, self.state, given)
            self.state = done.state
            self.requests += [effect for effect in done.effects if isinstance(effect, Persist)]
            self.persisted += [effect for effect in done.effects if isinstance(effect, Persist)]
            self.stale += [effect for effect in done.effects if isinstance(effect, Stale)]
            for effect in done.effects:
                if isinstance(effect, Persist):
                    self.entries |= dict(zip(effect.seqs, effect.entries, strict=True))
        return done

    def execute(self, seq: ClientSeq) -> Verdict:
        if seq in self.refuses:
            return Refused("policy")
        entry = rename(self.entries[seq], tuple(self.names.items()))
        said = self.authority.execute(seq, entry, self.state.epoch)
        if isinstance(said, Written) and said.version is not None:
            self.names |= dict(said.ids)
            stamp = Stamp(self.authority.epoch, said.version)
            raise_bases(self.entries, seq, self.entries[seq].entity, stamp)
        return said

    def answer(self, how: int = 0) -> None:
        """The oldest request is executed, or not, and answered in one of four ways."""
        if not self.requests:
            return
        request = self.requests.pop(0)
        match how:
            case 1:
                self.give(Persisted(request.handle, NoAnswer()))
            case 2:
                ids = tuple(entry.entry_id for entry in request.entries)
                self.give(Persisted(request.handle, Enqueued(ids)))
            case 3 if not any(entry.temporary for entry in request.entries):
                self.give(Persisted(request.handle, Failed("disk-full")))
            case _:
                while any(m.status is Place.ENQUEUED for m in self.state.pending):
                    self.decide()  # what is stored goes first
                said = tuple(
                    WriteEntryResult(self.entries[seq].entry_id, self.execute(seq))
                    for seq in request.seqs
                )
                self.give(Persisted(request.handle, Confirmed(said)))

    def decide(self) -> None:
        """The verdict of the first write that is enqueued or unknown."""
        open_ = (Place.ENQUEUED, Place.UNKNOWN)
        seq = next((m.seq for m in self.state.pending if m.status in open_), None)
        if seq is not None:
            said = self.execute(seq)
            assert not isinstance(said, Unknown)
            self.give(Decided(self.entries[seq].entry_id, said))

    def catch_up(self, whole: bool = False) -> None:
        """Documents come: deltas one by one, a snapshot, or the rows that are asked for."""
        if isinstance(self.authority, StreamAuthority):
            deltas = self.authority.deltas(self.state.server_seq)
            self.give(*([self.authority.snapshot()] if whole else deltas))
        elif whole:
            self.give(Fetched(self.authority.everything()))
        else:
            rows = tuple(self.authority.read(each.entity) for each in self.stale)
            self.stale = []
            self.give(Fetched(rows))

    def settle(self, whole: bool = False) -> None:
        """Everything that was dispatched is drained, answered and in the documents."""
        self.give(Drain())
        for _ in range(100):
            if not self.state.pending.members:
                break
            while self.requests:
                self.answer()
            self.decide()
            self.catch_up(whole)
        assert not self.state.pending.members

    def revert(self, direction: Direction, first: int) -> int:
        """Undo or redo under numbers from `first` on; how many it took, 0 if there is nothing."""
        try:
            count = len(inverses(self.state, direction, "default"))
        except NothingToRevert:
            return 0
        seqs = tuple(ClientSeq(first + n) for n in range(count))
        done = self.give(Revert(direction, seqs))
        assert done is not None
        assert done.error is None, done.error
        return count


def verdicts(state: Pipeline) -> dict[int, tuple[TicketStatus, str | None]]:
    """What became of each event, by its first number."""
    found: dict[int, tuple[TicketStatus, str | None]] = {}
    for ticket in state.tickets.values():
        if ticket.first is not None:
            found[int(ticket.first)] = ticket.status, ticket.refused and ticket.refused[1]
    return found
