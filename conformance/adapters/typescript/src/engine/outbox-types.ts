/** What passes between an outbox, its application, its workers and its server. See specs/outbox.md. */

import type { Change } from "../changes.js";
import { Refusal } from "../kit/refusal.js";

/** A version of an entity. Versions of a later epoch are newer, whatever their number. */
export interface Stamp {
  readonly epoch: number;
  readonly version: number;
}

export interface Entity {
  readonly resource: string;
  readonly id: string;
}

/** One write, as its caller gives it. The outbox takes a copy. */
export interface Entry {
  readonly id: string;
  readonly key: string;
  readonly entity: Entity;
  readonly change: Change;
  readonly base: Stamp | undefined;
  /** The entity's id is the client's own, until the server gives it another. */
  readonly temporary: boolean;
  /** Ids of entries that have to be settled before. */
  readonly after: readonly string[];
  /** For people: nothing is ordered by it. */
  readonly atMs: number;
}

/** Temporary ids and what the server calls them. */
export type Ids = ReadonlyMap<string, string>;

export interface Accepted {
  readonly kind: "accepted";
  readonly at: number;
  readonly version: number | undefined;
  readonly ids: Ids;
}

export interface Refused {
  readonly kind: "refused";
  readonly code: string;
}

export type Outcome = Accepted | Refused;

export interface Result {
  readonly id: string;
  readonly outcome: Outcome | { readonly kind: "retry"; readonly ms: number } | { readonly kind: "unknown" };
}

export interface Label {
  /** False: another client's write with this number. */
  readonly mine: boolean;
  readonly seq: number;
  readonly version: number | undefined;
  readonly ids: Ids;
}

export interface Snapshot {
  readonly epoch: number;
  readonly seq: number;
  readonly outcomes: ReadonlyMap<number, Outcome>;
  readonly clientKnown: boolean;
}

export interface Watermark {
  readonly epoch: number;
  /** The position at or below which everything up to `upto` was decided. */
  readonly seq: number;
  readonly upto: number;
  /** Codes by number; undefined: the server does not say what it refused. */
  readonly refused: ReadonlyMap<number, string> | undefined;
}

export type Verdict = Accepted | Refused | { readonly kind: "in-doubt" };

export interface Report {
  readonly id: string;
  readonly verdict: Verdict;
}

/** What goes to the server under one lease. */
export interface Batch {
  readonly lease: number;
  readonly entries: readonly {
    readonly seq: number;
    readonly id: string;
    readonly key: string;
    readonly entity: Entity;
    readonly change: Change;
    readonly base: Stamp | undefined;
  }[];
  /** Ranges of numbers that carry no write, with both ends. */
  readonly skips: readonly (readonly [number, number])[];
  readonly floor: number;
}

export type DiagCode = "contradictory-verdict" | "late-verdict" | "not-sent";

/** Told after what it tells is stored. What a listener throws is collected, not obeyed. */
export interface Listener {
  enqueued(id: string, seq: number, again: boolean): void;
  send(batch: Batch): void;
  verdict(report: Report): void;
  parked(id: string): void;
  resync(): void;
  diag(code: DiagCode, id: string): void;
}

/** A row of the store and its new value; no value: the row goes. */
export type RowChange = readonly [key: string, value?: unknown];

/** Rows by key; a commit is stored wholly and durably, or throws and is not stored. */
export interface RowStore {
  load(): ReadonlyMap<string, unknown>;
  commit(changes: readonly RowChange[]): void;
}

export interface Config {
  readonly mode: "entity" | "ordered";
  readonly capacity: number;
  readonly leaseMs: number;
  readonly maxAttempts: number;
  readonly delayMs: number;
  readonly maxDelayMs: number;
}

export class OutboxError extends Refusal {
  constructor(
    readonly code: string,
    text: string,
  ) {
    super(text);
  }
}
