"""What CrossHair confirms of the outbox: bounded statements about its own code, on integers.

Times, tokens, versions and limits are unbounded; how many members a queue has, and their numbers,
are bounded. Each subject is listed in `outbox_confirmed.py`; see `subjects.py` for the form.
"""

from dataclasses import replace
from itertools import pairwise

from rpds import HashTrieMap

from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    IdempotencyKey,
    Millis,
    Resource,
    Stamp,
    WriteEntry,
)
from optisync.contracts.messages import Accepted, Refused
from optisync.outbox.config import Config, Mode, back_off
from optisync.outbox.effects import Send
from optisync.outbox.inputs import Release, Reserve, Result, Retry, Settle, Tick, Unknown
from optisync.outbox.lease import base_version, holds, ranges, sendable
from optisync.outbox.queue import Queue
from optisync.outbox.rows import (
    Acked,
    Hole,
    InFlight,
    Item,
    Member,
    Numbers,
    OwnVersion,
    Parked,
    Queued,
    Status,
)
from optisync.outbox.state import Outbox
from optisync.outbox.step import step
from optisync.values import ClientId, ClientSeq, Epoch, ServerSeq, Version
from optisync.view import Create

CONFIG = Config(ClientId("me"), lease_ms=100, max_attempts=3, delay_ms=10, max_delay_ms=75)
ORDERED = replace(CONFIG, mode=Mode.ORDERED)
TABLE = Resource("t")
ROWS = (Entity(TABLE, EntityId("a")), Entity(TABLE, EntityId("b")))
NAMES = tuple(EntryId(name) for name in ("x", "y", "z"))
HELD = 7
"""The lease that holds what is in flight."""


def status(kind: int, time: int) -> Status:
    """One of the four; `time` is when it may be sent, or when its lease is over."""
    if kind == 0:
        return Queued(Millis(time))
    if kind == 1:
        return InFlight(HELD, "", Millis(time))
    return Parked() if kind == 2 else Acked(ServerSeq(9))


def item(seq: int, kind: int, time: int = 0, other: bool = False, waits: bool = False) -> Item:
    """A create under number `seq`, of the second row if `other`; it may wait for number 1."""
    name = NAMES[seq - 1]
    row = ROWS[1] if other else ROWS[0]
    entry = WriteEntry(name, IdempotencyKey(name), row, Create(1))
    after = (ClientSeq(1),) if waits else ()
    sent = 0 if kind == 0 else HELD
    return Item(ClientSeq(seq), entry, after, status(kind, time), first=sent)


def outbox(now: int, *members: Member) -> Outbox:
    """An outbox at a time, with these members."""
    queue = Queue()
    for member in members:
        queue = queue.put(member)
    numbers = Numbers(Epoch(1), counter=ClientSeq(len(members)), token=HELD)
    return Outbox(numbers, queue, now=Millis(now))


def chosen(config: Config, now: int, *members: Member) -> list[int]:
    """The numbers that may be sent. The queue is found by number only: its indexes take long."""
    order = tuple(member.seq for member in members)
    queue = Queue(order, HashTrieMap({member.seq: member for member in members}))
    state = Outbox(Numbers(Epoch(1)), queue, now=Millis(now))
    return [int(member.seq) for member in sendable(config, state)]


def one_gate_per_entity(kind: int, other: bool, waits: bool) -> bool:
    """The second goes if the first does not hold it.

    [one-in-flight-per-entity] [dependency-order] [acked-blocks-nobody] [parked-holds-entity]

    pre: 0 <= kind <= 3
    post: __return__ == (kind == 3 or (other and not waits))
    """
    return 2 in chosen(CONFIG, 0, item(1, kind), item(2, 0, 0, other, waits))


def gate_stays_closed(kind: int, waits: bool) -> bool:
    """What the first holds back it still holds behind a write of another row.

    [one-in-flight-per-entity] [dependency-order]

    pre: 0 <= kind <= 3
    post: __return__ == (kind == 3)
    """
    second, third = item(2, 0, other=True), item(3, 0, waits=waits)
    return 3 in chosen(CONFIG, 0, item(1, kind), second, third)


