"""What the authority knows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from optisync.contracts.messages import Accepted, Label, Refused
from optisync.values import AtomKey, ClientId, ClientSeq, Epoch, Obj, ServerSeq, Version
from optisync.view import Changes, Docs, apply_changes


@dataclass(frozen=True, slots=True)
class Commit:
    """An accepted mutation in its place: the delta that every client of the stream receives."""

    server_seq: ServerSeq
    prev: ServerSeq
    changes: Changes
    label: Label


@dataclass(frozen=True, slots=True)
class Decided:
    """A row of the idempotency table: the one verdict of a mutation, and when it was given."""

    client: ClientId
    seq: ClientSeq
    at: ServerSeq
    verdict: Accepted | Refused


@dataclass(frozen=True, slots=True)
class Floor:
    """The lowest number whose outcome a client may still ask for."""

    client: ClientId
    seq: ClientSeq


@dataclass(frozen=True, slots=True)
class Server:
    """The whole state.

    `base` are the documents before the first commit of `log`, at position `base_seq`, with the
    versions of those that were touched before; the current documents are their fold. `newest` is
    the last number given out, on this stream or another. `table` is in order of decision.
    `forgotten`: clients whose outcomes were lost.
    """

    epoch: Epoch
    base: Docs
    base_seq: ServerSeq = ServerSeq(0)
    base_versions: tuple[tuple[AtomKey, Version], ...] = ()
    newest: ServerSeq = ServerSeq(0)
    log: tuple[Commit, ...] = ()
    table: tuple[Decided, ...] = ()
    floors: tuple[Floor, ...] = ()
    forgotten: frozenset[ClientId] = frozenset()


def head(server: Server) -> ServerSeq:
    """The last position of this stream."""
    return server.log[-1].server_seq if server.log else server.base_seq


def docs_at(server: Server, upto: ServerSeq) -> Docs:
    """The documents at a position of this stream, from `base_seq` on."""
    docs = server.base
    for commit in server.log:
        if commit.server_seq <= upto:
            docs = apply_changes(docs, commit.changes)
    return docs


def documents(server: Server) -> Docs:
    """The current documents."""
    return docs_at(server, head(server))


def version_of(server: Server, atom: AtomKey) -> Version:
    """The version of a document: the server_seq of the last commit that touched it.

    Numbers of one total order are never reused, so neither are versions, also after a delete.
    """
    touched = (Version(c.server_seq) for c in reversed(server.log) if atom in dict(c.changes))
    return next(touched, dict(server.base_versions).get(atom, Version(0)))


def decided(server: Server, client: ClientId, seq: ClientSeq) -> Decided | None:
    """The row of a mutation in the idempotency table."""
    rows = (row for row in server.table if (row.client, row.seq) == (client, seq))
    return next(rows, None)


def floor_of(server: Server, client: ClientId) -> ClientSeq:
    """The floor a client declared; 1 before it declared any."""
    return next((f.seq for f in server.floors if f.client == client), ClientSeq(1))


def with_floor(server: Server, client: ClientId, seq: ClientSeq) -> Server:
    """The state after a client declared a floor; it never goes back."""
    if seq <= floor_of(server, client):
        return server
    floors = tuple(f for f in server.floors if f.client != client)
    table = tuple(row for row in server.table if row.client != client or row.seq >= seq)
    return replace(server, floors=(*floors, Floor(client, seq)), table=table)


def start(epoch: Epoch = Epoch(1), docs: Docs | None = None) -> Server:
    """A server with its first documents and no history."""
    return Server(epoch, Obj() if docs is None else docs)
