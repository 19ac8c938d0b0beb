"""Settlement: what the server says about a write, whoever holds it, and what follows for others."""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile
from typing import assert_never

from optisync.contracts.entry import Millis, Stamp, makes_row, mentions, rename
from optisync.contracts.messages import Accepted, Delta, Refused, Snapshot
from optisync.outbox.config import Config, Mode
from optisync.outbox.effects import DiagCode, Resync
from optisync.outbox.enqueue import base_makers
from optisync.outbox.errors import EpochAhead, WatermarkAhead
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
from optisync.outbox.state import known_as, lacks_base
from optisync.outbox.turn import Turn, trace, unused
from optisync.values import ClientSeq, Version
from optisync.view import Create


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
    if item is None or token < item.first:  # [late-verdict-no-op]
        doubted = any(d.entry_id == result.entry_id for d in turn.state.doubts)
        return turn.diagnosed(DiagCode.LATE_VERDICT, result.entry_id) if doubted else turn
    match result.outcome:
        case Accepted() | Refused():  # [definite-settles-any-lease]
            turn = verdict(config, _reached(turn), item, result.outcome)
            in_order = config.mode is Mode.ORDERED and item.sent
            return _skips_arrived(turn, item.seq) if in_order else turn
        case Retry(after) if holds(item, token):
            return put_back(config, _reached(turn), item, answered=True, after=after)
        case Unknown() if holds(item, token):
            return put_back(config, turn, item, answered=False, after=Millis(0))
        case Retry() | Unknown():  # [indefinite-fenced]
            return turn
        case _:
            assert_never(result.outcome)


def _skips_arrived(turn: Turn, decided: ClientSeq) -> Turn:
    """A watermark server decides in order, skips included. [unused-number-skipped]"""
    earlier = takewhile(lambda member: member.seq < decided, turn.state.queue)
    holes = [m.seq for m in earlier if isinstance(m, Hole) and m.status is not None]
    return turn.put(*(Gone(seq) for seq in holes))


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
            return _accept(config, turn, item, given)
        case Refused() if isinstance(item.status, Acked):  # [first-settlement-stands]
            return turn.diagnosed(DiagCode.CONTRADICTORY_VERDICT, entry_id)
        case Refused():
            return refuse(config, turn, item, given)
        case _:
            assert_never(given)


def _accept(config: Config, turn: Turn, item: Item, given: Accepted) -> Turn:
    # [acked-until-covered]: not sent again, holds nobody back, still shown
    if not item.told:
        turn = turn.tell(item.seq, item.entry.entry_id, given)
    item = replace(item, status=Acked(given.server_seq, given.version), told=True)
    turn = _learn(turn.put(item), item, given)
    covered = given.server_seq <= turn.state.numbers.server_seq
    return leave(config, turn, item) if covered else turn


def leave(config: Config, turn: Turn, item: Item) -> Turn:
    """The documents hold its effect. What needs a version that it did not bring cannot be sent."""
    turn, entity = turn.put(Gone(item.seq)), known_as(turn.state, item.entry.entity)
    if entity in turn.state.versions:
        return turn
    turn, children = _orphans(turn, Hole(item.seq, None, entity))
    return _refused(config, turn, children)


def _learn(turn: Turn, item: Item, given: Accepted) -> Turn:
    """What an acceptance says about the entity: the server's ids for it, and its version."""
    if given.ids:  # [ids-renamed]: in what was not sent yet, and for whatever comes later
        dead = ((turn.state.aliases.get(temporary), real) for temporary, real in given.ids)
        names = (*given.ids, *((old, real) for old, real in dead if old is not None))
        turn = turn.put(*(Alias(temporary, real) for temporary, real in given.ids))
        children = turn.state.queue.waiting_for(item.seq)
        renamed = (replace(m, entry=rename(m.entry, names)) for m in children if not m.sent)
        turn = turn.put(*renamed)
    version = given.version
    if version is None and isinstance(item.status, Acked):
        version = item.status.version
    return turn if version is None else _own_version(turn, item, version)


