"""`specs/pipeline-register.md`: the answers to seeds 000, 001 and 004, and the rejected rules."""

from __future__ import annotations

from pathlib import Path

from optisync.pipeline.pending import Accepted
from optisync.pipeline.state import view
from optisync.values import Obj, dump
from optisync_conformance.register.pipelineactions import ACTIONS, ended, game, heal
from optisync_conformance.register.pipelinerules import RejectedPipeline, read_pipeline_rules
from optisync_conformance.register.pipelineworld import Promise, World
from optisync_conformance.register.searched import (
    Text,
    described,
    end,
    found_for,
    lines,
    render_searched,
)


def render_pipeline(specs: Path) -> str:
    """The whole text. Deterministic; raises as `document.render` does."""
    rules = read_pipeline_rules(specs / "pipeline-rejected.toml")
    return render_searched(specs, "pipeline", ACTIONS, rules, _rule)


def _rule(rule: RejectedPipeline) -> Text:
    reference, variant = game(rule.reference, rule.scope), game(rule.variant, rule.scope)
    found = found_for(rule, reference, variant)
    healed = [end(rule, found, heal, _end)] if rule.promise is Promise.ENDS else []
    own = "; ".join(
        f"w{number}: {planned.kind} `{planned.entity}`"
        + (f" that mentions `{planned.parent}`" if planned.parent else "")
        for number, planned in enumerate(rule.scope.own, 1)
    )
    return described(rule, rule.scope.actions, found) | {
        "own": own,
        "server": "stream" if rule.scope.stream else "rows",
        "trace": [*lines(ACTIONS, found, _seen), *healed],
    }


def _seen(world: World) -> str:
    """What is shown, what is pending, and what the server has executed."""
    pending = ", ".join(
        f"w{m.seq} {'accepted' if isinstance(m.status, Accepted) else m.status.value}"
        for m in world.pipe.pending
    )
    shown = view(world.pipe).view
    rows = ", ".join(f"{atom.removeprefix('rows/')} {_row(shown[atom])}" for atom in sorted(shown))
    log = ", ".join(f"{c.at}: {f'w{c.seq}' if c.seq else 'foreign'}" for c in world.log)
    told = ", ".join(f"w{ticket} {word}" for ticket, word in world.told)
    parts = [f"shows {rows or 'nothing'}", pending, f"server {log}" if log else ""]
    return "; ".join(part for part in (*parts, f"told {told}" if told else "") if part)


def _row(row: object) -> str:
    return f"`{dump(row)}`" if isinstance(row, Obj) else str(row)


def _end(world: World) -> str:
    return "equal to the server" if ended(world) else f"does not end well: {_seen(world)}"
