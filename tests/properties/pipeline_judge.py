"""What must hold of one pipeline and its server, judged from what was done, handed over, executed.

Which writes must be pending, which segments there must be, what each ticket must be told and which
version a write may be executed on follows from the history kept here, not from the machine.
"""

from contextlib import suppress
from dataclasses import dataclass, field, replace

from tests.properties.pipeline_backends import RowAuthority, StreamAuthority

from optisync.contracts.entry import (
    Entity,
    EntityId,
    Stamp,
    atom_of,
    renamed_change,
)
from optisync.contracts.messages import Ids, Snapshot
from optisync.errors import ChangeInapplicable
from optisync.machine import Step
from optisync.pipeline.effects import Answer, Answered, Changed, Effect, Persist, Told
from optisync.pipeline.events import Context, Kind, Write
from optisync.pipeline.inputs import Await, Input
from optisync.pipeline.pending import Accepted, Place, overlay
from optisync.pipeline.state import Mode, Pipeline, TicketStatus, view
from optisync.values import AtomKey, ClientSeq, Json, Obj, Version
from optisync.view import ABSENT, Change, Create, Overlay, apply_changes, changes_to_json

VERDICTS = (TicketStatus.CONFIRMED, TicketStatus.FAILED, TicketStatus.IN_DOUBT)


@dataclass
class Note:
    """A write. `seen`: the version of its row when it was dispatched. `origin`: whose it is.

    `codes`: why it may be refused. `parents`: the writes whose failure takes it along.
    """

    seq: ClientSeq
    ticket: int
    write: Write
    seen: Stamp | None
    origin: str
    optimistic: bool
    parents: frozenset[ClientSeq]
    codes: set[str] = field(default_factory=set)
    handed: bool = False
    told: bool = False


@dataclass(frozen=True)
class Queued:
    """An event as the segments see it."""

    seqs: tuple[ClientSeq, ...]
    key: tuple[str, str, str, str | None, str | None]
    kind: Kind
    entities: frozenset[Entity]
    after: frozenset[ClientSeq]
    context: Context


