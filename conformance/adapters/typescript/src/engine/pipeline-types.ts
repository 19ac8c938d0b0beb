/** What the pipeline and those around it say to one another. */

import type { Change } from "../changes.js";
import type { Json } from "../kit/index.js";
import { Refusal } from "../kit/refusal.js";
import type { Op } from "../patch.js";

export interface Stamp {
  readonly epoch: number;
  readonly version: number;
}

export type RowState = { readonly doc: Json } | { readonly absent: true };

export interface Row {
  readonly resource: string;
  readonly entity: string;
  readonly state: RowState;
  readonly version: number | undefined;
}

export interface Context {
  readonly scope: string;
  readonly origin: string;
  readonly action: string | undefined;
  readonly label: string | undefined;
  readonly at: number;
}

/** What an event has beside its change. */
export interface Envelope {
  readonly context: Context;
  readonly persistKey: string | undefined;
  readonly optimistic: boolean;
  /** Undefined: the event gets a ticket of its own. */
  readonly ticket: number | undefined;
  /** Called with its ticket, before anybody is told anything. */
  began?(ticket: number): void;
}

export interface OneWrite {
  readonly resource: string;
  readonly entity: string;
  readonly change: Change;
  readonly temporary: boolean;
}

export interface RowsPatch {
  readonly resource: string;
  readonly patch: readonly Op[];
}

/** What an acceptance says. With `seq` it comes from a backend with a stream. */
export interface Written {
  readonly seq: number | undefined;
  readonly version: number | undefined;
  readonly ids: ReadonlyMap<string, string>;
  readonly row: RowState | undefined;
}

export type Verdict =
  | { readonly kind: "ok"; readonly written: Written }
  | { readonly kind: "rejected"; readonly code: string }
  | { readonly kind: "in-doubt" };

export type Result = Verdict | { readonly kind: "unknown" };

export type Answer =
  | { readonly kind: "results"; readonly results: readonly (readonly [entry: string, result: Result])[] }
  | { readonly kind: "enqueued"; readonly entries: readonly string[] }
  | { readonly kind: "failed"; readonly code: string }
  | { readonly kind: "unknown" };

export interface Label {
  readonly mine: boolean;
  readonly seq: number;
  readonly version: number | undefined;
  readonly ids: ReadonlyMap<string, string>;
}

export interface Delta {
  readonly epoch: number;
  readonly seq: number;
  readonly changes: ReadonlyMap<string, Change>;
  readonly settles: readonly Label[];
}

export interface Snapshot {
  readonly epoch: number;
  readonly seq: number;
  readonly docs: ReadonlyMap<string, Json>;
  readonly versions: ReadonlyMap<string, number>;
  readonly outcomes: ReadonlyMap<number, Verdict>;
  readonly clientKnown: boolean;
}

export interface PersistEntry {
  readonly id: string;
  readonly key: string;
  readonly seq: number;
  readonly resource: string;
  readonly entity: string;
  readonly change: Change;
  readonly base: Stamp | undefined;
  readonly temporary: boolean;
  readonly after: readonly number[];
}

export interface Request {
  readonly handle: number;
  readonly entries: readonly PersistEntry[];
  readonly context: Context;
  readonly persistKey: string | undefined;
}

export type Status = "pending" | "enqueued" | "confirmed" | "failed" | "in-doubt";
export type WaitAnswer = Status | "timed-out" | "outcome-unknown";

/** Who is told. What it throws changes nothing. */
export interface Listener {
  shown(): void;
  told(ticket: number, status: Status, code: string | undefined): void;
  answered(wait: string, answer: WaitAnswer, code: string | undefined): void;
  diag(code: "contradictory-verdict" | "not-asked" | "not-sent", entry: string): void;
  stale(resource: string, entity: string): void;
  withdraw(seq: number): void;
  resync(): void;
  schedule(): void;
  persist(request: Request): void;
}

export interface Limits {
  readonly capacity: number;
  readonly history: number;
  readonly remembered: number;
}

export type ErrorCode =
  | "event-malformed"
  | "number-order"
  | "pipeline-full"
  | "unknown-ticket"
  | "ticket-used"
  | "temporary-id-reused"
  | "parent-rejected"
  | "already-sent"
  | "already-decided"
  | "not-unknown"
  | "nothing-to-revert"
  | "revert-inapplicable"
  | "epoch-ahead"
  | "change-inapplicable";

export class PipelineError extends Refusal {
  constructor(readonly code: ErrorCode) {
    super(code);
  }
}

export function refuse(code: ErrorCode): never {
  throw new PipelineError(code);
}
