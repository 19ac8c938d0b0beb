"""A pipeline to be given inputs, for tests that hold one rule each."""

from dataclasses import dataclass, field

from optisync.contracts.entry import Entity, EntityId, EntryId, Resource, Stamp, Unknown, Written
from optisync.contracts.entry import WriteEntryResult as Result
from optisync.contracts.messages import Delta, Label, Outcome, Refused, Snapshot
from optisync.patch import Replace
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Effect
from optisync.pipeline.events import Context, Write
from optisync.pipeline.inputs import Confirmed, Dispatch, Input, Persisted
from optisync.pipeline.state import Pipeline, start
from optisync.pipeline.step import step
from optisync.values import AtomKey, ClientId, ClientSeq, Epoch, Obj, ServerSeq, Version
from optisync.view import Change, Create, Update

ME = ClientId("me")
ONE, TWO, THREE = Epoch(1), Epoch(2), Epoch(3)
NOTES = Resource("notes")
A, B, TEMP = (Entity(NOTES, EntityId(name)) for name in ("a", "b", "temp"))
ROW = Obj({"n": 0, "m": 0})
DOCS = Obj({"notes/a": ROW, "notes/b": ROW})
SEEN = Stamp(ONE, Version(0))


def loaded() -> Pipeline:
    """Two rows at position 0 of epoch 1."""
    versions = [(AtomKey(atom), SEEN) for atom in DOCS]
    return start(DOCS, versions=versions, loaded=True)


def put(n: int, name: str = "n") -> Update:
    return Update((Replace((name,), n),))


def dispatch(
    seq: int, change: Change | None = None, entity: Entity = A, action: str | None = None
) -> Dispatch:
    """An update of row `a` to its own number, unless it says otherwise."""
    write = Write(entity, put(seq) if change is None else change)
    return Dispatch(write, (ClientSeq(seq),), Context(action_id=action))


def create(seq: int) -> Dispatch:
    """A create under the temporary id."""
    made = Write(TEMP, Create(ROW.put("n", seq)), temporary=True)
    return Dispatch(made, (ClientSeq(seq),))


def name(seq: int) -> EntryId:
    return EntryId(f"me/{seq}")


def written(seq: int, version: int, server_seq: int | None = None) -> Result:
    at = None if server_seq is None else ServerSeq(server_seq)
    return Result(name(seq), Written(Version(version), at))


def answer(handle: int, *results: Result, epoch: Epoch | None = None) -> Persisted:
    return Persisted(handle, Confirmed(results, epoch))


def refused(seq: int, code: str = "no") -> Result:
    return Result(name(seq), Refused(code))


def unknown(seq: int) -> Result:
    return Result(name(seq), Unknown())


def delta(server_seq: int, *mine: int, epoch: Epoch = ONE) -> Delta:
    """A delta without changes that settles numbers of this client."""
    labels = tuple(Label(ME, ClientSeq(seq), Version(server_seq)) for seq in mine)
    return Delta(epoch, ServerSeq(server_seq), ServerSeq(server_seq - 1), (), labels)


def snapshot(
    server_seq: int, *outcomes: Outcome, epoch: Epoch = ONE, known: bool = True
) -> Snapshot:
    versions = tuple((AtomKey(atom), Version(0)) for atom in DOCS)
    return Snapshot(epoch, ServerSeq(server_seq), DOCS, outcomes, known, versions)


@dataclass
class Life:
    """A pipeline over two rows, with nothing pending."""

    config: Config = field(default_factory=lambda: Config(ME))
    state: Pipeline = field(default_factory=loaded)

    def give(self, *inputs: Input) -> tuple[Effect, ...]:
        """The effects of the last input; none may be refused."""
        effects: tuple[Effect, ...] = ()
        for given in inputs:
            done = step(self.config, self.state, given)
            assert done.error is None, (given, done.error)
            self.state, effects = done.state, done.effects
        return effects
