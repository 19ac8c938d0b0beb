"""The server: the reference, ids for new rows, and a list of what it executed."""

from dataclasses import dataclass, replace

from tests.crash.wire import CLIENT

from optisync.contracts.entry import IdempotencyKey, rename
from optisync.contracts.messages import (
    Accepted,
    Ack,
    Delta,
    Ids,
    Message,
    Refused,
    Reject,
    Snapshot,
)
from optisync.outbox.inputs import Refusal, Watermark
from optisync.outbox.rows import Item
from optisync.server.state import decided, head, start
from optisync.server.step import Base, Compact, Fetch, Pull, Send, Submit, TooOld, step
from optisync.values import AtomKey, ClientId, ClientSeq, Epoch, ServerSeq
from optisync.view import Change

EPOCH = Epoch(1)
SOMEBODY = ClientId("somebody else")


@dataclass(frozen=True)
class Executed:
    """A write that the server decided for the first time."""

    key: IdempotencyKey
    item: Item
    atom: AtomKey
    verdict: Accepted | Refused


class Authority:
    """Decides each (client, number) once; what comes again gets the stored verdict.

    `ordered`: it waits for every number before it decides the next; `decided_upto` is the last.
    """

    def __init__(self, ordered: bool = False) -> None:
        self.server = start(EPOCH)
        self.decided_upto = ClientSeq(0)
        self.ordered = ordered
        self.executed: list[Executed] = []
        self._ids: dict[ClientSeq, Ids] = {}

    def submit(self, item: Item, floor: ClientSeq) -> Accepted | Refused | None:
        """The verdict; None for a number that must wait, or whose outcome was given up."""
        new = decided(self.server, CLIENT, item.seq) is None
        if self.ordered and new and item.seq != self.decided_upto + 1:
            return None
        entry = item.entry
        if entry.temporary:
            self._ids.setdefault(item.seq, ((entry.entity.id, f"row-{item.seq}"),))
            entry = rename(entry, self._ids[item.seq])
        atom = AtomKey(f"{entry.entity.resource}/{entry.entity.id}")
        base = item.base
        bases = () if base is None else (Base(atom, base.epoch, base.version),)
        given = Submit(CLIENT, EPOCH, item.seq, ((atom, entry.change),), bases, floor)
        done = step(self.server, given)
        if isinstance(done.error, TooOld):
            return None
        assert done.error is None, done.error
        self.server = done.state
        self.decided_upto = max(self.decided_upto, item.seq)
        verdict = self._verdict(done.effects[0])
        if new:
            self.executed.append(Executed(entry.idempotency_key, item, atom, verdict))
        return verdict

    def skip(self, first: ClientSeq, last: ClientSeq) -> None:
        """No write will come under these numbers."""
        if first <= self.decided_upto + 1 <= last:
            self.decided_upto = last

    def watermark(self, refused: bool) -> Watermark:
        """How far the numbers are decided; `refused`: with those that were refused."""
        codes = (
            (e.item.seq, e.verdict.code) for e in self.executed if isinstance(e.verdict, Refused)
        )
        named = tuple(Refusal(seq, code) for seq, code in codes) if refused else None
        return Watermark(EPOCH, head(self.server), self.decided_upto, named)

    def foreign(self, atom: AtomKey, change: Change) -> None:
        """Somebody else writes."""
        seq = ClientSeq(self.server.newest + 1)
        self.server = step(self.server, Submit(SOMEBODY, EPOCH, seq, ((atom, change),))).state

    def next_delta(self, cursor: ServerSeq) -> Delta | Snapshot | None:
        """What follows a client's cursor."""
        done = step(self.server, Pull(CLIENT, EPOCH, cursor, head(self.server)))
        assert done.error is None, done.error
        return next((self._named(e.message) for e in done.effects if isinstance(e, Send)), None)

    def snapshot(self, floor: ClientSeq) -> Snapshot:
        """Everything, with the outcomes from `floor` on."""
        done = step(self.server, Fetch(CLIENT, floor))
        self.server = done.state
        (sent,) = done.effects
        named = self._named(sent.message)
        assert isinstance(named, Snapshot)
        return named

    def compact(self, upto: ServerSeq) -> None:
        """Forget history that the client has."""
        self.server = step(self.server, Compact(upto)).state

    def _verdict(self, effect: object) -> Accepted | Refused:
        assert isinstance(effect, Send)
        match effect.message:
            case Ack(_, seq, server_seq, version) if server_seq is not None:
                return Accepted(server_seq, version, self._ids.get(seq, ()))
            case Reject(_, _, code):
                return Refused(code)
            case _:
                raise AssertionError(effect)

    def _named(self, message: Message) -> Delta | Snapshot:
        """The message with the ids of rows that were created."""
        match message:
            case Delta(settles=labels):
                mine = (
                    replace(label, ids=self._ids.get(label.seq, ()))
                    if label.client == CLIENT
                    else label
                    for label in labels
                )
                return replace(message, settles=tuple(mine))
            case Snapshot(outcomes=outcomes):
                return replace(
                    message,
                    outcomes=tuple(
                        replace(o, verdict=replace(o.verdict, ids=self._ids.get(o.seq, ())))
                        if isinstance(o.verdict, Accepted)
                        else o
                        for o in outcomes
                    ),
                )
            case _:
                raise AssertionError(message)
