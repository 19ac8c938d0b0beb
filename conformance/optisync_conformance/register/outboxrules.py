"""The rejected rules of the outbox, read from `specs/outbox-rejected.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias, cast

from optisync.outbox.config import Config, Mode
from optisync.values import Obj
from optisync_conformance.register.outboxactions import ACTIONS, Rules, Scope
from optisync_conformance.register.outboxworld import ME, Promise, Write
from optisync_conformance.register.rules import edits, items, text
from optisync_conformance.register.searched import Searched, read_searched
from optisync_conformance.register.variants import build_outbox

RejectedOutbox: TypeAlias = Searched[Promise, Scope, Rules]


def read_outbox_rules(path: Path) -> tuple[RejectedOutbox, ...]:
    """All rejected rules, in the order of the file. Raises RegisterMalformed, EditMisses."""
    return read_searched(path, Promise, ("write", "send"), ACTIONS, _games)


def _games(raw: Obj, actions: tuple[str, ...]) -> tuple[Scope, Rules, Rules]:
    config = Config(
        ME,
        Mode(raw.get("mode", "entity")),
        capacity=cast(int, raw.get("capacity", 10)),
        max_attempts=cast(int, raw.get("max_attempts", 5)),
    )
    labels = raw.get("label_versions", True) is True
    scope = Scope(tuple(map(_write, items(raw, "own"))), actions)
    return scope, Rules(build_outbox(), config), Rules(build_outbox(edits(raw)), config, labels)


def _write(raw: Obj) -> Write:
    kind = raw.get("kind", "update")
    parent = raw.get("mentions", "")
    direct, stale = raw.get("direct") is True, raw.get("stale") is True
    return Write(text(raw, "entity"), str(kind), str(parent), direct, stale)
