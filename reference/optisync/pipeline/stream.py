"""Documents from the server's stream: deltas and snapshots, and what they settle."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from rpds import HashTrieMap, HashTrieSet

from optisync.contracts.entry import Stamp, atom_of
from optisync.contracts.messages import Accepted as AcceptedAt
from optisync.contracts.messages import Delta, Label, Outcome, Refused, Snapshot
from optisync.pipeline.documents import put_row, without_hydrated
from optisync.pipeline.effects import DiagCode
from optisync.pipeline.errors import EpochAhead
from optisync.pipeline.inputs import Fetched, Hydrate
from optisync.pipeline.pending import Accepted, Mutation, Place
from optisync.pipeline.settlement import accepted_at, covered, lose, refuse, retire
from optisync.pipeline.state import known_entity
from optisync.pipeline.turn import Turn, entry_id_of
from optisync.values import Version
from optisync.view import apply_changes


def delta_applied(turn: Turn, delta: Delta) -> Turn:
    """Take a delta in, and settle what it names, in one step. [delta-settles]"""
    state = turn.state
    if delta.epoch > state.epoch:
        raise EpochAhead(delta.epoch)  # [delta-of-its-epoch]
    if delta.epoch < state.epoch:  # [delta-of-its-epoch]
        return turn
    fresh = delta.server_seq > state.server_seq
    if fresh:
        state = without_hydrated(state, (atom for atom, _ in delta.changes))  # [hydrate-fills]
        stamp = Stamp(delta.epoch, Version(delta.server_seq))
        versions, doubted = state.versions, state.doubted
        for atom, _ in delta.changes:
            versions, doubted = versions.insert(atom, stamp), doubted.discard(atom)
        docs, at = apply_changes(state.docs, delta.changes), delta.server_seq
        moved = replace(state, docs=docs, versions=versions, server_seq=at, doubted=doubted)
        turn = replace(turn, state=moved)
    for label in delta.settles:
        if label.client == turn.config.client:
            turn = _labelled(turn, delta, label)
    for seq in sorted(turn.state.pending.accepted) if fresh else ():
        turn = _with_version(turn, turn.state.pending.members[seq], delta)
    return covered(turn, state.docs if fresh else None)


def _labelled(turn: Turn, delta: Delta, label: Label) -> Turn:
    mutation = turn.state.pending.get(label.seq)
    if mutation is None:
        return turn
    if mutation.status is Place.WAITING:  # [verdict-of-unsent-ignored]
        return turn.diagnosed(DiagCode.NOT_SENT, entry_id_of(turn.config, label.seq))
    return accepted_at(turn, label.seq, delta.server_seq, label.version, label.ids)


def _with_version(turn: Turn, mutation: Mutation, delta: Delta) -> Turn:
    """The version that the acceptance of a write gave is the document's at that position."""
    atom, status = atom_of(mutation.write.entity), mutation.status
    if not isinstance(status, Accepted) or status.version is None:
        return turn
    if status.server_seq != delta.server_seq or atom not in dict(delta.changes):
        return turn
    versions = turn.state.versions.insert(atom, Stamp(delta.epoch, status.version))
    return replace(turn, state=replace(turn.state, versions=versions))


def snapshot_applied(turn: Turn, snapshot: Snapshot) -> Turn:
    """All documents anew, and the outcomes of this client's writes. [snapshot-settles]"""
    state = turn.state
    if (snapshot.epoch, snapshot.server_seq) < (state.epoch, state.server_seq):
        return turn
    reborn = snapshot.epoch > state.epoch
    stamped = ((atom, Stamp(snapshot.epoch, version)) for atom, version in snapshot.versions)
    moved = replace(
        state,
        docs=snapshot.docs,
        epoch=snapshot.epoch,
        server_seq=snapshot.server_seq,
        versions=HashTrieMap(stamped),
        hydrated=HashTrieSet(),
        doubted=HashTrieSet(),
        loaded=True,
    )
    turn = replace(turn, state=moved, changed=True)
    outcomes = {outcome.seq: outcome for outcome in snapshot.outcomes}
    for mutation in state.pending:
        known, outcome = turn.state.pending.get(mutation.seq), outcomes.get(mutation.seq)
        if known is not None:
            turn = _outcome(turn, known, outcome, reborn and not snapshot.client_known, reborn)
    accepted = (turn.state.pending.members[seq] for seq in sorted(turn.state.pending.accepted))
    held = [] if reborn else [m for m in accepted if _at(m) <= state.server_seq]
    return covered(retire(turn, held, None), state.docs)


def _at(mutation: Mutation) -> float:
    """The position of an accepted write."""
    at = mutation.status.server_seq if isinstance(mutation.status, Accepted) else None
    return inf if at is None else at


def _outcome(
    turn: Turn, mutation: Mutation, outcome: Outcome | None, forgotten: bool, reborn: bool
) -> Turn:
    if mutation.status is Place.WAITING:  # [verdict-of-unsent-ignored]
        entry_id = entry_id_of(turn.config, mutation.seq)
        return turn if outcome is None else turn.diagnosed(DiagCode.NOT_SENT, entry_id)
    if reborn and isinstance(mutation.status, Accepted):  # [dead-epoch-ack-unknown]
        mutation = replace(mutation, status=Place.UNKNOWN)
        turn = turn.put(mutation)
    match None if outcome is None else outcome.verdict:
        case AcceptedAt(server_seq, version, ids):
            return accepted_at(turn, mutation.seq, server_seq, version, ids)
        case Refused() if isinstance(mutation.status, Accepted):  # [verdict-stands]
            entry_id = entry_id_of(turn.config, mutation.seq)
            return turn.diagnosed(DiagCode.CONTRADICTORY_VERDICT, entry_id)
        case Refused(code):
            return refuse(turn, mutation, code)
        case None if forgotten and mutation.status is Place.UNKNOWN:
            return lose(turn, mutation)  # [forgotten-in-doubt]
        case None:
            return turn


def fetched(turn: Turn, given: Fetched) -> Turn:
    """Rows that were read, from a backend without a stream; a stale one has no effect."""
    before = turn.state.docs
    for read in given.rows:
        entity = known_entity(turn.state, read.entity)
        if turn.state.pending.making(entity.id) is not None:  # [ids-in-view]
            continue
        turn = replace(turn, state=put_row(turn.state, entity, read.row, read.version))
        turn = covered(turn, before, entity)
    return turn


def hydrate(turn: Turn, given: Hydrate) -> Turn:
    """Fill what is absent and was never deleted, until a snapshot comes. [hydrate-fills]"""
    if turn.state.loaded:
        return turn
    for read in given.rows:
        entity = known_entity(turn.state, read.entity)
        atom = atom_of(entity)
        made = turn.state.pending.making(entity.id) is not None
        if not made and atom not in turn.state.docs and atom not in turn.state.versions:
            filled = put_row(turn.state, entity, read.row, read.version)
            hydrated, doubted = filled.hydrated.insert(atom), turn.state.doubted
            filled = replace(filled, hydrated=hydrated, doubted=doubted)
            turn = covered(replace(turn, state=filled), turn.state.docs)
    return turn
