/** Which events leave together. Segments are made as events come in: what happens to an event later changes none. */

import type { Change } from "../changes.js";
import type { Lanes } from "./pipeline-lane.js";
import type { Context } from "./pipeline-types.js";
import type { Write } from "./pipeline-write.js";

export type Kind = "creates" | "changes" | "patches";

/** What events of one segment have in common, and the context of the first. */
export interface Manner {
  readonly resource: string;
  readonly kind: Kind;
  readonly context: Context;
  readonly persistKey: string | undefined;
}

export interface Segment extends Manner {
  readonly writes: Write[];
  /** The entities of its writes, by the names that they were given under: no answer has a say. */
  readonly names: Set<string>;
}

export function kindOf(change: Change): Kind {
  return change.kind === "create" ? "creates" : "changes";
}

export class Segments {
  /** Of the window that is not over yet. */
  #open: Segment[] = [];
  /** Of earlier windows, not all handed over. */
  #drained: Segment[] = [];
  #actions = new Map<string, string>();

  constructor(private readonly lanes: Lanes) {}

  /** The action of an event that brings none; `mine` if it is the first of its scope and origin to ask. */
  action({ scope, origin }: Context, mine: string): string {
    const asked = JSON.stringify([scope, origin]);
    const action = this.#actions.get(asked) ?? mine;
    this.#actions.set(asked, action);
    return action;
  }

  /** Take an event in. Whether it is the first of its window. */
  add(manner: Manner, names: readonly string[], writes: readonly Write[]): boolean {
    const isFirst = this.#open.length === 0;
    const last = this.#open.at(-1);
    const segment = last !== undefined && joins(last, manner, names, writes) ? last : { ...manner, writes: [], names: new Set<string>() };
    if (segment !== last) this.#open.push(segment);
    for (const write of writes) segment.writes.push(write);
    for (const name of names) segment.names.add(name);
    return isFirst;
  }

  /** The window is over. */
  drain(): void {
    this.#drained.push(...this.#open);
    this.#open = [];
    this.#actions.clear();
  }

  /** Hand over what may go, in order. */
  release(hand: (manner: Manner, writes: Write[]) => void): void {
    for (const segment of this.#drained) {
      const left = leftOf(segment);
      const isFree = left.every((write) => this.#isFree(write, left));
      const next = isFree ? firstOfRows(left) : [];
      if (next.length > 0) hand(segment, next);
    }
    this.#drained = this.#drained.filter((segment) => leftOf(segment).length > 0);
  }

  /** Whether nothing holds a write back but those beside which it is left. */
  #isFree(write: Write, left: readonly Write[]): boolean {
    for (const other of this.lanes.of(write.atom).writes) {
      if (other.seq >= write.seq) break;
      if (other.blocks && !left.includes(other)) return false;
    }
    // One that was accepted may still get its id, until its position is reached.
    const isOn = ({ place, temporary }: Write): boolean => place === "enqueued" || (place === "accepted" && !temporary);
    const parents = [...write.parents].every((parent) => !parent.isPending || isOn(parent));
    return parents && [...write.restores].every((other) => !other.isPending || other.place === "accepted");
  }
}

function joins(segment: Segment, manner: Manner, names: readonly string[], writes: readonly Write[]): boolean {
  const [a, b] = [segment.context, manner.context];
  return (
    manner.kind !== "patches" &&
    segment.kind === manner.kind &&
    segment.resource === manner.resource &&
    segment.persistKey === manner.persistKey &&
    a.scope === b.scope &&
    a.origin === b.origin &&
    a.action === b.action &&
    !names.some((name) => segment.names.has(name)) &&
    !writes.some(({ parents }) => segment.writes.some((other) => parents.has(other)))
  );
}

/** The writes of a segment that were not handed over. */
function leftOf(segment: Segment): Write[] {
  return segment.writes.filter(({ isPending, place }) => isPending && place === "waiting");
}

/** Of each row the first write: two names may turn out to be of one row. */
function firstOfRows(writes: readonly Write[]): Write[] {
  const rows = new Map<string, Write>();
  for (const write of writes) if (!rows.has(write.atom)) rows.set(write.atom, write);
  return [...rows.values()];
}
