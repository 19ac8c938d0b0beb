"""What stands behind the network: the reference server, and one that takes numbers in order.

Both execute writes with `optisync.server`. The ids that rows get, "not now" and watermarks are of
this world.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from optisync.contracts.entry import Entity, EntityId, EntryId, Millis, Stamp, makes_row
from optisync.contracts.messages import (
    Accepted,
    Ack,
    Delta,
    Ids,
    Label,
    Outcome,
    Refused,
    Reject,
    Snapshot,
)
from optisync.outbox.inputs import Refusal, Result, Retry, Watermark
from optisync.outbox.rows import Item
from optisync.server.state import Server, decided, docs_at, head, start
from optisync.server.step import (
    Base,
    Broadcast,
    Fetch,
    Forget,
    Input,
    Pull,
    Restore,
    Submit,
    step,
)
from optisync.values import AtomKey, ClientId, ClientSeq, Epoch, Obj, ServerSeq, Version
from optisync.view import Change, Docs

ME, OTHER = ClientId("me"), ClientId("other")
FIRST_DOCS = Obj({"t/a": Obj({"n": 0}), "t/b": Obj({"n": 0}), "u/a": Obj({"n": 0})})


@dataclass(frozen=True)
class Request:
    """What a worker sends: a `Send`, and the epoch of the client's documents."""

    epoch: Epoch
    token: int
    items: tuple[Item, ...]
    skips: tuple[tuple[ClientSeq, ClientSeq], ...]
    floor: ClientSeq


@dataclass(frozen=True)
class Answer:
    """What the server says to a request; `stale`: it was of another epoch, nothing was done."""

    epoch: Epoch
    token: int
    asked: tuple[EntryId, ...]
    results: tuple[Result, ...] = ()
    stale: bool = False


@dataclass(frozen=True)
class AskWatermark:
    """A client asks how far its numbers are decided."""


Reply = Answer | Delta | Snapshot | Watermark


def atom_of(entity: Entity) -> AtomKey:
    return AtomKey(f"{entity.resource}/{entity.id}")


@dataclass
class Authority:
    """The reference server, with ids for new rows. `not_now`: whether to put a write off.

    `labels`: deltas and snapshots say what they settle; without, versions are not compared either.
    """

    not_now: Callable[[], bool]
    labels: bool = True
    server: Server = field(default_factory=lambda: start(Epoch(1), FIRST_DOCS))
    row_ids: dict[ClientSeq, tuple[str, str]] = field(default_factory=dict)
    refusals: list[tuple[Item, str]] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)

    def handle(self, request: Request | Fetch | Pull | AskWatermark) -> list[Reply]:
        """Everything the client hears because of a request."""
        self.replies = []
        match request:
            case Request() if request.epoch != self.server.epoch:
                asked = tuple(item.entry.entry_id for item in request.items)
                self.replies.append(Answer(self.server.epoch, request.token, asked, stale=True))
            case Request():
                self.execute(request)
            case AskWatermark():
                self.tell_watermark()
            case Fetch() | Pull():
                self.ask(request)
        return self.replies

    def execute(self, request: Request) -> None:
        """Each write by itself, in the order of the request."""
        found = [(i, None if self.not_now() else self.submit(request, i)) for i in request.items]
        self.answer(request, [Result(i.entry.entry_id, v or Retry(Millis(3))) for i, v in found])

    def answer(self, request: Request, results: list[Result]) -> None:
        asked = tuple(item.entry.entry_id for item in request.items)
        self.replies.append(Answer(self.server.epoch, request.token, asked, tuple(results)))

    def tell_watermark(self) -> None:
        """Only who takes numbers in order has one."""

    def submit(self, request: Request, item: Item) -> Accepted | Refused | None:
        """The verdict of one write; None: it is too old to have one."""
        known = decided(self.server, ME, item.seq) is not None
        entity = item.entry.entity
        if makes_row(item.entry):
            if not known:
                made = f"r{item.seq}.{self.server.epoch}"
                self.row_ids[item.seq] = (str(entity.id), made)
            entity = Entity(entity.resource, EntityId(self.row_ids[item.seq][1]))
        atom, base = atom_of(entity), item.base if self.labels else None
        bases = () if base is None else (Base(atom, base.epoch, base.version),)
        changes = ((atom, item.entry.change),)
        given = Submit(ME, request.epoch, item.seq, changes, bases, request.floor)
        verdict = self.ask(given)
        if isinstance(verdict, Refused) and not known:
            self.refusals.append((item, verdict.code))
        return verdict

    def ask(self, given: Input) -> Accepted | Refused | None:
        """Give the server an input; what it says goes to `replies`, a verdict is the answer."""
        done = step(self.server, given)
        self.server = done.state
        verdict: Accepted | Refused | None = None
        for effect in done.effects:
            if not isinstance(effect, Broadcast) and effect.to != ME:
                continue
            match effect.message:
                case Ack(_, seq, server_seq, version) if server_seq is not None:
                    verdict = Accepted(server_seq, version, self.ids(seq))
                case Reject(_, _, code):
                    verdict = Refused(code)
                case Delta() as delta:
                    settles = tuple(map(self.named, delta.settles)) if self.labels else ()
                    self.replies.append(replace(delta, settles=settles))
                case Snapshot() as snapshot:
                    outcomes = tuple(map(self.told, snapshot.outcomes)) if self.labels else ()
                    self.replies.append(replace(snapshot, outcomes=outcomes))
                case _:
                    pass
        return verdict

    def ids(self, seq: ClientSeq) -> Ids:
        return (self.row_ids[seq],) if seq in self.row_ids else ()

    def named(self, label: Label) -> Label:
        return replace(label, ids=self.ids(label.seq)) if label.client == ME else label

    def told(self, outcome: Outcome) -> Outcome:
        if isinstance(outcome.verdict, Refused):
            return outcome
        return replace(outcome, verdict=replace(outcome.verdict, ids=self.ids(outcome.seq)))

    def write_elsewhere(self, number: ClientSeq, atom: AtomKey, change: Change) -> list[Reply]:
        """Another client writes."""
        self.replies = []
        self.ask(Submit(OTHER, self.server.epoch, number, ((atom, change),)))
        return self.replies

    def restore(self, upto: ServerSeq) -> None:
        self.ask(Restore(upto))

    def forget(self) -> None:
        self.ask(Forget(ME))

    def position(self) -> tuple[Epoch, ServerSeq]:
        return self.server.epoch, head(self.server)

    def docs(self, upto: ServerSeq) -> Docs:
        return docs_at(self.server, upto)

    def versions(self, upto: ServerSeq) -> dict[AtomKey, Stamp]:
        """The versions of the documents at a position."""
        epoch, log = self.server.epoch, self.server.log
        found = {AtomKey(atom): Stamp(epoch, Version(0)) for atom in self.docs(upto)}
        for commit in log:
            if commit.server_seq <= upto:
                version = Stamp(epoch, Version(commit.server_seq))
                found |= {atom: version for atom, _ in commit.changes if atom in found}
        return found


