"""What the application dispatches: one write, or a patch over several rows of a resource."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from optisync.contracts.entry import Entity, Millis, Resource
from optisync.patch import Patch
from optisync.view import Change

USER: Final = "user"


class Kind(Enum):
    """Which events may share a segment: creates, other writes; a patches event is alone."""

    CREATE = "create"
    WRITE = "write"
    PATCHES = "patches"


@dataclass(frozen=True, slots=True)
class Context:
    """Where an event comes from. `action_id` None: that of the drain window.

    `label` and `timestamp` are for people.
    """

    scope: str = "default"
    origin: str = USER
    action_id: str | None = None
    label: str | None = None
    timestamp: Millis = Millis(0)


@dataclass(frozen=True, slots=True)
class Write:
    """One change of one entity. `temporary`: a create whose id is the client's own."""

    entity: Entity
    change: Change
    temporary: bool = False


@dataclass(frozen=True, slots=True)
class Patches:
    """A patch of the rows of one resource: the first name in each path is the id of a row.

    Several writes under one ticket, each with a verdict of its own.
    """

    resource: Resource
    patch: Patch


Event: TypeAlias = Write | Patches
