"""Events and contexts as callers without types may give them: checked, and their values copied."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, cast

from optisync.contracts.entry import Entity
from optisync.pipeline.events import Context, Event, Patches, Write
from optisync.shell.given import (
    Check,
    anything,
    change_given,
    flag,
    maybe,
    one_of,
    text,
    whole,
)
from optisync.view import Update

FIELDS: Final[dict[type, dict[str, Check]]] = {
    Entity: {"resource": text, "id": text},
    Patches: {"resource": text, "patch": anything},
    Context: {
        "scope": text,
        "origin": text,
        "action_id": maybe(text),
        "label": maybe(text),
        "timestamp": whole,
    },
}
FIELDS[Write] = {"entity": one_of(Entity, fields=FIELDS), "change": anything, "temporary": flag}
_EVENT: Final = one_of(Write, Patches, fields=FIELDS)
_CONTEXT: Final = one_of(Context, fields=FIELDS)


def event_given(raw: Event) -> Event:
    """The event, its values frozen. Raises InputMalformed, PatchMalformed, ValueMalformed."""
    _EVENT(raw, "event")
    if isinstance(raw, Write):
        change = change_given(raw.change, "change")
        return raw if change is raw.change else replace(raw, change=change)
    update = cast(Update, change_given(Update(raw.patch), "patch"))
    return raw if update.patch is raw.patch else replace(raw, patch=update.patch)


def context_given(raw: Context) -> Context:
    """The context. Raises InputMalformed."""
    _CONTEXT(raw, "context")
    return raw
