"""Transition classes of what brings documents: deltas, snapshots, reads, a cache."""

from __future__ import annotations

from collections.abc import Iterator

from optisync.contracts.entry import atom_of
from optisync.contracts.messages import Delta, Snapshot
from optisync.pipeline.config import Config
from optisync.pipeline.inputs import Fetched, Hydrate
from optisync.pipeline.pending import Accepted, Mutation, Place
from optisync.pipeline.state import Pipeline, known_entity


def documents(
    config: Config, before: Pipeline, given: Delta | Snapshot | Fetched | Hydrate, after: Pipeline
) -> Iterator[str]:
    """The classes of a step that was not refused."""
    match given:
        case Delta():
            yield from _delta(config, before, given)
        case Snapshot():
            yield from _snapshot(before, given)
        case Fetched():
            yield from _fetched(before, given, after)
        case Hydrate():
            yield from _hydrate(before, given, after)
    gone = (m for m in before.pending if after.pending.get(m.seq) is None)
    if any(isinstance(mutation.status, Accepted) for mutation in gone):
        yield "covers"


def place_of(mutation: Mutation) -> str:
    """Where a write is, in a word."""
    return "accepted" if isinstance(mutation.status, Accepted) else mutation.status.value


def _delta(config: Config, before: Pipeline, given: Delta) -> Iterator[str]:
    if given.epoch < before.epoch:
        yield "dead-epoch"
        return
    yield "fresh" if given.server_seq > before.server_seq else "repeat"
    for label in given.settles:
        mutation = before.pending.get(label.seq)
        if label.client != config.client:
            yield "label-foreign"
        elif mutation is None:
            yield "label-gone"
        else:
            yield f"label-{place_of(mutation)}"


def _snapshot(before: Pipeline, given: Snapshot) -> Iterator[str]:
    if (given.epoch, given.server_seq) < (before.epoch, before.server_seq):
        yield "older"
        return
    reborn = given.epoch > before.epoch
    yield "new-epoch" if reborn else "same-epoch"
    for mutation in before.pending:
        yield _outcome(mutation, given, reborn)


def _outcome(mutation: Mutation, given: Snapshot, reborn: bool) -> str:
    place = place_of(mutation)
    if mutation.seq in {outcome.seq for outcome in given.outcomes}:
        return f"outcome-{place}"
    if mutation.status is Place.WAITING or not reborn:
        return "keeps"
    if not given.client_known and place in ("accepted", "unknown"):
        return "in-doubt"
    return "ack-returns" if place == "accepted" else "keeps"


def _fetched(before: Pipeline, given: Fetched, after: Pipeline) -> Iterator[str]:
    for read in given.rows:
        entity = known_entity(before, read.entity)
        if before.pending.making(entity.id) is not None:
            yield "unnamed"
        elif entity != read.entity:
            yield "renamed"
        known = before.versions.get(atom_of(entity))
        moved = after.docs != before.docs or after.versions != before.versions
        yield "taken" if moved else "stale" if known is not None else "same"


def _hydrate(before: Pipeline, given: Hydrate, after: Pipeline) -> Iterator[str]:
    if before.loaded:
        yield "too-late"
        return
    filled = [seq for seq in after.docs if seq not in before.docs]
    yield "fills" if filled else "nothing"
    for read in given.rows:
        atom = atom_of(known_entity(before, read.entity))
        if atom in before.versions and atom not in before.docs:
            yield "tombstone"