@dataclass
class Judge:
    """The history of a run. `durable`: the documents are those of a position of the server."""

    authority: RowAuthority | StreamAuthority
    notes: dict[ClientSeq, Note] = field(default_factory=dict)
    alive: set[ClientSeq] = field(default_factory=set)
    doubtful: set[ClientSeq] = field(default_factory=set)
    ended: set[ClientSeq] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)
    origins: dict[int, set[ClientSeq]] = field(default_factory=dict)
    restored: bool = False
    window: list[Queued] = field(default_factory=list)
    segments: list[list[Queued]] = field(default_factory=list)
    actions: dict[tuple[str, str], str] = field(default_factory=dict)
    told: dict[int, list[TicketStatus]] = field(default_factory=dict)
    waits: dict[int, Await] = field(default_factory=dict)
    answered: dict[int, Answer] = field(default_factory=dict)
    until: dict[int, int] = field(default_factory=dict)
    executed: int = 0
    durable: bool = False
    made: dict[AtomKey, Stamp] = field(default_factory=dict)

    # --- what was done ----------------------------------------------------------------------

    def dispatched(self, notes: list[Note], queued: Queued) -> None:
        for note in notes:
            assert note.seq not in self.notes
            self.notes[note.seq] = note
            self.alive.add(note.seq)
            if note.origin not in ("undo", "redo"):
                for number in numbers_in(note.write.change):
                    self.origins.setdefault(number, set()).add(note.seq)
        self.window.append(queued)

    def in_window(self, context: Context, first: ClientSeq) -> Context:
        """[action-of-window]: named after the first write that asks."""
        if context.action_id is not None:
            return context
        action = self.actions.setdefault((context.scope, context.origin), f"me/{first}")
        return replace(context, action_id=action)

    def drained(self) -> None:
        """[segments-are-runs] [kinds-split] [segment-has-entity-once]: by the text."""
        for event in self.window:
            run = self.segments[-1] if self.segments and self.segments[-1] else []
            fits = bool(run) and run[0] in self.window and run[0].key == event.key
            fits = fits and run[0].kind is event.kind is not Kind.PATCHES
            for other in run if fits else ():
                apart = other.entities.isdisjoint(event.entities)
                fits = fits and apart and not event.after & set(other.seqs)
            if fits:
                run.append(event)
            else:
                self.segments.append([event])
        self.window, self.actions = [], {}

    def name(self, ids: Ids) -> None:
        """The server gave rows their ids; after a restore it may give others."""
        for temporary, real in ids:
            before = self.names.get(temporary, temporary)
            old = {name for name, known in self.names.items() if known == before} | {before}
            self.names |= dict.fromkeys({*old, temporary} - {real}, real)

    def known(self, entity: Entity) -> Entity:
        return Entity(entity.resource, EntityId(self.names.get(entity.id, entity.id)))

    def began(self, state: Pipeline) -> None:
        """A new life: what was stored is there, what was not has ended."""
        self.alive &= set(state.pending.members)
        self.ended |= {n.seq for n in self.notes.values() if not n.told} - self.alive
        self.window, self.segments, self.told, self.answered = [], [], {}, {}
        self.waits, self.actions = {}, {}
        for note in self.notes.values():
            note.ticket = int(note.seq) if note.seq in self.alive else -1
        for seq in self.alive:  # a ticket of this life: what it was told before is forgotten
            self.told[int(seq)] = [state.tickets[int(seq)].status]
            self.notes[seq].told = self.told[int(seq)][0] in VERDICTS

    # --- every step -------------------------------------------------------------------------

    def check(self, before: Pipeline, given: Input, done: Step[Pipeline, Effect]) -> None:
        if done.error is not None:  # [pipeline-refusal-changes-nothing]
            assert done.state is before
            assert done.effects == ()
            assert str(done.error)
            return
        state = done.state
        self.check_order(done.effects)
        if not isinstance(given, Snapshot):  # which may always have changed something
            self.check_changed(before, done)
        for seq in sorted(self.alive - set(state.pending.members)):
            self.check_left(seq, state)
        self.alive &= set(state.pending.members)
        assert set(state.pending.members) == self.alive
        for effect in done.effects:
            match effect:
                case Persist():
                    self.handed(effect, state)
                case Told():
                    self.tell(effect)
                case Answered():
                    self.answer(effect, state)
                case _:
                    pass
        self.check_waits(state)
        self.check_shown(state)
        self.check_docs(before, state)
        units = (u for s in state.history.values() for u in (*s.undo, *s.redo))
        assert set(state.members) <= {seq for unit in units for seq in unit.seqs}

    def check_order(self, effects: tuple[Effect, ...]) -> None:
        """[visible-before-told] [told-in-order]"""
        kinds = (Changed, Told, Answered)
        ranks = [kinds.index(type(e)) if type(e) in kinds else len(kinds) for e in effects]
        assert ranks == sorted(ranks)
        assert ranks.count(0) <= 1
        tickets = [effect.ticket for effect in effects if isinstance(effect, Told)]
        firsts = [min(n.seq for n in self.notes.values() if n.ticket == t) for t in tickets]
        assert firsts == sorted(set(firsts))

    def check_changed(self, before: Pipeline, done: Step[Pipeline, Effect]) -> None:
        def shown(state: Pipeline) -> list[Overlay]:
            return [overlay(mutation) for mutation in state.pending]

        other = done.state.docs is not before.docs or shown(done.state) != shown(before)
        assert (Changed() in done.effects) == other

    def check_shown(self, state: Pipeline) -> None:
        """The view is the documents with every live write, in order, each visible once."""
        docs = state.docs
        for seq in sorted(self.alive):
            note = self.notes[seq]
            pending = state.pending.members[seq]
            assert self.known(pending.write.entity) == self.known(note.write.entity)
            assert note.optimistic == pending.optimistic
            if not note.optimistic:
                continue
            changes = ((atom_of(pending.write.entity), pending.write.change),)
            with suppress(ChangeInapplicable):
                docs = apply_changes(docs, changes)
        assert view(state).view == docs

    def check_left(self, seq: ClientSeq, state: Pipeline) -> None:
        """[exact-rollback] [acked-until-covered]: nothing leaves without a reason."""
        note = self.notes[seq]
        orphan = any(self.came_to_nothing(parent) for parent in note.parents) and not note.handed
        if orphan:
            note.codes.add("parent-rejected")
        gone = self.came_to_nothing(seq)
        assert gone or self.covered(seq, state), f"{seq} left too early"

    def came_to_nothing(self, seq: ClientSeq) -> bool:
        return bool(self.codes(seq)) or seq in self.doubtful

    def codes(self, seq: ClientSeq) -> set[str]:
        """Why it is refused, if it is."""
        said = self.authority.refused.get(seq)
        return self.notes[seq].codes | ({said} if said is not None else set())

    def covered(self, seq: ClientSeq, state: Pipeline) -> bool:
        """Whether the documents have what the server made of this write."""
        at = self.authority.accepted.get(state.epoch, {}).get(seq)
        if at is None:
            return False
        if isinstance(self.authority, StreamAuthority):
            return at <= state.server_seq
        stamp = state.versions.get(atom_of(self.known(self.notes[seq].write.entity)))
        return stamp is not None and stamp.version >= at

    def check_docs(self, before: Pipeline, state: Pipeline) -> None:
        """[versions-never-down] [tombstones] PREFIX: they are what the server had, and once."""
        if isinstance(self.authority, StreamAuthority) and self.durable:
            assert state.docs == self.authority.positions[state.epoch, state.server_seq]
        for atom, stamp in state.versions.items():
            if stamp.epoch == before.epoch == state.epoch and not before.loaded < state.loaded:
                assert before.versions.get(atom, stamp) <= stamp
            if isinstance(self.authority, RowAuthority):
                held = self.authority.held.get((atom, stamp), ABSENT)
                assert state.docs.get(atom, ABSENT) == held, f"{atom} at {stamp}"
        for seq in self.alive:
            status = state.pending.members[seq].status
            heard = isinstance(status, Accepted) or isinstance(self.authority, StreamAuthority)
            twice = heard and self.covered(seq, state) and seq not in self.doubtful
            assert not twice, f"{seq} is shown twice"

    # --- what is handed over, and executed --------------------------------------------------

    def handed(self, persist: Persist, state: Pipeline) -> None:
        """[entry-ids] [order-per-entity] [child-after-parent] [undo-waits]"""
        assert persist.handle == persist.seqs[0]
        segments = (s for s in self.segments if any(persist.handle in e.seqs for e in s))
        (events,) = segments
        whole = [seq for event in events for seq in event.seqs]
        live = [seq for seq in whole if seq in state.pending.members and not self.notes[seq].handed]
        rows = [self.known(self.notes[seq].write.entity) for seq in live]
        first = [seq for at, seq in enumerate(live) if rows[at] not in rows[:at]]
        assert list(persist.seqs) == first  # a row under two names goes in two requests
        assert persist.context == events[0].context
        assert persist.persist_key == events[0].key[-1]
        entities = [entry.entity for entry in persist.entries]
        assert len(entities) == len(set(entities))
        for seq, entry in zip(persist.seqs, persist.entries, strict=True):
            note = self.notes[seq]
            assert not note.handed, "handed over twice"
            note.handed = True
            assert str(entry.entry_id) == str(entry.idempotency_key) == f"me/{seq}"
            assert self.known(entry.entity) == self.known(note.write.entity)
            own = renamed_change(note.write.change, self.names)
            assert renamed_change(entry.change, self.names) == own  # [own-change-only]
            mine = state.pending.of(entry.entity)
            late = [m for m in mine if m.seq > seq and self.notes[m.seq].handed]
            assert not late, f"{late[0].seq} passed {seq}"
            early = [m for m in mine if m.seq < seq]
            for other in (*early, *(m for p in note.parents if (m := state.pending.get(p)))):
                assert isinstance(other.status, Accepted) or other.status is Place.ENQUEUED

    def check_executed(self) -> None:
        """[base-version-own-only]: no foreign change is overwritten that was not seen."""
        new = self.authority.executed[self.executed :]
        self.executed = len(self.authority.executed)
        for seq, entry in new:
            note, epoch = self.notes[seq], self.authority.epoch
            at = self.authority.accepted[epoch][seq]
            atom = atom_of(entry.entity)
            if isinstance(entry.change, Create):
                self.made[atom] = Stamp(epoch, Version(at))
            elif note.seen is not None:
                since = max(note.seen, self.made.get(atom, note.seen))
                unseen = [
                    stamp
                    for touched, stamp in self.authority.foreign
                    if touched == atom and since < stamp and stamp.version < at
                ]
                assert not unseen, f"{seq} overwrote what it never saw"
            if not self.restored:  # what was accepted stays accepted
                for number in numbers_in(entry.change):
                    sources = self.origins.get(number, {seq})
                    assert sources & self.authority.ever, f"{seq} restores {number}, never accepted"

    # --- what is told -----------------------------------------------------------------------

    def tell(self, told: Told) -> None:
        """[ticket-status] [verdict-once]"""
        before = self.told.setdefault(told.ticket, [])
        assert not before or before[-1] not in VERDICTS, "a verdict was told twice"
        assert told.status not in before
        before.append(told.status)
        mine = [note for note in self.notes.values() if note.ticket == told.ticket]
        for note in mine:
            note.told = note.told or told.status in VERDICTS
        match told.status:
            case TicketStatus.CONFIRMED:
                assert all(note.seq in self.authority.ever for note in mine)
            case TicketStatus.FAILED:
                lost = [n.seq for n in mine if self.codes(n.seq)]
                if self.doubtful.isdisjoint(lost) and not self.restored:
                    lost = lost[:1]
                assert told.code in {code for seq in lost for code in self.codes(seq)}
            case TicketStatus.IN_DOUBT:
                assert any(note.seq in self.doubtful for note in mine)
            case _:
                assert told.status is TicketStatus.ENQUEUED
        assert (told.code is None) == (told.status is not TicketStatus.FAILED)

    def answer(self, answered: Answered, state: Pipeline) -> None:
        """[await-modes] [late-await] [timeout-ends-wait] [unknown-ends-wait]"""
        assert answered.wait not in self.answered, "a wait was answered twice"
        self.answered[answered.wait] = answered.answer
        wait = self.waits[answered.wait]
        told = self.told.get(wait.ticket, [])
        match answered.answer:
            case Answer.ENQUEUED:
                assert TicketStatus.ENQUEUED in told
                assert wait.mode is Mode.OPTIMISTIC or wait.timeout is not None
            case Answer.TIMED_OUT:
                assert wait.timeout is not None
            case Answer.OUTCOME_UNKNOWN:
                mine = [m for m in state.pending if m.ticket == wait.ticket]
                assert any(m.status is Place.UNKNOWN for m in mine)
            case verdict:
                assert told[-1].value == verdict.value

    def check_waits(self, state: Pipeline) -> None:
        """Nobody waits any longer for what is known, or when his time is over."""
        unknown = {m.ticket for m in state.pending if m.status is Place.UNKNOWN}
        for number in self.waits.keys() - self.answered.keys():
            wait = self.waits[number]
            told = self.told.get(wait.ticket, [])
            assert not told or told[-1] is TicketStatus.ENQUEUED
            assert not told or wait.mode is Mode.STRICT
            assert wait.ticket not in unknown
            assert self.until.get(number, state.now + 1) > state.now

    def finish(self, idle: set[int]) -> None:
        """Everything is over: each write has had its verdict, each wait its answer."""
        assert not self.alive
        for note in self.notes.values():
            assert note.told or note.seq in self.ended, f"nobody was told about {note.seq}"
        assert {w for w, given in self.waits.items() if given.ticket not in idle} <= set(
            self.answered
        )


def numbers_in(change: Change) -> set[int]:
    """Every number above 0 that a change writes: what it is known by."""
    found: set[int] = set()
    rest: list[Json] = [changes_to_json(((AtomKey("a"), change),))]
    while rest:
        match rest.pop():
            case Obj() as members:
                rest += members.values()
            case tuple() as items:
                rest += items
            case int() as number if number > 0 and number is not True:
                found.add(number)
            case _:
                pass
    return found
