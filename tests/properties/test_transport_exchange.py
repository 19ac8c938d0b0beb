"""Driver, wire and backend together, over a network that loses, repeats and reorders."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.transport_values import batches, options

from optisync.contracts.entry import EntryId, IdempotencyKey, Unknown, Written
from optisync.contracts.remote import Done, RemoteOpResult, WriteResultData
from optisync.server.rows import Backend, step
from optisync.transport.alignment import Outcome
from optisync.transport.driver import (
    NOTHING,
    Answer,
    Outgoing,
    ops_to_json,
    write_ops,
    write_results,
)
from optisync.transport.requests import ops_from_json
from optisync.transport.wire import results_to_json
from optisync.values import dump, parse


@st.composite
def garbled(draw: st.DrawFn, answer: Sequence[RemoteOpResult]) -> Answer:
    """The answer as it comes back: not at all, in parts, with parts repeated, in another order."""
    if draw(st.booleans()):
        return NOTHING
    parts = list(draw(st.permutations(answer)))
    parts += draw(st.lists(st.sampled_from(parts), max_size=2)) if parts else []
    return results_to_json([_garbled_part(draw, part) for part in parts])


def _garbled_part(draw: st.DrawFn, part: RemoteOpResult) -> RemoteOpResult:
    if not isinstance(part, Done) or not isinstance(part.data, WriteResultData):
        return part
    order = draw(st.permutations(part.data.results))
    kept = tuple(each for each in order if draw(st.booleans()))
    return replace(part, data=WriteResultData(kept))


def keyed(batch: Sequence[Outgoing]) -> list[Outgoing]:
    """Each entry under a key of its own, made on no version."""
    return [
        replace(
            out,
            entry=replace(
                out.entry, idempotency_key=IdempotencyKey(f"k-{out.entry.entry_id}"), base=None
            ),
        )
        for out in batch
    ]


@settings(max_examples=40)
@given(batches(), st.data())
def test_each_write_is_executed_once_however_often_it_is_sent(
    batch: tuple[Outgoing, ...], data: st.DataObject
) -> None:
    """[rows-decided-once] [entry-whole] [no-answer-unknown] [indefinite-unknown]"""
    backend, left = Backend(), keyed(batch)
    known: dict[EntryId, Outcome] = {}
    for attempt in range(4):
        asked = [replace(out, options=data.draw(options)) for out in left]
        ops = write_ops(f"q{attempt}", asked)
        request = dump(ops_to_json(ops))
        arrived = data.draw(st.booleans()) or attempt == 3
        done = step(backend, ops_from_json(parse(request)) if arrived else ())
        backend = done.state
        whole = results_to_json(done.effects)
        answer: Answer = NOTHING
        if arrived:
            answer = whole if attempt == 3 else data.draw(garbled(done.effects))
        for result in write_results(ops, answer).results:
            if not isinstance(result.outcome, Unknown):
                known[result.entry_id] = result.outcome
        left = [out for out in left if out.entry.entry_id not in known]
    assert not left
    for out in batch:
        verdict = backend.verdicts[IdempotencyKey(f"k-{out.entry.entry_id}")].outcome
        bare = replace(verdict, row=None) if isinstance(verdict, Written) else verdict
        assert known[out.entry.entry_id] == bare
    assert backend.newest == sum(isinstance(outcome, Written) for outcome in known.values())