@dataclass
class Ordered(Authority):
    """Takes the client's numbers in order: a number that is missing holds up all later ones.

    `passed`: numbers decided, and at which position of the server. Without `labels` the watermark
    names what was refused, and only new rows have results.
    """

    passed: list[tuple[ServerSeq, ClientSeq]] = field(default_factory=list)

    @property
    def watermark(self) -> ClientSeq:
        return self.passed[-1][1] if self.passed else ClientSeq(0)

    def execute(self, request: Request) -> None:
        """A prefix; the rest is answered "not now"."""
        results, jammed = list[Result](), False
        for seq, item in in_order(request):
            verdict: Accepted | Refused | None = None
            jammed = jammed or seq > self.watermark + 1 or (item is not None and self.not_now())
            if item is not None and self.was_skipped(item):
                continue
            if not jammed and item is not None:
                verdict = self.submit(request, item)
                jammed = verdict is None
            if item is not None and (self.labels or verdict is None or makes_row(item.entry)):
                results.append(Result(item.entry.entry_id, verdict or Retry()))
            if not jammed and seq > self.watermark:
                self.passed.append((self.server.newest, seq))
        self.answer(request, results)
        self.tell_watermark()

    def was_skipped(self, item: Item) -> bool:
        """Whether the number was given up before the write arrived: it is never executed."""
        return item.seq <= self.watermark and decided(self.server, ME, item.seq) is None

    def tell_watermark(self) -> None:
        refused = None if self.labels else tuple(self.refused())
        epoch, at = self.position()
        self.replies.append(Watermark(epoch, at, self.watermark, refused))

    def refused(self) -> list[Refusal]:
        return [
            Refusal(row.seq, row.verdict.code)
            for row in self.server.table
            if row.client == ME and isinstance(row.verdict, Refused)
        ]

    def restore(self, upto: ServerSeq) -> None:
        super().restore(upto)
        self.passed = [row for row in self.passed if row[0] <= self.server.newest]

    def forget(self) -> None:
        super().forget()
        self.passed = []


def in_order(request: Request) -> list[tuple[ClientSeq, Item | None]]:
    """Every number of a request, with its write unless it is skipped."""
    numbers: dict[ClientSeq, Item | None] = {
        ClientSeq(seq): None for first, last in request.skips for seq in range(first, last + 1)
    }
    numbers |= {item.seq: item for item in request.items}
    return sorted(numbers.items(), key=lambda row: row[0])
