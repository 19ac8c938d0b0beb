"""How many steps a second the pure machines take, and what a long queue costs.

A step is one input: for the coordinator a full life of mutations (number, registration, ack,
delta, application) with 1, 10, 100 or 1000 of them pending; for the server a submission.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from optisync.contracts.messages import Ack, Delta, Label
from optisync.coordinator import state as coordinator
from optisync.coordinator.config import Config, Limits
from optisync.coordinator.inputs import Applied, Generate, Input, Register
from optisync.coordinator.step import step
from optisync.patch import Replace
from optisync.server import state as server
from optisync.server.step import Submit
from optisync.server.step import step as serve
from optisync.values import AtomKey, ClientId, ClientSeq, Epoch, Obj, ServerSeq
from optisync.view import Changes, Update

ME, E1 = ClientId("me"), Epoch(1)
CONFIG = Config(ME, limits=Limits(pending=2000, verdicts=16))
SECONDS = 0.5


def changes(number: int) -> Changes:
    """A mutation of one member."""
    return ((AtomKey("a"), Update((Replace(("x",), number),))),)


def coordinator_steps(pending: int) -> Callable[[int], int]:
    """One life of a mutation after another, behind `pending - 1` others; gives the steps taken."""
    here = coordinator.Position(E1, ServerSeq(0))
    state = coordinator.start(here)
    for number in range(1, pending):
        state = _all(state, Generate(), Register(ClientSeq(number), changes(number)))

    def life(number: int) -> int:
        nonlocal state
        seq = ClientSeq(state.generated + 1)
        at, prev = ServerSeq(number + 1), ServerSeq(number)
        delta = Delta(E1, at, prev, changes(number), (Label(ME, seq),))
        inputs = (Generate(), Register(seq, changes(number)), Ack(E1, seq, at), delta)
        state = _all(state, *inputs, Applied(True))
        return len(inputs) + 1

    return life


def _all(state: coordinator.Coordinator, *inputs: Input) -> coordinator.Coordinator:
    for given in inputs:
        done = step(CONFIG, state, given)
        if done.error is not None:
            raise done.error
        state = done.state
    return state


def server_steps() -> Callable[[int], int]:
    """One submission after another to a server that keeps a short history."""
    state = server.start(docs=Obj({"a": Obj({"x": 0})}))

    def submission(number: int) -> int:
        nonlocal state
        seq = ClientSeq(number + 1)
        done = serve(state, Submit(ME, state.epoch, seq, changes(number), (), seq))
        if done.error is not None:
            raise done.error
        state = replace(done.state, log=done.state.log[-1:])
        return 1

    return submission


def rate(work: Callable[[int], int]) -> float:
    """Steps a second of processor time: other work on the machine does not count."""
    steps, number, began = 0, 0, time.process_time()
    while (took := time.process_time() - began) < SECONDS:
        steps += work(number)
        number += 1
    return steps / took


def main() -> None:
    """Print one line a machine and size."""
    for pending in (1, 10, 100, 1000):
        figure = rate(coordinator_steps(pending))
        print(f"coordinator, {pending:4} pending  {figure:10,.0f} steps/s")
    print(f"server                    {rate(server_steps()):10,.0f} steps/s")


if __name__ == "__main__":
    main()
