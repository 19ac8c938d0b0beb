"""Two servers behind one small interface: a naive one, and the reference."""

from collections import deque
from dataclasses import dataclass, replace
from typing import Protocol

from tests.properties.mutations import START, applied_naively, documents

from optisync.contracts.messages import (
    Accepted,
    Ack,
    Delta,
    Head,
    Label,
    Message,
    Outcome,
    Refused,
    Reject,
    Snapshot,
)
from optisync.server import state as reference_state
from optisync.server.step import (
    Base,
    Beat,
    Broadcast,
    Compact,
    Elsewhere,
    EpochChanged,
    Fetch,
    Forget,
    Input,
    Pull,
    Restore,
    Submit,
    step,
)
from optisync.values import AtomKey, ClientId, ClientSeq, Epoch, Obj, ServerSeq, Version, parse
from optisync.view import Changes, Docs, Update, changes_of

Request = Submit | Pull | Fetch
Mail = list[tuple[ClientId | None, Message]]
"""Messages and to whom; None: to everybody."""


@dataclass(frozen=True)
class Line:
    """A mutation in its place in the server's order."""

    server_seq: ServerSeq
    client: ClientId
    seq: ClientSeq


class Authority(Protocol):
    """What the world asks of a server."""

    def handle(self, request: Request, refuse: bool, merge: bool) -> Mail:
        """Answer; `refuse` a submission for a reason of one's own, `merge` the deltas pulled."""
        ...

    def beat(self) -> Mail: ...
    def elsewhere(self) -> None: ...
    def restore(self, upto: ServerSeq) -> None: ...
    def compact(self, upto: ServerSeq) -> None: ...
    def forget(self, client: ClientId) -> bool:
        """Lose the memory of a client; False if this server cannot."""
        ...

    def position(self) -> tuple[Epoch, ServerSeq]: ...
    def docs(self) -> Docs: ...
    def lines(self) -> list[Line]: ...


def composed(first: Changes, then: Changes) -> Changes | None:
    """One set of changes that does what two do; None where that is not obvious."""
    both = dict(first)
    for atom, change in then:
        before = both.get(atom)
        if before is not None and not (isinstance(before, Update) and isinstance(change, Update)):
            return None
        if isinstance(before, Update) and isinstance(change, Update):
            change = Update(before.patch + change.patch)
        both[atom] = change
    return changes_of(both)


