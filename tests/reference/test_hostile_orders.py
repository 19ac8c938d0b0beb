"""Orders of calls from callbacks that once lost a delta in silence."""

from __future__ import annotations

from optisync.contracts.messages import Delta, Snapshot
from optisync.coordinator.config import Config
from optisync.coordinator.errors import PortMissing
from optisync.coordinator.facade import OptimisticSyncCoordinator
from optisync.patch import Add
from optisync.values import AtomKey, ClientId, Epoch, ServerSeq
from optisync.view import Changes, Update

ME = ClientId("me")
APPEND: Changes = ((AtomKey("a"), Update((Add(("list", "-"), 1),))),)


def _delta(seq: int) -> Delta:
    return Delta(Epoch(1), ServerSeq(seq), ServerSeq(seq - 1), APPEND)


def test_a_port_unsubscribed_during_a_drain_loses_no_delta() -> None:
    """[port-missing]"""
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
