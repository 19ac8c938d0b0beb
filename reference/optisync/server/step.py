"""The rules of the authority: requests in, messages to one client or to all of them out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias, assert_never

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
from optisync.errors import ChangeInapplicable, OptisyncError
from optisync.machine import Step
from optisync.server.state import (
    Commit,
    Decided,
    Server,
    decided,
    docs_at,
    documents,
    floor_of,
    head,
    version_of,
    with_floor,
)
from optisync.values import AtomKey, ClientId, ClientSeq, Epoch, ServerSeq, Version
from optisync.view import Changes, apply_changes


@dataclass(frozen=True, slots=True)
class Base:
    """The version a client saw of a document. Numbers come again after a restore, epochs do not."""

    atom: AtomKey
    epoch: Epoch
    version: Version


@dataclass(frozen=True, slots=True)
class Submit:
    """A client's mutation. `bases`: the version each document must still have, where given.

    `floor`: the lowest number whose outcome the client may still ask for.
    """

    client: ClientId
    epoch: Epoch
    seq: ClientSeq
    changes: Changes
    bases: tuple[Base, ...] = ()
    floor: ClientSeq = ClientSeq(1)


@dataclass(frozen=True, slots=True)
class Pull:
    """A client asks for the deltas in (after, upto]."""

    client: ClientId
    epoch: Epoch
    after: ServerSeq
    upto: ServerSeq


@dataclass(frozen=True, slots=True)
class Fetch:
    """A client asks for a snapshot with the outcomes of its mutations from `floor` on."""

    client: ClientId
    floor: ClientSeq = ClientSeq(1)


@dataclass(frozen=True, slots=True)
class Beat:
    """Time to repeat the head of the stream."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another stream of the same total order takes the next number."""


@dataclass(frozen=True, slots=True)
class Restore:
    """The server is restored from a backup taken at `upto`; its epoch goes up."""

    upto: ServerSeq


@dataclass(frozen=True, slots=True)
class Forget:
    """The server loses its memory of a client's outcomes.

    It begins a new epoch: what the client sent before is not executed when it arrives again.
    """

    client: ClientId


@dataclass(frozen=True, slots=True)
class Compact:
    """History up to and including `upto` is dropped; who needs it gets a snapshot."""

    upto: ServerSeq


Input: TypeAlias = Submit | Pull | Fetch | Beat | Elsewhere | Restore | Forget | Compact