def ordered_is_a_prefix(kind: int, hole: int, time: int, now: int) -> list[int]:
    """Nothing goes before what cannot go, save behind what is acked; a hole goes if it is unused.

    [ordered-is-a-prefix] [unused-number-skipped]

    pre: 0 <= kind <= 3 and 0 <= hole <= 2 and 0 <= now
    post: (1 in __return__) == (kind == 0 and time <= now)
    post: (2 in __return__) == ((kind == 3 or 1 in __return__) and hole == 1)
    post: (3 in __return__) == (2 in __return__)
    """
    statuses = (None, Queued(), InFlight(HELD, "", Millis(0)))
    unused = Hole(ClientSeq(2), statuses[hole])
    return chosen(ORDERED, now, item(1, kind, time), unused, item(3, 0, 0, other=True))


def reserve_hands_out_at_most(limit: int, now: int, until: int) -> int:
    """As many as asked for and there are, none before the back-off is over. [unreachable-backs-off]

    pre: 0 <= now
    post: __return__ == (0 if now < until else max(0, min(limit, 2)))
    """
    state = outbox(now, item(1, 0), item(2, 0, other=True))
    done = step(CONFIG, replace(state, wait_until=Millis(until)), Reserve(limit))
    sent = [effect for effect in done.effects if isinstance(effect, Send)]
    assert len(sent) <= 1
    return len(sent[0].items) if sent else 0


def lease_of_a_send(now: int) -> bool:
    """What is handed out is held under a new token until the lease is over. [lease-expires]

    pre: 0 <= now
    post: __return__
    """
    done = step(CONFIG, outbox(now, item(1, 0)), Reserve(1))
    held = done.state.queue.get(ClientSeq(1))
    return held is not None and held.status == InFlight(HELD + 1, "", Millis(now + 100))


def lease_ends(until: int, before: int, now: int) -> bool:
    """A tick ends the leases whose time is over, by the latest time heard. [lease-expires]

    post: __return__ == (until <= max(before, now))
    """
    done = step(CONFIG, outbox(before, item(1, 1, until)), Tick(Millis(now)))
    member = done.state.queue.get(ClientSeq(1))
    return member is not None and isinstance(member.status, Queued)


def only_the_holder(token: int, kind: int) -> bool:
    """[indefinite-fenced]

    pre: 0 <= kind <= 3
    post: __return__ == (kind == 1 and token == HELD)
    """
    return holds(item(1, kind), token)


def indefinite_is_fenced(token: int, kind: int, what: int) -> bool:
    """Who lost the lease changes nothing. [indefinite-fenced]

    pre: 0 <= kind <= 3 and 0 <= what <= 2
    post: __return__ == (kind == 1 and token == HELD)
    """
    state = outbox(0, item(1, kind))
    outcome = Retry() if what == 0 else Unknown()
    result = Settle(token, Epoch(1), (Result(NAMES[0], outcome),))
    done = step(CONFIG, state, Release(token) if what == 2 else result)
    return done.state != state


def definite_settles(token: int, kind: int, refused: bool) -> bool:
    """Whoever brings a verdict of what was sent, if the lease is not older than its first.

    [definite-settles-any-lease] [answer-to-unsent-ignored] [late-verdict-no-op]

    pre: 0 <= kind <= 2
    post: __return__ == (kind != 0 and token >= HELD)
    """
    verdict = Refused("no") if refused else Accepted(ServerSeq(9))
    given = Settle(token, Epoch(1), (Result(NAMES[0], verdict),))
    done = step(CONFIG, outbox(0, item(1, kind)), given)
    return done.state.numbers.reported == 1


def parked_after(attempts: int, answered: bool) -> bool:
    """The answers are counted, and nothing else.

    [parked-after-attempts] [only-answers-are-attempts]

    pre: 0 <= attempts < CONFIG.max_attempts
    post: __return__ == (answered and attempts + 1 == CONFIG.max_attempts)
    """
    tried = replace(item(1, 1), attempts=attempts)
    outcome = Retry() if answered else Unknown()
    given = Settle(HELD, Epoch(1), (Result(NAMES[0], outcome),))
    member = step(CONFIG, outbox(0, tried), given).state.queue.get(ClientSeq(1))
    return member is not None and isinstance(member.status, Parked)


