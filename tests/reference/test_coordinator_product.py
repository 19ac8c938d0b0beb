"""Every kind of state answers every kind of input; a refusal leaves the identical state."""

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest

from optisync.contracts.messages import Accepted, Ack, Delta, Head, Outcome, Reject, Snapshot
from optisync.coordinator.config import Config, Limits
from optisync.coordinator.effects import Effect
from optisync.coordinator.inputs import (
    Abandon,
    Applied,
    Generate,
    Input,
    Register,
    Sent,
    Tick,
)
from optisync.coordinator.state import Coordinator, Pending, Position, Told, Verdict, start
from optisync.coordinator.step import step
from optisync.errors import OptisyncError
from optisync.machine import Step
from optisync.values import ClientId, ClientSeq, Epoch, Obj, ServerSeq

CONFIG = Config(ClientId("me"), limits=Limits(pending=2, buffer=2, verdicts=2, block=2))
E1, E2 = Epoch(1), Epoch(2)
HERE = Position(E1, ServerSeq(5))


def seq(number: int) -> ClientSeq:
    return ClientSeq(number)


def delta(prev: int, server_seq: int, epoch: Epoch = E1) -> Delta:
    return Delta(epoch, ServerSeq(server_seq), ServerSeq(prev))


def pending(number: int, acked: int | None = None, withheld: bool = False) -> Pending:
    at = None if acked is None else ServerSeq(acked)
    return Pending(seq(number), (), None, True, withheld, at)


FRESH = start(HERE, seq(4))
ONE = replace(FRESH, registered=seq(5), generated=seq(6), reserved=seq(6), pending=(pending(5),))
ACKED = replace(
    ONE, pending=(pending(5, 7),), told=(Told(seq(5), Verdict.CONFIRMED),),
    heard=Position(E1, ServerSeq(7)),
)  # fmt: skip
STATES: dict[str, Coordinator] = {
    "idle": FRESH,
    "one pending": ONE,
    "one acked": ACKED,
    "one withheld": replace(ONE, pending=(pending(5, None, True),)),
    "full": replace(ONE, registered=seq(6), pending=(pending(5), pending(6))),
    "told": replace(ONE, pending=(), told=(Told(seq(5), Verdict.REJECTED),)),
    "gap": replace(ONE, buffer=(delta(7, 8),), requested=ServerSeq(7)),
    "broken": replace(ONE, broken=True),
    "new epoch heard": replace(ONE, heard=Position(E2, ServerSeq(0))),
    "delta at the port": replace(ONE, port=delta(5, 6)),
    "snapshot at the port": replace(ONE, port=Snapshot(E1, ServerSeq(6), Obj())),
}
OUTCOME = Outcome(seq(5), Accepted(ServerSeq(6)))
INPUTS: dict[str, Input] = {
    "generate": Generate(),
    "register next": Register(seq(6), ()),
    "register again": Register(seq(5), ()),
    "register ungenerated": Register(seq(99), ()),
    "sent": Sent(seq(5)),
    "sent unknown": Sent(seq(1)),
    "abandon": Abandon(seq(5)),
    "abandon unknown": Abandon(seq(1)),
    "applied": Applied(True),
    "not applied": Applied(False),
    "tick": Tick(),
    "ack covered": Ack(E1, seq(5), ServerSeq(5)),
    "ack ahead": Ack(E1, seq(5), ServerSeq(7)),
    "ack elsewhere": Ack(E1, seq(5), ServerSeq(9)),
    "ack unknown": Ack(E1, seq(1), ServerSeq(5)),
    "ack without position": Ack(E1, seq(5), None),
    "ack old epoch": Ack(Epoch(0), seq(5), ServerSeq(5)),
    "ack new epoch": Ack(E2, seq(5), ServerSeq(5)),
    "reject": Reject(E1, seq(5), "no"),
    "reject unknown": Reject(E1, seq(1), "no"),
    "reject old epoch": Reject(Epoch(0), seq(5), "no"),
    "reject new epoch": Reject(E2, seq(5), "no"),
    "delta next": delta(5, 6),
    "delta duplicate": delta(4, 5),
    "delta gap": delta(6, 7),
    "delta overlap": delta(4, 6),
    "delta malformed": delta(6, 6),
    "delta without prev": Delta(E1, ServerSeq(6), None),
    "delta old epoch": delta(5, 6, Epoch(0)),
    "delta new epoch": delta(5, 6, E2),
    "head here": Head(E1, ServerSeq(5)),
    "head ahead": Head(E1, ServerSeq(9)),
    "head old epoch": Head(Epoch(0), ServerSeq(9)),
    "head new epoch": Head(E2, ServerSeq(0)),
    "snapshot": Snapshot(E1, ServerSeq(6), Obj(), (OUTCOME,)),
    "snapshot below": Snapshot(E1, ServerSeq(4), Obj()),
    "snapshot new epoch": Snapshot(E2, ServerSeq(0), Obj(), (), False),
}


