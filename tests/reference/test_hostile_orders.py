"""Orders of calls and requests that once lost a delta, or executed a mutation twice."""

from __future__ import annotations

from optisync.contracts.messages import Delta, Snapshot
from optisync.coordinator.config import Config
from optisync.coordinator.errors import PortMissing
from optisync.coordinator.facade import OptimisticSyncCoordinator
from optisync.patch import Add
from optisync.server.state import Server, documents, start
from optisync.server.step import Submit, TooOld, step
from optisync.values import AtomKey, ClientId, ClientSeq, Epoch, Obj, ServerSeq
from optisync.view import Changes, Update

ME = ClientId("me")
APPEND: Changes = ((AtomKey("a"), Update((Add(("list", "-"), 1),))),)
EMPTY = Obj({"a": Obj({"list": ()})})


def _delta(seq: int) -> Delta:
    return Delta(Epoch(1), ServerSeq(seq), ServerSeq(seq - 1), APPEND)


def test_a_port_unsubscribed_during_a_drain_loses_no_delta() -> None:
    sync = OptimisticSyncCoordinator(Config(ME))
    applied: list[Delta | Snapshot] = []
    unsubscribe = sync.on_apply_delta(applied.append)
    sync.on_state_change(unsubscribe)
    sync.process_message(_delta(2))
    sync.process_message(_delta(1))
    assert applied == [_delta(1)]
    assert sync.state.confirmed.server_seq == 1
    assert sync.state.broken
    assert [type(error) for error in sync.errors] == [PortMissing]


def _submitted(server: Server, seq: int, floor: int) -> tuple[Server, str | None]:
    given = Submit(ME, Epoch(1), ClientSeq(seq), APPEND, floor=ClientSeq(floor))
    done = step(server, given)
    return done.state, None if done.error is None else done.error.code


def test_a_floor_counts_for_the_request_that_declares_it() -> None:
    server, _ = _submitted(start(Epoch(1), EMPTY), 1, floor=1)
    server, refused = _submitted(server, 1, floor=2)
    assert refused == TooOld.code
    assert documents(server) == Obj({"a": Obj({"list": (1,)})})
    server, refused = _submitted(server, 2, floor=2)
    assert refused is None
