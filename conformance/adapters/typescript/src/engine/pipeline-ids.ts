/** Temporary ids: whose they are, what became of them, and who mentions them. */

import type { Change } from "../changes.js";
import type { Json, JsonObject } from "../kit/index.js";
import { isObject } from "../kit/index.js";
import { setMember } from "../kit/json.js";
import type { Op } from "../patch.js";
import type { Write } from "./pipeline-write.js";

type Swap = (text: string) => string;

/** An id is known by another one now: to all who mention it, or to a create and those made on it. */
export interface Renaming {
  readonly from: string;
  readonly to: string;
  readonly create: Write | undefined;
}

export class TemporaryIds {
  readonly #creates = new Map<string, Write>();

  constructor(
    /** The id that the server gave. */
    readonly given: Map<string, string>,
    /** Those whose create came to nothing. */
    readonly dead: Set<string>,
  ) {}

  /** Whether no create may take this id any more. */
  isTaken(id: string): boolean {
    return this.#creates.has(id) || this.given.has(id) || this.dead.has(id);
  }

  /** The id by which a row is known now. */
  current(id: string): string {
    return this.given.get(id) ?? id;
  }

  renamed(change: Change): Change {
    return this.given.size === 0 ? change : swapped(change, (text) => this.current(text));
  }

  /** Whether a row is known by an id of the client's own only: its create is pending, and not this write. */
  isNameless(entity: string, write?: Write): boolean {
    const create = this.#creates.get(entity);
    return create !== undefined && create !== write;
  }

  began(write: Write): void {
    if (write.temporary) this.#creates.set(write.entity, write);
  }

  /** The create of an id was accepted, or came to nothing. */
  ended(write: Write, isAccepted: boolean): void {
    if (!write.temporary || this.#creates.get(write.entity) !== write) return;
    this.#creates.delete(write.entity);
    if (!isAccepted) this.dead.add(write.entity);
  }

  /** The server gave ids; what changes for those that are pending. */
  learn(ids: ReadonlyMap<string, string>): Renaming[] {
    const renamings: Renaming[] = [];
    for (const [temporary, to] of ids) {
      const former = this.given.get(temporary);
      const create = this.#creates.get(temporary);
      if (temporary === to || former === to) continue;
      this.given.set(temporary, to);
      this.#creates.delete(temporary);
      if (former !== undefined) renamings.push({ from: former, to, create: undefined });
      else if (create !== undefined) renamings.push({ from: temporary, to, create });
    }
    return renamings;
  }

  mentionsDead(entity: string, change: Change): boolean {
    return this.dead.size > 0 && textsOf(entity, change).some((text) => this.dead.has(text));
  }

  /** The pending creates that a write mentions. */
  parents(entity: string, change: Change): Write[] {
    if (this.#creates.size === 0) return [];
    const creates = textsOf(entity, change).map((text) => this.#creates.get(text));
    return creates.filter((create) => create !== undefined);
  }
}

function textsOf(entity: string, change: Change): string[] {
  const texts = [entity];
  swapped(change, (text) => {
    texts.push(text);
    return text;
  });
  return texts;
}

/** The change with one id in place of another. */
export function withId(change: Change, from: string, to: string): Change {
  return swapped(change, (text) => (text === from ? to : text));
}

/** A change whose whole strings, wherever they are in its values, are swapped. */
function swapped(change: Change, swap: Swap): Change {
  switch (change.kind) {
    case "create":
      return { kind: "create", value: swappedValue(change.value, swap) };
    case "update":
      return { kind: "update", patch: swappedPatch(change.patch, swap) };
    case "upsert": {
      const patch = change.patch && swappedPatch(change.patch, swap);
      return { kind: "upsert", value: swappedValue(change.value, swap), patch };
    }
    case "delete":
      return change;
  }
}

function swappedPatch(patch: readonly Op[], swap: Swap): Op[] {
  return patch.map((op) => ("value" in op ? { ...op, value: swappedValue(op.value, swap) } : op));
}

function swappedValue(value: Json, swap: Swap): Json {
  if (typeof value === "string") return swap(value);
  if (Array.isArray(value)) return value.map((item) => swappedValue(item, swap));
  if (!isObject(value)) return value;
  const out: JsonObject = {};
  for (const key of Object.keys(value)) setMember(out, key, swappedValue(value[key] as Json, swap));
  return out;
}