def test_every_kind_of_input_is_there() -> None:
    assert {type(given) for given in INPUTS.values()} == set(get_args(Input))


def refusal(state: str, given: str) -> str | None:
    """The code with which the machine must refuse, by the text of the specification."""
    if "port" in state:
        answers = ("applied", "not applied", "generate")
        return None if given in answers else "port-busy"
    match given:
        case "applied" | "not applied":
            return "port-idle"
        case "register again" | "register ungenerated":
            return "client-seq-order"
        case "register next" if state in ("idle", "full"):
            return "client-seq-order"  # 6 was not generated, or is registered
        case "sent unknown" | "abandon unknown":
            return "unknown-mutation"
        case "sent" | "abandon" if state in ("idle", "told"):
            return "unknown-mutation"
        case "abandon" if state == "one acked":
            return "already-accepted"
        case "ack without position":
            return "ack-without-position"
        case "delta malformed" | "delta without prev":
            return "delta-malformed"
        case _:
            return None


@pytest.mark.parametrize("given", INPUTS)
@pytest.mark.parametrize("state", STATES)
def test_every_pair_has_an_answer(state: str, given: str) -> None:
    """[refusal-changes-nothing] [error-codes] [port-busy] [port-idle] [delta-malformed]
    [ack-without-position] [unknown-mutation] [already-accepted] [client-seq-order]
    """
    before = STATES[state]
    done = step(CONFIG, before, INPUTS[given])
    code = refusal(state, given)
    if code is None:
        assert done.error is None
        assert step(CONFIG, before, INPUTS[given]) == done
    else:
        assert isinstance(done.error, OptisyncError)
        assert done.error.code == code
        assert str(done.error)
        assert done.state is before
        assert done.effects == ()


def test_a_full_queue_refuses_what_would_be_next() -> None:
    """[queue-full]"""
    state = replace(STATES["full"], generated=seq(7), reserved=seq(8))
    done = step(CONFIG, state, Register(seq(7), ()))
    assert done.error is not None
    assert (done.error.code, done.state is state) == ("queue-full", True)


def test_every_code_is_its_own() -> None:
    """[error-codes]"""
    own = [cls for cls in everything_below(OptisyncError) if "code" in vars(cls)]
    codes = [(cls.__module__, cls.code) for cls in own]
    assert len(codes) == len(set(codes))


def everything_below(cls: type[OptisyncError]) -> list[type[OptisyncError]]:
    below = cls.__subclasses__()
    return below + [more for sub in below for more in everything_below(sub)]


Law = Callable[[Coordinator, Step[Coordinator, Effect]], bool]
LAWS: dict[str, Law] = {
    "the position never goes back": lambda was, done: done.state.confirmed >= was.confirmed,
    "what was heard is never forgotten": lambda was, done: done.state.heard >= was.heard,
    "numbers only grow": lambda was, done: (
        done.state.reserved >= was.reserved and done.state.generated >= was.generated
    ),
    "registration is the only way in": lambda was, done: (
        len(done.state.pending) <= len(was.pending)
        or done.state.registered == done.state.pending[-1].seq
    ),
}


@pytest.mark.parametrize("law", LAWS)
def test_laws_of_every_step(law: str) -> None:
    for before in STATES.values():
        for given in INPUTS.values():
            assert LAWS[law](before, step(CONFIG, before, given)), (before, given)
