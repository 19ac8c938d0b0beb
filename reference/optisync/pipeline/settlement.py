"""What became of a write: accepted and shown until covered, refused alone, or in doubt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final, assert_never

from optisync.contracts.entry import (
    Entity,
    EntryId,
    Row,
    Stamp,
    Unknown,
    WriteEntryResult,
    Written,
    atom_of,
)
from optisync.contracts.messages import Ids, Refused
from optisync.errors import ChangeInapplicable
from optisync.pipeline.documents import put_row
from optisync.pipeline.effects import DiagCode, Resync, Stale
from optisync.pipeline.history import left_out, recorded_inverse
from optisync.pipeline.inputs import (
    Confirmed,
    Decided,
    Enqueued,
    Failed,
    InDoubt,
    NoAnswer,
    Persisted,
)
from optisync.pipeline.pending import Accepted, Mutation, Place
from optisync.pipeline.state import made_upon, renamed
from optisync.pipeline.turn import Turn, entry_id_of
from optisync.values import MAX_INT, AtomKey, ClientSeq, Epoch, ServerSeq, Version
from optisync.view import (
    ABSENT,
    Create,
    Delete,
    Docs,
    Update,
    Upsert,
    apply_change,
    apply_changes,
)

LONGEST: Final = len(str(MAX_INT))


def persisted(turn: Turn, given: Persisted) -> Turn:
    """The answer of persistence to one request; a second one has no effect. [answer-once]"""
    seqs = turn.state.handed.get(given.handle)
    if seqs is None:
        return turn
    handed = turn.state.handed.remove(given.handle)
    turn = replace(turn, state=replace(turn.state, handed=handed))
    asked = {entry_id_of(turn.config, seq): seq for seq in seqs}
    match given.outcome:
        case Confirmed(results, epoch):
            return _answered(_ahead(turn, epoch), asked, results, epoch)
        case Enqueued(entry_ids):
            turn = _unasked(turn, asked, entry_ids)
            stored = set(entry_ids)
            for entry_id, seq in asked.items():
                turn = _moved(turn, seq, Place.ENQUEUED if entry_id in stored else Place.UNKNOWN)
            return turn
        case Failed(code):  # [failed-removes-its-own]
            for seq in asked.values():
                turn = decide(turn, seq, Refused(code))
            return turn
        case NoAnswer():
            for seq in asked.values():
                turn = _moved(turn, seq, Place.UNKNOWN)
            return turn
        case _:
            assert_never(given.outcome)


def _answered(
    turn: Turn,
    asked: dict[EntryId, ClientSeq],
    results: tuple[WriteEntryResult, ...],
    epoch: Epoch | None,
) -> Turn:
    """Each entry by its own result, whatever their order. [results-by-entry-id]"""
    turn = _unasked(turn, asked, tuple(result.entry_id for result in results))
    for entry_id, seq in asked.items():
        said = [result.outcome for result in results if result.entry_id == entry_id]
        agreed = said[0] if said and all(other == said[0] for other in said) else Unknown()
        turn = decide(turn, seq, agreed, epoch)
    return turn


def decided(turn: Turn, given: Decided) -> Turn:
    """A verdict that came by itself. About a write that is not pending it says nothing new."""
    _, _, number = given.entry_id.rpartition("/")
    seq = ClientSeq(int(number)) if number.isdecimal() and len(number) <= LONGEST else None
    if seq is None or entry_id_of(turn.config, seq) != given.entry_id:
        return turn.diagnosed(DiagCode.NOT_ASKED, given.entry_id)
    return decide(_ahead(turn, given.epoch), seq, given.verdict, given.epoch)


def _ahead(turn: Turn, epoch: Epoch | None) -> Turn:
    """An answer of a higher epoch says that the documents are behind. [verdict-of-other-epoch]"""
    ahead = epoch is not None and epoch > turn.state.epoch
    return turn.with_effect(Resync()) if ahead else turn


def decide(
    turn: Turn,
    seq: ClientSeq,
    verdict: Written | Refused | Unknown | InDoubt,
    epoch: Epoch | None = None,
) -> Turn:
    """One verdict, given in an epoch, about one write."""
    mutation = turn.state.pending.get(seq)
    if mutation is None:
        return turn
    entry_id = entry_id_of(turn.config, seq)
    if mutation.status is Place.WAITING:  # [verdict-of-unsent-ignored]
        return turn.diagnosed(DiagCode.NOT_SENT, entry_id)
    if epoch is not None and epoch != turn.state.epoch:  # [verdict-of-other-epoch]
        return _moved(turn, seq, Place.UNKNOWN)
    accepted = isinstance(mutation.status, Accepted)
    match verdict:
        case Unknown():
            return _moved(turn, seq, Place.UNKNOWN)
        case Written() if not accepted:
            return accept(turn, mutation, verdict)
        case Written(server_seq=server_seq):
            status = mutation.status
            same = isinstance(status, Accepted) and status.server_seq == server_seq
            return turn if same else turn.diagnosed(DiagCode.CONTRADICTORY_VERDICT, entry_id)
        case Refused() | InDoubt() if accepted:  # [verdict-stands]
            return turn.diagnosed(DiagCode.CONTRADICTORY_VERDICT, entry_id)
        case Refused(code):
            return refuse(turn, mutation, code)
        case InDoubt():
            return lose(turn, mutation)
        case _:
            assert_never(verdict)


def accept(turn: Turn, mutation: Mutation, written: Written) -> Turn:
    """The server has it: its verdict is told, and it is shown until the documents have it."""
    before = turn.state.docs
    turn = accepted_at(turn, mutation.seq, written.server_seq, written.version, written.ids)
    mutation = turn.state.pending.members[mutation.seq]
    turn = covered(turn, None)
    if written.server_seq is not None or turn.state.pending.get(mutation.seq) is None:
        return turn
    entity, maker = mutation.write.entity, turn.state.pending.making(mutation.write.entity.id)
    if maker is not None:  # the row has a name that is not its own yet: read it when it has
        return turn
    # [writeback-is-a-delta]
    row = _row_after(turn, mutation) if written.row is None else written.row
    unversioned = written.version is None and atom_of(entity) in turn.state.versions
    if row is None or unversioned:  # [row-from-exact-base]
        return turn.with_effect(Stale(entity))
    state = put_row(turn.state, entity, row, written.version)
    taken = state is not turn.state  # if not, a newer one is there
    return covered(replace(turn, state=state), before if taken else None, entity, mutation.seq)


def covered(
    turn: Turn, before: Docs | None, read: Entity | None = None, upto: ClientSeq | None = None
) -> Turn:
    """Accepted writes that the documents hold now are retired. [accepted-until-covered]

    They hold one if they have reached its position, or its row has reached its version; one
    without either if its entity was `read`, or left by the write `upto` or an earlier one.
    """
    state, found = turn.state, list[Mutation]()
    for seq in sorted(state.pending.accepted):
        mutation = state.pending.members[seq]
        entity = mutation.write.entity
        match mutation.status:
            case Accepted(None, None):
                held = entity == read and (upto is None or seq <= upto)
            case Accepted(None, version) if version is not None:
                known = state.versions.get(atom_of(entity))
                held = known is not None and known >= Stamp(state.epoch, version)
            case Accepted(server_seq) if server_seq is not None:
                held = server_seq <= state.server_seq
            case _:
                held = False
        found += [mutation] if held else []
    return retire(turn, found, before)


def _row_after(turn: Turn, mutation: Mutation) -> Row | None:
    """The row that a write has left at the server, as far as it can be known without an answer.

    From a change that leaves the same whatever was there, or from the document if it has the
    version that the write was made on, and lacks no earlier own write.
    """
    change, atom = mutation.write.change, atom_of(mutation.write.entity)
    match change:
        case Create(value) | Upsert(value, None):
            return Row(value)
        case Delete():
            return Row(ABSENT)
        case Update() | Upsert():
            own = turn.state.pending.of(mutation.write.entity)[0].seq < mutation.seq
            known = turn.state.versions.get(atom)
            if own or atom in turn.state.doubted or known is None or known != mutation.base:
                return None
    try:
        return Row(apply_change(atom, turn.state.docs.get(atom, ABSENT), change))
    except ChangeInapplicable:
        return None


def accepted_at(
    turn: Turn, seq: ClientSeq, at: ServerSeq | None, version: Version | None, ids: Ids
) -> Turn:
    """What any acceptance says: names, a verdict, and the version for what was planned upon it.

    One with a position and no version has that of an earlier acceptance at this position, or the
    position for a version.
    """
    final = at is None or at <= turn.state.server_seq
    turn = _named(turn, seq, ids, final)
    mutation = turn.state.pending.members[seq]
    if version is None and at is not None:
        match mutation.status:
            case Accepted(there, known) if there == at:
                version = known
            case _:
                version = Version(at)
    if version is not None:  # [base-raised-by-own-only]
        stamp = Stamp(turn.state.epoch, version)
        for later in turn.state.pending.of(mutation.write.entity):
            if later.seq > seq and made_upon(later.base, mutation):
                turn = turn.put(replace(later, base=stamp))
    return _verdict(turn, mutation).put(replace(mutation, status=Accepted(at, version)))


def retire(turn: Turn, mutations: Iterable[Mutation], before: Docs | None) -> Turn:
    """The documents hold them: their overlays go in the same step. `before`: what they were.

    None: they held them already, and nobody knows what they were before. Of several writes, each
    was made on what the ones before it had left. [inverse-afresh]
    """
    lost = set[AtomKey]()
    for mutation in mutations:
        atom = atom_of(mutation.write.entity)
        turn = recorded_inverse(turn, mutation, None if atom in lost else before).drop(mutation)
        try:
            change = ((atom, mutation.write.change),)
            before = None if before is None else apply_changes(before, change)
        except ChangeInapplicable:
            lost.add(atom)
    return turn


def refuse(turn: Turn, mutation: Mutation, code: str) -> Turn:
    """Remove exactly this write, and what was made from it and not sent. [exact-rollback]"""
    turn = _verdict(left_out(turn, mutation.seq), mutation, code)
    return _orphaned(turn.drop(mutation), mutation)


def lose(turn: Turn, mutation: Mutation) -> Turn:
    """Nobody will know whether it was executed."""
    turn = _verdict(left_out(turn, mutation.seq), mutation, doubt=True)
    doubted = turn.state.doubted.insert(atom_of(mutation.write.entity))  # [row-from-exact-base]
    turn = replace(turn, state=replace(turn.state, doubted=doubted))
    return _orphaned(turn.drop(mutation), mutation)


def _orphaned(turn: Turn, mutation: Mutation) -> Turn:
    """What was made from a write that came to nothing, and from that. [child-of-rejected]"""
    gone = [mutation]
    while gone:
        parent = gone.pop()
        if parent.write.temporary:
            aliases = turn.state.aliases.insert(parent.write.entity.id, None)
            turn = replace(turn, state=replace(turn.state, aliases=aliases))
        for child in turn.state.pending.depending_on(parent.seq):
            if child.status is Place.WAITING:
                turn = _verdict(left_out(turn, child.seq), child, "parent-rejected").drop(child)
                gone.append(child)
    return turn


def _named(turn: Turn, seq: ClientSeq, ids: Ids, final: bool) -> Turn:
    """Everything pending goes by the server's ids from now on. [ids-in-view]

    `final`: one that has no id yet gets none any more, and keeps the client's.
    """
    for temporary, real in ids:
        before = turn.state.aliases.get(temporary)
        aliases = turn.state.aliases.insert(temporary, real)
        maker = turn.state.pending.making(temporary)
        turn = replace(turn, state=replace(turn.state, aliases=aliases))
        turn = turn if maker is None else _renamed(turn, maker, {temporary: real})
        if before is not None and before != real:  # in another epoch it had another id
            for other in turn.state.pending:
                turn = turn.put(replace(other, write=renamed(other.write, {before: real})))
    made = turn.state.pending.members[seq]
    return _renamed(turn, made, {}) if made.write.temporary and final else turn


def _renamed(turn: Turn, maker: Mutation, names: Mapping[str, str]) -> Turn:
    """The id of a row is known: what is pending has it, what was accepted under none is read."""
    made = replace(renamed(maker.write, names), temporary=False)
    children = turn.state.pending.depending_on(maker.seq)
    turn = turn.put(replace(maker, write=made))
    for child in children:
        write = renamed(child.write, names)
        turn = turn.put(replace(child, write=write))
        unread = isinstance(child.status, Accepted) and child.status.server_seq is None
        if unread and write.entity == made.entity:
            turn = turn.with_effect(Stale(write.entity))
    return turn


def _moved(turn: Turn, seq: ClientSeq, place: Place) -> Turn:
    """A write that persistence had is somewhere else now; nothing goes back. [unknown-keeps]"""
    mutation = turn.state.pending.get(seq)
    if mutation is None or mutation.status is not Place.PERSISTING:
        return turn
    return turn.put(replace(mutation, status=place))


def _unasked(turn: Turn, asked: dict[EntryId, ClientSeq], named: tuple[EntryId, ...]) -> Turn:
    for entry_id in dict.fromkeys(named):
        if entry_id not in asked:
            turn = turn.diagnosed(DiagCode.NOT_ASKED, entry_id)
    return turn


def _verdict(
    turn: Turn, mutation: Mutation, refused: str | None = None, doubt: bool = False
) -> Turn:
    """The ticket learns the verdict of one of its writes, once. [verdict-once]"""
    ticket = turn.state.tickets.get(mutation.ticket)
    if ticket is None or mutation.seq not in ticket.undecided:
        return turn
    left = tuple(seq for seq in ticket.undecided if seq != mutation.seq)
    refusal = ticket.refused
    if refused is not None and (refusal is None or mutation.seq < refusal[0]):
        refusal = mutation.seq, refused
    ticket = replace(ticket, undecided=left, refused=refusal, doubt=ticket.doubt or doubt)
    tickets = turn.state.tickets.insert(mutation.ticket, ticket)
    state = replace(turn.state, tickets=tickets)
    return replace(turn, state=state, touched=turn.touched | {mutation.ticket})
