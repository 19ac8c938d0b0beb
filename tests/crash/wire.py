"""What a child says. What it is told are the inputs of the outbox; both go pickled over a pipe."""

from dataclasses import dataclass, replace
from typing import TypeAlias

from optisync.contracts.entry import EntryId
from optisync.outbox.config import Config, Mode
from optisync.outbox.effects import Effect
from optisync.values import ClientId, ClientSeq, ServerSeq

CLIENT = ClientId("me")
CONFIG = Config(CLIENT, lease_ms=1_000, max_attempts=2, delay_ms=10, max_delay_ms=100)
ORDERED = replace(CONFIG, mode=Mode.ORDERED)
CONFIGS = {config.mode.value: config for config in (CONFIG, ORDERED)}


@dataclass(frozen=True)
class Waiting:
    """A write in the queue, with its state in one word."""

    entry_id: EntryId
    seq: ClientSeq
    status: str


@dataclass(frozen=True)
class Done:
    """A call returned (the first one is the start); `refused`: why it raised instead.

    `counter`: the last number given out.
    """

    queue: tuple[Waiting, ...] = ()
    cursor: ServerSeq = ServerSeq(0)
    counter: ClientSeq = ClientSeq(0)
    refused: str = ""


@dataclass(frozen=True)
class At:
    """The child stands still at this point until it is killed."""

    point: str


Said: TypeAlias = Effect | Done | At
