"""The transition classes of the pipeline, each in a line.

A class of an input and an error code (``cancel:already-sent``) is its refusal; the classes of a
verdict, label or outcome end in the place where the write was.
"""

from __future__ import annotations

from typing import Final

_REFUSALS: Final = {
    "abandon": ("already-decided", "not-unknown", "unknown-ticket"),
    "await": ("unknown-ticket",),
    "cancel": ("already-decided", "already-sent", "unknown-ticket"),
    "delta": ("change-inapplicable", "epoch-ahead"),
    "dispatch": (
        "event-malformed",
        "number-order",
        "parent-rejected",
        "pipeline-full",
        "temporary-id-reused",
        "ticket-used",
        "unknown-ticket",
    ),
    "redo": ("nothing-to-revert", "number-order", "pipeline-full"),
    "undo": ("nothing-to-revert", "number-order", "revert-inapplicable"),
}

_PLACES: Final = {
    "decided:in-doubt": ("accepted", "enqueued", "persisting", "unknown", "waiting"),
    "decided:refused": ("accepted", "enqueued", "persisting", "unknown", "waiting"),
    "decided:written": ("accepted", "enqueued", "persisting", "unknown", "waiting"),
    "delta:label": ("accepted", "enqueued", "persisting", "unknown", "waiting"),
    "snapshot:outcome": ("accepted", "enqueued", "persisting", "unknown", "waiting"),
}

_WORDS: Final[dict[str, str]] = {
    "abandon:told": "a write told as confirmed is unknown since a new epoch, and given up",
    "abandon:undecided": "an unknown write is given up",
    "answered:confirmed": "a wait ends with the verdict",
    "answered:enqueued": "a wait ends because its ticket is enqueued",
    "answered:failed": "a wait ends with a rejection",
    "answered:in-doubt": "a wait ends because the write was given up",
    "answered:outcome-unknown": "a wait ends because nobody knows",
    "answered:timed-out": "a wait ends because its time is over",
    "await:answered": "what is awaited is known already",
    "await:waits": "somebody waits",
    "begin:ticket": "a ticket before its event",
    "cancel:removes": "a write that was not handed over is not wanted any more",
    "cancel:withdraws": "an enqueued write is asked back",
    "decided:not-pending": "a verdict about a write that is not pending",
    "decided:other-epoch": "a verdict of another epoch",
    "delta:covers": "a delta reaches an accepted write",
    "delta:dead-epoch": "a delta of an epoch that is over",
    "delta:fresh": "the documents move on",
    "delta:label-foreign": "a label of another client",
    "delta:label-gone": "a label of a write that is not pending",
    "delta:repeat": "a delta that was there",
    "diag:contradictory-verdict": "a verdict that contradicts the first",
    "diag:not-asked": "a result about something else",
    "diag:not-sent": "a verdict about a write that was not handed over",
    "dispatch:action-again": "the action of this window goes on",
    "dispatch:action-new": "the window gets an action",
    "dispatch:begun-ticket": "an event under a ticket begun before",
    "dispatch:child": "a write depends on a create that is pending",
    "dispatch:ends-redo": "what could be redone is over",
    "dispatch:no-unit": "an event of another origin is not undone",
    "dispatch:oldest-unit-goes": "the history is full",
    "dispatch:own-version": "planned on the version of an own write",
    "dispatch:patches": "a patch over rows",
    "dispatch:renamed": "a temporary id whose row has another by now",
    "dispatch:same-unit": "an event joins the last unit",
    "dispatch:unseen": "an event that is not shown",
    "dispatch:write": "a write",
    "drain:came-to-nothing": "an event was cancelled or rejected in its window",
    "drain:child": "an event that depends on the one before begins a segment",
    "drain:entity": "an entity written again begins a segment",
    "drain:joins": "two events share a segment",
    "drain:keys": "another key begins a segment",
    "drain:kinds": "another kind begins a segment",
    "drain:nothing": "an empty window",
    "fetched:covers": "a read holds an accepted write",
    "fetched:renamed": "a row read under its temporary id",
    "fetched:same": "a row that says nothing new",
    "fetched:stale": "a row older than what is known",
    "fetched:taken": "a row is taken in",
    "fetched:unnamed": "a row whose id is not known yet",
    "handed:in-parts": "two names were one row: one write stays behind",
    "handed:later": "a segment was held back, and goes",
    "hydrate:fills": "a row from the cache",
    "hydrate:nothing": "the cache knows nothing new",
    "hydrate:tombstone": "the cache has a row that was deleted",
    "hydrate:too-late": "a snapshot has come",
    "name:came-to-nothing": "the create of a temporary id came to nothing",
    "name:given": "a row gets its id",
    "name:given-anew": "a row gets another id in another epoch",
    "orphan:maker": "a write goes with the create it depends on",
    "orphan:need": "an undo goes with what it would restore",
    "persist:after-others": "an entry depends on an enqueued one",
    "persist:on-version": "an entry with the version it was made on",
    "persist:several": "a request of several entries",
    "persisted:again": "a second answer to a request",
    "persisted:all": "a result for each entry",
    "persisted:doubled": "two results for an entry",
    "persisted:failed": "a request was not executed",
    "persisted:no-answer": "nobody knows what became of a request",
    "persisted:other-order": "results in another order than the entries",
    "persisted:part": "results for some entries",
    "persisted:stored": "a request is stored",
    "persisted:stored-part": "a request is stored in part",
    "redo:free": "a redo of what is confirmed",
    "redo:passes-over": "a redo passes over what came to nothing",
    "redo:several": "a redo of several rows",
    "redo:waits": "a redo depends on an undecided write",
    "resync:asked": "an answer of a higher epoch",
    "schedule:first": "the first event of a window",
    "snapshot:ack-returns": "an accepted write is unknown in the new epoch",
    "snapshot:covers": "a snapshot reaches an accepted write",
    "snapshot:in-doubt": "the server does not know the client any more",
    "snapshot:keeps": "a snapshot does not name a pending write",
    "snapshot:new-epoch": "a snapshot begins an epoch",
    "snapshot:older": "a snapshot from behind",
    "snapshot:same-epoch": "a snapshot of this epoch",
    "stale:asked": "a row is to be read again",
    "tick:earlier": "time that is over",
    "tick:ends": "the time of a wait is over",
    "tick:nothing": "nobody's time is over",
    "told:confirmed": "a ticket is confirmed",
    "told:enqueued": "a ticket is enqueued",
    "told:failed": "a ticket failed",
    "told:in-doubt": "a ticket is in doubt",
    "undo:free": "an undo of what is confirmed",
    "undo:passes-over": "an undo passes over what came to nothing",
    "undo:several": "an undo of several rows",
    "undo:waits": "an undo depends on an undecided write",
    "verdict:forgotten": "a verdict is no longer remembered",
}

#: The classes and what they are for.
CLASSES: Final[dict[str, str]] = {
    **{
        f"{kind}:{code}": f"{kind} is refused: {code}"
        for kind, codes in _REFUSALS.items()
        for code in codes
    },
    **{
        f"{what}-{place}": f"{what} of a write that is {place}"
        for what, places in _PLACES.items()
        for place in places
    },
    **_WORDS,
}
