/**
 * One owner of a directory at a time, by a file that names the process. The lock of a process that is
 * gone, or of a life of this process that is over, is taken over.
 */

import { randomUUID } from "node:crypto";
import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Somebody else has the store open. */
export class StoreOwned extends Error {
  constructor(
    readonly path: string,
    readonly pid: number,
  ) {
    super(`process ${pid} has ${path} open`);
  }
}

/** The lives of this process that hold a lock. */
const living = new Set<string>();

export class OwnerLock {
  readonly #path: string;
  readonly #life = randomUUID();

  /** Throws StoreOwned. */
  constructor(directory: string) {
    this.#path = join(directory, "owner");
    const mine = `${this.#path}.${this.#life}`;
    writeFileSync(mine, `${process.pid} ${bornAt(process.pid)} ${this.#life}`);
    try {
      while (!linked(mine, this.#path)) this.#takeOver(directory);
    } finally {
      unlinkSync(mine);
    }
    living.add(this.#life);
  }

  /** Give the directory back. */
  free(): void {
    if (living.delete(this.#life)) unlinkSync(this.#path);
  }

  /** End as a killed process does: what it wrote stays. */
  die(): void {
    living.delete(this.#life);
  }

  /** Put a dead owner's lock aside, or throw. Two who try at once cannot both find it. */
  #takeOver(directory: string): void {
    const owner = readIfThere(this.#path);
    if (owner === undefined) return;
    const [pid, born, life] = owner.split(" ");
    if (isAlive(Number(pid), born, life)) throw new StoreOwned(directory, Number(pid));
    const aside = `${this.#path}.dead.${this.#life}`;
    try {
      renameSync(this.#path, aside);
    } catch {
      return; // somebody else did
    }
    // Whoever was faster may have its own lock here by now: then it goes back.
    if (readIfThere(aside) !== owner) linked(aside, this.#path);
    unlinkSync(aside);
  }
}

function isAlive(pid: number, born: string | undefined, life: string | undefined): boolean {
  if (pid === process.pid) return living.has(String(life));
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  return bornAt(pid) === born;
}

/** When a process began, where the system tells: another one may get its number. */
function bornAt(pid: number): string {
  const stat = readIfThere(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "?";
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}
