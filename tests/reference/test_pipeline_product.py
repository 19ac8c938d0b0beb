"""Every kind of state answers every kind of input; a refusal leaves the identical state."""

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest
from tests.reference.pipelining import (
    ME,
    ONE,
    THREE,
    TWO,
    A,
    B,
    Life,
    answer,
    create,
    delta,
    dispatch,
    name,
    put,
    refused,
    snapshot,
    unknown,
    written,
)

from optisync.contracts.entry import Entity, EntityId, EntryId, Millis, Row, Written
from optisync.contracts.messages import Accepted as AcceptedAt
from optisync.contracts.messages import Outcome as Of
from optisync.contracts.messages import Refused
from optisync.errors import OptisyncError
from optisync.machine import Step
from optisync.patch import Add
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Answered, Changed, Effect, Persist, Schedule, Told
from optisync.pipeline.events import Patches, Write
from optisync.pipeline.inputs import (
    Abandon,
    Await,
    Begin,
    Cancel,
    Decided,
    Direction,
    Drain,
    Enqueued,
    Failed,
    Fetched,
    FetchedRow,
    Hydrate,
    InDoubt,
    Input,
    NoAnswer,
    Outcome,
    Persisted,
    Revert,
    Tick,
)
from optisync.pipeline.pending import Accepted, Place
from optisync.pipeline.state import Mode, OnTimeout, Pipeline, TicketStatus, view
from optisync.pipeline.step import step
from optisync.values import ClientSeq, ServerSeq, Version
from optisync.view import Delete

LIMITS = Config(ME, capacity=3, history=2, remembered=2)
WAIT = Await(1, 1, Mode.OPTIMISTIC, Millis(10), OnTimeout.RESOLVE_ENQUEUED)
TAKEN = Of(ClientSeq(1), AcceptedAt(ServerSeq(5), Version(5)))


def after(*inputs: Input) -> Pipeline:
    """The state after inputs that nothing refuses."""
    life = Life(LIMITS)
    life.give(*inputs)
    return life.state


SENT = (dispatch(1), Drain())
STORED = (*SENT, Persisted(1, Enqueued((name(1),))))
LOST = (*SENT, Persisted(1, NoAnswer()))
TAKEN_AT_5 = (*SENT, answer(1, written(1, 5, 5), epoch=ONE))
TAKEN_AT_4 = (*SENT, answer(1, replace(written(1, 4), outcome=Written(Version(4), None))))
STATES: dict[str, Pipeline] = {
    "empty": after(),
    "begun": after(Begin()),
    "waiting": after(dispatch(1)),
    "hidden": after(replace(dispatch(1), optimistic=False)),
    "persisting": after(*SENT),
    "awaited": after(*SENT, WAIT),
    "held": after(*SENT, dispatch(2, put(7)), Drain()),
    "enqueued": after(*STORED),
    "unknown": after(*LOST),
    "accepted": after(*TAKEN_AT_5),
    "unknown again": after(*TAKEN_AT_5, snapshot(3, epoch=TWO)),
    "covered": after(*TAKEN_AT_5, delta(5, 1)),
    "refused": after(*SENT, answer(1, refused(1))),
    "in doubt": after(*LOST, Abandon(1)),
    "parent": after(create(1), dispatch(2, entity=Entity(A.resource, EntityId("temp"))), Drain()),
    "orphaned": after(create(1), Cancel(1)),
    "undone": after(dispatch(1), Revert(Direction.UNDO, (ClientSeq(2),))),
    "full": after(dispatch(1, entity=B), dispatch(2), dispatch(3)),
    "forgotten": after(*(each for n in (1, 2, 3) for each in (dispatch(n), Cancel(n)))),
}
NEXT = ClientSeq(9)
UNDO, REDO = (Revert(direction, (NEXT,)) for direction in Direction)
INPUTS: dict[str, Input] = {
    "begin": Begin(),
    "dispatch": dispatch(9),
    "dispatch delete": dispatch(9, Delete()),
    "dispatch create": replace(create(9)),
    "dispatch child": dispatch(9, entity=Entity(A.resource, EntityId("temp"))),
    "dispatch patches": replace(
        dispatch(9),
        event=Patches(A.resource, (Add(("a", "n"), 9), Add(("b", "n"), 9), Add(("c",), 9))),
        seqs=(NEXT, ClientSeq(10), ClientSeq(11)),
    ),
    "dispatch hidden": replace(dispatch(9), optimistic=False),
    "dispatch under 1": replace(dispatch(9), ticket=1),
    "dispatch under 77": replace(dispatch(9), ticket=77),
    "dispatch malformed": replace(dispatch(9), event=Patches(A.resource, ())),
    "dispatch nameless": replace(dispatch(9), event=Write(replace(A, id=EntityId("")), put(1))),
    "dispatch unnumbered": replace(dispatch(9), seqs=()),
    "dispatch old number": replace(dispatch(9), seqs=(ClientSeq(0),)),
    "drain": Drain(),
    "written": answer(1, written(1, 5, 5), epoch=ONE),
    "written in rows": answer(1, written(1, 5)),
    "written in 3": answer(1, written(1, 5, 5), epoch=THREE),
    "refused": answer(1, refused(1)),
    "said unknown": answer(1, unknown(1)),
    "contradicted": answer(1, refused(1), written(1, 5)),
    "of strangers": answer(1, refused(99)),
    "enqueued": Persisted(1, Enqueued((name(1),))),
    "enqueued others": Persisted(1, Enqueued((name(99),))),
    "failed": Persisted(1, Failed("disk-full")),
    "no answer": Persisted(1, NoAnswer()),
    "answer to 77": Persisted(77, NoAnswer()),
    "decided written": Decided(name(1), Written(Version(5), ServerSeq(5)), ONE),
    "decided refused": Decided(name(1), Refused("no")),
    "decided in doubt": Decided(name(1), InDoubt()),
    "decided in 3": Decided(name(1), Refused("no"), THREE),
    "decided of nobody": Decided(EntryId("other/1"), Refused("no")),
    "delta": delta(1, 1),
    "delta below": delta(0),
    "delta in 3": delta(1, epoch=THREE),
    "snapshot": snapshot(5, TAKEN),
    "snapshot refusing": snapshot(6, Of(ClientSeq(1), Refused("no"))),
    "snapshot in 3": snapshot(0, epoch=THREE),
    "snapshot of strangers": snapshot(0, epoch=THREE, known=False),
    "fetched": Fetched((FetchedRow(A, Row(9), Version(7)),)),
    "hydrate": Hydrate((FetchedRow(A, Row(9)), FetchedRow(replace(A, id=EntityId("c")), Row(9)))),
    "await": Await(2, 1),
    "await now": Await(2, 1, Mode.OPTIMISTIC, Millis(0)),
    "await 77": Await(2, 77),
    "cancel": Cancel(1),
    "cancel 77": Cancel(77),
    "abandon": Abandon(1),
    "abandon 77": Abandon(77),
    "undo": UNDO,
    "undo elsewhere": replace(UNDO, scope="elsewhere"),
    "undo unnumbered": replace(UNDO, seqs=()),
    "redo": REDO,
    "tick": Tick(Millis(500)),
}


