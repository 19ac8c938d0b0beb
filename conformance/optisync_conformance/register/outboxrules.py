"""The rejected rules of the outbox, read from `specs/outbox-rejected.toml`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from optisync.outbox.config import Config, Mode
from optisync.values import Obj
from optisync_conformance.register.outboxactions import ACTIONS, Rules, Scope
from optisync_conformance.register.outboxworld import ME, Promise, Write
from optisync_conformance.register.rules import (
    RegisterMalformed,
    edits,
    items,
    read_toml,
    strings,
    text,
)
from optisync_conformance.register.variants import build_outbox


@dataclass(frozen=True, slots=True)
class RejectedOutbox:
    """A rejected rule: what it says, which promise it breaks, and where to look for it."""

    name: str
    sentence: str
    promise: Promise
    scope: Scope
    reference: Rules
    variant: Rules
    fault: str


def read_outbox_rules(path: Path) -> tuple[RejectedOutbox, ...]:
    """All rejected rules, in the order of the file. Raises RegisterMalformed, EditMisses."""
    return tuple(_rule(raw) for raw in items(read_toml(path), "rule"))


def _rule(raw: Obj) -> RejectedOutbox:
    name, actions = text(raw, "name"), ("write", "send", *strings(raw, "actions"))
    unknown = set(actions) - set(ACTIONS)
    if unknown:
        raise RegisterMalformed(f"rule {name}: no such actions: {', '.join(sorted(unknown))}")
    config = Config(
        ME,
        Mode(raw.get("mode", "entity")),
        capacity=cast(int, raw.get("capacity", 10)),
        max_attempts=cast(int, raw.get("max_attempts", 5)),
    )
    return RejectedOutbox(
        name,
        text(raw, "sentence"),
        Promise(text(raw, "promise")),
        Scope(tuple(map(_write, items(raw, "own"))), actions),
        Rules(build_outbox(), config),
        Rules(build_outbox(edits(raw)), config, raw.get("label_versions", True) is True),
        text(raw, "fault") if "fault" in raw else "",
    )


def _write(raw: Obj) -> Write:
    kind = raw.get("kind", "update")
    parent = raw.get("mentions", "")
    direct, stale = raw.get("direct") is True, raw.get("stale") is True
    return Write(text(raw, "entity"), str(kind), str(parent), direct, stale)
