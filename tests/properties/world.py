"""Clients, a server and a bad network, driven by a chooser; checked after every action.

The authority's own history decides what a client has to show: PREFIX, OVERLAY and SETTLED-ONCE
are judged here without asking the coordinator. CONVERGENCE is judged in `quiesce`.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.properties.authorities import Authority, Line, Mail, Naive, Reference
from tests.properties.clients import NOWHERE, Client
from tests.properties.facade_client import FacadeClient
from tests.properties.mutations import Choose, some_changes
from tests.properties.scripts import Over

from optisync.contracts.messages import Ack, Delta, Message, Reject
from optisync.coordinator.config import Config, Limits, Variant
from optisync.coordinator.effects import Acked, DiagCode, InDoubt, Rejected, Request
from optisync.coordinator.inputs import Applied, Input, Register, Sent, Tick
from optisync.coordinator.state import Pending, Position
from optisync.coordinator.strategy import (
    Decision,
    Keep,
    Replace,
    Strategy,
    Withhold,
    client_wins,
    rebase,
    server_wins,
)
from optisync.server.step import Fetch, Pull, Submit
from optisync.values import ClientId, ClientSeq, Epoch, Obj, ServerSeq
from optisync.view import Docs, Overlay, fold

Owner = tuple[ClientId, ClientSeq]
NAMES = (ClientId("ann"), ClientId("bob"), ClientId("cy"))


def moody(delta: Delta, undecided: tuple[Pending, ...]) -> tuple[Decision, ...]:
    """A strategy of an application that is not careful: it raises, and rewrites what was sent."""
    if delta.server_seq % 3 == 0:
        raise ValueError("no opinion")
    if delta.server_seq % 3 == 1:
        return tuple(Replace(p.changes[:1]) for p in undecided)
    return tuple(Keep() if p.withheld else Withhold() for p in undecided)


STRATEGIES: tuple[Strategy, ...] = (client_wins, client_wins, server_wins, rebase, moody)


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
class World:
    """One run. Every decision comes from `choose`, so a run can be replayed and reduced."""

    choose: Choose
    authority: Authority
    clients: list[Client]
    variant: Variant
    seen: Counter[str]
    history: History = field(default_factory=History)
    mail: list[tuple[Client | None, Submit | Pull | Fetch | Message]] = field(default_factory=list)
    expected: dict[ClientId, set[ClientSeq]] = field(default_factory=dict)
    reached: dict[ClientId, Position] = field(default_factory=dict)
    judged: dict[ClientId, ClientSeq] = field(default_factory=dict)
    given_up: set[Owner] = field(default_factory=set)
    menu: list[Callable[["World", Client], None]] = field(default_factory=list)
    reach: int = 1
    fresh: int = 0
    calm: bool = False

    def coin(self, sides: int) -> bool:
        """Heads once in `sides` throws, and never when the run is over."""
        return not self.calm and self.choose(sides) == 1

    # --- the network ------------------------------------------------------------------------

    def post(self, mail: Mail) -> None:
        self.history.note(self.authority)
        for to, message in mail:
            if isinstance(message, Reject) and to is not None:
                self.history.refused.add((to, message.seq))
            for client in self.clients:
                if to in (None, client.id):
                    self.mail.append((client, self._as_variant(message)))

    def _as_variant(self, message: Message) -> Message:
        if self.variant is not Variant.LABELLED and isinstance(message, Delta):
            return Delta(message.epoch, message.server_seq, message.prev, message.changes)
        if self.variant is Variant.SEED_LITERAL and isinstance(message, Ack):
            return Ack(message.epoch, message.seq, None, message.version, message.ids)
        return message

    @property
    def fifo(self) -> bool:
        return self.variant is not Variant.LABELLED

    def deliver(self, at: int) -> None:
        to, message = self.mail.pop(at)
        if to is None:
            assert isinstance(message, Submit | Pull | Fetch)
            refuse = self.coin(2 if isinstance(message, Submit) and self.redone(message) else 5)
            self.post(self.authority.handle(message, refuse, not self.fifo and self.coin(2)))
        else:
            assert not isinstance(message, Submit | Pull | Fetch)
            self.give(to, message)

    def redone(self, request: Submit) -> bool:
        """Whether the mutation was accepted once and a restore took that back."""
        owner = (request.client, request.seq)
        return owner in self.history.accepted and owner not in {
            (line.client, line.seq) for line in self.authority.lines()
        }

    # --- a client ---------------------------------------------------------------------------

    def give(self, client: Client, given: Input) -> None:
        client.give(given)
        self.after(client)

    def after(self, client: Client) -> None:
        """Send what the client asked for, and check everything about it."""
        for asked in client.asked:
            epoch = client.state.confirmed.epoch
            if isinstance(asked, Request):
                self.mail.append((None, Pull(client.id, epoch, asked.after, asked.upto)))
            else:
                self.mail.append((None, Fetch(client.id)))
        client.asked.clear()
        self.check(client)

    def write(self, client: Client) -> None:
        self.fresh += 1
        client.write(some_changes(self.choose, self.fresh), sent=self.coin(2))
        self.after(client)

    def send(self, client: Client) -> None:
        waiting = [p.seq for p in client.state.pending if p.acked is None]
        if not waiting:
            return
        seq = waiting[0] if self.fifo else waiting[self.choose(len(waiting))]
        self.submit(client, seq)
        self.after(client)

    def submit(self, client: Client, seq: ClientSeq) -> None:
        floor = min((p.seq for p in client.state.pending), default=seq)
        epoch = client.state.confirmed.epoch
        changes = client.to_send(seq)
        self.mail.append((None, Submit(client.id, epoch, seq, changes, (), floor)))

    def abandon(self, client: Client) -> None:
        if client.state.pending and self.coin(3):
            acked = [p for p in client.state.pending if p.acked is not None]
            some = acked if acked and self.coin(2) else client.state.pending
            seq = some[self.choose(len(some))].seq
            self.given_up.add((client.id, seq))
            client.abandon(seq)
            self.after(client)

    def restart(self, client: Client) -> None:
        if not self.coin(3):
            return
        client.restart()
        if not client.durable:
            self.expected[client.id].clear()
            self.reached[client.id] = NOWHERE
        self.after(client)

    def nonsense(self, client: Client) -> None:
        """Inputs that a correct host or server never gives; each must be refused."""
        epoch, at = client.state.confirmed.epoch, client.state.confirmed.server_seq
        known = ClientSeq(client.state.registered)
        inputs: list[Input] = [
            Register(known, ()),
            Register(ClientSeq(client.state.generated + 1), ()),
            Sent(ClientSeq(known + 9)),
            Applied(True),
            Delta(epoch, at, at),
            Delta(epoch, at, ServerSeq(at + 1)),
        ]
        if self.variant is not Variant.SEED_LITERAL:
            inputs.append(Ack(epoch, known, None))
        before = client.state
        assert client.give(inputs[self.choose(len(inputs))]) is not None
        assert client.state is before
        if self.coin(2):
            client.abandon(ClientSeq(client.state.generated + 1))
            assert client.state is before

    def meddle(self, client: Client) -> None:
        """What an application does from a callback: anything; it takes effect afterwards."""
        what = 9 if self.calm else self.choose(8)
        if what == 0:
            self.fresh += 1
            client.write(some_changes(self.choose, self.fresh), sent=True)
        elif what == 1:
            client.give(Tick())
        elif what == 2 and client.state.pending:
            seq = client.state.pending[0].seq
            self.given_up.add((client.id, seq))
            client.abandon(seq)

    # --- the server -------------------------------------------------------------------------

    def disaster(self, _: Client) -> None:
        head = self.authority.position()[1]
        what = self.choose(8)
        if what <= 1 or self.fifo:
            self.authority.compact(ServerSeq(max(0, head - self.choose(3))))
        elif what <= 4:
            self.authority.restore(ServerSeq(max(0, head - self.choose(4))))
        elif what == 5:
            client = self.clients[self.choose(len(self.clients))]
            if self.authority.forget(client.id):
                self.history.forgotten.add(client.id)
        else:
            self.authority.elsewhere()
        self.history.note(self.authority)

    # --- a run ------------------------------------------------------------------------------

    def act(self) -> None:
        client = self.clients[self.choose(len(self.clients))]
        self.menu[self.choose(len(self.menu))](self, client)

    def arrive(self, _: Client) -> None:
        if self.mail:
            wide = min(self.reach, len(self.mail))
            self.deliver(0 if self.fifo else self.choose(wide))

    def lose(self, _: Client) -> None:
        if self.mail and not self.fifo:
            self.mail.pop(self.choose(len(self.mail)))

    def duplicate(self, _: Client) -> None:
        if self.mail and not self.fifo:
            self.mail.append(self.mail[self.choose(len(self.mail))])

    def repeat(self, client: Client) -> None:
        """A question asked again, or the answer with several deltas in one where possible."""
        if self.coin(2):
            self.mail.append((None, Fetch(client.id)))
            return
        epoch, head = self.authority.position()
        after = ServerSeq(max(0, head - self.choose(4)))
        if not self.fifo:
            self.post(self.authority.handle(Pull(client.id, epoch, after, head), False, True))

    def tick(self, client: Client) -> None:
        self.give(client, Tick())

    def beat(self, _: Client) -> None:
        self.post(self.authority.beat())

    def quiesce(self) -> None:
        """No more writes; everything arrives. CONVERGENCE: a bounded number of rounds suffices.

        [head-reveals-gap] [one-request]
        """
        self.calm = True
        for _ in range(12):
            self.deliver_all()
            if all(self.settled(client) for client in self.clients):
                return
            for client in self.clients:
                for pending in client.state.pending:
                    if pending.acked is None:
                        self.submit(client, pending.seq)
                self.give(client, Tick())
            self.post(self.authority.beat())
        for client in self.clients:
            assert self.settled(client), f"{client.id} did not converge"

    def deliver_all(self) -> None:
        for _ in range(3000):
            if not self.mail:
                return
            self.deliver(0)
        raise AssertionError("the network never falls silent")

    def settled(self, client: Client) -> bool:
        state = client.state
        done = state.confirmed == Position(*self.authority.position()) and not state.pending
        if done:
            assert client.docs == client.push == self.authority.docs()
            assert not state.buffer
            unsettled = set(client.mine) - set(client.told)
            assert not unsettled or not client.durable, f"never told about {unsettled}"
        return done

    # --- the properties ---------------------------------------------------------------------

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


# How often each action is on the menu; a run leaves some out, and has some four times as often.
MENU = (
    (World.write, 6),
    (World.send, 9),
    (World.arrive, 24),
    (World.lose, 2),
    (World.duplicate, 1),
    (World.repeat, 3),
    (World.tick, 1),
    (World.beat, 1),
    (World.abandon, 1),
    (World.restart, 1),
    (World.nonsense, 1),
    (World.disaster, 2),
)


def made(
    choose: Choose, variant: Variant = Variant.LABELLED, naive: bool = True, facade: bool = False
) -> World:
    """A world whose shape is chosen too."""
    dense = naive and choose(4) == 0
    limits = Limits(pending=4, buffer=2, verdicts=(3, 50)[choose(2)], block=2)
    authority = Naive(dense) if naive else Reference()
    seen = Counter[str]()
    world = World(choose, authority, [], variant, seen)

    def fails() -> bool:
        try:
            return world.coin(12)
        except Over:  # a script may end between a call of a port and its answer
            return False

    for name in NAMES[: 2 + choose(2)]:
        config = Config(name, variant, dense, limits, STRATEGIES[choose(len(STRATEGIES))])
        durable = choose(3) > 0
        kind = FacadeClient if facade else Client
        client = kind(config, durable, fails, seen)
        if isinstance(client, FacadeClient):
            client.meddle = world.meddle
        world.clients.append(client)
        world.expected[name] = set()
        world.reached[name] = NOWHERE
        world.judged[name] = ClientSeq(0)
    for action, often in MENU:
        world.menu += [action] * (often * (0, 1, 1, 1, 4)[choose(5)])
    world.reach = (2, 6, 1000)[choose(3)]
    world.menu += [World.write, World.send, World.arrive]
    world.history.note(authority)
    for client in world.clients:
        world.mail.append((None, Fetch(client.id)))
    return world
