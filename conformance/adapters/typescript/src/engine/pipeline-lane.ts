/** A lane is one entity: its confirmed document and version, and the pending writes over it in their order. */

import type { Json } from "../kit/index.js";
import type { RowState, Stamp } from "./pipeline-types.js";
import type { Doc, Write } from "./pipeline-write.js";
import { applied, reaches, sameStamp } from "./pipeline-write.js";

export class Lane {
  readonly writes: Write[] = [];
  /** Whether only a cache has told of it: the server knows nothing of that. */
  isCached = false;
  /** Whether it may lack an own write that was given up in doubt since the document came. */
  isDoubted = false;
  #doc: Doc;
  #shown: { readonly doc: Doc } | undefined;

  constructor(
    doc: Doc,
    /** The last version heard of; a deleted row keeps it. */
    public stamp: Stamp | undefined,
  ) {
    this.#doc = doc;
  }

  get doc(): Doc {
    return this.#doc;
  }

  set doc(doc: Doc) {
    this.#doc = doc;
    this.#shown = undefined;
    this.isCached = false;
    this.isDoubted = false;
  }

  /** The document as the server's stream has it. */
  get streamed(): Doc {
    return this.isCached ? undefined : this.#doc;
  }

  /** Its writes, or what they are made of, changed. */
  touch(): void {
    this.#shown = undefined;
  }

  add(write: Write): void {
    const after = this.writes.findIndex(({ seq }) => seq > write.seq);
    this.writes.splice(after < 0 ? this.writes.length : after, 0, write);
    this.touch();
  }

  remove(write: Write): void {
    const at = this.writes.indexOf(write);
    if (at >= 0) this.writes.splice(at, 1);
    this.touch();
  }

  /** What is shown of the entity. */
  shown(): Doc {
    this.#shown ??= { doc: this.beneath(Infinity) };
    return this.#shown.doc;
  }

  /** What is beneath the write of this number. */
  beneath(seq: number): Doc {
    let doc = this.#doc;
    for (const write of this.writes) {
      if (write.seq >= seq) break;
      const next = write.optimistic ? applied(doc, write.change) : undefined;
      if (next !== undefined) doc = next.doc;
    }
    return doc;
  }

  /** The version that a plan made now sees: the document's, raised along own accepted writes. */
  planned(): Stamp | undefined {
    let stamp = this.stamp;
    for (const write of this.writes) {
      if (write.accepted?.stamp !== undefined && isMadeOn(write, stamp)) stamp = write.accepted.stamp;
    }
    return stamp;
  }

  /** Raise what was planned on the version that this accepted write was made on, or beside a create. */
  raise(by: Write): void {
    const stamp = by.accepted?.stamp;
    if (stamp === undefined) return;
    for (const write of this.writes) {
      if (write.seq > by.seq && isMadeOn(by, write.base)) write.base = stamp;
    }
  }

  /** Take a row in, unless it is of a version already seen, or of none where one is known. Whether it was. */
  take(row: RowState, stamp: Stamp | undefined): boolean {
    const isOld = stamp === undefined ? this.stamp !== undefined : reaches(this.stamp, stamp);
    if (isOld) return false;
    this.doc = "doc" in row ? row.doc : undefined;
    this.stamp = stamp;
    return true;
  }
}

/** Whether a plan that saw this version may follow a write. */
function isMadeOn({ base, change }: Write, stamp: Stamp | undefined): boolean {
  return sameStamp(base, stamp) || (change.kind === "create" && stamp === undefined);
}

export class Lanes {
  readonly #lanes = new Map<string, Lane>();

  constructor(docs: ReadonlyMap<string, Json>, stamps: ReadonlyMap<string, Stamp>) {
    for (const [atom, doc] of docs) this.of(atom).doc = doc;
    for (const [atom, stamp] of stamps) this.of(atom).stamp = stamp;
  }

  of(atom: string): Lane {
    let lane = this.#lanes.get(atom);
    if (lane === undefined) {
      lane = new Lane(undefined, undefined);
      this.#lanes.set(atom, lane);
    }
    return lane;
  }

  [Symbol.iterator](): MapIterator<[string, Lane]> {
    return this.#lanes.entries();
  }

  /** The documents, as they are confirmed or as they are shown. */
  docs(which: (lane: Lane) => Doc): Map<string, Json> {
    const docs = new Map<string, Json>();
    for (const [atom, lane] of this.#lanes) {
      const doc = which(lane);
      if (doc !== undefined) docs.set(atom, doc);
    }
    return docs;
  }

  /** The versions that are known of the server. */
  stamps(): Map<string, Stamp> {
    const stamps = new Map<string, Stamp>();
    for (const [atom, { stamp, isCached }] of this.#lanes) if (stamp !== undefined && !isCached) stamps.set(atom, stamp);
    return stamps;
  }
}