@dataclass(frozen=True, slots=True)
class Send:
    """Send to one client."""

    to: ClientId
    message: Message


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Send to every client of the stream."""

    message: Message


Effect: TypeAlias = Send | Broadcast


@dataclass(unsafe_hash=True)
class EpochChanged(OptisyncError):
    """The request speaks of another epoch and is not executed; the client must resync."""

    code: ClassVar[str] = "epoch-changed"
    current: Epoch

    def __str__(self) -> str:
        return f"the server is in epoch {self.current}"


@dataclass(unsafe_hash=True)
class TooOld(OptisyncError):
    """The mutation is below the floor its client declared; it is not executed."""

    code: ClassVar[str] = "too-old"
    floor: ClientSeq

    def __str__(self) -> str:
        return f"outcomes below mutation {self.floor} were given up by the client"


@dataclass(unsafe_hash=True)
class NoSuchPosition(OptisyncError):
    """The position is not one this server still has."""

    code: ClassVar[str] = "no-such-position"
    oldest: ServerSeq
    newest: ServerSeq

    def __str__(self) -> str:
        return f"positions from {self.oldest} to {self.newest} can be named"


def step(server: Server, given: Input) -> Step[Server, Effect]:
    """The next state and the messages to send, in order; or the same state and one error."""
    # GUARD
    try:
        _guard(server, given)
    except OptisyncError as refusal:
        return Step(server, (), refusal)
    # TRANSITION and EFFECTS
    match given:
        case Submit(client):  # who speaks of this epoch has been told
            server = replace(server, forgotten=server.forgotten - {client})
            return _submit(with_floor(server, client, given.floor), given)
        case Pull():
            return _pull(server, given)
        case Fetch(client, floor):
            server = with_floor(server, client, floor)
            return Step(server, (Send(client, snapshot(server, client)),))
        case Beat():  # [head-repeated]
            return Step(server, (Broadcast(Head(server.epoch, head(server))),))
        case Elsewhere():
            return Step(replace(server, newest=ServerSeq(server.newest + 1)))
        case Restore(upto):
            return Step(_restored(server, upto))
        case Forget(client):
            return Step(_forgotten(server, client))
        case Compact(upto):
            return Step(_compacted(server, upto))
        case _:
            assert_never(given)


def _guard(server: Server, given: Input) -> None:
    match given:
        case Submit(epoch=epoch) | Pull(epoch=epoch) if epoch != server.epoch:
            raise EpochChanged(server.epoch)  # [request-epoch]
        case Submit(client=client, seq=seq, floor=floor):
            lowest = max(floor, floor_of(server, client))
            if seq < lowest:
                raise TooOld(lowest)  # [below-floor-refused]
        case Restore(upto) | Compact(upto) if not server.base_seq <= upto <= head(server):
            raise NoSuchPosition(server.base_seq, head(server))
        case _:
            pass


def _submit(server: Server, given: Submit) -> Step[Server, Effect]:
    known = decided(server, given.client, given.seq)
    if known is not None:  # [submit-once]: the stored verdict, no second effect
        return Step(server, (Send(given.client, _verdict(server, known)),))
    refusal = _refusal(server, given)
    seq = ServerSeq(server.newest + 1)  # [one-total-order]
    if refusal is not None:  # [rejected-is-definite]
        row = Decided(given.client, given.seq, server.newest, Refused(refusal))
        server = replace(server, table=(*server.table, row))
        return Step(server, (Send(given.client, _verdict(server, row)),))
    # [every-accepted-mutation-is-covered]: also when it changes nothing
    label = Label(given.client, given.seq, Version(seq))
    commit = Commit(seq, head(server), given.changes, label)
    row = Decided(given.client, given.seq, seq, Accepted(seq, Version(seq)))
    server = replace(server, newest=seq, log=(*server.log, commit), table=(*server.table, row))
    verdict = Send(given.client, _verdict(server, row))
    return Step(server, (verdict, Broadcast(_delta(server, commit))))


def _refusal(server: Server, given: Submit) -> str | None:
    # [compare-and-set]
    current = (Base(b.atom, server.epoch, version_of(server, b.atom)) for b in given.bases)
    if tuple(current) != given.bases:
        return "conflict"
    try:
        apply_changes(documents(server), given.changes)
    except ChangeInapplicable as error:
        return error.code
    return None


def _verdict(server: Server, row: Decided) -> Message:
    match row.verdict:
        case Accepted(server_seq, version, ids):
            return Ack(server.epoch, row.seq, server_seq, version, ids)
        case Refused(code):
            return Reject(server.epoch, row.seq, code)
        case _:
            assert_never(row.verdict)


def _delta(server: Server, commit: Commit) -> Delta:
    return Delta(server.epoch, commit.server_seq, commit.prev, commit.changes, (commit.label,))


def _pull(server: Server, given: Pull) -> Step[Server, Effect]:
    if given.after < server.base_seq:  # [too-old-pull-gets-snapshot]
        return Step(server, (Send(given.client, snapshot(server, given.client)),))
    found = (c for c in server.log if given.after < c.server_seq <= given.upto)
    return Step(server, tuple(Send(given.client, _delta(server, c)) for c in found))


def snapshot(server: Server, client: ClientId) -> Snapshot:
    """The documents now, and the outcomes of the client's mutations. [snapshot-has-outcomes]"""
    outcomes = tuple(Outcome(r.seq, r.verdict) for r in server.table if r.client == client)
    known = client not in server.forgotten
    docs = documents(server)
    versions = tuple((AtomKey(atom), version_of(server, AtomKey(atom))) for atom in docs)
    return Snapshot(server.epoch, head(server), docs, outcomes, known, versions)


def _forgotten(server: Server, client: ClientId) -> Server:
    # [forgotten-client-new-epoch]
    return replace(
        server,
        epoch=Epoch(server.epoch + 1),
        table=tuple(row for row in server.table if row.client != client),
        forgotten=server.forgotten | {client},
    )


def _restored(server: Server, upto: ServerSeq) -> Server:
    # [table-restored-with-documents]
    log = tuple(c for c in server.log if c.server_seq <= upto)
    newest = log[-1].server_seq if log else server.base_seq
    return replace(
        server,
        epoch=Epoch(server.epoch + 1),
        newest=newest,
        log=log,
        table=tuple(row for row in server.table if row.at <= newest),
    )


def _compacted(server: Server, upto: ServerSeq) -> Server:
    gone = [c for c in server.log if c.server_seq <= upto]
    if not gone:
        return server
    versions = dict(server.base_versions)
    for commit in gone:
        versions |= {atom: Version(commit.server_seq) for atom, _ in commit.changes}
    at = gone[-1].server_seq
    return replace(
        server,
        base=docs_at(server, at),
        base_seq=at,
        base_versions=tuple(sorted(versions.items())),
        log=server.log[len(gone) :],
    )
