"""What stands behind a pipeline: a backend of rows, and an authority with a stream.

Both execute writes with `optisync.server`, whole or not at all, and each of them once. What they
had at every version is kept, for whoever wants to know whether documents are true.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from tests.properties.outbox_authority import ME, OTHER

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    IdempotencyKey,
    Millis,
    Resource,
    Row,
    Stamp,
    Unknown,
    WriteEntry,
    Written,
    atom_of,
    makes_row,
)
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
from optisync.contracts.remote import Done, OpId, WriteOp, WriteResultData
from optisync.pipeline.inputs import FetchedRow
from optisync.server import rows
from optisync.server import step as stream
from optisync.server.rows import Backend
from optisync.server.state import Server, decided, docs_at, documents, head, start
from optisync.values import AtomKey, ClientSeq, Epoch, Obj, ServerSeq, Version
from optisync.view import ABSENT, Change, Doc, Docs, Upsert

NOTES, TASKS = Resource("notes"), Resource("tasks")
ROWS = tuple(
    Entity(Resource(resource), EntityId(name))
    for resource, name in (("notes", "a"), ("notes", "b"), ("notes", "c"), ("tasks", "a"))
)
FIRST = (ROWS[0], ROWS[1], ROWS[3])
"""The rows that are there at the beginning."""
FIRST_DOC = Obj({"n": 0, "m": 0})
Verdict = Written | Refused | Unknown
A = TypeVar("A")


def only(found: Iterable[A]) -> A:
    (one,) = found
    return one


def raise_bases(
    entries: dict[ClientSeq, WriteEntry], seq: ClientSeq, entity: Entity, stamp: Stamp
) -> None:
    """What a queue does once a write is accepted: later ones made upon it have its version."""
    base = entries[seq].base
    for later, entry in entries.items():
        if later > seq and entry.entity == entity and entry.base == base:
            entries[later] = replace(entry, base=stamp)


class Authority(Protocol):
    """A server for one client. `held`: what each row was at each version, as far as is known.

    `foreign`: the versions that other clients made. `accepted`: where the server took each write,
    in each epoch; `ever`: every write that it took at any time; `refused`: and every other.
    """

    held: dict[tuple[AtomKey, Stamp], Doc]
    foreign: set[tuple[AtomKey, Stamp]]
    accepted: dict[Epoch, dict[ClientSeq, int]]
    ever: set[ClientSeq]
    refused: dict[ClientSeq, str]
    executed: list[tuple[ClientSeq, WriteEntry]]

    @property
    def epoch(self) -> Epoch: ...
    def execute(self, seq: ClientSeq, entry: WriteEntry, epoch: Epoch) -> Verdict: ...
    def write_elsewhere(self, number: int, entity: Entity, change: Change) -> None: ...
    def docs(self) -> Docs: ...


@dataclass
class RowAuthority:
    """Requests and answers, no stream. `returning`: whether answers carry the row."""

    returning: bool
    server: Backend = field(default_factory=Backend)
    held: dict[tuple[AtomKey, Stamp], Doc] = field(default_factory=dict)
    foreign: set[tuple[AtomKey, Stamp]] = field(default_factory=set)
    accepted: dict[Epoch, dict[ClientSeq, int]] = field(default_factory=lambda: {Epoch(1): {}})
    ever: set[ClientSeq] = field(default_factory=set)
    refused: dict[ClientSeq, str] = field(default_factory=dict)
    executed: list[tuple[ClientSeq, WriteEntry]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for number, entity in enumerate(FIRST):
            self.write_elsewhere(-number, entity, Upsert(FIRST_DOC))

    @property
    def epoch(self) -> Epoch:
        return self.server.epoch

    def execute(self, seq: ClientSeq, entry: WriteEntry, epoch: Epoch) -> Verdict:
        known = entry.idempotency_key in self.server.verdicts
        said = self._write(entry)
        if isinstance(said, Refused):
            self.refused[seq] = said.code
        elif not known:
            assert seq not in self.ever, "a write took effect twice"
            self.ever.add(seq)
            self.accepted[self.epoch][seq] = int(said.version or 0)
            self.executed.append((seq, entry))
        return said

    def _write(self, entry: WriteEntry) -> Written | Refused:
        options = Obj({"returning": self.returning})
        op = WriteOp(OpId("op"), entry.entity.resource, (entry,), options)
        done = rows.step(self.server, (op,))
        self.server = done.state
        result = only(done.effects)
        assert isinstance(result, Done)
        assert isinstance(result.data, WriteResultData)
        for row in self.server.rows.values():
            stamp = Stamp(self.epoch, row.version)
            self.held.setdefault((atom_of(row.entity), stamp), row.row.doc)
        outcome = only(result.data.results).outcome
        assert not isinstance(outcome, Unknown)
        return outcome

    def write_elsewhere(self, number: int, entity: Entity, change: Change) -> None:
        name = f"other/{number}"
        said = self._write(WriteEntry(EntryId(name), IdempotencyKey(name), entity, change))
        if isinstance(said, Written) and said.version is not None:
            self.foreign.add((atom_of(entity), Stamp(self.epoch, said.version)))

    def read(self, entity: Entity) -> FetchedRow:
        found = self.server.rows.get(entity)
        if found is None:
            return FetchedRow(entity, Row(ABSENT), Version(0))
        return FetchedRow(entity, found.row, found.version)

    def everything(self) -> tuple[FetchedRow, ...]:
        return tuple(self.read(entity) for entity in self.server.rows)

    def docs(self) -> Docs:
        found = self.server.rows.values()
        return Obj([(atom_of(r.entity), r.row.doc) for r in found if r.row.doc is not ABSENT])


@dataclass
class StreamAuthority:
    """One total order: results are acks, documents move by deltas and snapshots."""

    server: Server = field(
        default_factory=lambda: start(Epoch(1), Obj([(atom_of(e), FIRST_DOC) for e in FIRST]))
    )
    held: dict[tuple[AtomKey, Stamp], Doc] = field(default_factory=dict)
    foreign: set[tuple[AtomKey, Stamp]] = field(default_factory=set)
    accepted: dict[Epoch, dict[ClientSeq, int]] = field(default_factory=lambda: {Epoch(1): {}})
    ever: set[ClientSeq] = field(default_factory=set)
    refused: dict[ClientSeq, str] = field(default_factory=dict)
    executed: list[tuple[ClientSeq, WriteEntry]] = field(default_factory=list)
    row_ids: dict[ClientSeq, tuple[str, str]] = field(default_factory=dict)
    positions: dict[tuple[Epoch, ServerSeq], Docs] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._note()

    @property
    def epoch(self) -> Epoch:
        return self.server.epoch

    def _note(self) -> None:
        at = head(self.server)
        self.positions.setdefault((self.epoch, at), docs_at(self.server, at))

    def execute(self, seq: ClientSeq, entry: WriteEntry, epoch: Epoch) -> Verdict:
        """A request of another epoch is not executed."""
        entity, known = entry.entity, decided(self.server, ME, seq) is not None
        if epoch == self.epoch and makes_row(entry):
            if not known:
                self.row_ids[seq] = (str(entity.id), f"r{seq}.{epoch}")
            entity = Entity(entity.resource, EntityId(self.row_ids[seq][1]))
        atom, base = atom_of(entity), entry.base
        bases = () if base is None else (stream.Base(atom, base.epoch, base.version),)
        given = stream.Submit(ME, epoch, seq, ((atom, entry.change),), bases)
        done = stream.step(self.server, given)
        self.server = done.state
        self._note()
        for effect in done.effects:
            match effect.message:
                case Ack(_, _, server_seq, version) if server_seq is not None:
                    if not known:
                        self._took(seq, replace(entry, entity=entity), server_seq)
                    return Written(version, server_seq, self.ids(seq))
                case Reject(_, _, code):
                    self.refused[seq] = code
                    return Refused(code)
                case _:
                    pass
        return Unknown(Millis(1))

    def _took(self, seq: ClientSeq, entry: WriteEntry, server_seq: ServerSeq) -> None:
        mine = [commit.label.seq for commit in self.server.log if commit.label.client == ME]
        assert len(mine) == len(set(mine)), "a write took effect twice"
        self.ever.add(seq)
        self.accepted[self.epoch][seq] = server_seq
        self.executed.append((seq, entry))

    def ids(self, seq: ClientSeq) -> Ids:
        return (self.row_ids[seq],) if seq in self.row_ids else ()

    def write_elsewhere(self, number: int, entity: Entity, change: Change) -> None:
        atom = atom_of(entity)
        given = stream.Submit(OTHER, self.epoch, ClientSeq(number), ((atom, change),))
        before = head(self.server)
        self.server = stream.step(self.server, given).state
        if head(self.server) > before:
            self.foreign.add((atom, Stamp(self.epoch, Version(head(self.server)))))
        self._note()

    def deltas(self, after: ServerSeq) -> list[Delta]:
        """The deltas that follow a position of the current epoch."""
        pull = stream.Pull(ME, self.epoch, after, head(self.server))
        sent = stream.step(self.server, pull).effects
        found = [effect.message for effect in sent if isinstance(effect.message, Delta)]
        return [replace(d, settles=tuple(map(self._named, d.settles))) for d in found]

    def _named(self, label: Label) -> Label:
        return replace(label, ids=self.ids(label.seq)) if label.client == ME else label

    def snapshot(self) -> Snapshot:
        done = stream.step(self.server, stream.Fetch(ME))
        self.server = done.state
        found = only(done.effects).message
        assert isinstance(found, Snapshot)
        return replace(found, outcomes=tuple(map(self._told, found.outcomes)))

    def _told(self, outcome: Outcome) -> Outcome:
        if not isinstance(outcome.verdict, Accepted):
            return outcome
        return replace(outcome, verdict=replace(outcome.verdict, ids=self.ids(outcome.seq)))

    def disaster(self, forget: bool, back: int) -> None:
        """The server is restored from a backup, or forgets this client."""
        upto = ServerSeq(max(0, head(self.server) - back))
        given = stream.Forget(ME) if forget else stream.Restore(upto)
        kept = self.accepted[self.epoch]
        self.server = stream.step(self.server, given).state
        at = head(self.server)
        self.accepted[self.epoch] = {s: n for s, n in kept.items() if n <= at}
        self._note()

    def docs(self) -> Docs:
        return documents(self.server)
