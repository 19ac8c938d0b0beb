"""What CrossHair confirms of the pipeline: bounded statements about its own code, on integers.

Times, versions, positions and what segments are keyed by are unbounded: a key that is a number
here is a text there, and is only ever compared. How many events or writes there are, and their
numbers, are bounded. Each subject is listed in `pipeline_confirmed.py`; see `subjects.py` for the
form.
"""

from dataclasses import replace
from itertools import pairwise
from typing import cast

from rpds import HashTrieMap, HashTrieSet

from optisync.contracts.entry import Entity, EntityId, Millis, Resource, Row, Stamp, atom_of
from optisync.pipeline.config import Config
from optisync.pipeline.documents import put_row
from optisync.pipeline.effects import Answer, Answered
from optisync.pipeline.events import Context, Kind, Write
from optisync.pipeline.inputs import Await, Tick
from optisync.pipeline.pending import Accepted, Mutation, Pending, Place, Status
from optisync.pipeline.schedule import held_back, joins, runs
from optisync.pipeline.settlement import accepted_at, covered
from optisync.pipeline.state import (
    Mode,
    OnTimeout,
    Pipeline,
    QueuedEvent,
    Ticket,
    TicketStatus,
    Wait,
)
from optisync.pipeline.step import step
from optisync.pipeline.tickets import answer_to, status_after
from optisync.pipeline.turn import Turn
from optisync.values import ClientId, ClientSeq, Epoch, ServerSeq, Version
from optisync.view import Delete

CONFIG = Config(ClientId("me"))
TABLE = Resource("t")
LINES = (Entity(TABLE, EntityId("a")), Entity(TABLE, EntityId("b")), Entity(TABLE, EntityId("c")))
KINDS = (Kind.CREATE, Kind.WRITE, Kind.PATCHES)
STATUSES = tuple(TicketStatus)
ONE, TWO, THREE = ClientSeq(1), ClientSeq(2), ClientSeq(3)
AT_ONE = Epoch(1)


def event(
    seq: ClientSeq, key: int, kind: int = 1, same: bool = False, waits: bool = False
) -> QueuedEvent:
    """An event under a number, of a row of its own or of the first; it may wait for number 1."""
    line = LINES[0] if same else LINES[seq - 1]
    after = (ONE,) if waits else ()
    context = Context(action_id=cast("str", key))
    return QueuedEvent((seq,), (line,), after, KINDS[kind], context, None)


def shares_a_segment(key: int, other: int, kind: int, then: int, same: bool, waits: bool) -> bool:
    """Two events share a segment if their keys and kinds are equal and neither waits.

    [segments-are-runs] [kinds-split] [segment-has-entity-once]

    pre: 0 <= kind <= 2 and 0 <= then <= 2
    post: __return__ == (key == other and kind == then != 2 and not same and not waits)
    """
    return joins([event(ONE, key, kind)], event(TWO, other, then, same, waits))


def key_counts_member_by_member(
    scope: int, origin: int, action: int, key: int, s: int, o: int, a: int, k: int
) -> bool:
    """No two keys are taken for one another. [segments-are-runs]

    post: __return__ == ((scope, origin, action, key) == (s, o, a, k))
    """
    first, then = event(ONE, 0), event(TWO, 0)
    mine = Context(cast("str", scope), cast("str", origin), cast("str", action))
    theirs = Context(cast("str", s), cast("str", o), cast("str", a))
    one = replace(first, context=mine, persist_key=cast("str", key))
    return joins([one], replace(then, context=theirs, persist_key=cast("str", k)))


def runs_leave_nothing_out(a: int, b: int, same: bool, waits: bool) -> bool:
    """Segments in a row are the events in a row, and begin where the next one does not fit.

    [segments-are-runs] [batching-deterministic]

    post: __return__
    """
    events = [event(ONE, 0), event(TWO, a, same=same), event(THREE, b, waits=waits)]
    found = runs(events)
    whole = [each for run in found for each in run] == events
    apart = all(not joins(one, two[0]) for one, two in pairwise(found))
    return whole and apart and all(found)


def as_many_runs_as_keys_change(a: int, b: int, c: int) -> int:
    """[segments-are-runs]

    post: __return__ == 1 + (a != b) + (b != c)
    """
    return len(runs([event(ONE, a), event(TWO, b), event(THREE, c)]))


def place(kind: int) -> Status:
    """Where a write is; from 3 on it is delivered."""
    places = (Place.WAITING, Place.PERSISTING, Place.UNKNOWN, Place.ENQUEUED, Accepted(None))
    return places[kind]


