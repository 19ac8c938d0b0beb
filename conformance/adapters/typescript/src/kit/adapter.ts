/** What an adapter is made of: its profiles, and for each the sessions of an engine. */

import type { JsonObject } from "./json.js";
import type { Observed, Run, Step } from "./run.js";

/** Answers one kind of step: what the engine answered (or a promise of it), or throws Refused. `this` is the session. */
export type Handler = (step: Step) => unknown;

/** One life of the engine. */
export interface Session {
  /** By the `do` of the step. `tick`, `together`, `hook`, `crash` and `start` are the kit's own. */
  readonly steps: Readonly<Record<string, Handler>>;
  /** The fields of an observation besides out and effects, as they are now. */
  observe(): Observed;
  /** Its process ends, by `crash`, by `Run.die`, or because the script is over: let go of open files. */
  died?(): void;
}

export interface Profile {
  readonly sees: readonly string[];
  readonly lacks?: readonly string[];
  readonly is?: readonly string[];
  /** A fresh engine. Called again by `start`, with the same `run.durable`. */
  open(given: JsonObject, run: Run): Session | Promise<Session>;
  /** The protocol's code for an error of the engine; undefined: not a refusal, but our fault. */
  codeOf?(error: unknown): string | undefined;
  /** The script is over: remove what the run left outside the process. */
  done?(run: Run): void;
}

export interface Adapter {
  readonly impl: { name: string; version: string; language?: string; source?: string };
  readonly profiles: Readonly<Record<string, Profile>>;
  /** Idle rounds of the event loop that make rest. Default 2; a synchronous engine needs 1. */
  readonly rest?: number;
}
