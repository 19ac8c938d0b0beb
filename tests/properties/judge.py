"""What must hold of the clients of a server, judged from what the server did.

The authority's own history decides what a client has to show: PREFIX, OVERLAY and SETTLED-ONCE
are judged here without asking the coordinator.
"""

from dataclasses import dataclass, field

from tests.properties.authorities import Authority, Line
from tests.properties.clients import NOWHERE, Client

from optisync.coordinator.config import Variant
from optisync.coordinator.effects import Acked, DiagCode, InDoubt, Rejected
from optisync.coordinator.state import Position
from optisync.coordinator.strategy import client_wins
from optisync.values import ClientId, ClientSeq, Epoch, Obj
from optisync.view import Docs, Overlay, fold

Owner = tuple[ClientId, ClientSeq]


@dataclass
class History:
    """What the authority did, noted by the world: nothing the coordinator has a hand in."""

    lines: dict[Epoch, list[Line]] = field(default_factory=dict)
    docs: dict[Position, Docs] = field(default_factory=dict)
    accepted: set[Owner] = field(default_factory=set)
    refused: set[Owner] = field(default_factory=set)
    forgotten: set[ClientId] = field(default_factory=set)

    def note(self, authority: Authority) -> None:
        epoch, head = authority.position()
        lines = authority.lines()
        owners = [(line.client, line.seq) for line in lines]
        assert len(owners) == len(set(owners)), "a mutation took effect twice"
        self.accepted.update(owners)
        if epoch not in self.lines:
            for position, docs in list(self.docs.items()):
                if position.epoch == epoch - 1 and position.server_seq <= head:
                    self.docs[Position(epoch, position.server_seq)] = docs
        self.lines[epoch] = lines
        self.docs[Position(epoch, head)] = authority.docs()

    def covered(self, at: Position, owner: Owner) -> bool:
        """Whether the documents at a position contain the effect."""
        lines = self.lines.get(at.epoch, [])
        return any(
            (line.client, line.seq) == owner and line.server_seq <= at.server_seq for line in lines
        )


@dataclass
class Judge:
    """Looks at a client whenever something happened to it."""

    variant: Variant
    history: History = field(default_factory=History)
    given_up: set[Owner] = field(default_factory=set)
    expected: dict[ClientId, set[ClientSeq]] = field(default_factory=dict)
    reached: dict[ClientId, Position] = field(default_factory=dict)
    judged: dict[ClientId, ClientSeq] = field(default_factory=dict)

    def begins(self, client: Client) -> None:
        """A client that has nothing yet, or nothing any more."""
        self.expected[client.id] = set()
        self.reached[client.id] = NOWHERE
        self.judged.setdefault(client.id, ClientSeq(0))

    def check(self, client: Client) -> None:
        state = client.state
        assert state.port is None
        client.check_view()
        # PREFIX; what was covered stays covered
        # [delta-verbatim] [duplicate-delta-ignored] [gap-buffers] [snapshot-never-goes-back]
        assert state.confirmed >= self.reached[client.id], "the position went back"
        self.reached[client.id] = state.confirmed
        if state.confirmed != NOWHERE:
            assert client.docs == self.history.docs[state.confirmed]
        for seq, verdict in client.told.items():
            self.check_verdict((client.id, seq), verdict)
        self.check_diagnostics(client)
        if self.variant is Variant.SEED_LITERAL:
            return
        # OVERLAY: whose effect is to be shown is decided from the history alone
        # [ack-keeps-overlay] [covered-ack-retires] [acked-data-once] [view-is-fold]
        expected = self.expected[client.id]
        expected |= {seq for seq in client.mine if seq > self.judged[client.id]}
        self.judged[client.id] = max(client.mine, default=ClientSeq(0))
        pending = {p.seq for p in state.pending}
        for seq in expected - pending:
            self.check_removal(client, seq)
        expected &= pending
        assert pending == expected
        for p in state.pending:
            assert not self.history.covered(state.confirmed, (client.id, p.seq)), "shown twice"
        if client.config.strategy is client_wins:
            overlays = [Overlay(seq, client.mine[seq]) for seq in sorted(expected)]
            docs = self.history.docs.get(state.confirmed, Obj())
            assert client.push == fold(docs, overlays).view

    def check_diagnostics(self, client: Client) -> None:
        """A verdict is called contradictory or late only if there are two; outcomes settle.

        [first-verdict-stands] [snapshot-outcomes-settle]
        """
        for diag in client.diags:
            owner = (client.id, diag.seq or ClientSeq(0))
            if diag.code is DiagCode.CONTRADICTORY_VERDICT:
                both = owner in self.history.accepted and owner in self.history.refused
                assert both or owner in self.given_up or client.id in self.history.forgotten
            elif diag.code is DiagCode.LATE_VERDICT:
                assert isinstance(client.told.get(owner[1]), InDoubt)
        client.diags.clear()
        if client.loaded is not None:
            undecided = {p.seq for p in client.state.pending if p.acked is None}
            assert not undecided & {outcome.seq for outcome in client.loaded.outcomes}
            client.loaded = None

    def check_removal(self, client: Client, seq: ClientSeq) -> None:
        """A mutation may go when its effect is in the documents, or its verdict says it is not.

        [rollback-is-removal] [snapshot-keeps-pending]
        """
        owner, verdict = (client.id, seq), client.told.get(seq)
        assert verdict is not None, f"{seq} went without a verdict"
        if isinstance(verdict, Rejected | InDoubt):
            return
        covered = self.history.covered(client.state.confirmed, owner)
        # A restore took the effect back after the verdict, and what came then is no verdict.
        later = owner in self.history.refused or client.id in self.history.forgotten
        assert covered or later or owner in self.given_up, f"{seq} went too early"

    def check_verdict(self, owner: Owner, verdict: object) -> None:
        match verdict:
            case Acked():
                assert owner in self.history.accepted
            case Rejected():
                assert owner in self.history.refused
            case _:
                assert isinstance(verdict, InDoubt)
                assert owner in self.given_up or owner[0] in self.history.forgotten
