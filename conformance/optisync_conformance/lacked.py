"""What an implementation lacks, left out of what it is held against, and of what it shows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from optisync.values import Json, Obj
from optisync_conformance.match import MATCHERS

# Effects that an implementation may lack, by what it declares.
EFFECTS: Final[Mapping[str, str]] = {
    "diagnostics": "diag",
    "verdicts": "settled",
    "request-missing": "request",
    "resync": "resync",
}
# Members of effects and fields likewise, by profile; a place begins with the effect or the field.
MEMBERS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "outbox": {
        "base-versions": ("send/entries/base", "queue/base"),
        "created-ids": ("confirmed/ids",),
    },
    "transport": {
        "base-versions": ("sent/base", "sent/base_epoch", "results/version"),
        "created-ids": ("sent/temporary", "results/ids"),
        "keys": ("sent/key",),
        "options": ("ops/options",),
        "positions": ("results/seq", "rows/cursor"),
        "retry-after": ("results/retry", "rows/retry"),
        "returned-rows": ("results/row",),
    },
    "pipeline": {
        "base-versions": ("persist/entries/base",),
        "created-ids": ("persist/entries/temporary", "persist/entries/after"),
        "enqueued": ("persist/entries/after",),
        "persist-keys": ("persist/persist_key",),
    },
}
# Seen through what a host shows alone.
PLAN: Final = frozenset({"undo", "redo"})


@dataclass(frozen=True, slots=True)
class Lacked:
    """What is hidden, effects by name and members by place."""

    effects: frozenset[str]
    members: frozenset[str]

    @staticmethod
    def of(profile: str, lacks: Collection[str]) -> Lacked:
        """What goes with the capabilities that a profile of an adapter lacks.

        >>> sorted(Lacked.of("pipeline", ["enqueued", "diagnostics"]).members)
        ['persist/entries/after']
        """
        effects = (effect for cap, effect in EFFECTS.items() if cap in lacks)
        places = (MEMBERS.get(profile, {}).get(cap, ()) for cap in lacks)
        return Lacked(PLAN | {*effects}, frozenset(each for some in places for each in some))

    def without(self, field: str, value: Json) -> tuple[Json, tuple[str, ...]]:
        """A field, observed or expected, less what is hidden; the names of what was left out.

        >>> told = Obj({"e": "persist", "entries": (Obj({"m": "$m1", "base": 1}),)})
        >>> Lacked.of("pipeline", ["base-versions"]).without("effects", (told,))[1]
        ('persist/entries/base',)
        """
        if field != "effects" and not self._goes_into(field):
            return value, ()
        gone: set[str] = set()
        left = self._cut(value, "" if field == "effects" else field, gone)
        return left, tuple(sorted(gone - {f"effects:{name}" for name in PLAN}))

    def _goes_into(self, place: str) -> bool:
        return any(each.startswith(f"{place}/") for each in self.members)

    def _cut(self, value: Json, place: str, gone: set[str]) -> Json:
        if isinstance(value, tuple):
            return tuple(self._each(value, place, gone))
        if not isinstance(value, Obj):
            return value
        matcher = next((key for key in value if key in MATCHERS), None)
        if matcher == "$hasnt":  # what is nowhere left is not there, as is expected
            self._cut(value[matcher], place, gone)
            return value
        if matcher is not None:
            return Obj({matcher: self._cut(value[matcher], place, gone)})
        here = place or str(value.get("e", ""))
        return Obj(self._members(value, here, gone)) if self._goes_into(here) else value

    def _each(self, values: tuple[Json, ...], place: str, gone: set[str]) -> Iterator[Json]:
        for value in values:
            name = value.get("e") if isinstance(value, Obj) and not place else None
            if isinstance(name, str) and name in self.effects:
                gone.add(f"effects:{name}")
            else:
                yield self._cut(value, place, gone)

    def _members(self, value: Obj, place: str, gone: set[str]) -> Iterator[tuple[str, Json]]:
        for key, member in value.items():
            inner = f"{place}/{key}"
            if inner in self.members:
                gone.add(inner)
            else:
                yield key, self._cut(member, inner, gone)