def write(
    seq: ClientSeq, line: int, kind: int = 0, maker: bool = False, need: bool = False
) -> Mutation:
    """A pending delete of a row; it may name number 1 among its makers or needs."""
    makers, needs = (ONE,) if maker else (), (ONE,) if need else ()
    entity = LINES[line]
    return Mutation(seq, int(seq), Write(entity, Delete()), None, True, makers, needs, place(kind))


def two(first: Mutation, second: Mutation) -> Pending:
    """Both pending. They are found by number and by row: the other indexes take long."""
    one, other = first.write.entity, second.write.entity
    rows = {one: (ONE, TWO)} if one == other else {one: (ONE,), other: (TWO,)}
    return Pending(HashTrieMap({ONE: first, TWO: second}), HashTrieMap(rows))


def waits_behind_its_row(kind: int, same: bool, mates: bool) -> bool:
    """A write waits for an earlier one of its row that is not delivered. [order-per-entity]

    pre: 0 <= kind <= 4
    post: __return__ == (kind < 3 and same and not mates)
    """
    second = write(TWO, 0 if same else 1)
    found = two(write(ONE, 0, kind), second)
    return held_back(found, second, frozenset((ONE,) if mates else ()))


def waits_for_its_parent(kind: int, restores: bool) -> bool:
    """A child waits until its parent is delivered, an undo until it is accepted.

    [child-after-parent] [undo-waits]

    pre: 0 <= kind <= 4
    post: __return__ == (kind < (4 if restores else 3))
    """
    second = write(TWO, 1, 0, not restores, restores)
    return held_back(two(write(ONE, 0, kind), second), second)


def ticket_of(begun: bool, left: int, status: int, refused: bool, doubt: bool) -> Ticket:
    first = ONE if begun else None
    undecided = (ONE, TWO)[:left]
    return Ticket(first, undecided, STATUSES[status], (ONE, "no") if refused else None, doubt)


def status_while_undecided(left: int, status: int, stored: bool, other: bool) -> int:
    """As it was, or enqueued as soon as all that is undecided is. [ticket-status]

    pre: 1 <= left <= 2 and 0 <= status <= 1
    post: __return__ == (1 if stored and (other or left == 1) else status)
    """
    ticket = ticket_of(True, left, status, False, False)
    places = [Place.ENQUEUED if at else Place.UNKNOWN for at in (stored, other)[:left]]
    return STATUSES.index(status_after(ticket, places))


def status_once_decided(status: int, refused: bool, doubt: bool, begun: bool) -> str:
    """Failed if one write was refused, else in doubt if one is. [verdict-once]

    pre: 0 <= status <= 1
    post: (__return__ == "pending") == (not begun)
    post: (__return__ == "failed") == (begun and refused)
    post: (__return__ == "in-doubt") == (begun and doubt and not refused)
    post: (__return__ == "confirmed") == (begun and not doubt and not refused)
    """
    return status_after(ticket_of(begun, 0, status, refused, doubt), ()).value


def status_never_goes_back(
    left: int, status: int, refused: bool, doubt: bool, stored: bool
) -> bool:
    """[ticket-status]

    pre: 0 <= left <= 2 and 0 <= status <= 1
    post: __return__
    """
    ticket = ticket_of(True, left, status, refused, doubt)
    places = [Place.ENQUEUED if stored else Place.PERSISTING] * left
    return STATUSES.index(status_after(ticket, places)) >= status


def wait_hears(status: int, strict: bool, unknown: bool) -> str:
    """A verdict ends every wait, an unknown outcome too, being stored one that is optimistic.

    [await-modes] [unknown-ends-wait] [late-await]

    pre: 0 <= status <= 4
    post: status < 2 or __return__ == STATUSES[status].value
    post: status >= 2 or not unknown or __return__ == "outcome-unknown"
    post: status >= 2 or unknown or (__return__ == "enqueued") == (status == 1 and not strict)
    post: status >= 2 or unknown or __return__ in ("enqueued", "")
    """
    mode = Mode.STRICT if strict else Mode.OPTIMISTIC
    found = answer_to(STATUSES[status], mode, unknown)
    return "" if found is None else found.value


