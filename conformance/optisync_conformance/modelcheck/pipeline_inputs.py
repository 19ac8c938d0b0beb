"""Inputs of the pipeline, written short: as calls for the alphabets, as words for edges and paths.

Entities, documents and entries of alphabets are texts: ``r/a`` is a row, ``1`` or ``1:t1`` a
document, ``me/1`` an entry.
"""

from __future__ import annotations

from typing import Final, assert_never

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    Millis,
    Resource,
    Row,
    Unknown,
    WriteEntryResult,
    Written,
    atom_of,
)
from optisync.contracts.messages import Accepted, Delta, Ids, Label, Outcome, Refused, Snapshot
from optisync.patch import Add, Op, Remove, Replace
from optisync.pipeline.events import Context, Patches, Write
from optisync.pipeline.inputs import (
    Await,
    Confirmed,
    Decided,
    Direction,
    Dispatch,
    Drain,
    Enqueued,
    Failed,
    Fetched,
    FetchedRow,
    Hydrate,
    InDoubt,
    NoAnswer,
    Persisted,
    Revert,
)
from optisync.pipeline.state import Mode, OnTimeout
from optisync.values import ClientId, ClientSeq, Epoch, Obj, ServerSeq, Version
from optisync.view import ABSENT, Change, Changes, Create, Delete, Update, Upsert, changes_of

from .pipeline import doc_of

ME: Final = ClientId("me")
DRAIN: Final = Drain()
REFUSED: Final = Refused("no")
UNKNOWN: Final = Unknown()
DOUBT: Final = InDoubt()


def row(name: str) -> Entity:
    """The entity ``resource/id``."""
    resource, _, row_id = name.partition("/")
    return Entity(Resource(resource), EntityId(row_id))


def doc(name: str) -> Obj:
    """The document ``a`` or ``a:b``."""
    a, _, b = name.partition(":")
    return doc_of(int(a), b)


def create(value: str) -> Create:
    """Makes a row."""
    return Create(doc(value))


def upsert(value: str, *patch: Op) -> Upsert:
    """Makes a row or writes it."""
    return Upsert(doc(value), patch or None)


def update(*patch: Op) -> Update:
    """Writes members of a row."""
    return Update(patch)


def a(value: int) -> Op:
    """Writes the number of a document."""
    return Replace(("a",), value)


def b(value: str) -> Op:
    """Writes the text of a document."""
    return Replace(("b",), value)


def write(
    seq: int,
    name: str,
    change: Change,
    *,
    temporary: bool = False,
    ticket: int | None = None,
    key: str | None = None,
    optimistic: bool = True,
    **where: str,
) -> Dispatch:
    """Dispatch one write; ``where``: scope, origin, action, label."""
    event = Write(row(name), change, temporary)
    return Dispatch(event, (ClientSeq(seq),), _context(where), key, optimistic, ticket)


def patches(seqs: tuple[int, ...], resource: str, *ops: Op) -> Dispatch:
    """Dispatch a patch over rows of a resource."""
    event = Patches(Resource(resource), ops)
    return Dispatch(event, tuple(map(ClientSeq, seqs)))


def _context(where: dict[str, str]) -> Context:
    action, label = where.get("action"), where.get("label")
    origin, scope = where.get("origin", "user"), where.get("scope", "default")
    return Context(scope, origin, action, label)


def made(name: str, value: str) -> Op:
    """In a patch over rows: make one."""
    return Add((name,), doc(value))


def gone(name: str) -> Op:
    """In a patch over rows: delete one."""
    return Remove((name,))


def put(name: str, op: Op) -> Op:
    """In a patch over rows: write a member of one."""
    assert isinstance(op, Replace)
    return Replace((name, *op.path), op.value)


def written(
    version: int | None = None,
    at: int | None = None,
    value: str | None = None,
    **named: str,
) -> Written:
    """Accepted; ``at`` a position, with the row ``value`` ("": there is none), and ids."""
    seen = None if value is None else Row(ABSENT if value == "" else doc(value))
    return Written(_version(version), None if at is None else ServerSeq(at), _ids(named), seen)


def _version(given: int | None) -> Version | None:
    return None if given is None else Version(given)


def _ids(named: dict[str, str]) -> Ids:
    return tuple(sorted(named.items()))


def result(entry: str, outcome: Written | Refused | Unknown) -> WriteEntryResult:
    """What became of an entry."""
    return WriteEntryResult(EntryId(entry), outcome)


