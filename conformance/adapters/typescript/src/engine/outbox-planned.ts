/** What is outside of one life of an outbox under a script: its files, and what the script planned and remembers. */

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Json, Run } from "../kit/index.js";
import { FileStore } from "./outbox-file.js";
import type { RowChange, RowStore } from "./outbox-types.js";

/** Where the files are: in memory where the system has such a place. What crashes here is an object, not a machine. */
const PLACE = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** What is left of a run when its engine dies: the files, and what belongs to the script. */
export class Outside {
  readonly directory = mkdtempSync(join(PLACE, "optisync-outbox-"));
  /** Saves the script still wants to fail, and after how many more the process dies. */
  failures = 0;
  savesToDeath: number | undefined;
  diesBefore = false;
  /** What callers hold in their hands, by name. */
  readonly values = new Map<string, Json>();
  /** Names and keys that were enqueued together, the names whose key the script gave, and the keys of what was sent. */
  readonly offered = new Set<string>();
  readonly keyed = new Set<string>();
  readonly sentKeys = new Map<number, string>();
  /** Numbers taken, until they are used. */
  readonly taken = new Map<string, number>();
  readonly leases = new Map<string, number>();
  readonly leaseNames = new Map<number, string>();
  /** Names that have no number. */
  readonly strangers: string[] = [];
  wallMs = 0;

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The store of a run, failing and dying as planned. */
export class PlannedStore implements RowStore {
  readonly #files: FileStore;

  constructor(
    private readonly outside: Outside,
    private readonly run: Run,
  ) {
    this.#files = new FileStore(outside.directory);
  }

  load(): ReadonlyMap<string, unknown> {
    return this.#files.load();
  }

  commit(changes: readonly RowChange[]): void {
    const { outside, run } = this;
    if (run.isDead) run.die();
    if (outside.failures > 0) {
      outside.failures -= 1;
      throw new Error("no room is left, as planned");
    }
    const left = outside.savesToDeath === undefined ? undefined : outside.savesToDeath - 1;
    outside.savesToDeath = left === 0 ? undefined : left;
    if (left === 0 && outside.diesBefore) run.die();
    this.#files.commit(changes);
    if (left === 0) run.die();
  }

  die(): void {
    this.#files.die();
  }
}
