/** Temporary ids: whose they are, what became of them, and who mentions them. */

import type { Change } from "../changes.js";
import type { Json, JsonObject } from "../kit/index.js";
import { isObject } from "../kit/index.js";
import { setMember } from "../kit/json.js";
import type { Op } from "../patch.js";
import type { Write } from "./pipeline-write.js";

type Swap = (text: string) => string;

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

  began(write: Write): void {
    if (write.temporary) this.#creates.set(write.entity, write);
  }

  /** The write is no longer pending. */
  ended(write: Write, isAccepted: boolean): void {
    if (!write.temporary || this.#creates.get(write.entity) !== write) return;
    this.#creates.delete(write.entity);
    if (!isAccepted) this.dead.add(write.entity);
  }

  /** The server gave ids; those that are news. */
  learn(ids: ReadonlyMap<string, string>): string[] {
    const news = [...ids].filter(([temporary, id]) => temporary !== id && !this.given.has(temporary));
    for (const [temporary, id] of news) {
      this.given.set(temporary, id);
      this.#creates.delete(temporary);
    }
    return news.map(([temporary]) => temporary);
  }

  /** The pending create of a temporary id. */
  create(id: string): Write | undefined {
    return this.#creates.get(id);
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
