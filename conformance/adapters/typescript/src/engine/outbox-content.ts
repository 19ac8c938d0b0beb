/** Ids inside what is written: which ones an entry mentions, and the entry with others in their place. */

import type { Change } from "../changes.js";
import { changeToJson, parseChanges } from "../changes.js";
import type { Json, JsonObject } from "../kit/json.js";
import { isObject, same, setMember } from "../kit/json.js";
import type { Entity, Entry, Stamp } from "./outbox-types.js";

/** The server's id for a temporary one. */
export type Rename = (id: string) => string;

/** A change that shares nothing with the one it was made from. Throws PatchMalformed. */
export function changeFromJson(raw: unknown): Change {
  return parseChanges({ it: structuredClone(raw) }).get("it") as Change;
}

/** Whether a change needs a version: it changes or removes what is there. */
export function needsVersion({ kind }: Change): boolean {
  return kind === "update" || kind === "delete";
}

export function sameChange(a: Change, b: Change): boolean {
  return same(changeToJson(a), changeToJson(b));
}

export function entityKey({ resource, id }: Entity): string {
  return JSON.stringify([resource, id]);
}

/** Whether `a` is a newer version than `b`. */
export function isNewer(a: Stamp, b: Stamp): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.version > b.version);
}

/** The temporary id under which a write creates, if it does. */
export function temporaryId({ temporary, change, entity }: Entry): string | undefined {
  return temporary && (change.kind === "create" || change.kind === "upsert") ? entity.id : undefined;
}

/** Every id that a write may mention: its entity's, and each whole string in its values. */
export function mentioned(entity: Entity, change: Change): Set<string> {
  const found = new Set([entity.id]);
  for (const value of values(change)) gather(value, found);
  return found;
}

function values(change: Change): Json[] {
  switch (change.kind) {
    case "create":
      return [change.value];
    case "update":
      return ofPatch(change.patch);
    case "upsert":
      return [change.value, ...ofPatch(change.patch ?? [])];
    case "delete":
      return [];
  }
}

function ofPatch(patch: readonly object[]): Json[] {
  return patch.flatMap((op) => ("value" in op ? [op.value as Json] : []));
}

function gather(value: Json, found: Set<string>): void {
  if (typeof value === "string") found.add(value);
  else if (Array.isArray(value)) for (const item of value) gather(item, found);
  else if (isObject(value)) for (const key of Object.keys(value)) gather(value[key] as Json, found);
}

/** The change with every whole string in its values renamed. */
export function renamed(change: Change, rename: Rename): Change {
  switch (change.kind) {
    case "create":
      return { kind: "create", value: renamedValue(change.value, rename) };
    case "update":
      return { kind: "update", patch: renamedPatch(change.patch, rename) };
    case "upsert":
      return {
        kind: "upsert",
        value: renamedValue(change.value, rename),
        patch: change.patch && renamedPatch(change.patch, rename),
      };
    case "delete":
      return change;
  }
}

function renamedPatch<Op extends object>(patch: readonly Op[], rename: Rename): Op[] {
  return patch.map((op) => ("value" in op ? { ...op, value: renamedValue(op.value as Json, rename) } : op));
}

function renamedValue(value: Json, rename: Rename): Json {
  if (typeof value === "string") return rename(value);
  if (Array.isArray(value)) return value.map((item) => renamedValue(item, rename));
  if (!isObject(value)) return value;
  const out: JsonObject = {};
  for (const key of Object.keys(value)) setMember(out, key, renamedValue(value[key] as Json, rename));
  return out;
}
