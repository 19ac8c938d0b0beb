"""Laws that are tried at any state of a run, on the side: the machine is pure, the run goes on."""

from dataclasses import replace

from tests.properties.scripts import Choose

from optisync.contracts.messages import Refused
from optisync.machine import Step
from optisync.pipeline.config import Config
from optisync.pipeline.effects import Effect, Persist
from optisync.pipeline.errors import NothingToRevert, RevertInapplicable
from optisync.pipeline.inputs import Decided, Direction, Input, Revert
from optisync.pipeline.pending import Mutation, Place, overlay
from optisync.pipeline.revert import inverses
from optisync.pipeline.state import Pipeline, Stacks, view
from optisync.pipeline.step import step
from optisync.pipeline.turn import entry_id_of
from optisync.values import ClientSeq
from optisync.view import fold


def probe(config: Config, state: Pipeline, choose: Choose) -> None:
    """One of the laws, whichever the chooser picks."""
    config = replace(config, remembered=1_000)  # what is forgotten is another matter
    match choose(2):
        case 0:
            undo_and_redo_show_the_same(config, state, ("default", "left")[choose(2)])
        case _:
            handed = [m for m in state.pending if m.status in (Place.PERSISTING, Place.UNKNOWN)]
            if handed:
                refusal_removes_one(config, state, handed[choose(len(handed))])


def took(config: Config, state: Pipeline, given: Input) -> Step[Pipeline, Effect]:
    done = step(config, state, given)
    assert done.error is None, (given, done.error)
    return done


def numbers_for(state: Pipeline, direction: Direction, scope: str) -> tuple[ClientSeq, ...] | None:
    """A number for each write of the next revert; None: it is refused."""
    try:
        count = len(inverses(state, direction, scope))
    except (NothingToRevert, RevertInapplicable):
        return None
    return tuple(ClientSeq(state.numbered + n) for n in range(1, count + 1))


def undo_and_redo_show_the_same(config: Config, state: Pipeline, scope: str) -> None:
    """[undo-by-action] [revert-whole-or-not]: undo, then redo, and nothing has changed."""
    seqs = numbers_for(state, Direction.UNDO, scope)
    if seqs is None or len(state.pending) + 2 * len(seqs) > config.capacity:
        return
    undone = took(config, state, Revert(Direction.UNDO, seqs, scope)).state
    assert not any(m.seq in seqs for m in state.pending)
    again = numbers_for(undone, Direction.REDO, scope)
    assert again is not None, "what was undone cannot be done again"
    redone = took(config, undone, Revert(Direction.REDO, again, scope)).state
    assert view(redone).view == view(state).view
    was, now = (s.history.get(scope) or Stacks() for s in (state, redone))
    assert len(was.redo) == len(now.redo)


def refusal_removes_one(config: Config, state: Pipeline, mutation: Mutation) -> None:
    """[exact-rollback]: the refused write and what was made from it go; all else stays."""
    said = Decided(entry_id_of(config, mutation.seq), Refused("probe"))
    done = took(config, state, said)
    gone = {mutation.seq}
    for other in state.pending:
        if other.status is Place.WAITING and gone & {*other.makers, *other.needs}:
            gone.add(other.seq)
    kept = [m for m in state.pending if m.seq not in gone]
    assert [(m.seq, m.write, m.base) for m in done.state.pending] == [
        (m.seq, m.write, m.base) for m in kept
    ]
    assert done.state.docs is state.docs
    assert view(done.state) == fold(state.docs, map(overlay, kept))
    handed = {s for e in done.effects if isinstance(e, Persist) for s in e.seqs}
    for was in kept:  # what it held back may go now; nothing else moves
        now = done.state.pending.members[was.seq]
        assert now.status == (Place.PERSISTING if was.seq in handed else was.status)
        assert was.seq not in handed or was.status is Place.WAITING
        mine, others = done.state.tickets.get(was.ticket), state.tickets.get(was.ticket)
        alone = not any(state.pending.members[s].ticket == was.ticket for s in gone)
        assert not alone or mine == others