def awaited(until: int, now: int, enqueued: bool, resolves: bool) -> Pipeline:
    """One ticket whose write is with somebody, and one who waits for it, not for storage."""
    ends = OnTimeout.RESOLVE_ENQUEUED if resolves else OnTimeout.REJECT
    waits = (Wait(1, Mode.STRICT, Millis(until), ends),)
    status = STATUSES[1 if enqueued else 0]
    ticket = Ticket(ONE, (ONE,), status, waits=waits)
    pending = Pending().put(write(ONE, 0, 3 if enqueued else 1))
    return Pipeline(
        pending=pending, tickets=HashTrieMap({1: ticket}), awaited=HashTrieSet([1]), now=Millis(now)
    )  # fmt: skip


def answers(state: Pipeline, now: int) -> list[Answer]:
    done = step(CONFIG, state, Tick(Millis(now)))
    return [effect.answer for effect in done.effects if isinstance(effect, Answered)]


def wait_ends(until: int, before: int, now: int) -> bool:
    """When its time is over, by the latest time heard. [timeout-ends-wait]

    post: __return__ == (until <= max(before, now))
    """
    return bool(answers(awaited(until, before, False, False), now))


def wait_ends_as(enqueued: bool, resolves: bool) -> bool:
    """As enqueued if it asked for that and the ticket is. [timeout-ends-wait]

    post: __return__ == (enqueued and resolves)
    """
    return answers(awaited(5, 0, enqueued, resolves), 5) == [Answer.ENQUEUED]


def no_time_is_over_at_once(timeout: int, now: int) -> bool:
    """[timeout-ends-wait]

    pre: 0 <= now
    post: __return__ == (timeout <= 0)
    """
    state = awaited(now + 1, now, False, False)
    done = step(CONFIG, state, Await(2, 1, Mode.STRICT, Millis(timeout)))
    return any(isinstance(effect, Answered) and effect.wait == 2 for effect in done.effects)


def row_replaces_an_older_one(known: int, epoch: int, version: int, new: int) -> bool:
    """[versions-never-down] [deleted-leaves-version]

    post: __return__ == ((new, version) > (epoch, known))
    """
    atom = atom_of(LINES[0])
    stamps = HashTrieMap({atom: Stamp(Epoch(epoch), Version(known))})
    state = Pipeline(epoch=Epoch(new), versions=stamps)
    return atom in put_row(state, LINES[0], Row(1), Version(version)).docs


def base_is_raised_by_an_unbroken_chain(base: int, own: int, version: int) -> int:
    """[base-raised-by-own-only]

    post: __return__ == (version if base == own else base)
    """
    first = replace(write(ONE, 0, 1), base=Stamp(AT_ONE, Version(own)))
    later = replace(write(TWO, 0), base=Stamp(AT_ONE, Version(base)))
    state = Pipeline(pending=Pending().put(first).put(later))
    after = accepted_at(Turn(CONFIG, state, state), ONE, None, Version(version), ()).state
    stamp = after.pending.members[TWO].base
    assert stamp is not None
    return stamp.version


def shown_until_covered(at: int, position: int) -> bool:
    """[accepted-until-covered]

    pre: 0 <= at and 0 <= position
    post: __return__ == (at > position)
    """
    taken = replace(write(ONE, 0), status=Accepted(ServerSeq(at)))
    state = Pipeline(server_seq=ServerSeq(position), pending=Pending().put(taken))
    return covered(Turn(CONFIG, state, state), None).state.pending.get(ONE) is not None


def shown_until_read(at: int, known: int) -> bool:
    """[accepted-until-covered] of a row, from a backend without a stream.

    post: __return__ == (at > known)
    """
    taken = replace(write(ONE, 0), status=Accepted(None, Version(at)))
    stamps = HashTrieMap({atom_of(LINES[0]): Stamp(AT_ONE, Version(known))})
    state = Pipeline(versions=stamps, pending=Pending().put(taken))
    return covered(Turn(CONFIG, state, state), None).state.pending.get(ONE) is not None


def planted_key(scope: int, action: int, s: int, a: int) -> bool:
    """A planted bug: keys are joined into one, and two of them collide.

    post: __return__ == ((scope, action) == (s, a))
    """
    first, then = event(ONE, 1_000 * scope + action), event(TWO, 1_000 * s + a)
    return joins([first], then)


def planted_hold(kind: int, same: bool) -> bool:
    """A planted bug: what is unknown holds back nobody.

    pre: 0 <= kind <= 4
    post: __return__ == (same and kind < 3)
    """
    second = write(TWO, 0 if same else 1)
    return held_back(two(write(ONE, 0, 3 if kind == 2 else kind), second), second)


def planted_wait(until: int, before: int, now: int) -> bool:
    """A planted bug: time may go back.

    post: __return__ == (until > max(before, now))
    """
    return not answers(awaited(until, min(before, now), False, False), now)
