"""Every kind of state answers every kind of input; a refusal leaves the identical state."""

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest
from tests.reference.outboxing import (
    ME,
    ONE,
    TWO,
    A,
    Life,
    accepted,
    delta,
    entry,
    settled,
    snapshot,
    stored_part,
)

from optisync.contracts.entry import EntryId, IdempotencyKey, Millis
from optisync.contracts.messages import Outcome, Refused
from optisync.errors import OptisyncError
from optisync.machine import Step
from optisync.outbox.config import Config, Mode
from optisync.outbox.effects import Effect, Save
from optisync.outbox.inputs import (
    Abandon,
    Cancel,
    Consume,
    Enqueue,
    GiveUp,
    HasRead,
    Input,
    Refusal,
    Release,
    Reserve,
    Restart,
    Result,
    Resume,
    Retry,
    Settle,
    Take,
    Tick,
    Unknown,
    Watermark,
)
from optisync.outbox.rows import Hole, Item
from optisync.outbox.state import Outbox, status_name, with_row
from optisync.outbox.step import step
from optisync.values import ClientSeq, Epoch, ServerSeq
from optisync.view import Delete

LIMITS = Config(ME, capacity=2, lease_ms=100, max_attempts=1, delay_ms=10, max_delay_ms=40)
ORDERED = replace(LIMITS, mode=Mode.ORDERED)
X, Y = EntryId("x"), EntryId("y")
FIRST, THREE = ClientSeq(1), Epoch(3)
RETRY = Settle(1, ONE, (Result(X, Retry()),))
UNKNOWN = Settle(1, ONE, (Result(X, Unknown()),))


def after(*inputs: Input, config: Config = LIMITS) -> Outbox:
    """The state after inputs that nothing refuses."""
    life = Life(config)
    life.give(*inputs)
    return life.state


QUEUED = (Enqueue((entry("x"),)),)
SENT = (*QUEUED, Reserve(1))
STATES: dict[str, Outbox] = {
    "empty": after(),
    "open": after(Take()),
    "queued": after(*QUEUED),
    "in flight": after(*SENT),
    "sent, queued": after(*SENT, Tick(Millis(100))),
    "backing off": after(*SENT, Release(1)),
    "acked": after(*SENT, settled("x", accepted(5, 5))),
    "parked": after(*SENT, RETRY),
    "told": after(*SENT, settled("x", Refused("no"))),
    "in doubt": after(*SENT, Abandon(X)),
    "direct": after(replace(QUEUED[0], stored=False)),
    "full": after(Enqueue((entry("x"), entry("z", A)))),
    "second life": after(*SENT, Restart()),
    "second epoch": after(*SENT, settled("x", accepted(5, 5)), snapshot(3, epoch=TWO)),
    "skip": after(*QUEUED, Cancel(X), config=ORDERED),
    "skip in flight": after(*QUEUED, Cancel(X), Reserve(1), config=ORDERED),
}
INPUTS: dict[str, Input] = {
    "take": Take(),
    "give up": GiveUp(FIRST),
    "enqueue": Enqueue((entry("y"),)),
    "enqueue two": Enqueue((entry("y"), entry("w"))),
    "enqueue none": Enqueue(()),
    "enqueue again": Enqueue((entry("x"),)),
    "enqueue under the key": Enqueue((replace(entry("x", change=Delete()), entry_id=Y),)),
    "enqueue under the id": Enqueue((replace(entry("x"), idempotency_key=IdempotencyKey("y")),)),
    "enqueue without version": Enqueue((entry("y", base=None),)),
    "enqueue taken": Enqueue((entry("y"),), (FIRST,)),
    "enqueue direct": Enqueue((entry("y"),), stored=False),
    "reserve": Reserve(1, "worker"),
    "settle accepted": settled("x", accepted(5, 5)),
    "settle accepted elsewhere": settled("x", accepted(6)),
    "settle refused": settled("x", Refused("no")),
    "settle retry": RETRY,
    "settle unknown": UNKNOWN,
    "settle fenced": replace(RETRY, token=9),
    "settle stranger": settled("nobody", accepted(5)),
    "settle new epoch": replace(settled("x", accepted(5)), epoch=THREE),
    "release": Release(1),
    "release other": Release(9),
    "delta": delta(1, 1),
    "delta below": delta(0),
    "delta new epoch": replace(delta(1), epoch=THREE),
    "snapshot": snapshot(5, Outcome(FIRST, accepted(5, 5))),
    "snapshot of strangers": replace(snapshot(0, known=False), epoch=THREE),
    "watermark": Watermark(ONE, ServerSeq(0), FIRST),
    "watermark naming": Watermark(ONE, ServerSeq(0), FIRST, (Refusal(FIRST, "no"),)),
    "watermark ahead": Watermark(ONE, ServerSeq(9), FIRST),
    "watermark new epoch": Watermark(THREE, ServerSeq(0), FIRST),
    "cancel": Cancel(X),
    "cancel unknown": Cancel(Y),
    "abandon": Abandon(X),
    "abandon unknown": Abandon(Y),
    "resume": Resume(X),
    "resume unknown": Resume(Y),
    "has read": HasRead(A),
    "consume": Consume(1),
    "tick": Tick(Millis(500)),
    "restart": Restart(),
}
NO_X = ("empty", "open", "told", "in doubt", "skip", "skip in flight")
UNSENT = ("queued", "direct", "full")


