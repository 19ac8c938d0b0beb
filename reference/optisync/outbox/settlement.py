"""Settlement: what the server says about a write, whoever holds it, and what follows for others."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from optisync.contracts.entry import Entity, EntityId, Millis, Stamp, mentions, rename
from optisync.contracts.messages import Accepted, Delta, Refused, Snapshot
from optisync.outbox.config import Config, Mode
from optisync.outbox.effects import DiagCode, Resync
from optisync.outbox.enqueue import base_known
from optisync.outbox.errors import EpochAhead
from optisync.outbox.inputs import Result, Retry, Settle, Unknown, Watermark
from optisync.outbox.lease import holds, put_back
from optisync.outbox.rows import (
    Acked,
    Alias,
    Doubt,
    Gone,
    Hole,
    InDoubt,
    InFlight,
    Item,
    OwnVersion,
    Queued,
    Row,
)
from optisync.outbox.turn import Turn, trace
from optisync.values import ClientSeq


def settle(config: Config, turn: Turn, given: Settle) -> Turn:
    """The results of one answer, each by its entry id. [settle-by-entry-id]"""
    epoch = turn.state.numbers.epoch
    if given.epoch < epoch:  # [dead-epoch-ignored]
        return turn
    if given.epoch > epoch:  # [higher-epoch-asks-snapshot]
        return turn.with_effect(Resync())
    for result in given.results:
        turn = _result(config, turn, given.token, result)
    return turn


def _result(config: Config, turn: Turn, token: int, result: Result) -> Turn:
    item = turn.state.queue.named(result.entry_id)
    if item is None:  # [late-verdict-no-op]
        doubted = any(d.entry_id == result.entry_id for d in turn.state.doubts)
        return turn.diagnosed(DiagCode.LATE_VERDICT, result.entry_id) if doubted else turn
    match result.outcome:
        case Accepted() | Refused():  # [definite-settles-any-lease]
            return verdict(config, _reached(turn), item, result.outcome)
        case Retry(after) if holds(item, token):
            return put_back(config, _reached(turn), item, answered=True, after=after)
        case Unknown() if holds(item, token):
            return put_back(config, turn, item, answered=False, after=Millis(0))
        case Retry() | Unknown():  # [indefinite-fenced]
            return turn
        case _:
            assert_never(result.outcome)


def _reached(turn: Turn) -> Turn:
    """The server answers again: whatever waits for it need wait no longer. [back-off-resets]"""
    return replace(turn, state=replace(turn.state, failures=0, wait_until=Millis(0)))


def verdict(config: Config, turn: Turn, item: Item, given: Accepted | Refused) -> Turn:
    """A definite verdict: settles by identity; the first one stands."""
    entry_id = item.entry.entry_id
    if not item.sent:  # [answer-to-unsent-ignored]
        return turn.diagnosed(DiagCode.NOT_SENT, entry_id)
    match given:
        case Accepted(server_seq) if isinstance(item.status, Acked):
            if item.status.server_seq != server_seq:  # [first-settlement-stands]
                return turn.diagnosed(DiagCode.CONTRADICTORY_VERDICT, entry_id)
            return _learn(turn, item, given)
        case Accepted():
            return _accept(turn, item, given)
        case Refused() if isinstance(item.status, Acked):  # [first-settlement-stands]
            return turn.diagnosed(DiagCode.CONTRADICTORY_VERDICT, entry_id)
        case Refused():
            return refuse(config, turn, item, given)
        case _:
            assert_never(given)


def _accept(turn: Turn, item: Item, given: Accepted) -> Turn:
    # [acked-until-covered]: not sent again, holds nobody back, still shown
    if not item.told:
        turn = turn.tell(item.seq, item.entry.entry_id, given)
    covered = given.server_seq <= turn.state.numbers.server_seq
    acked = replace(item, status=Acked(given.server_seq, given.version), told=True)
    return _learn(turn.put(Gone(item.seq) if covered else acked), item, given)


def _learn(turn: Turn, item: Item, given: Accepted) -> Turn:
    """What an acceptance says about the entity: the server's ids for it, and its version."""
    if given.ids:  # [ids-renamed]: in what was not sent yet, and for whatever comes later
        dead = ((turn.state.aliases.get(temporary), real) for temporary, real in given.ids)
        names = (*given.ids, *((old, real) for old, real in dead if old is not None))
        turn = turn.put(*(Alias(temporary, real) for temporary, real in given.ids))
        children = (m for m in turn.state.queue if isinstance(m, Item) and item.seq in m.after)
        renamed = (replace(m, entry=rename(m.entry, names)) for m in children if not m.sent)
        turn = turn.put(*renamed)
    if given.version is None:
        return turn
    # [base-version-own-only]: by the entity, so also for entries that are not queued yet
    known_id = turn.state.aliases.get(item.entry.entity.id) or item.entry.entity.id
    entity = Entity(item.entry.entity.resource, EntityId(known_id))
    stamp = Stamp(turn.state.numbers.epoch, given.version)
    known = turn.state.versions.get(entity)
    return turn if known is not None and known >= stamp else turn.put(OwnVersion(entity, stamp))


