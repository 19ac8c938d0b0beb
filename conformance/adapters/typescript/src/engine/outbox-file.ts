/**
 * Rows in a log on disk. A line is one commit: its checksum, and the rows it changes. A commit is durable
 * when it returns. When the log has grown to several times what is in it, it is written anew.
 *
 *     <sha-256, 16 digits> {"format":1}
 *     <sha-256, 16 digits> [["key",value],["gone"]]
 */

import { createHash } from "node:crypto";
import {
  closeSync, fstatSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { OwnerLock } from "./outbox-lock.js";
import type { RowChange, RowStore } from "./outbox-types.js";

const FORMAT = 1;
const NEWLINE = 10;
const DIGITS = 16;

/** The log cannot be read: another program, or a later version of this one, wrote it. */
export class StoreForeign extends Error {}

/** A line inside the log that is not what was written. Its bytes are in the file `quarantine`. */
export interface Damage {
  readonly line: number;
  readonly bytes: number;
}

interface Log {
  readonly rows: Map<string, unknown>;
  readonly damage: readonly (Damage & { readonly raw: Buffer })[];
  /** How many bytes from the start are good, or are damage with something good after it. */
  readonly good: number;
}

export class FileStore implements RowStore {
  /** What was found damaged when the store was opened. */
  readonly damage: readonly Damage[];
  readonly #path: string;
  readonly #lock: OwnerLock;
  #fd: number | undefined;
  #rows: Map<string, unknown> | undefined;
  #size: number;
  /** Bytes of the log when it was last written anew. */
  #base: number;
  /** Whether it is unknown what of the last commit is on disk. */
  #isDoubtful = false;

  /** Open a directory, made if it is not there. Throws StoreOwned, StoreForeign, and what the system throws. */
  constructor(
    private readonly directory: string,
    private readonly slack = 1 << 16,
  ) {
    if (mkdirSync(directory, { recursive: true }) !== undefined) syncDirectory(dirname(directory));
    this.#path = join(directory, "log");
    this.#lock = new OwnerLock(directory);
    try {
      const log = readLog(this.#path);
      this.damage = log?.damage.map(({ line, bytes }) => ({ line, bytes })) ?? [];
      this.#rows = log?.rows ?? new Map();
      this.#size = this.#base = log?.good ?? 0;
      if (log === undefined || log.good === 0 || log.damage.length > 0) this.#renew(log);
      else this.#reopen(log.good);
    } catch (error) {
      this.#lock.free();
      throw error;
    }
  }

  /** What was stored when the store was opened; to be asked once, before the first commit. */
  load(): ReadonlyMap<string, unknown> {
    const rows = this.#rows ?? new Map<string, unknown>();
    this.#rows = undefined;
    return rows;
  }

  commit(changes: readonly RowChange[]): void {
    if (this.#isDoubtful) this.#renew(readLog(this.#path, this.#size));
    this.#append(line(changes));
    if (this.#size > 3 * this.#base + this.slack) this.#compact();
  }

  close(): void {
    this.#closeLog();
    this.#lock.free();
  }

  /** End as a killed process does. */
  die(): void {
    this.#closeLog();
    this.#lock.die();
  }

  #closeLog(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #append(bytes: Buffer): void {
    const fd = this.#open();
    let synced = true;
    try {
      writeWhole(fd, bytes);
      synced = false;
      fsyncSync(fd);
    } catch (error) {
      // After a failed fsync nobody knows what is on disk: the next commit writes the log anew.
      this.#isDoubtful = !this.#takenBack(fd) || !synced;
      throw error;
    }
    this.#size += bytes.length;
  }

  /** Cut off what a failed commit left behind; whether that went well. */
  #takenBack(fd: number): boolean {
    try {
      ftruncateSync(fd, this.#size);
      fsyncSync(fd);
      return true;
    } catch {
      return false;
    }
  }

  /** Less room is all that is lost if this fails: then it is tried again later. */
  #compact(): void {
    try {
      this.#renew(readLog(this.#path));
    } catch {
      this.#base = this.#size;
    }
  }

  /** Write the log anew beside the old one, and put it in its place. */
  #renew(log: Log | undefined): void {
    const fresh = `${this.#path}.new`;
    const fd = openSync(fresh, "w");
    const rows = [...(log?.rows ?? [])];
    const bytes = Buffer.concat([line({ format: FORMAT }), ...(rows.length > 0 ? [line(rows)] : [])]);
    try {
      writeWhole(fd, bytes);
      fsyncSync(fd);
      this.#quarantine(log);
    } finally {
      closeSync(fd);
    }
    renameSync(fresh, this.#path);
    syncDirectory(this.directory);
    this.#reopen(bytes.length);
    this.#base = bytes.length;
    this.#isDoubtful = false;
  }

  #quarantine(log: Log | undefined): void {
    if (log === undefined || log.damage.length === 0) return;
    const fd = openSync(join(this.directory, "quarantine"), "a");
    try {
      for (const { raw } of log.damage) writeWhole(fd, Buffer.concat([raw, Buffer.from("\n")]));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Append after the first `good` bytes from now on; what follows them is a torn commit. */
  #reopen(good: number): void {
    rmSync(`${this.#path}.new`, { force: true });
    this.#closeLog();
    const fd = openSync(this.#path, "a");
    this.#fd = fd;
    this.#size = good;
    if (fstatSync(fd).size > good) {
      ftruncateSync(fd, good);
      fsyncSync(fd);
    }
  }

  #open(): number {
    if (this.#fd === undefined) throw new Error(`${this.#path} is closed`);
    return this.#fd;
  }
}

/** Everything in a log; undefined if there is none. A bad last line is a commit that was torn, and is left out. */
function readLog(path: string, limit = Infinity): Log | undefined {
  const whole = readIfThere(path)?.subarray(0, limit);
  if (whole === undefined) return undefined;
  const lines = split(whole);
  const torn = lines.at(-1);
  if (torn !== undefined && parsed(torn.raw) === undefined) lines.pop();
  const rows = new Map<string, unknown>();
  const damage: { line: number; bytes: number; raw: Buffer }[] = [];
  for (const [index, { raw }] of lines.entries()) {
    const value = parsed(raw);
    if (value === undefined) damage.push({ line: index + 1, bytes: raw.length, raw });
    else if (Array.isArray(value)) replay(rows, value as RowChange[]);
    else checkFormat(path, value);
  }
  return { rows, damage, good: lines.at(-1)?.end ?? 0 };
}

function replay(rows: Map<string, unknown>, changes: readonly RowChange[]): void {
  for (const change of changes) {
    if (change.length === 1) rows.delete(change[0]);
    else rows.set(change[0], change[1]);
  }
}

function checkFormat(path: string, header: unknown): void {
  const { format } = header as { format?: unknown };
  if (format !== FORMAT) throw new StoreForeign(`${path} has format ${String(format)}; this is format ${FORMAT}`);
}

function split(whole: Buffer): { raw: Buffer; end: number }[] {
  const lines: { raw: Buffer; end: number }[] = [];
  for (let from = 0; from < whole.length; ) {
    const at = whole.indexOf(NEWLINE, from);
    // Without its newline a line is not whole, whatever its checksum says.
    const end = at < 0 ? whole.length : at + 1;
    lines.push({ raw: at < 0 ? Buffer.alloc(0) : whole.subarray(from, at), end });
    from = end;
  }
  return lines;
}

/** What a line says, or undefined if it is not as it was written. */
function parsed(raw: Buffer): unknown {
  const body = raw.subarray(DIGITS + 1);
  const isWhole = raw.toString("latin1", 0, DIGITS + 1) === `${checksum(body)} `;
  return isWhole ? (JSON.parse(body.toString("utf8")) as unknown) : undefined;
}

function line(value: unknown): Buffer {
  const body = JSON.stringify(value);
  return Buffer.from(`${checksum(body)} ${body}\n`, "utf8");
}

function checksum(body: string | Buffer): string {
  return createHash("sha256").update(body).digest("hex").slice(0, DIGITS);
}

function writeWhole(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}

/** A renamed file is durable when its directory is. */
function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