def retry_waits(now: int, asked: int, delays: int) -> int:
    """At least the back-off, as long as the server asks for, and never beyond the bound.

    [back-off-bounded]

    pre: 0 <= now and 0 <= asked and 0 <= delays <= 5
    post: __return__ == min(75, max(10 * 2 ** delays, asked))
    """
    tried = replace(item(1, 1), delays=delays)
    given = Settle(HELD, Epoch(1), (Result(NAMES[0], Retry(Millis(asked))),))
    member = step(CONFIG, outbox(now, tried), given).state.queue.get(ClientSeq(1))
    assert member is not None
    assert isinstance(member.status, Queued)
    return member.status.not_before - now


def back_off_doubles(failures: int) -> int:
    """[back-off-bounded]

    pre: 1 <= failures <= 6
    post: __return__ == min(75, 10 * 2 ** (failures - 1))
    """
    return back_off(CONFIG, failures)


def back_off_is_bounded(delay: int, most: int) -> bool:
    """It begins with the delay, or the bound, and stays within it. [back-off-bounded]

    pre: 1 <= delay and 1 <= most
    post: __return__
    """
    config = Config(ClientId("me"), delay_ms=delay, max_delay_ms=most)
    first, second, late = (back_off(config, failures) for failures in (1, 2, 1000))
    return first == min(delay, most) and first <= second <= late <= most


def base_is_own_or_planned(
    e: int, v: int, oe: int, ov: int, se: int, sv: int, planned: bool, own: bool
) -> int:
    """Raised only by an own version whose chain began at or below what the plan saw.

    [base-version-own-only]

    pre: (se, sv) <= (oe, ov)
    post: (__return__ == 0) == (not planned and not own)
    post: (__return__ == 2) == (own and (not planned or (se, sv) <= (e, v) < (oe, ov)))
    """
    saw = Stamp(Epoch(e), Version(v))
    mine = OwnVersion(ROWS[0], Stamp(Epoch(oe), Version(ov)), Stamp(Epoch(se), Version(sv)))
    base = base_version(saw if planned else None, mine if own else None)
    if base is None:
        return 0
    if planned and base == saw:
        return 1
    return 2 if base == mine.stamp else 9


def ranges_hold_each_number(a: int, b: int, c: int, n: int, some: int) -> bool:
    """A number is in a range exactly if it was given; ranges rise and never touch.

    pre: a < b < c and 0 <= n <= 3
    post: __return__
    """
    given = [ClientSeq(seq) for seq in (a, b, c)[:n]]
    found = ranges(given)
    inside = any(first <= some <= last for first, last in found)
    apart = all(left[1] + 1 < right[0] for left, right in pairwise(found))
    return inside == (some in given) and apart and all(first <= last for first, last in found)


def planted_gate(kind: int, time: int, now: int, waits: bool) -> bool:
    """A planted bug: a write that is parked holds back nobody.

    pre: 0 <= kind <= 3
    post: __return__ == (time <= now and kind == 3)
    """
    second = item(2, 0, time, waits=waits)
    first = item(1, 3 if kind == 2 and now == time + 5 else kind, now + 1)
    return 2 in chosen(CONFIG, now, first, second)


def planted_fence(token: int) -> bool:
    """A planted bug: a lease that is over by 3 still counts.

    post: __return__ == (token == HELD)
    """
    return holds(item(1, 1), HELD if token == HELD + 3 else token)


def planted_base(v: int, ov: int, sv: int) -> bool:
    """A planted bug: the chain may begin one above what the plan saw.

    pre: 0 <= v and 0 <= sv <= ov
    post: __return__ == (sv <= v < ov)
    """
    since = sv - 1 if sv > 1_000 else sv
    mine = OwnVersion(
        ROWS[0], Stamp(Epoch(1), Version(ov)), Stamp(Epoch(1), Version(since))
    )  # fmt: skip
    saw = Stamp(Epoch(1), Version(v))
    return base_version(saw, mine) != saw
