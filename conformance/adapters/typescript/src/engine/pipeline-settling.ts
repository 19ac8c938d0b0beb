/** What becomes of a pending write: accepted, covered by the documents, or gone. */

import type { History } from "./pipeline-history.js";
import type { Renaming, TemporaryIds } from "./pipeline-ids.js";
import { withId } from "./pipeline-ids.js";
import type { Lane, Lanes } from "./pipeline-lane.js";
import type { Tickets } from "./pipeline-tickets.js";
import type { Result, Stamp, Verdict, Written } from "./pipeline-types.js";
import type { Doc, Write } from "./pipeline-write.js";
import { applied, reaches, sameStamp } from "./pipeline-write.js";

/** What every part of the pipeline works on. */
export interface Core {
  readonly lanes: Lanes;
  readonly ids: TemporaryIds;
  readonly tickets: Tickets;
  readonly history: History;
  /** The pending writes by number, in the order of the numbers. */
  readonly writes: Map<number, Write>;
  epoch: number;
  seq: number;
  /** Whether documents or pending writes changed in this step. */
  isChanged: boolean;
  /** The id of the entry of a write, and its idempotency key. */
  entryId(seq: number): string;
  diag(code: "contradictory-verdict" | "not-asked" | "not-sent", entry: string): void;
  stale(resource: string, entity: string): void;
  resync(): void;
}

export class Settling {
  constructor(private readonly core: Core) {}

  /** Something was said in this epoch, if the one who said it has any. */
  hear(epoch: number | undefined): void {
    if (epoch !== undefined && epoch > this.core.epoch) this.core.resync();
  }

  /** What is said of a write; `epoch` undefined: by somebody who has none. */
  verdict(seq: number, result: Result, epoch: number | undefined): void {
    const write = this.core.writes.get(seq);
    if (write === undefined) return;
    if (write.place === "waiting") return this.core.diag("not-sent", this.core.entryId(seq));
    if (epoch !== undefined && epoch !== this.core.epoch) return this.unknown(write);
    if (result.kind === "unknown") return this.unknown(write);
    if (write.accepted !== undefined) {
      const isSame = result.kind === "ok" && result.written.seq === write.accepted.seq;
      return isSame ? undefined : this.core.diag("contradictory-verdict", this.core.entryId(seq));
    }
    if (result.kind === "ok") this.#accept(write, result.written);
    else this.reject(write, result);
  }

  /** The documents hold it at this position, by a label or an outcome: it ends in any case. */
  held(seq: number, written: Written & { readonly seq: number }): void {
    const write = this.core.writes.get(seq);
    if (write?.accepted === undefined) return this.verdict(seq, { kind: "ok", written }, undefined);
    this.rename(written.ids);
    const known = write.accepted.seq === written.seq ? write.accepted.stamp : undefined;
    const told = written.version === undefined ? known : { epoch: this.core.epoch, version: written.version };
    write.accepted = { seq: written.seq, stamp: told ?? { epoch: this.core.epoch, version: written.seq } };
    this.core.lanes.of(write.atom).raise(write);
    if (written.seq <= this.core.seq) this.retire(write, undefined);
  }

  /** No answer tells what became of it. */
  unknown(write: Write): void {
    if (write.place === "persisting") this.#move(write, "unknown");
  }

  enqueued(write: Write): void {
    if (!write.isPending) return;
    write.isStored = true;
    if (write.place === "persisting") this.#move(write, "enqueued");
  }

  /** It vanishes as if it had never been, and with it what waits and is made on it. */
  reject(write: Write, verdict: Exclude<Verdict, { kind: "ok" }>): void {
    const own = verdict.kind === "rejected" ? ({ kind: "failed", code: verdict.code } as const) : verdict;
    if (verdict.kind === "in-doubt") this.core.lanes.of(write.atom).isDoubted = true;
    const gone = [write]; // grows while it is read
    for (const each of gone) {
      if (!each.isPending) continue;
      this.#leave(each, false);
      this.core.tickets.decide(each, each === write ? own : { kind: "failed", code: "parent-rejected" });
      for (const child of this.core.writes.values()) {
        const isMade = child.parents.has(each) || child.restores.has(each);
        if (isMade && child.place === "waiting") gone.push(child);
      }
    }
  }

  /** A restore of the server may have taken the effect of an accepted write back. */
  revive(write: Write): void {
    write.accepted = undefined;
    this.#move(write, "unknown");
  }

  /** The documents hold it; `before`: what they were without it, if that is known. What it left of them. */
  retire(write: Write, before: { readonly doc: Doc } | undefined): { readonly doc: Doc } | undefined {
    this.#leave(write, true);
    const left = before && applied(before.doc, write.change);
    if (left !== undefined) write.before = before;
    return left;
  }

