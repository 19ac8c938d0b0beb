"""Laws of two runs: rollback is never having happened, batches depend on no answer, undo undoes.

`python -m tests.properties.pipeline_laws RUNS` tries them on random scripts, without typeguard.
"""

import sys
from dataclasses import replace
from random import Random

from tests.properties.pipeline_backends import FIRST_DOC, ROWS, RowAuthority, StreamAuthority
from tests.properties.pipeline_plain import Plain, verdicts

from optisync.contracts.entry import Entity, EntityId, WriteEntry, renamed_change
from optisync.patch import Add, Copy, Replace
from optisync.pipeline.events import Context, Event, Patches, Write
from optisync.pipeline.inputs import Cancel, Direction, Dispatch, Drain
from optisync.pipeline.state import Pipeline, view
from optisync.values import ClientSeq, Json, Obj
from optisync.view import Change, Create, Delete, Docs, Update, Upsert

Op = tuple[int, int, int]
"""What is done, to which row, how: a script that any numbers make."""
BACKENDS = ("rows", "whole rows", "stream")
LENGTH = 24


def authority(kind: str) -> RowAuthority | StreamAuthority:
    return StreamAuthority() if kind == "stream" else RowAuthority(kind == "whole rows")


def change_of(how: int, number: int) -> Change:
    document = FIRST_DOC.put("n", number)
    changes: tuple[Change, ...] = (
        Update((Replace(("n",), number),)),
        Update((Replace(("m",), number),)),
        Update((Copy(("n",), ("m",)),)),
        Upsert(document),
        Upsert(document, (Replace(("m",), number),)),
        Create(document),
        Delete(),
        Update((Add(("extra",), number), Replace(("n",), number))),
    )
    return changes[how]


def event_of(op: Op, number: int, made: list[Entity]) -> Event:
    """A write of a row; of one that the script made, if there is one; or a patch of a row."""
    what, which, how = op
    rows = [*ROWS, *made[-2:]]
    row = rows[which % len(rows)]
    if what == 5:
        made.append(Entity(ROWS[0].resource, EntityId(f"temp{number}")))
        return Write(made[-1], Create(FIRST_DOC.put("n", number)), temporary=True)
    if what == 4:
        return Patches(ROWS[0].resource, (Replace((str(ROWS[0].id), "n"), number),))
    return Write(row, change_of(how, number))


def play(plain: Plain, script: list[Op], without: int | None = None) -> Plain:
    """A script is dispatched, drained, answered, told. The numbers of a run stay what they are."""
    made: list[Entity] = []
    for number, op in enumerate(script, start=1):
        what, _, how = op
        match what:
            case 6 | 7:
                plain.give(Drain())
            case 8 | 9:
                plain.answer(how % 3)
            case 10:
                plain.decide()
            case 11:
                plain.catch_up(how % 2 == 0)
            case _ if number != without:
                event = event_of(op, number, made)
                plain.give(Dispatch(event, (ClientSeq(number),), Context(action_id=str(number))))
            case _:
                pass
    return plain


def rollback(script: list[Op], k: int, kind: str) -> None:
    """[exact-rollback]: documents, view, every other ticket, every stack."""
    if k > len(script) or script[k - 1][0] > 4:
        return  # not a write, or one that others are made from
    if kind != "stream":  # which tells rows it makes apart by the order in which it makes them
        script = [op if op[0] != 5 else (0, *op[1:]) for op in script]
    rejected = play(Plain(authority(kind), frozenset({k})), script)
    never = play(Plain(authority(kind)), script, without=k)
    rejected.settle()
    never.settle()
    assert rejected.view == never.view
    assert rejected.state.docs == never.state.docs == rejected.authority.docs()
    settled = verdicts(rejected.state)
    assert settled.pop(k)[0].value == "failed"
    assert settled == verdicts(never.state)
    assert rejected.state.members == never.state.members


def named(state: Pipeline, docs: Docs) -> Obj:
    """Documents by the names that the server gave."""
    found: dict[str, Json] = {}
    for atom, doc in docs.items():
        resource, _, name = atom.partition("/")
        found[f"{resource}/{state.aliases.get(name) or name}"] = doc
    return Obj(found)


def showing(plain: Plain, script: list[Op]) -> list[Docs]:
    """Play what applies to what is shown then, each an action of its own; the views before."""
    views: list[Docs] = []
    made: list[Entity] = []
    for number, op in enumerate(script, start=1):
        if op[0] > 5:
            play(plain, [(11 if op[0] == 6 else op[0], *op[1:])])
            continue
        event = event_of(op, number, made)
        before, state = plain.view, plain.state
        done = plain.give(
            Dispatch(event, (ClientSeq(number),), Context(action_id=str(number))), Drain()
        )
        assert done is not None
        if ClientSeq(number) in view(plain.state).inapplicable:
            plain.state = state
            plain.requests = [r for r in plain.requests if number not in r.seqs]
        else:
            views.append(before)
    return views