def refuse(config: Config, turn: Turn, item: Item, given: Refused) -> Turn:
    """Rejected, and with it what cannot be sent without it. [rejected-removed]"""
    refused = [(item, given)]
    for each, why in refused:  # grows while it is read: those that depend on the dependants
        if not isinstance(turn.state.queue.get(each.seq), Item):
            continue
        if each.told:  # [first-settlement-stands]
            turn = turn.diagnosed(DiagCode.CONTRADICTORY_VERDICT, each.entry.entry_id)
        else:
            turn = turn.tell(each.seq, each.entry.entry_id, why)
        gone: Row = Gone(each.seq) if each.sent else unused(config, each.seq)
        turn, children = _orphans(turn.put(gone), trace(each))
        refused += children
    return turn


def lose(config: Config, turn: Turn, item: Item) -> Turn:
    """Nobody will ever say what became of it. [abandoned-sent-in-doubt]"""
    entry = item.entry
    if not item.told:
        turn = turn.tell(item.seq, entry.entry_id, InDoubt())
    doubt = Doubt(item.seq, entry.entry_id, entry.entity)
    return lost(config, turn.put(doubt), trace(item))


def lost(config: Config, turn: Turn, hole: Hole) -> Turn:
    """A number comes to nothing, and so does what cannot be sent without it."""
    turn, children = _orphans(turn.put(unused(config, hole.seq)), hole)
    for child, why in children:
        if isinstance(turn.state.queue.get(child.seq), Item):
            turn = refuse(config, turn, child, why)
    return turn


def unused(config: Config, seq: ClientSeq) -> Row:
    """What remains of a number that will never carry a write. [unused-number-skipped]"""
    return Hole(seq, Queued()) if config.mode is Mode.ORDERED else Gone(seq)


def _orphans(turn: Turn, parent: Hole) -> tuple[Turn, list[tuple[Item, Refused]]]:
    """What was never sent and cannot be sent without its parent. Other dependants stay."""
    if parent.entity is None:
        return turn, []
    row: set[str | None] = set()
    if parent.temporary:  # no row will have this id, nor the one it had in a dead epoch
        row = {parent.entity.id, turn.state.aliases.get(parent.entity.id)}
        turn = turn.put(Alias(parent.entity.id, None))
    found: list[tuple[Item, Refused]] = []
    for member in turn.state.queue:
        if not isinstance(member, Item) or member.sent:
            continue
        if parent.seq in member.after and row & mentions(member.entry):
            found.append((member, Refused("parent-rejected")))  # [parent-rejected]
        elif member.entry.entity == parent.entity and not base_known(turn.state, member.entry):
            found.append((member, Refused("base-unknown")))  # [base-unknown]
    return turn, found