def answered(handle: int, *results: WriteEntryResult, epoch: int | None = None) -> Persisted:
    """The backend answered a request."""
    return Persisted(handle, Confirmed(results, None if epoch is None else Epoch(epoch)))


def stored(handle: int, *entries: str) -> Persisted:
    """These entries of a request are stored."""
    return Persisted(handle, Enqueued(tuple(map(EntryId, entries))))


def failed(handle: int) -> Persisted:
    """A request was not executed."""
    return Persisted(handle, Failed("failed"))


def silent(handle: int) -> Persisted:
    """Nobody knows what became of a request."""
    return Persisted(handle, NoAnswer())


def decided(entry: str, verdict: Written | Refused | InDoubt, epoch: int | None = None) -> Decided:
    """A verdict that came by itself."""
    return Decided(EntryId(entry), verdict, None if epoch is None else Epoch(epoch))


def label_of(seq: int, version: int | None = None, client: str = ME, **named: str) -> Label:
    """A write that a delta settles."""
    return Label(ClientId(client), ClientSeq(seq), _version(version), _ids(named))


def changes(**made_: Change) -> Changes:
    """Changes of rows of the resource ``r``."""
    return changes_of({atom_of(row(f"r/{name}")): change for name, change in made_.items()})


def delta(at: int, made_: Changes, *labels: Label, epoch: int = 1) -> Delta:
    """The documents move on."""
    return Delta(Epoch(epoch), ServerSeq(at), None, made_, labels)


def snapshot(
    at: int,
    rows: dict[str, str],
    *outcomes: tuple[int, Accepted | Refused],
    epoch: int = 1,
    known: bool = True,
    versions: dict[str, int] | None = None,
) -> Snapshot:
    """All documents of the resource ``r`` anew."""
    found = Obj({str(atom_of(row(f"r/{name}"))): doc(value) for name, value in rows.items()})
    stamps = tuple((atom_of(row(f"r/{n}")), Version(v)) for n, v in (versions or {}).items())
    told = tuple(Outcome(ClientSeq(seq), verdict) for seq, verdict in outcomes)
    return Snapshot(Epoch(epoch), ServerSeq(at), found, told, known, stamps)


def accepted(at: int, version: int | None = None, **named: str) -> Accepted:
    """An outcome: accepted at a position."""
    return Accepted(ServerSeq(at), _version(version), _ids(named))


def read(name: str, value: str, version: int | None = None) -> FetchedRow:
    """A row as it was read; "": there is none."""
    return FetchedRow(row(name), Row(doc(value) if value else ABSENT), _version(version))


def fetched(*rows: FetchedRow) -> Fetched:
    """Rows were read."""
    return Fetched(rows)


def hydrate(*rows: FetchedRow) -> Hydrate:
    """Rows from a cache."""
    return Hydrate(rows)


def wait(
    number: int, ticket: int, timeout: int | None = None, optimistic: bool = False, ok: bool = False
) -> Await:
    """Somebody waits; ``ok``: to be enqueued is enough at the end."""
    until = None if timeout is None else Millis(timeout)
    ends = OnTimeout.RESOLVE_ENQUEUED if ok else OnTimeout.REJECT
    return Await(number, ticket, Mode.OPTIMISTIC if optimistic else Mode.STRICT, until, ends)


def undo(*seqs: int, scope: str = "default") -> Revert:
    """Take the last unit back."""
    return Revert(Direction.UNDO, tuple(map(ClientSeq, seqs)), scope)


def redo(*seqs: int, scope: str = "default") -> Revert:
    """Take the last undo back."""
    return Revert(Direction.REDO, tuple(map(ClientSeq, seqs)), scope)


def change_word(change: Change) -> str:
    """A change in short."""
    match change:
        case Create(value):
            return f"create {doc_word(value)}"
        case Update(patch):
            return f"update{patch_word(patch)}"
        case Upsert(value, patch):
            return f"upsert {doc_word(value)}{patch_word(patch or ())}"
        case Delete():
            return "delete"
        case _:
            assert_never(change)


def patch_word(patch: tuple[Op, ...]) -> str:
    """A patch in short."""
    return "".join(f" {'/'.join(op.path)}{_value(op)}" for op in patch)


def _value(op: Op) -> str:
    return f"={doc_word(op.value)}" if isinstance(op, Add | Replace) else "-"


def doc_word(value: object) -> str:
    """A document, or a member of one, in short."""
    if not isinstance(value, Obj):
        return "none" if value is ABSENT else str(value)
    return f"{value['a']}:{value['b']}" if value["b"] else f"{value['a']}"
