/** One pending write, and one change applied to one document. */

import type { Change } from "../changes.js";
import { changeInPlace, ChangeInapplicable } from "../changes.js";
import type { Json } from "../kit/index.js";
import { copy } from "../kit/index.js";
import type { Stamp } from "./pipeline-types.js";

export type Place = "waiting" | "persisting" | "enqueued" | "unknown" | "accepted";

/** A document; undefined: absent. */
export type Doc = Json | undefined;

/** How a write was accepted; without a position, by a backend that has none. */
export interface Acceptance {
  readonly seq: number | undefined;
  readonly stamp: Stamp | undefined;
}

export class Write {
  place: Place = "waiting";
  /** Whether persistence called it enqueued: it outlives the process. */
  isStored = false;
  isPending = true;
  accepted: Acceptance | undefined;
  /** The version its plan saw, raised along own accepted writes. */
  base: Stamp | undefined;
  /** Creates whose temporary id it mentions. */
  readonly parents = new Set<Write>();
  /** Writes that have to be accepted first: it restores their value, or takes them back. */
  readonly restores = new Set<Write>();
  /** Once the documents hold it: what they were before. Without it, or rejected, it cannot be taken back. */
  before: { readonly doc: Doc } | undefined;

  constructor(
    readonly seq: number,
    readonly ticket: number,
    readonly resource: string,
    public entity: string,
    public change: Change,
    /** Whether its id is the client's own, and the server may still give it another. */
    public temporary: boolean,
    readonly optimistic: boolean,
  ) {}

  get atom(): string {
    return atomOf(this.resource, this.entity);
  }

  /** Whether the next request about this entity has to wait for what becomes of this one. */
  get blocks(): boolean {
    return this.place === "waiting" || this.place === "persisting" || this.place === "unknown";
  }
}

export function atomOf(resource: string, entity: string): string {
  return `${resource.replaceAll("~", "~0").replaceAll("/", "~1")}/${entity}`;
}

/** The document with a change, and the change that takes it back; undefined if it does not apply. */
export function applied(doc: Doc, change: Change): { readonly doc: Doc; readonly inverse: Change } | undefined {
  const docs = new Map<string, Json>(doc === undefined ? [] : [["", copy(doc)]]);
  try {
    const inverse = changeInPlace(docs, new Map([["", change]])).get("") as Change;
    return { doc: docs.get(""), inverse };
  } catch (error) {
    if (error instanceof ChangeInapplicable) return undefined;
    throw error;
  }
}

export function sameStamp(a: Stamp | undefined, b: Stamp | undefined): boolean {
  return a?.epoch === b?.epoch && a?.version === b?.version;
}

/** Whether `a` is the version `b` or a later one. */
export function reaches(a: Stamp | undefined, b: Stamp): boolean {
  if (a === undefined) return false;
  return a.epoch === b.epoch ? a.version >= b.version : a.epoch > b.epoch;
}
