/** What passes between a coordinator, its server and its host. */

import type { Changes } from "../changes.js";
import type { Json } from "../kit/json.js";
import { Refusal } from "../kit/refusal.js";

export interface Label {
  /** False: another client's mutation with this number. */
  readonly mine: boolean;
  readonly seq: number;
  readonly version?: number | undefined;
}

export interface Delta {
  readonly epoch: number;
  readonly seq: number;
  readonly prev: number | undefined;
  readonly changes: Changes;
  readonly settles: readonly Label[];
}

export type Outcome =
  | { readonly kind: "ok"; readonly at: number; readonly version?: number | undefined }
  | { readonly kind: "rejected"; readonly code: string };

export interface Snapshot {
  readonly epoch: number;
  readonly seq: number;
  /** Documents by atom; whoever loads them takes a copy. */
  readonly docs: Json;
  readonly outcomes: ReadonlyMap<number, Outcome>;
  readonly clientKnown: boolean;
}

export type DiagCode =
  | "unknown-mutation"
  | "contradictory-verdict"
  | "late-verdict"
  | "strategy-raised"
  | "replace-sent"
  | "apply-failed";

/** Carries out the plan. `apply` and `load` answer whether they succeeded; if not, nothing changed. */
export interface Host {
  /** A mutation was registered; the host has put its changes on top. */
  shown(seq: number, changes: Changes): void;
  undo(mutation: Readonly<Pending>): void;
  redo(mutation: Readonly<Pending>): void;
  apply(delta: Delta): boolean;
  load(snapshot: Snapshot): boolean;
}

/** Told after a step is committed. Exceptions are collected, not obeyed. */
export interface Observer {
  acked(seq: number, version: number | undefined): void;
  rejected(seq: number, code: string): void;
  inDoubt(seq: number): void;
  suspended(seq: number): void;
  resumed(seq: number): void;
  diag(code: DiagCode, seq: number | undefined): void;
  change(): void;
}

export interface Server {
  request(after: number, upto: number): void;
  resync(): void;
}

/** One number, stored durably: every number up to it may have been given out. */
export interface Counter {
  read(): number;
  write(upto: number): void;
}

export type Verdict = Outcome["kind"] | "in-doubt";

/** A registered mutation that is not yet rejected, abandoned or covered. */
export interface Pending {
  readonly seq: number;
  changes: Changes;
  replaced: boolean;
  sent: boolean;
  withheld: boolean;
  /** Where the server accepted it, in the confirmed epoch. */
  at: number | undefined;
  /** Whether the application was told that it is accepted. */
  told: boolean;
}

export class CoordinatorError extends Refusal {
  constructor(
    readonly code: string,
    text: string,
  ) {
    super(text);
  }
}
