"""What must hold of one pipeline and its server, judged from what was done, handed over, executed.

Which writes must be pending, which segments there must be, what each ticket must be told and which
version a write may be executed on follows from the history kept here, not from the machine.
"""

from contextlib import suppress
from dataclasses import dataclass

from tests.properties.pipeline_backends import RowAuthority, StreamAuthority
from tests.properties.pipeline_history import VERDICTS, History, numbers_in

from optisync.contracts.entry import (
    Stamp,
    atom_of,
    renamed_change,
)
from optisync.contracts.messages import Snapshot
from optisync.errors import ChangeInapplicable
from optisync.machine import Step
from optisync.pipeline.effects import Answer, Answered, Changed, Effect, Persist, Told
from optisync.pipeline.inputs import Confirmed, Decided, Input, Persisted
from optisync.pipeline.pending import Accepted, Place, overlay
from optisync.pipeline.state import Mode, Pipeline, TicketStatus, view
from optisync.values import ClientSeq, Version
from optisync.view import ABSENT, Create, Overlay, apply_changes


@dataclass
class Judge(History):
    """Says after every input whether all is well."""

    # --- every step -------------------------------------------------------------------------

    def check(self, before: Pipeline, given: Input, done: Step[Pipeline, Effect]) -> None:
        if done.error is not None:  # [pipeline-refusal-changes-nothing]
            assert done.state is before
            assert done.effects == ()
            assert str(done.error)
            return
        state = done.state
        self.check_epoch(before, given, done)
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

    def check_epoch(self, before: Pipeline, given: Input, done: Step[Pipeline, Effect]) -> None:
        """[verdict-of-other-epoch] [forgotten-in-doubt]"""
        match given:
            case Decided(epoch=epoch) | Persisted(outcome=Confirmed(epoch=epoch)):
                if epoch not in (None, before.epoch):
                    assert not any(isinstance(effect, Told) for effect in done.effects)
                    assert taken(done.state) == taken(before)
            case Snapshot(epoch, client_known=False) if epoch > before.epoch:
                named = {outcome.seq for outcome in given.outcomes}
                left = [m for m in done.state.pending if m.seq not in named]
                assert not any(m.status is Place.UNKNOWN for m in left)
                assert not taken(done.state) - named
            case _:
                pass

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
        """The view is the documents with every live write, in order, each visible once.

        [shown-at-dispatch] [ids-in-view]
        """
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
        """Nothing leaves without a reason. [exact-rollback] [accepted-until-covered]

        [unknown-keeps] [failed-removes-its-own] [dead-epoch-ack-unknown]
        """
        note = self.notes[seq]
        orphan = any(self.came_to_nothing(parent) for parent in note.parents) and not note.handed
        if orphan:
            note.codes.add("parent-rejected")
        gone = self.came_to_nothing(seq)
        assert gone or self.covered(seq, state), f"{seq} left too early"

    def check_docs(self, before: Pipeline, state: Pipeline) -> None:
        """PREFIX: what the server had, each once. [versions-never-down] [deleted-leaves-version]

        [delta-settles] [snapshot-settles] [delta-of-its-epoch] [hydrate-fills]
        [writeback-is-a-delta] [row-from-exact-base]
        """
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
        """[base-raised-by-own-only]: no foreign change is overwritten that was not seen."""
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


def taken(state: Pipeline) -> set[ClientSeq]:
    """The writes that are accepted and shown."""
    return {m.seq for m in state.pending if isinstance(m.status, Accepted)}
