"""`specs/outbox-register.md`: the answers to seeds 001 and 004, and the rejected rules' traces."""

from __future__ import annotations

from pathlib import Path

from optisync.outbox.rows import Item
from optisync.outbox.state import status_name
from optisync_conformance.register.outboxactions import ACTIONS, drained, game, heal
from optisync_conformance.register.outboxrules import RejectedOutbox, read_outbox_rules
from optisync_conformance.register.outboxworld import Promise, World
from optisync_conformance.register.searched import (
    Text,
    described,
    end,
    found_for,
    lines,
    render_searched,
)


def render_outbox(specs: Path) -> str:
    """The whole text. Deterministic; raises as `document.render` does."""
    rules = read_outbox_rules(specs / "outbox-rejected.toml")
    return render_searched(specs, "outbox", ACTIONS, rules, _rule)


def _rule(rule: RejectedOutbox) -> Text:
    reference, variant = game(rule.reference, rule.scope), game(rule.variant, rule.scope)
    found = found_for(rule, reference, variant)
    healed = [end(rule, found, heal, _end)] if rule.promise is Promise.DRAINS else []
    own = "; ".join(
        f"w{number}: {write.kind} `{write.entity}`"
        + (f" that mentions `{write.parent}`" if write.parent else "")
        + (" (direct)" if write.direct else "")
        + (" (planned at version 0)" if write.stale else "")
        for number, write in enumerate(rule.scope.own, 1)
    )
    return described(rule, rule.scope.actions, found) | {
        "own": own,
        "mode": rule.reference.config.mode.value,
        "trace": [*lines(ACTIONS, found, _seen), *healed],
    }


def _seen(world: World) -> str:
    """The queue, and what the server has executed."""
    queue = ", ".join(
        f"{member.entry.entry_id} {status_name(member)}"
        + (f" on version {member.base.version}" if member.base is not None else "")
        if isinstance(member, Item)
        else f"#{member.seq} {status_name(member)}"
        for member in world.box.queue
    )
    log = ", ".join(f"{c.at}: {c.entry_id or 'foreign'}" for c in world.log)
    told = ", ".join(f"{name} {word}" for name, word in world.told)
    parts = [queue or "queue empty", f"server {log}" if log else "", f"told {told}" if told else ""]
    return "; ".join(part for part in parts if part)


def _end(world: World) -> str:
    return "drained" if drained(world) else f"does not drain: {_seen(world)}"
