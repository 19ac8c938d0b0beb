"""Rows on their way to the confirmed documents: a newer one replaces, an older one never."""

from __future__ import annotations

from dataclasses import replace

from optisync.contracts.entry import Entity, Row, Stamp, atom_of
from optisync.pipeline.state import Pipeline
from optisync.values import AtomKey, Version
from optisync.view import ABSENT, Doc, Docs


def put_row(state: Pipeline, entity: Entity, row: Row, version: Version | None) -> Pipeline:
    """The state with a row taken in, unless a newer one is there. [versions-never-down]

    A deleted row leaves its version, so that no older row brings it back. [tombstones]
    """
    atom = atom_of(entity)
    known = state.versions.get(atom)
    stamp = None if version is None else Stamp(state.epoch, version)
    if known is not None and (stamp is None or stamp <= known):
        return state
    versions = state.versions if stamp is None else state.versions.insert(atom, stamp)
    return replace(state, docs=put(state.docs, atom, row.doc), versions=versions)


def put(docs: Docs, atom: AtomKey, doc: Doc) -> Docs:
    """The documents with one in its place, or without it."""
    if doc is ABSENT:
        return docs.drop(atom) if atom in docs else docs
    return docs.put(atom, doc)