def delta_applied(config: Config, turn: Turn, delta: Delta) -> Turn:
    """The documents hold a delta: the cursor moves, and what it settles is settled."""
    numbers = turn.state.numbers
    if delta.epoch < numbers.epoch:  # [dead-epoch-ignored]
        return turn
    if delta.epoch > numbers.epoch:
        raise EpochAhead(numbers.epoch)  # [epoch-ahead]
    cursor = max(numbers.server_seq, delta.server_seq)  # [cursor-never-back]
    turn = turn.numbered(replace(numbers, server_seq=cursor))
    for label in delta.settles:
        member = turn.state.queue.get(label.seq)
        if label.client == config.client and isinstance(member, Item):  # [label-settles-entry]
            accepted = Accepted(delta.server_seq, label.version, label.ids)
            turn = verdict(config, turn, member, accepted)
    return turn


def snapshot_applied(config: Config, turn: Turn, snapshot: Snapshot) -> Turn:
    """The documents are a snapshot's, and its outcomes settle what they name."""
    numbers = turn.state.numbers
    if (snapshot.epoch, snapshot.server_seq) < (numbers.epoch, numbers.server_seq):
        return turn  # [cursor-never-back]
    reborn = snapshot.epoch > numbers.epoch
    watermark = None if reborn else numbers.watermark
    moved = replace(numbers, epoch=snapshot.epoch, server_seq=snapshot.server_seq)
    turn = turn.numbered(replace(moved, watermark=watermark))
    outcomes = {outcome.seq: outcome.verdict for outcome in snapshot.outcomes}
    for seq in turn.state.queue.order:
        if reborn:
            turn = _undecided(turn, seq)
        item = turn.state.queue.get(seq)
        if not isinstance(item, Item):
            continue
        if seq in outcomes:  # [outcome-settles-entry]
            turn = verdict(config, turn, item, outcomes[seq])
        elif reborn and item.sent and not snapshot.client_known:  # [unknown-client-in-doubt]
            turn = lose(config, turn, item)
    return turn


def _undecided(turn: Turn, seq: ClientSeq) -> Turn:
    """In a new epoch no ack and no lease counts. [dead-epoch-ack-queued] [epoch-ends-leases]"""
    match turn.state.queue.get(seq):
        case Item(status=Acked() | InFlight()) | Hole(status=InFlight()) as member:
            return turn.put(replace(member, status=Queued()))
        case _:
            return turn


def watermark_passed(config: Config, turn: Turn, given: Watermark) -> Turn:
    """All numbers up to a watermark are decided: their overlays are not shown any more."""
    numbers = turn.state.numbers
    if given.epoch < numbers.epoch:  # [dead-epoch-ignored]
        return turn
    if given.epoch > numbers.epoch:
        raise EpochAhead(numbers.epoch)  # [epoch-ahead]
    if numbers.watermark is not None and given.upto <= numbers.watermark:
        return turn  # [watermark-retires-overlays]: it never goes back
    counter = max(numbers.counter, given.upto)
    turn = turn.numbered(replace(numbers, watermark=given.upto, counter=counter))
    codes = None if given.refused is None else {each.seq: each.code for each in given.refused}
    for seq in turn.state.queue.order:
        member = turn.state.queue.get(seq)
        if seq > given.upto or member is None:
            continue
        if isinstance(member, Hole):
            turn = turn.put(Gone(seq))
        elif codes is not None:  # [watermark-is-no-verdict]: unless it names what was refused
            accepted = Accepted(given.server_seq)
            turn = verdict(config, turn, member, Refused(codes[seq]) if seq in codes else accepted)
    if numbers.watermark is None and config.mode is Mode.ORDERED:  # [unused-number-skipped]
        later = (ClientSeq(seq) for seq in range(given.upto + 1, counter + 1))
        turn = turn.put(*(unused(config, n) for n in later if turn.state.queue.get(n) is None))
    return turn


def cover(turn: Turn) -> Turn:
    """What was accepted at or below the cursor is part of the documents. [acked-until-covered]"""
    cursor = turn.state.numbers.server_seq
    covered = (
        member.seq
        for member in turn.state.queue
        if isinstance(member.status, Acked) and member.status.server_seq <= cursor
    )
    return turn.put(*(Gone(seq) for seq in covered))