def _own_version(turn: Turn, item: Item, version: Version) -> Turn:
    """[base-version-own-only]: by the entity, so also for entries that are not queued yet."""
    state, entity = turn.state, known_as(turn.state, item.entry.entity)
    stamp = Stamp(state.numbers.epoch, version)
    known = state.versions.get(entity)
    if known is not None and known.stamp >= stamp:
        return turn
    since = item.base or stamp
    if known is not None and (known.stamp == item.base or isinstance(item.entry.change, Create)):
        since = known.since
    return turn.put(OwnVersion(entity, stamp, since))


def refuse(config: Config, turn: Turn, item: Item, given: Refused) -> Turn:
    """Rejected, and with it what cannot be sent without it. [rejected-removed]"""
    return _refused(config, turn, [(item, given)])


def _refused(config: Config, turn: Turn, doomed: list[tuple[Item, Refused]]) -> Turn:
    """Each in turn, what follows from one directly behind it, unless it has a cause already."""
    while doomed:
        item, why = doomed.pop(0)
        if not isinstance(turn.state.queue.get(item.seq), Item):
            continue
        if item.told:  # [first-settlement-stands]
            turn = turn.diagnosed(DiagCode.CONTRADICTORY_VERDICT, item.entry.entry_id)
        else:
            turn = turn.tell(item.seq, item.entry.entry_id, why)
        gone: Row = Gone(item.seq) if item.sent else unused(config, turn.state, item.seq)
        turn, children = _orphans(turn.put(gone), trace(item))
        known = {other.seq for other, _ in doomed}
        doomed[:0] = [child for child in children if child[0].seq not in known]
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
    turn, children = _orphans(turn.put(unused(config, turn.state, hole.seq)), hole)
    return _refused(config, turn, children)


def _orphans(turn: Turn, parent: Hole) -> tuple[Turn, list[tuple[Item, Refused]]]:
    """What was never sent and cannot be sent without its parent. Other dependants stay."""
    if parent.entity is None:
        return turn, []
    row: set[str | None] = set()
    if parent.temporary:  # no row will have this id, nor the one it had in a dead epoch
        row = {parent.entity.id, turn.state.aliases.get(parent.entity.id)}
        turn = turn.put(Alias(parent.entity.id, None))
    found: list[tuple[Item, Refused]] = []
    for child in turn.state.queue.waiting_for(parent.seq):
        if child.sent:
            continue
        if row & mentions(child.entry):
            found.append((child, Refused("parent-rejected")))  # [parent-rejected]
        elif _is_stranded(turn, child):
            found.append((child, Refused("base-unknown")))  # [base-unknown]
    return turn, found


def stranded(config: Config, turn: Turn) -> Turn:
    """Reject what waits for a version that only an earlier life was to learn. [base-unknown]"""
    items = (m for m in turn.state.queue if isinstance(m, Item) and not m.sent)
    found = [(m, Refused("base-unknown")) for m in items if _is_stranded(turn, m)]
    return _refused(config, turn, found)


def _is_stranded(turn: Turn, item: Item) -> bool:
    lacks = lacks_base(turn.state, item.entry)
    return lacks and not base_makers(turn.state, item.entry, item.seq)


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
    if given.server_seq > numbers.server_seq:
        raise WatermarkAhead(numbers.server_seq)  # [watermark-ahead]
    if numbers.watermark is not None and given.upto < numbers.watermark:
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
        elif codes is not None and seq in codes:
            turn = verdict(config, turn, member, Refused(codes[seq]))
        elif codes is not None and not makes_row(member.entry):
            # [watermark-is-no-verdict]: unless it names what was refused, and no id is awaited
            turn = verdict(config, turn, member, _accepted(member, given))
    if numbers.watermark is None and config.mode is Mode.ORDERED:  # [unused-number-skipped]
        later = (ClientSeq(seq) for seq in range(given.upto + 1, counter + 1))
        turn = turn.put(
            *(unused(config, turn.state, n) for n in later if turn.state.queue.get(n) is None)
        )
    return turn


def _accepted(item: Item, given: Watermark) -> Accepted:
    at = item.status.server_seq if isinstance(item.status, Acked) else given.server_seq
    return Accepted(at)


def cover(config: Config, turn: Turn) -> Turn:
    """What was accepted at or below the cursor is part of the documents. [acked-until-covered]"""
    cursor = turn.state.numbers.server_seq
    for member in turn.state.queue:
        if isinstance(member, Item) and isinstance(member.status, Acked):
            turn = leave(config, turn, member) if member.status.server_seq <= cursor else turn
    return turn
