"""What can happen to a coordinator: calls of the application, messages of the server, time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from optisync.contracts.messages import Message
from optisync.values import ClientSeq, Json
from optisync.view import Changes


@dataclass(frozen=True, slots=True)
class Generate:
    """The application wants the next client_seq; it is `state.generated` after the step."""


@dataclass(frozen=True, slots=True)
class Register:
    """A mutation whose changes are shown from now on. Empty changes: nothing is shown.

    `sent` is False while it waits in a queue: only then may a strategy replace its changes.
    """

    seq: ClientSeq
    changes: Changes
    info: Json = None
    sent: bool = True


@dataclass(frozen=True, slots=True)
class Sent:
    """A registered mutation left the process: its content is fixed from now on."""

    seq: ClientSeq


@dataclass(frozen=True, slots=True)
class Abandon:
    """The application gives up waiting; what the server made of the mutation is in doubt."""

    seq: ClientSeq


@dataclass(frozen=True, slots=True)
class Applied:
    """The host's answer to `Apply` or `Load`: done, or failed with nothing changed."""

    ok: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """The retry interval passed: what was asked and not answered is asked again."""


Input: TypeAlias = Generate | Register | Sent | Abandon | Applied | Tick | Message
