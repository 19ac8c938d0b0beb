"""Random scripts of profile pipeline with a coherent server: what it says fits together.

It executes what it is handed, once; its answers, deltas, labels, snapshots and rows tell what
became of that, or come late, twice, in part or not at all; it goes back to what it had saved.
Left out: a limit of the capacity, hooks, and a label without the id that its create has. One step
in fifty is any call of `pipeline_scripts`: now and then this server lies.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass
from typing import cast

from tests.adapters.drawing import Thing
from tests.adapters.pipeline_scripts import Drawing
from tests.adapters.pipeline_server import Server

from optisync_conformance.frames import Json

OFTEN = ("write", "drain", "answer", "verdict", "delta", "snapshot", "rows")
SELDOM = ("other", "revert", "small", "restore", "together", "call")
WEIGHTS = (30, 15, 18, 10, 10, 3, 3, 2, 4, 2, 1, 1, 2)
DRAIN: Thing = {"do": "drain"}


def pipeline_world(rng: random.Random) -> tuple[Thing, list[Thing]]:
    """The setting and the steps of one script."""
    says = Says.drawn(rng)
    docs: Thing = {"r/a": {"x": 0, "l": [0]}, "r/b": {"x": 0}}
    setting: Thing = {
        "docs": docs,
        "versions": {"r/a": 1, "r/b": 1} if says.versions and rng.randrange(6) else {},
        "epoch": 1,
        "capacity": 100000,
        "history": rng.choice((100, 100, 2)),
        "remembered": rng.choice((1000, 1000, 3)),
    }
    return setting, _World(rng, setting, says).steps(rng.randrange(12, 62))


@dataclass(frozen=True)
class Says:
    """What a server says of an acceptance: a position in its stream, or maybe the row."""

    positions: bool
    rows: bool
    versions: bool
    by_position: bool  # the version of a document is the position of its last write

    @classmethod
    def drawn(cls, rng: random.Random) -> Says:
        """Any of the servers."""
        if rng.randrange(2):
            return cls(True, False, True, rng.randrange(3) > 0)
        rows, versions = rng.choice(((True, True), (True, True), (False, True), (True, False)))
        return cls(False, rows, versions, False)


class _World(Drawing):
    """Draws what the client does and what this server says of it."""

    def __init__(self, rng: random.Random, setting: Thing, says: Says) -> None:
        self.says = says
        self.server = Server(cast(Thing, copy.deepcopy(setting["docs"])), says.by_position)
        self.saved = copy.deepcopy(self.server)
        self.requests: dict[str, list[Thing]] = {}
        self.queue: list[Thing] = []  # enqueued; they outlive the process
        self.late: list[str] = []  # executed, and nobody was told
        self.read_before: list[Json] = []
        super().__init__(rng, setting)

    def look(self, out: Thing) -> None:
        """See what the reference shows, and take in its requests."""
        super().look(out)
        for effect in cast(list[Thing], self.seen["effects"]):
            if effect["e"] == "persist":
                entries = cast(list[Thing], effect["entries"])
                self.requests[str(effect["request"])] = copy.deepcopy(entries)

    def play(self, step: Thing) -> None:
        """Take a step into the script; requests die with their process."""
        if step["do"] == "crash":
            self.requests.clear()
        super().play(step)

    def step(self) -> Thing:
        """Any step but those that end the process."""
        kind = self.rng.choices(OFTEN + SELDOM, WEIGHTS)[0]
        if kind == "together":
            inner: list[Json] = [self.one("drain"), self.one("answer"), self.one("write")]
            return {"do": "together", "steps": self.rng.sample(inner, 2)}
        return self.one(kind)

    def one(self, kind: str) -> Thing:
        """A step of this kind; a drain where there is nothing to say."""
        rng = self.rng
        match kind:
            case "write":
                return self.draw.dispatch() if rng.randrange(5) else self.draw.patches()
            case "answer" if self.requests:
                return self.answered()
            case "answer" | "verdict" if self.queue or self.late:
                return self.verdict()
            case "delta" if self.says.positions:
                return self.message()
            case "snapshot" if self.says.positions or rng.randrange(4) == 0:
                return self.whole()
            case "rows":
                return self.read()
            case "revert":
                return self.revert(rng.choice(("undo", "undo", "redo")))
            case "small":
                return self.small(rng.choice("wbtc"))
            case "call":
                return self.call()
            case _:
                return self.behind(kind)

    def behind(self, kind: str) -> Thing:
        """What happens at the server and nobody sees."""
        if kind == "other":
            self.server.other(self.rng)
        if kind == "restore" and self.rng.randrange(2):
            self.saved = copy.deepcopy(self.server)
        elif kind == "restore":
            epoch = self.server.epoch + 1
            self.server, self.late = copy.deepcopy(self.saved), []
            self.server.epoch = epoch
        return DRAIN

    # --- what the server says

    def told(self, name: str) -> Thing:
        """What an answer says of a write, not always all of it."""
        verdict = self.server.verdicts[name]
        if "ok" not in verdict:
            return {"m": name, **verdict}
        ok = {**cast(Thing, verdict["ok"])}
        says, rng = self.says, self.rng
        if not says.positions:
            del ok["seq"]
        if says.positions or not says.rows or rng.randrange(3) == 0:
            del ok["row"]
        if not says.versions or (says.by_position and rng.randrange(6) == 0):
            del ok["version"]
        if says.positions and rng.randrange(3) == 0:
            ok.pop("ids", None)  # the label has them
        return {"m": name, "ok": copy.deepcopy(ok)}

    def answered(self) -> Thing:
        """The answer to a request, or none."""
        rng, server = self.rng, self.server
        request = rng.choice([*self.requests])
        entries = self.requests.pop(request)
        step: Thing = {"do": "persisted", "request": request}
        kind = rng.randrange(12)
        if kind == 0:
            return {**step, "failed": "offline"}
        if kind == 1 and rng.randrange(2):
            self.late += map(server.run, entries)
            return {**step, "unknown": True}
        if kind < 5:
            self.queue += entries
            enqueued: Thing = {"enqueued": [entry["m"] for entry in entries]}
            return {**step, **({"unknown": True} if kind == 1 else enqueued)}
        results: list[Json] = [self.told(server.run(entry)) for entry in entries]
        rng.shuffle(results)
        if rng.randrange(10) == 0:
            self.late.append(str(cast(Thing, results.pop())["m"]))
        return {**step, "results": results, **self.epoch(3)}

    def epoch(self, most: int) -> Thing:
        """The epoch, which a message need not name."""
        return {"epoch": self.server.epoch} if self.rng.randrange(most) else {}

    def verdict(self) -> Thing:
        """What became of a write that was enqueued, or whose answer was lost."""
        rng = self.rng
        if self.queue and (not self.late or rng.randrange(3)):
            name = self.server.run(self.queue.pop(0))
            if rng.randrange(6) == 0:
                self.late.append(name)
        else:
            name = self.late.pop(rng.randrange(len(self.late)))
        return {"do": "decided", **self.told(name), **self.epoch(2)}

    def message(self) -> Thing:
        """The next delta, or now and then one that was applied before."""
        rng, server = self.rng, self.server
        epoch, at = self.position()
        coming = [delta for delta in server.deltas if cast(int, delta["seq"]) > at]
        if coming and epoch == server.epoch:
            delta = copy.deepcopy(coming[0])
            if rng.randrange(8) == 0:
                for label in cast(list[Thing], delta["settles"]):
                    label.pop("version", None)
            return {"do": "delta", "epoch": epoch, **delta}
        if server.deltas and rng.randrange(3) == 0:
            again = copy.deepcopy(rng.choice(server.deltas))
            return {"do": "delta", "epoch": min(epoch, server.epoch), **again}
        return DRAIN

    def whole(self) -> Thing:
        """A snapshot with most outcomes."""
        rng, server = self.rng, self.server
        outcomes: Thing = {}
        for name, verdict in server.verdicts.items():
            if rng.randrange(4):
                outcomes[name] = self.outcome(verdict)
        listed = rng.randrange(4) > 0  # with the versions of what is deleted
        versions: Thing = {k: v for k, v in server.versions.items() if listed or k in server.docs}
        return {
            "do": "snapshot",
            "epoch": server.epoch,
            "seq": server.seq,
            "docs": copy.deepcopy(server.docs),
            "versions": versions if self.says.versions else {},
            "outcomes": outcomes,
            "client_known": bool(outcomes) or rng.randrange(3) > 0,
        }

    def outcome(self, verdict: Thing) -> Thing:
        """A verdict as a snapshot has it."""
        if "ok" not in verdict:
            return {**verdict}
        ok = cast(Thing, verdict["ok"])
        kept: Thing = {key: ok[key] for key in ("version", "ids") if key in ok}
        if not self.says.versions:
            kept.pop("version")
        return {"ok": ok["seq"], **kept}

    def read(self) -> Thing:
        """Rows that were read, or come from a cache; now and then what was read long ago."""
        rng, server = self.rng, self.server
        rows: list[Json] = []
        for atom in rng.sample(sorted({*server.versions, "r/a", "r/c"}), 2):
            resource, entity = atom.split("/", 1)
            row: Thing = {"resource": resource, "entity": entity}
            row |= {"doc": server.docs[atom]} if atom in server.docs else {"absent": True}
            if atom in server.versions and self.says.versions:
                row["version"] = server.versions[atom]
            rows.append(row)
        if rng.randrange(6) == 0:
            rows, self.read_before = self.read_before or rows, rows
        do = rng.choice(("fetched", "fetched", "fetched", "hydrate"))
        return {"do": do, "rows": copy.deepcopy(rows)}
