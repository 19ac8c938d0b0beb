"""The outbox's pure functions against plain definitions of what they compute."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.properties.outbox_authority import ME

from optisync import patch
from optisync.contracts.entry import (
    Entity,
    EntityId,
    EntryId,
    IdempotencyKey,
    Millis,
    Resource,
    Stamp,
    WriteEntry,
    makes_row,
    mentions,
    rename,
)
from optisync.outbox.config import Config, Mode
from optisync.outbox.lease import ranges, sendable
from optisync.outbox.queue import Queue
from optisync.outbox.rows import (
    Acked,
    Alias,
    Doubt,
    Hole,
    InFlight,
    Item,
    Member,
    OwnVersion,
    Parked,
    Queued,
    Status,
)
from optisync.outbox.state import Outbox, start, with_row
from optisync.values import ClientSeq, Epoch, Json, Obj, ServerSeq, Version
from optisync.view import Create, Delete, Update, Upsert

NOW = Millis(10)
SEEN = Stamp(Epoch(1), Version(1))
IDS: tuple[str, ...] = ("a", "b", "t1", "t2")
numbers = st.integers(1, 5).map(ClientSeq)
entities = st.sampled_from([Entity(Resource("t"), EntityId(name)) for name in IDS])
texts: st.SearchStrategy[Json] = st.sampled_from([*IDS, "x", 1, True])
values: st.SearchStrategy[Json] = st.recursive(
    texts,
    lambda inner: (
        st.lists(inner, max_size=2).map(tuple)
        | st.dictionaries(st.sampled_from(IDS), inner, max_size=2).map(Obj)
    ),
    max_leaves=4,
)
operations: st.SearchStrategy[patch.Op] = (
    st.builds(patch.Add, st.just(("a",)), values)
    | st.builds(patch.Replace, st.just(("a",)), values)
    | st.builds(patch.Test, st.just(("t1",)), values)
    | st.sampled_from([patch.Remove(("t1",)), patch.Copy(("t1",), ("t2",))])
)
patches: st.SearchStrategy[patch.Patch] = st.lists(operations, max_size=3).map(tuple)
changes = (
    st.builds(Create, values)
    | st.builds(Update, patches)
    | st.builds(Upsert, values, st.none() | patches)
    | st.just(Delete())
)
statuses: st.SearchStrategy[Status] = st.one_of(
    st.sampled_from([0, 10, 11]).map(lambda time: Queued(Millis(time))),
    st.sampled_from([InFlight(1, "", Millis(99)), Parked(), Acked(ServerSeq(9))]),
)


@st.composite
def items(draw: st.DrawFn) -> Item:
    seq, temporary = draw(numbers), draw(st.booleans())
    entry = WriteEntry(
        EntryId(f"e{seq}"),
        IdempotencyKey(f"k{seq}"),
        Entity(Resource("t"), EntityId(f"t{seq}")) if temporary else draw(entities),
        draw(changes),
        draw(st.sampled_from([SEEN, None])),
        temporary,
    )
    after = tuple(sorted(draw(st.sets(numbers, max_size=2))))
    status = draw(statuses)
    sent = not isinstance(status, Queued) or draw(st.booleans())
    return Item(seq, entry, after, status, first=int(sent))


holes = st.builds(
    Hole, numbers, st.sampled_from([None, Queued(), Queued(Millis(11)), InFlight(1, "", NOW)])
)
members: st.SearchStrategy[list[Member]] = st.lists(
    items() | holes, max_size=5, unique_by=lambda member: member.seq
)


@st.composite
def states(draw: st.DrawFn) -> Outbox:
    state = replace(start(Epoch(1)), now=NOW)
    for member in draw(members):
        state = with_row(state, member)
    for entity in draw(st.sets(entities, max_size=1)):
        state = with_row(state, Doubt(ClientSeq(9), EntryId("old"), entity))
    for entity in draw(st.sets(entities, max_size=2)):
        state = with_row(state, OwnVersion(entity, SEEN, SEEN))
    for temporary in draw(st.sets(st.sampled_from(["t1", "t2"]), max_size=1)):
        state = with_row(state, Alias(temporary, "r"))
    return state


def undecided(member: Member | None) -> bool:
    return isinstance(member, Item) and not isinstance(member.status, Acked)


def row(state: Outbox, entity: Entity) -> Entity:
    """A temporary id and the id that the server gave for it are one row."""
    real = state.aliases.get(entity.id)
    return entity if real is None else Entity(entity.resource, EntityId(real))


def may_go(state: Outbox, member: Member) -> bool:
    """By the text: what keeps this one back, whatever the order in which members are looked at."""
    if not isinstance(member.status, Queued) or member.status.not_before > state.now:
        return False
    if isinstance(member, Hole):
        return True
    entry, mine = member.entry, row(state, member.entry.entity)
    earlier = [m for m in state.queue if isinstance(m, Item) and m.seq < member.seq]
    same_row = any(undecided(m) and row(state, m.entry.entity) == mine for m in earlier)
    waits = any(undecided(m) and m.seq in member.after for m in earlier)
    nameless = {
        str(m.entry.entity.id)
        for m in earlier
        if makes_row(m.entry)
        and isinstance(m.status, Acked)
        and m.entry.entity.id not in state.aliases
    }
    doubted = any(row(state, doubt.entity) == mine for doubt in state.doubts)
    needs = isinstance(entry.change, Update | Delete) and entry.base is None and not member.sent
    baseless = needs and mine not in state.versions
    return not (same_row or waits or nameless & mentions(entry) or doubted or baseless)


@given(states())
def test_what_may_be_sent_is_what_nothing_keeps_back(state: Outbox) -> None:
    """[one-in-flight-per-entity] [dependency-order] [doubt-lifted-by-read] [ids-renamed]
    [base-unknown] [acked-blocks-nobody]
    """
    found = [member.seq for member in sendable(Config(ME), state)]
    assert found == [member.seq for member in state.queue if may_go(state, member)]


@given(states())
def test_ordered_sends_the_prefix_of_it(state: Outbox) -> None:
    """[ordered-is-a-prefix]"""
    expected = list[ClientSeq]()
    for member in state.queue:
        if isinstance(member, Item) and not undecided(member):
            continue
        if not may_go(state, member):
            break
        expected.append(member.seq)
    found = [member.seq for member in sendable(Config(ME, Mode.ORDERED), state)]
    assert found == expected


@given(st.sets(st.integers(1, 20).map(ClientSeq)))
def test_ranges_are_the_numbers(seqs: set[ClientSeq]) -> None:
    found = ranges(sorted(seqs))
    assert [n for first, last in found for n in range(first, last + 1)] == sorted(seqs)
    ends = [n for pair in found for n in pair]
    assert ends == sorted(ends)
    assert all(last + 1 not in seqs for _, last in found)


@given(items(), st.dictionaries(st.sampled_from(IDS), st.sampled_from(["r1", "r2"])))
def test_renaming_changes_what_is_mentioned_and_nothing_else(
    item: Item, names: dict[str, str]
) -> None:
    """[ids-renamed]"""
    entry, ids = item.entry, tuple(names.items())
    if makes_row(entry):  # the id that it makes stays
        names = {old: new for old, new in names.items() if old != entry.entity.id}
    renamed = rename(entry, ids)
    assert mentions(renamed) == {names.get(text, text) for text in mentions(entry)}
    assert rename(renamed, ids) == renamed
    assert rename(rename(entry, (("a", "only"),)), (("only", "a"),)) == entry
    kept = replace(renamed, entity=entry.entity, change=entry.change)
    assert kept == entry
    assert type(renamed.change) is type(entry.change)


@given(st.lists(items() | holes | numbers, max_size=12), st.data())
def test_a_queue_is_a_sorted_dictionary_with_names(
    calls: list[Item | Hole | ClientSeq], data: st.DataObject
) -> None:
    queue, plain = Queue(), dict[ClientSeq, Member]()
    for call in calls:
        if isinstance(call, int):
            queue = queue.drop(call)
            plain.pop(call, None)
            continue
        known = plain.get(call.seq)
        if isinstance(call, Item) and isinstance(known, Item):  # its write stays as it is
            call = replace(known, status=data.draw(statuses))
        queue = queue.put(call)
        plain[call.seq] = call
    assert list(queue) == [plain[seq] for seq in sorted(plain)]
    writes = [member for member in plain.values() if isinstance(member, Item)]
    assert (len(queue), queue.items) == (len(plain), len(writes))
    for seq in map(ClientSeq, range(1, 6)):
        member = plain.get(seq)
        assert queue.get(seq) is member
        item = member if isinstance(member, Item) else None
        assert queue.named(EntryId(f"e{seq}")) is item
        assert queue.keyed(IdempotencyKey(f"k{seq}")) is item
        waiting = [m for m in sorted(writes, key=lambda m: m.seq) if seq in m.after]
        assert list(queue.waiting_for(seq)) == waiting
        makes = item is not None and makes_row(item.entry)
        assert queue.making(f"t{seq}") is (item if makes else None)