def test_every_kind_of_input_and_member_is_there() -> None:
    assert {type(given) for given in INPUTS.values()} == set(get_args(Input))
    members = [member for state in STATES.values() for member in state.queue]
    names = {status_name(member) for member in members}
    assert names == {"open", "queued", "in-flight", "acked", "parked", "skip"}


def refusal(state: str, given: str) -> str | None:
    """The code with which the machine must refuse, by the text of the specification.

    [number-not-open] [key-reused] [entry-id-reused] [base-unknown] [unknown-entry] [epoch-ahead]
    """
    match given:
        case "give up" | "enqueue taken" if state == "full" and given != "give up":
            return "outbox-full"
        case "give up" | "enqueue taken" if state != "open":
            return "number-not-open"
        case "enqueue" | "enqueue direct" | "enqueue without version" if state == "full":
            return "outbox-full"
        case "enqueue two" if state not in NO_X:
            return "outbox-full"
        case "enqueue under the key" if state not in NO_X:
            return "key-reused"
        case "enqueue under the id" if state not in NO_X:
            return "entry-id-reused"
        case "enqueue without version" if state not in ("acked", "second epoch"):
            return "base-unknown"
        case "cancel unknown" | "abandon unknown" | "resume unknown":
            return "unknown-entry"
        case "cancel" | "abandon" | "resume":
            return asked(state, given)
        case "delta new epoch" | "watermark new epoch":
            return "epoch-ahead"
        case "watermark ahead" if state != "second epoch":
            return "watermark-ahead"
        case _:
            return None


def asked(state: str, given: str) -> str | None:
    """[cancel-only-unsent] [abandoned-sent-in-doubt] [parked-resumes]"""
    if state in NO_X:
        return "unknown-entry"
    if given == "resume":
        return {"acked": "already-accepted", "parked": None}.get(state, "not-parked")
    if state == "acked":
        return "already-accepted"
    if given == "cancel":
        return None if state in UNSENT else "already-sent"
    return "never-sent" if state in UNSENT else None


@pytest.mark.parametrize("given", INPUTS)
@pytest.mark.parametrize("state", STATES)
def test_every_pair_has_an_answer(state: str, given: str) -> None:
    """[outbox-refusal-changes-nothing] [outbox-error-codes]"""
    before = STATES[state]
    config = ORDERED if state.startswith("skip") else LIMITS
    done = step(config, before, INPUTS[given])
    code = refusal(state, given)
    if code is None:
        assert done.error is None
        assert step(config, before, INPUTS[given]) == done
    else:
        assert isinstance(done.error, OptisyncError)
        assert done.error.code == code
        assert str(done.error)
        assert done.state is before
        assert done.effects == ()


def folds(was: Outbox, done: Step[Outbox, Effect]) -> bool:
    """Folding what is saved gives what is kept."""
    folded = stored_part(was)
    for effect in done.effects:
        for row in effect.rows if isinstance(effect, Save) else ():
            folded = with_row(folded, row)
    return folded == stored_part(done.state)


Law = Callable[[Outbox, Step[Outbox, Effect]], bool]
LAWS: dict[str, Law] = {
    "what is kept is what is saved": folds,
    "saved before anything else, once": lambda was, done: all(
        not isinstance(effect, Save) for effect in done.effects[1:]
    ),
    "numbers only grow": lambda was, done: (
        done.state.numbers.counter >= was.numbers.counter
        and done.state.numbers.token >= was.numbers.token
        and done.state.numbers.reported >= was.numbers.reported
    ),
    "the cursor never goes back": lambda was, done: (
        (done.state.numbers.epoch, done.state.numbers.server_seq)
        >= (was.numbers.epoch, was.numbers.server_seq)
    ),
    "no more writes than there is room for": lambda was, done: done.state.queue.items <= 2,
    "what leaves is told": lambda was, done: (
        len(done.state.queue) >= len(was.queue)
        or done.state.numbers.reported > was.numbers.reported
        or not any(isinstance(m, Item) and not m.told and m.stored for m in left(was, done.state))
    ),
    "no entry without a number given out": lambda was, done: (
        not done.state.queue.order or done.state.queue.order[-1] <= done.state.numbers.counter
    ),
}


def left(was: Outbox, now: Outbox) -> list[Item | Hole]:
    """What is no longer in the queue."""
    return [member for member in was.queue if now.queue.get(member.seq) is None]


@pytest.mark.parametrize("law", LAWS)
def test_laws_of_every_step(law: str) -> None:
    for name, before in STATES.items():
        config = ORDERED if name.startswith("skip") else LIMITS
        for given in INPUTS.values():
            assert LAWS[law](before, step(config, before, given)), (name, given)
