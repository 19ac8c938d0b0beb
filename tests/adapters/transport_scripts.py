"""Random scripts of profile transport: answers permuted, doubled, lost and of no form."""

from __future__ import annotations

import random

from tests.adapters.drawing import Thing

from optisync_conformance.frames import Json

RESOURCES = ("r", "r", "r", "s")
OPTIONS: tuple[Thing, ...] = (
    {},
    {},
    {},
    {"returning": True},
    {"returning": 1, "only": {"a": 1, "b": [1]}},
    {"only": {"b": [1.0], "a": 1}, "returning": 1},
)
CHANGES: tuple[Json, ...] = (
    {"create": {"x": 1}},
    {"delete": True},
    {"upsert": {"x": 2}},
    {"upsert": None, "patch": []},
    [{"op": "add", "path": "/x", "value": 3}],
)
ERRORS: tuple[Thing, ...] = (
    {"code": "conflict", "definite": True},
    {"code": "no", "definite": True},
    {"code": "busy", "definite": False},
    {"code": "slow", "definite": False, "retry": 500},
)
BROKEN: tuple[Thing, ...] = (
    {"ok": 1},
    {"ok": True, "version": "3"},
    {"ok": True, "version": -1},
    {"ok": True, "version": 2.5},
    {"ok": True, "serverSeq": None},
    {"ok": True, "ids": {"t": 1}},
    {"ok": True, "ids": {"a/b": ""}},
    {"ok": True, "row": {"doc": 1, "absent": True}},
    {"ok": True, "row": {}},
    {"ok": True, "error": {"code": "no", "definite": True}},
    {"ok": False},
    {"ok": False, "error": {"code": "", "definite": True}},
    {"ok": False, "error": {"code": "no"}},
    {"ok": False, "error": {"code": "no", "definite": True, "retryAfterMs": 1}},
    {"ok": False, "error": {"code": "no", "definite": True}, "version": 1},
    {},
)
BROKEN_OPS: tuple[Thing, ...] = (
    *BROKEN,
    {"ok": True, "data": 7},
    {"ok": True, "data": {"results": {}, "rows": 1}},
    {"ok": True, "data": {"results": [], "rows": []}, "error": None},
    {"ok": False, "error": {"code": "no", "definite": True}, "data": None},
    {"ok": True, "data": {"results": [], "rows": [], "cursor": "9"}},
)
NAMELESS: tuple[Json, ...] = (7, None, [], {"ok": True}, {"entryId": "", "opId": 5, "ok": True})
ROWS: tuple[Thing, ...] = ({"doc": {"x": 1}}, {"doc": None}, {"absent": True})
BROKEN_ROWS: tuple[Json, ...] = (7, {"entityId": "a", "version": 1}, {"entityId": "", "doc": 1})
ANSWERS: tuple[Json, ...] = (7, None, "ok", [], {}, {"results": {}}, {"results": [], "more": 1})


def transport(rng: random.Random) -> tuple[Thing, list[Thing]]:
    """The setting and the steps of one script."""
    return {}, [_step(rng) for _ in range(rng.randrange(2, 7))]


def _step(rng: random.Random) -> Thing:
    kind = rng.randrange(6)
    if kind == 0:
        limit: Thing = {"limit": rng.randrange(3)} if rng.randrange(2) else {}
        where: Thing = {"x": rng.choice((1, True, None))} if rng.randrange(2) else {}
        reply = _read_reply(rng)
        return {"do": "query", "resource": "r", "where": where, "reply": reply, **limit}
    if kind == 1:
        return {"do": "pull", "resource": "r", "after": rng.randrange(9), "reply": _read_reply(rng)}
    names = [f"$m{n}" for n in range(1, rng.randrange(1, 7))]
    if rng.randrange(25) == 0:
        names += ["$m1", "$m1"]
    entries: list[Json] = [_entry(rng, name) for name in names]
    return {"do": "exchange", "entries": entries, "reply": _write_reply(rng, names)}


def _entry(rng: random.Random, name: str) -> Thing:
    change = rng.choice(CHANGES)
    entry: Thing = {"m": name, "resource": rng.choice(RESOURCES), "entity": rng.choice("abc")}
    entry |= {"change": change, "options": rng.choice(OPTIONS)}
    if rng.randrange(2):
        entry |= {"base": rng.randrange(4)}
    if rng.randrange(5) == 0:
        entry |= {"base_epoch": 2}
    if rng.randrange(4) == 0:
        entry |= {"key": f"k{name}"}
    if change == CHANGES[0] and rng.randrange(2):
        entry |= {"temporary": True}
    return entry


def _write_reply(rng: random.Random, names: list[str]) -> Json:
    kind = rng.randrange(12)
    if kind == 0 or not names:
        return None
    if kind == 1:
        return {"raw": rng.choice(ANSWERS)}
    told = [name for name in names if rng.randrange(8)]
    told += [rng.choice((*names, "$m8", "$m9")) for _ in range(rng.choice((0, 0, 1, 2)))]
    if rng.randrange(3) == 0:
        rng.shuffle(told)
    ops: list[Json] = []
    while told or rng.randrange(4) == 0:
        size = rng.randrange(1, 4)
        ops.append(_op_reply(rng, told[:size]))
        told = told[size:]
    return ops


def _op_reply(rng: random.Random, names: list[str]) -> Thing:
    op: Thing = {"op": rng.choice(("$o1", "$o1", "$o2", "$o3", "$o9"))}
    kind = rng.randrange(12)
    if kind == 0:
        return {**op, "error": rng.choice(ERRORS)}
    if kind == 1:
        return {**op, "raw": rng.choice(BROKEN_OPS)}
    if kind == 2:
        return {"raw": rng.choice(NAMELESS)}
    return {**op, "results": [_result(rng, name) for name in names]}


def _result(rng: random.Random, name: str) -> Thing:
    kind = rng.randrange(9)
    if kind == 0:
        return {"m": name, "raw": rng.choice(BROKEN)}
    if kind == 1:
        return {"raw": rng.choice(NAMELESS)}
    if kind < 4:
        return {"m": name, "error": rng.choice(ERRORS)}
    members: Thing = {"version": rng.randrange(2), "seq": rng.randrange(2), "ids": {"t": "s"}}
    members["row"] = rng.choice(ROWS)
    return {"m": name, "ok": True, **{k: v for k, v in members.items() if rng.randrange(4) == 0}}


def _read_reply(rng: random.Random) -> Json:
    kind = rng.randrange(10)
    if kind == 0:
        return None
    if kind == 1:
        return {"raw": rng.choice(ANSWERS)}
    if kind == 2:
        return [{"op": "$o1", "raw": rng.choice(BROKEN_OPS)}]
    if kind == 3:
        return [{"op": "$o1", "error": rng.choice(ERRORS)}]
    rows: list[Json] = [_row(rng) for _ in range(rng.randrange(4))]
    cursor: Thing = {"cursor": rng.randrange(9)} if rng.randrange(2) else {}
    op: Thing = {"op": "$o1" if rng.randrange(8) else "$o2", "rows": rows, **cursor}
    answer: list[Json] = [op] * rng.choice((1, 1, 1, 1, 1, 2, 0))
    return answer


def _row(rng: random.Random) -> Thing:
    if rng.randrange(12) == 0:
        return {"raw": rng.choice(BROKEN_ROWS)}
    return {"entity": rng.choice("abcdefgh"), "version": rng.randrange(5), **rng.choice(ROWS)}