def test_every_kind_of_input_and_place_is_there() -> None:
    assert {type(given) for given in INPUTS.values()} == set(get_args(Input))
    answers = [given.outcome for given in INPUTS.values() if isinstance(given, Persisted)]
    assert {type(outcome) for outcome in answers} == set(get_args(Outcome))
    statuses = [m.status for state in STATES.values() for m in state.pending]
    places = {status for status in statuses if isinstance(status, Place)}
    assert places == set(Place)
    assert any(isinstance(status, Accepted) for status in statuses)
    told = {ticket.status for state in STATES.values() for ticket in state.tickets.values()}
    assert told == set(TicketStatus)


NO_TICKET = ("empty", "forgotten")
DECIDED = ("accepted", "covered", "refused", "in doubt", "orphaned")
UNDECIDED = (
    "waiting", "hidden", "persisting", "awaited", "held", "enqueued", "unknown", "parent", "undone",
    "full",
)  # fmt: skip
LITTLE_ROOM = ("held", "parent", "undone")
EMPTY_HANDED = ("empty", "begun", "refused", "in doubt", "orphaned", "forgotten")


def refusal(state: str, given: str) -> str | None:
    """The code with which the machine must refuse, by the text of the specification."""
    match given:
        case "dispatch malformed" | "dispatch nameless":
            return "event-malformed"
        case "dispatch unnumbered" | "dispatch old number":
            return "number-order"
        case "await" | "await now" if state in NO_TICKET:
            return "unknown-ticket"
        case "await 77" | "cancel 77" | "abandon 77":
            return "unknown-ticket"
        case "cancel" | "abandon":
            return given_up(state, given)
        case "delta in 3":
            return "epoch-ahead"
        case "undo elsewhere":
            return "nothing-to-revert"
        case "redo":
            if state == "undone":
                return None
            return "nothing-to-revert"
        case "undo" | "undo unnumbered":
            return undone(state, given)
        case _ if given.startswith("dispatch"):
            return dispatched(state, given)
        case _:
            return None


def given_up(state: str, given: str) -> str | None:
    """[cancel-while-waiting] [abandon-only-unknown] [already-decided] [unknown-ticket]"""
    if state in NO_TICKET:
        return "unknown-ticket"
    if given == "abandon" and state in ("unknown", "unknown again"):
        return None
    if state in (*DECIDED, "begun", "unknown again"):
        return "already-decided"
    if given == "abandon":
        return "not-unknown"
    free = ("waiting", "hidden", "enqueued", "undone", "full")
    return None if state in free else "already-sent"


