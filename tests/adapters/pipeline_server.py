"""A coherent server for random scripts of the pipeline: documents, versions, verdicts, deltas."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import cast

from tests.adapters.drawing import Thing

from optisync.errors import ChangeInapplicable
from optisync.view import apply_changes
from optisync_conformance.frames import Json
from optisync_conformance.reference import host


@dataclass
class Server:
    """Documents with their versions, and what became of each write."""

    docs: Thing
    by_position: bool
    epoch: int = 1
    seq: int = 0
    made: int = 0
    counted: int = 1
    versions: dict[str, int] = field(default_factory=lambda: {"r/a": 1, "r/b": 1})
    ids: dict[str, str] = field(default_factory=dict[str, str])
    verdicts: dict[str, Thing] = field(default_factory=dict[str, Thing])
    deltas: list[Thing] = field(default_factory=list[Thing])

    def run(self, entry: Thing) -> str:
        """Execute a write unless that was done, and give its name."""
        name = str(entry["m"])
        if name not in self.verdicts:
            self.verdicts[name] = self._execute(name, entry)
        return name

    def _execute(self, name: str, entry: Thing) -> Thing:
        entity, ids = str(entry["entity"]), dict[str, str]()
        if entry.get("temporary"):
            self.made += 1
            ids[entity] = f"s{self.made}"
        atom = f"{entry['resource']}/{(self.ids | ids).get(entity, entity)}"
        if "base" in entry and entry["base"] != self.versions.get(atom):
            return {"rejected": "conflict"}
        changes = host.changes({atom: renamed(entry["change"], self.ids)})
        try:
            after = host.thaw(apply_changes(host.documents(self.docs), changes))
        except ChangeInapplicable:
            return {"rejected": "no"}
        self.docs = cast(Thing, after)
        self.ids |= ids
        told: Thing = {"ids": {**ids}} if ids else {}
        told["version"] = self._moved(atom, {"m": name, **told})
        doc: Thing = {"doc": self.docs[atom]} if atom in self.docs else {"absent": True}
        return {"ok": {"seq": self.seq, **told, "row": doc}}

    def other(self, rng: random.Random) -> None:
        """Somebody else writes, now and then under the name of a write of this client."""
        atom = rng.choice([*self.docs, "r/a", "r/b", "r/c"])
        if atom in self.docs and rng.randrange(4) == 0:
            del self.docs[atom]
        else:
            self.docs[atom] = {"x": rng.randrange(20), "f": self.seq}
        self._moved(atom, {"client": "other", "m": "$m1"} if rng.randrange(3) == 0 else None)

    def _moved(self, atom: str, label: Thing | None) -> int:
        """The next position of the stream, at which one document changed; its version."""
        self.seq += 1
        self.counted += 1
        version = self.seq if self.by_position else self.counted
        self.versions[atom] = version
        change: Thing = {"delete": True}
        if atom in self.docs:
            doc = self.docs[atom]
            change = {"upsert": doc, "patch": [{"op": "add", "path": "", "value": doc}]}
        settles: list[Json] = [{**label, "version": version}] if label else []
        self.deltas.append({"seq": self.seq, "atoms": {atom: change}, "settles": settles})
        return version


def renamed(value: Json, ids: dict[str, str]) -> Json:
    """A change with the ids of the server."""
    match value:
        case str():
            return ids.get(value, value)
        case list():
            return [renamed(each, ids) for each in value]
        case dict():
            return {key: renamed(each, ids) for key, each in value.items()}
        case _:
            return value