def undo_and_redo(script: list[Op], settled: int, kind: str) -> None:
    """[undo-by-action] [inverse-afresh] [revert-is-a-write]: whatever is settled meanwhile."""
    plain = Plain(authority(kind))
    start = plain.authority.docs()
    views = [*showing(plain, script), plain.view]
    number, seen = 1_000, [views[-1]]
    if settled:
        plain.settle(whole=settled == 1)
    for before in reversed(views[:-1]):
        assert plain.revert(Direction.UNDO, number)
        number += 10
        assert named(plain.state, plain.view) == named(plain.state, before)
        seen.append(before)
        if settled == 2:
            plain.settle()
    assert not plain.revert(Direction.UNDO, number)
    if settled == 3:
        plain.settle()
        assert plain.authority.docs() == start
    for after in views[1:]:
        assert plain.revert(Direction.REDO, number)
        number += 10
        assert named(plain.state, plain.view) == named(plain.state, after)
    plain.settle()
    assert named(plain.state, plain.state.docs) == named(plain.state, views[-1])


Contexts = list[tuple[str, str | None, str | None]]


def scheduled(script: list[Op], contexts: Contexts, schedule: list[list[int]], kind: str) -> Plain:
    """The same dispatches, drains and cancels; answers come when and as the schedule says."""
    plain, made, tickets = Plain(authority(kind)), list[Entity](), dict[int, int]()
    for number, op in enumerate(script, start=1):
        what, which, _ = op
        if what in (6, 7):
            plain.give(Drain())
        elif what == 8:
            wanted = tickets.get(number - 1 - which)  # of what others are not made from
            plain.give(*([] if wanted is None else [Cancel(wanted)]))
        else:
            scope, action, key = contexts[number - 1]
            event = event_of((what % 6, *op[1:]), number, made)
            context = Context(scope, action_id=action)
            done = plain.give(Dispatch(event, (ClientSeq(number),), context, key))
            assert done is not None
            assert done.error is None
            if not (isinstance(event, Write) and event.temporary):
                tickets[number] = plain.state.begun
        for how in schedule[number - 1]:
            plain.answer(how) if how < 4 else plain.decide() if how == 4 else plain.catch_up()
    plain.settle()
    return plain


def told(plain: Plain, entry: WriteEntry) -> WriteEntry:
    """An entry as it was dispatched: by temporary names, without what answers say."""
    names = {real: name for name, real in plain.state.aliases.items() if real is not None}
    entity = Entity(entry.entity.resource, EntityId(names.get(entry.entity.id, entry.entity.id)))
    change = renamed_change(entry.change, names)
    return replace(entry, entity=entity, change=change, base=None, depends_on=())


def batches(
    script: list[Op], contexts: Contexts, one: list[list[int]], other: list[list[int]], kind: str
) -> None:
    """[batching-deterministic] [action-of-window] [entry-ids]"""
    first, second = (scheduled(script, contexts, each, kind) for each in (one, other))
    both = set(first.entries) & set(second.entries)  # the rest was cancelled before it went
    for seq in both:
        assert told(first, first.entries[seq]) == told(second, second.entries[seq])
    batches = [
        {(p.context, p.persist_key, tuple(s for s in p.seqs if s in both)) for p in plain.persisted}
        for plain in (first, second)
    ]
    gone = {batch for found in batches for batch in found if not batch[2]}
    assert batches[0] - gone == batches[1] - gone


def at_random(runs: int) -> None:
    """All laws, as often as asked."""
    for seed in range(runs):
        rng = Random(seed)
        script = [
            (rng.randrange(12), rng.randrange(6), rng.randrange(8))
            for _ in range(rng.randrange(LENGTH))
        ]
        kind = BACKENDS[seed % len(BACKENDS)]
        contexts: Contexts = [
            (rng.choice(("default", "left")), rng.choice((None, "x")), rng.choice((None, "other")))
            for _ in range(LENGTH)
        ]
        one, other = (
            [[rng.randrange(6) for _ in range(rng.randrange(4))] for _ in range(LENGTH)]
            for _ in range(2)
        )
        try:
            rollback(script, rng.randrange(1, LENGTH), kind)
            undo_and_redo(script, rng.randrange(4), kind)
            batches(script, contexts, one, other, kind)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {script}, {kind}") from error


if __name__ == "__main__":
    at_random(int(sys.argv[1]))