class Naive:
    """Lists and dictionaries; it keeps every version of everything and looks through all of it."""

    def __init__(self, dense: bool) -> None:
        self.dense = dense
        self.epoch = 1
        self.newest = 0
        self.log: list[tuple[Line, int, Changes]] = []
        self.texts: list[tuple[int, dict[str, object]]] = [
            (0, {"a": {"x": 0, "l": list[object]()}})
        ]
        self.verdicts: list[tuple[ClientId, ClientSeq, int, Accepted | Refused]] = []
        self.oldest = 0
        self.strangers: set[ClientId] = set()

    def handle(self, request: Request, refuse: bool, merge: bool) -> Mail:
        client = request.client
        if isinstance(request, Fetch):
            return [(client, self._snapshot(client))]
        if request.epoch != self.epoch:
            return [(client, self._head())]
        if isinstance(request, Pull):
            if request.after < self.oldest:
                return [(client, self._snapshot(client))]
            wanted = [row for row in self.log if request.after < row[0].server_seq <= request.upto]
            return [(client, delta) for delta in self._deltas(wanted, merge)]
        self.strangers.discard(client)
        for who, seq, _, verdict in self.verdicts:
            if (who, seq) == (client, request.seq):
                return [(client, self._told(seq, verdict))]
        return self._decide(request, refuse)

    def _decide(self, request: Submit, refuse: bool) -> Mail:
        client, seq = request.client, request.seq
        after = None if refuse else applied_naively(self.texts[-1][1], request.changes)
        if after is None:
            verdict: Accepted | Refused = Refused("no")
            self.verdicts.append((client, seq, self.newest, verdict))
            return [(client, self._told(seq, verdict))]
        prev, self.newest = self.texts[-1][0], self.newest + 1
        self.texts.append((self.newest, after))
        row = (Line(ServerSeq(self.newest), client, seq), prev, request.changes)
        self.log.append(row)
        verdict = Accepted(ServerSeq(self.newest), Version(self.newest))
        self.verdicts.append((client, seq, self.newest, verdict))
        return [(client, self._told(seq, verdict)), (None, self._deltas([row], False)[0])]

    def _told(self, seq: ClientSeq, verdict: Accepted | Refused) -> Message:
        if isinstance(verdict, Accepted):
            return Ack(Epoch(self.epoch), seq, verdict.server_seq, verdict.version)
        return Reject(Epoch(self.epoch), seq, verdict.code)

    def _deltas(self, rows: list[tuple[Line, int, Changes]], merge: bool) -> list[Delta]:
        """One delta each; with `merge`, neighbours in one delta where that is easy."""
        deltas = list[Delta]()
        for line, prev, changes in rows:
            label = Label(line.client, line.seq, Version(line.server_seq))
            last = deltas[-1] if deltas and merge else None
            both = None if last is None else composed(last.changes, changes)
            if last is not None and both is not None:
                settles = (*last.settles, label)
                deltas[-1] = replace(
                    last, server_seq=line.server_seq, changes=both, settles=settles
                )
                continue
            named = None if self.dense and not merge else ServerSeq(prev)
            deltas.append(Delta(Epoch(self.epoch), line.server_seq, named, changes, (label,)))
        return deltas

    def _snapshot(self, client: ClientId) -> Snapshot:
        outcomes = tuple(Outcome(s, v) for who, s, _, v in self.verdicts if who == client)
        epoch, head = self.position()
        return Snapshot(epoch, head, self.docs(), outcomes, client not in self.strangers)

    def _head(self) -> Head:
        return Head(*self.position())

    def beat(self) -> Mail:
        return [(None, self._head())]

    def elsewhere(self) -> None:
        self.newest += 0 if self.dense else 1

    def restore(self, upto: ServerSeq) -> None:
        self.texts = [row for row in self.texts if row[0] <= upto]
        self.log = [row for row in self.log if row[0].server_seq <= upto]
        self.newest = self.texts[-1][0]
        self.oldest = min(self.oldest, self.newest)
        self.verdicts = [row for row in self.verdicts if row[2] <= self.newest]
        self.epoch += 1

    def compact(self, upto: ServerSeq) -> None:
        self.oldest = max(self.oldest, min(upto, self.texts[-1][0]))

    def forget(self, client: ClientId) -> bool:
        """With a new epoch: otherwise a mutation sent again takes effect again."""
        self.verdicts = [row for row in self.verdicts if row[0] != client]
        self.strangers.add(client)
        self.epoch += 1
        return True

    def position(self) -> tuple[Epoch, ServerSeq]:
        return Epoch(self.epoch), ServerSeq(self.texts[-1][0])

    def docs(self) -> Docs:
        return documents(self.texts[-1][1])

    def lines(self) -> list[Line]:
        return [line for line, _, _ in self.log]


class Reference:
    """`optisync.server` behind the same interface."""

    def __init__(self) -> None:
        start = parse(START)
        assert isinstance(start, Obj)
        self.server = reference_state.start(docs=start)
        self.compacted: deque[Line] = deque()

    def _step(self, given: Input) -> Mail:
        done = step(self.server, given)
        if done.error is not None:
            assert done.state is self.server
            assert not done.effects
            who = given.client if isinstance(given, Request) else None
            if isinstance(done.error, EpochChanged):
                return [(who, Head(*self.position()))]
            return []
        self.server = done.state
        return [
            (None if isinstance(effect, Broadcast) else effect.to, effect.message)
            for effect in done.effects
        ]

    def handle(self, request: Request, refuse: bool, merge: bool) -> Mail:
        if refuse and isinstance(request, Submit):
            request = replace(request, bases=(Base(AtomKey("a"), request.epoch, Version(-1)),))
        return self._step(request)

    def beat(self) -> Mail:
        return self._step(Beat())

    def elsewhere(self) -> None:
        self._step(Elsewhere())

    def restore(self, upto: ServerSeq) -> None:
        self._step(Restore(upto))

    def compact(self, upto: ServerSeq) -> None:
        before = self.lines_in_log()
        self._step(Compact(upto))
        self.compacted.extend(line for line in before if line not in self.lines_in_log())

    def forget(self, client: ClientId) -> bool:
        self._step(Forget(client))
        return True

    def position(self) -> tuple[Epoch, ServerSeq]:
        return self.server.epoch, reference_state.head(self.server)

    def docs(self) -> Docs:
        return reference_state.documents(self.server)

    def lines(self) -> list[Line]:
        return [*self.compacted, *self.lines_in_log()]

    def lines_in_log(self) -> list[Line]:
        return [Line(c.server_seq, c.label.client, c.label.seq) for c in self.server.log]