def undone(state: str, given: str) -> str | None:
    """[revert-whole-or-not] [rejected-leaves-unit]"""
    if state in (*EMPTY_HANDED, "undone"):
        return "nothing-to-revert"
    if state == "hidden":
        return "revert-inapplicable"
    if given == "undo unnumbered":
        return "number-order"
    return "number-order" if state == "full" else None  # two rows, and one number


def dispatched(state: str, given: str) -> str | None:
    """[pipeline-full] [ticket-used] [unknown-ticket] [temporary-id-once] [child-of-rejected]"""
    room = 3 - len(STATES[state].pending)
    if (3 if given == "dispatch patches" else 1) > room:
        return "pipeline-full"
    if given == "dispatch under 77" or (given == "dispatch under 1" and state in NO_TICKET):
        return "unknown-ticket"
    if given == "dispatch under 1":
        return None if state == "begun" else "ticket-used"
    if given == "dispatch create" and state in ("parent", "orphaned"):
        return "temporary-id-reused"
    if given == "dispatch child" and state == "orphaned":
        return "parent-rejected"
    return None


@pytest.mark.parametrize("state", STATES)
def test_every_pair_has_an_answer(state: str) -> None:
    """[pipeline-refusal-changes-nothing] [pipeline-error-codes]"""
    before = STATES[state]
    for given, made in INPUTS.items():
        done, code = step(LIMITS, before, made), refusal(state, given)
        if code is None:
            assert done.error is None, given
            assert step(LIMITS, before, made) == done, given
            continue
        assert isinstance(done.error, OptisyncError), given
        assert done.error.code == code, given
        assert str(done.error)
        assert done.state is before
        assert done.effects == ()


def undecided(state: Pipeline) -> set[int]:
    """The numbers of which some ticket has not heard the verdict."""
    return {int(seq) for ticket in state.tickets.values() for seq in ticket.undecided}


def rank(effect: Effect) -> int:
    kinds = (Changed, Told, Answered)
    return kinds.index(type(effect)) if type(effect) in kinds else len(kinds)


VERDICTS = (TicketStatus.CONFIRMED, TicketStatus.FAILED, TicketStatus.IN_DOUBT)
Law = Callable[[Pipeline, Step[Pipeline, Effect]], bool]
LAWS: dict[str, Law] = {
    "what is shown comes first, then who is told, then who waits": lambda was, done: (
        [rank(effect) for effect in done.effects] == sorted(map(rank, done.effects))
    ),
    "another view is told": lambda was, done: (
        view(was).view == view(done.state).view or Changed() in done.effects
    ),
    "no more writes than there is room for": lambda was, done: len(done.state.pending) <= 3,
    # [window-asks-for-drain]
    "a drain is asked for when the first event is queued": lambda was, done: (
        (Schedule() in done.effects) == (not was.queue and bool(done.state.queue))
    ),
    # [verdict-remembered]
    "so many verdicts are remembered, and no more": lambda was, done: (
        len(done.state.decided) <= LIMITS.remembered
        and all(number in done.state.tickets for number in done.state.decided)
    ),
    "numbers only grow": lambda was, done: (
        done.state.numbered >= was.numbered
        and done.state.begun >= was.begun
        and done.state.now >= was.now
        and (done.state.epoch, done.state.server_seq) >= (was.epoch, was.server_seq)
    ),
    "versions never go down": lambda was, done: (
        done.state.epoch > was.epoch
        or all(done.state.versions.get(atom, at) >= at for atom, at in was.versions.items())
    ),
    "a verdict stands": lambda was, done: all(
        ticket.status not in VERDICTS or done.state.tickets.get(number, ticket) == ticket
        for number, ticket in was.tickets.items()
    ),
    "undecided writes are pending": lambda was, done: (
        undecided(done.state) <= {int(seq) for seq in done.state.pending.members}
    ),
    "what is persisting was handed over in this step or before": lambda was, done: (
        {s for e in done.effects if isinstance(e, Persist) for s in e.seqs}
        == {m.seq for m in done.state.pending if newly_persisting(was, m.seq, m.status)}
    ),
    "what leaves the queue of segments is handed over or gone": lambda was, done: all(
        seq in [s for each in done.state.waiting for s in each.seqs]
        or seq not in done.state.pending.members
        or done.state.pending.members[seq].status is not Place.WAITING
        for segment in was.waiting
        for seq in segment.seqs
    ),
}


def newly_persisting(was: Pipeline, seq: ClientSeq, status: object) -> bool:
    before = was.pending.get(seq)
    return status is Place.PERSISTING and (before is None or before.status is Place.WAITING)


@pytest.mark.parametrize("law", LAWS)
def test_laws_of_every_step(law: str) -> None:
    for name_of, before in STATES.items():
        for given in INPUTS.values():
            assert LAWS[law](before, step(LIMITS, before, given)), (name_of, given)
