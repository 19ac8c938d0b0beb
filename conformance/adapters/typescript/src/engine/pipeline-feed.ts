/** How the documents move: by deltas and snapshots of a stream, by rows that were read, by rows of a cache. */

import type { Change } from "../changes.js";
import type { Lane } from "./pipeline-lane.js";
import type { Core, Settling } from "./pipeline-settling.js";
import type { Delta, Row, Snapshot, Stamp, Verdict } from "./pipeline-types.js";
import { refuse } from "./pipeline-types.js";
import type { Doc } from "./pipeline-write.js";
import { applied, atomOf } from "./pipeline-write.js";

export class Feed {
  constructor(
    private readonly core: Core,
    private readonly settling: Settling,
    /** Whether a snapshot has spoken of every document. */
    public hasSnapshot: boolean,
  ) {}

  /** Throws epoch-ahead, change-inapplicable. */
  delta({ epoch, seq, changes, settles }: Delta): void {
    const { core } = this;
    if (epoch > core.epoch) refuse("epoch-ahead");
    if (epoch < core.epoch) return;
    const isNews = seq > core.seq;
    const moved = isNews ? this.#moved(changes) : new Map<Lane, Doc>();
    const mine = settles.filter(({ mine: isMine }) => isMine);
    const versions = isNews ? this.#versions(seq, mine) : new Map<string, number>();
    const before = new Map<Lane, Doc>();
    for (const [lane, doc] of moved) {
      before.set(lane, lane.streamed);
      lane.doc = doc;
    }
    for (const atom of isNews ? changes.keys() : []) {
      core.lanes.of(atom).stamp = { epoch, version: versions.get(atom) ?? seq };
      core.isChanged = true;
    }
    for (const { seq: number, version, ids } of mine) {
      this.settling.held(number, { seq, version, ids, row: undefined });
    }
    core.seq = Math.max(core.seq, seq);
    this.#cover(before);
  }

  snapshot(given: Snapshot): void {
    const { core } = this;
    const { epoch, seq, docs, versions, outcomes, clientKnown } = given;
    const isNewEpoch = epoch > core.epoch;
    if (epoch < core.epoch || (!isNewEpoch && seq < core.seq)) return;
    this.hasSnapshot = true;
    core.isChanged = true;
    core.epoch = epoch;
    if (isNewEpoch) core.seq = -1; // no position of the epoch is reached before its outcomes are heard
    const before = new Map<Lane, Doc>();
    for (const atom of [...docs.keys(), ...versions.keys()]) core.lanes.of(atom);
    for (const [atom, lane] of core.lanes) {
      const version = versions.get(atom);
      before.set(lane, lane.doc);
      lane.doc = docs.get(atom);
      lane.stamp = version === undefined ? undefined : { epoch, version };
    }
    if (isNewEpoch) this.#beginEpoch();
    const isForgotten = isNewEpoch && !clientKnown;
    const numbers = new Set([...outcomes.keys(), ...(isForgotten ? core.writes.keys() : [])]);
    for (const number of [...numbers].sort((a, b) => a - b)) this.#outcome(number, outcomes.get(number));
    core.seq = seq;
    this.#cover(before);
  }

  /** What a snapshot says of a number; undefined: the server does not know this client, or nothing is said. */
  #outcome(number: number, verdict: Verdict | undefined): void {
    const { core, settling } = this;
    const at = verdict?.kind === "ok" ? verdict.written.seq : undefined;
    if (verdict?.kind === "ok" && at !== undefined) settling.held(number, { ...verdict.written, seq: at });
    else if (verdict !== undefined) settling.verdict(number, verdict, undefined);
    else {
      const write = core.writes.get(number);
      if (write?.place === "unknown") settling.reject(write, { kind: "in-doubt" });
    }
  }

  fetched(rows: readonly Row[]): void {
    for (const row of rows) {
      if (this.core.ids.isNameless(row.entity)) continue;
      const [lane, stamp] = this.#place(row);
      const before = lane.doc;
      const isTaken = lane.take(row.state, stamp);
      if (isTaken && (before !== undefined || lane.doc !== undefined)) this.core.isChanged = true;
      this.settling.cover(lane, Infinity, before);
    }
  }

  hydrate(rows: readonly Row[]): void {
    for (const row of rows) {
      if (this.core.ids.isNameless(row.entity)) continue;
      const [lane, stamp] = this.#place(row);
      if (this.hasSnapshot || lane.doc !== undefined || lane.stamp !== undefined) continue;
      if (!lane.take(row.state, stamp)) continue;
      lane.isCached = true;
      if ("doc" in row.state) this.core.isChanged = true;
      this.settling.cover(lane, 0, undefined);
    }
  }

  #place({ resource, entity, version }: Row): [Lane, Stamp | undefined] {
    const { lanes, ids, epoch } = this.core;
    const lane = lanes.of(atomOf(resource, ids.current(entity)));
    return [lane, version === undefined ? undefined : { epoch, version }];
  }

  /** The documents with the changes, none of them if one does not apply. */
  #moved(changes: ReadonlyMap<string, Change>): Map<Lane, Doc> {
    const moved = new Map<Lane, Doc>();
    for (const [atom, change] of changes) {
      const lane = this.core.lanes.of(atom);
      moved.set(lane, (applied(lane.streamed, change) ?? refuse("change-inapplicable")).doc);
    }
    return moved;
  }

  /** The versions that labels, or else acceptances at this position, tell, by the atoms of their writes. */
  #versions(seq: number, labels: Delta["settles"]): Map<string, number> {
    const byNumber = new Map(labels.map((label) => [label.seq, label]));
    const versions = new Map<string, number>();
    for (const { seq: number, resource, entity, place, accepted } of this.core.writes.values()) {
      const label = place === "waiting" ? undefined : byNumber.get(number);
      const known = accepted?.seq === seq ? accepted.stamp?.version : undefined;
      const version = label?.version ?? known;
      if (version !== undefined) versions.set(atomOf(resource, label?.ids.get(entity) ?? entity), version);
    }
    return versions;
  }

  #beginEpoch(): void {
    for (const write of this.core.writes.values()) if (write.accepted !== undefined) this.settling.revive(write);
  }

  /** The position moved: what was accepted up to it goes; what the documents were before is `before`, else what they are. */
  #cover(before: ReadonlyMap<Lane, Doc>): void {
    const { core, settling } = this;
    const along = new Map<Lane, { readonly doc: Doc } | undefined>();
    for (const write of [...core.writes.values()]) {
      const at = write.accepted?.seq;
      if (at === undefined || at > core.seq) continue;
      const lane = core.lanes.of(write.atom);
      const known = along.has(lane) ? along.get(lane) : { doc: before.has(lane) ? before.get(lane) : lane.doc };
      along.set(lane, settling.retire(write, known));
    }
    for (const [lane, doc] of before) settling.cover(lane, 0, doc);
  }
}
