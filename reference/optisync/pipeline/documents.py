"""Rows on their way to the confirmed documents: a newer one replaces, an older one never."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from optisync.contracts.entry import Entity, Row, Stamp, atom_of
from optisync.pipeline.state import Pipeline
from optisync.values import AtomKey, Version
from optisync.view import ABSENT, Doc, Docs


def put_row(state: Pipeline, entity: Entity, row: Row, version: Version | None) -> Pipeline:
    """The state with a row taken in, unless a newer one is there. [versions-never-down]

    A deleted row leaves its version, so that no older row brings it back. [deleted-leaves-version]
    """
    atom = atom_of(entity)
    known = state.versions.get(atom)
    stamp = None if version is None else Stamp(state.epoch, version)
    if known is not None and (stamp is None or stamp <= known):
        return state
    versions = state.versions if stamp is None else state.versions.insert(atom, stamp)
    hydrated, doubted = state.hydrated.discard(atom), state.doubted.discard(atom)
    docs = put(state.docs, atom, row.doc)
    return replace(state, docs=docs, versions=versions, hydrated=hydrated, doubted=doubted)


def without_hydrated(state: Pipeline, atoms: Iterable[AtomKey]) -> Pipeline:
    """The state as the server speaks of it: what a cache has filled in is not there.

    >>> from optisync.values import Obj
    >>> without_hydrated(Pipeline(Obj({"a": 1})), ["a"]).docs
    Obj({'a': 1})
    """
    for atom in atoms:
        if atom in state.hydrated:
            hydrated, versions = state.hydrated.discard(atom), state.versions.discard(atom)
            docs = put(state.docs, atom, ABSENT)
            state = replace(state, docs=docs, versions=versions, hydrated=hydrated)
    return state


def put(docs: Docs, atom: AtomKey, doc: Doc) -> Docs:
    """The documents with one in its place, or without it."""
    if doc is ABSENT:
        return docs.drop(atom) if atom in docs else docs
    return docs.put(atom, doc)
