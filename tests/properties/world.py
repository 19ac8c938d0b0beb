"""Clients, a server and a bad network, driven by a chooser; checked after every action.

PREFIX, OVERLAY and SETTLED-ONCE are judged by the `Judge`, CONVERGENCE in `quiesce`.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.properties.authorities import Authority, Mail
from tests.properties.clients import Client
from tests.properties.judge import Judge
from tests.properties.mutations import Choose, some_changes

from optisync.contracts.messages import Ack, Delta, Message, Reject
from optisync.coordinator.config import Variant
from optisync.coordinator.effects import Request
from optisync.coordinator.inputs import Applied, Input, Register, Sent, Tick
from optisync.coordinator.state import Position
from optisync.server.step import Fetch, Pull, Submit
from optisync.values import ClientSeq, ServerSeq


@dataclass
class World:
    """One run. Every decision comes from `choose`, so a run can be replayed and reduced."""

    choose: Choose
    authority: Authority
    clients: list[Client]
    variant: Variant
    seen: Counter[str]
    judge: Judge
    mail: list[tuple[Client | None, Submit | Pull | Fetch | Message]] = field(default_factory=list)
    menu: list[Callable[["World", Client], None]] = field(default_factory=list)
    reach: int = 1
    fresh: int = 0
    calm: bool = False

    def coin(self, sides: int) -> bool:
        """Heads once in `sides` throws, and never when the run is over."""
        return not self.calm and self.choose(sides) == 1

    # --- the network ------------------------------------------------------------------------

    def post(self, mail: Mail) -> None:
        self.judge.history.note(self.authority)
        for to, message in mail:
            if isinstance(message, Reject) and to is not None:
                self.judge.history.refused.add((to, message.seq))
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
        return owner in self.judge.history.accepted and owner not in {
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
        self.judge.check(client)

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
            self.judge.given_up.add((client.id, seq))
            client.abandon(seq)
            self.after(client)

    def restart(self, client: Client) -> None:
        if not self.coin(3):
            return
        client.restart()
        if not client.durable:
            self.judge.begins(client)
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
            self.judge.given_up.add((client.id, seq))
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
                self.judge.history.forgotten.add(client.id)
        else:
            self.authority.elsewhere()
        self.judge.history.note(self.authority)

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