  /**
   * A document moved or was read: writes that a backend without a stream accepted may be in it. One without a
   * version is, if its number is below `upto`.
   */
  cover(lane: Lane, upto: number, before: Doc): void {
    let known: { readonly doc: Doc } | undefined = { doc: before };
    for (const write of [...lane.writes]) {
      const { accepted } = write;
      if (accepted === undefined || accepted.seq !== undefined) continue;
      const isIn = accepted.stamp === undefined ? write.seq < upto : reaches(lane.stamp, accepted.stamp);
      if (isIn) known = this.retire(write, known);
    }
  }

  /** The server gave rows their ids: everything pending follows at once. */
  rename(given: ReadonlyMap<string, string>): void {
    for (const renaming of this.core.ids.learn(given)) {
      for (const write of this.core.writes.values()) this.#rename(write, renaming);
    }
  }

  #rename(write: Write, { from, to, create }: Renaming): void {
    const { lanes } = this.core;
    if (create !== undefined && write !== create && !write.parents.delete(create)) return;
    const old = lanes.of(write.atom);
    write.change = withId(write.change, from, to);
    old.touch();
    if (write.optimistic) this.core.isChanged = true;
    if (write.entity !== from) return;
    old.remove(write);
    write.entity = to;
    lanes.of(write.atom).add(write);
    if (write === create) write.temporary = false;
    else this.#readLate(write);
  }

  /** The id of its row is known now: if an answer came before, its row was not taken. */
  #readLate({ resource, entity, accepted }: Write): void {
    if (accepted !== undefined && accepted.seq === undefined) this.core.stale(resource, entity);
  }

  #accept(write: Write, { seq, version, ids, row }: Written): void {
    const told = version ?? seq;
    const stamp: Stamp | undefined = told === undefined ? undefined : { epoch: this.core.epoch, version: told };
    write.accepted = { seq, stamp };
    this.#move(write, "accepted");
    this.core.tickets.decide(write, { kind: "confirmed" });
    const nameless = write.temporary && this.core.ids.isNameless(write.entity) ? write.entity : undefined;
    this.rename(ids);
    const lane = this.core.lanes.of(write.atom);
    if (seq === undefined || seq <= this.core.seq) {
      // Without an id from the server it keeps the one that it has, and that is known now.
      this.core.ids.ended(write, true);
      write.temporary = false;
      if (nameless === write.entity) for (const other of lane.writes) if (other !== write) this.#readLate(other);
    }
    lane.raise(write);
    if (seq !== undefined) {
      if (seq <= this.core.seq) this.retire(write, undefined);
      return;
    }
    if (stamp !== undefined && reaches(lane.stamp, stamp)) return void this.retire(write, undefined);
    if (this.core.ids.isNameless(write.entity, write)) return;
    const before = lane.doc;
    if (row !== undefined && lane.take(row, stamp)) {
      this.core.isChanged = true;
      this.retire(write, { doc: before });
      return this.cover(lane, write.seq, before);
    }
    if (row === undefined && this.#isExact(write, lane, stamp)) {
      lane.doc = outcomeOf(write, before);
      lane.stamp = stamp;
      this.core.isChanged = true;
      this.retire(write, { doc: before });
      return this.cover(lane, isWhole(write) ? write.seq : 0, before);
    }
    this.core.stale(write.resource, write.entity);
  }

  /** Whether the document that the backend has now follows from the one here. */
  #isExact(write: Write, lane: Lane, stamp: Stamp | undefined): boolean {
    if (stamp === undefined && lane.stamp !== undefined) return false;
    if (isWhole(write)) return true;
    if (lane.isDoubted) return false;
    const isMadeOnIt = write.base !== undefined && sameStamp(write.base, lane.stamp);
    return isMadeOnIt && lane.writes[0] === write && applied(lane.doc, write.change) !== undefined;
  }

  #move(write: Write, place: Write["place"]): void {
    write.place = place;
    this.core.tickets.moved(write);
  }

  #leave(write: Write, isAccepted: boolean): void {
    const { writes, lanes, ids, tickets } = this.core;
    write.isPending = false;
    writes.delete(write.seq);
    lanes.of(write.atom).remove(write);
    ids.ended(write, isAccepted);
    tickets.moved(write);
    this.core.isChanged = true;
  }
}

/** Whether the change leaves the same whatever was there. */
function isWhole({ change }: Write): boolean {
  return change.kind === "create" || change.kind === "delete" || (change.kind === "upsert" && change.patch === undefined);
}

/** The document after a change that was accepted; create and delete leave the same whatever was there. */
function outcomeOf({ change }: Write, doc: Doc): Doc {
  if (change.kind === "create") return change.value;
  if (change.kind === "delete") return undefined;
  return applied(doc, change)?.doc;
}
