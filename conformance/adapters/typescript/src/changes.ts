/** Documents by atom, changed in place: a set of changes applies wholly, or not at all. */

import type { Json, JsonObject } from "./kit/json.js";
import { copy, isObject, setMember } from "./kit/json.js";
import { Refusal } from "./kit/refusal.js";
import type { Op } from "./patch.js";
import { PatchInapplicable, PatchMalformed, parsePatch, patchesMeet, patchInPlace } from "./patch.js";

export type Change =
  | { kind: "create"; value: Json }
  | { kind: "update"; patch: Op[] }
  | { kind: "upsert"; value: Json; patch: Op[] | undefined }
  | { kind: "delete" };

export type Changes = ReadonlyMap<string, Change>;
export type Docs = Map<string, Json>;

export class ChangeInapplicable extends Refusal {}

/** Changes as a script writes them. Throws PatchMalformed. */
export function parseChanges(raw: unknown): Changes {
  if (!isObject(raw)) throw new PatchMalformed("changes are an object with a member for each atom");
  return new Map(Object.keys(raw).map((atom) => [atom, parseChange(raw[atom] as Json)]));
}

function parseChange(raw: Json): Change {
  if (Array.isArray(raw)) return { kind: "update", patch: parsePatch(raw) };
  if (isObject(raw)) {
    if (Object.hasOwn(raw, "create")) return { kind: "create", value: raw["create"] as Json };
    if (Object.hasOwn(raw, "upsert")) {
      const patch = Object.hasOwn(raw, "patch") ? parsePatch(raw["patch"]) : undefined;
      return { kind: "upsert", value: raw["upsert"] as Json, patch };
    }
    if (raw["delete"] === true) return { kind: "delete" };
  }
  throw new PatchMalformed("a change is a patch, {create}, {upsert, patch?} or {delete: true}");
}

export function changesToJson(changes: Changes): JsonObject {
  const out: JsonObject = {};
  for (const [atom, change] of changes) setMember(out, atom, changeToJson(change));
  return out;
}

export function changeToJson(change: Change): Json {
  switch (change.kind) {
    case "create":
      return { create: change.value };
    case "update":
      return change.patch as unknown as Json;
    case "upsert":
      return { upsert: change.value, ...(change.patch && { patch: change.patch as unknown as Json }) };
    case "delete":
      return { delete: true };
  }
}

/** Apply in place; the changes that take it back. Throws ChangeInapplicable, nothing changed. */
export function changeInPlace(docs: Docs, changes: Changes): Changes {
  const undo: [string, Change][] = [];
  try {
    for (const [atom, change] of changes) undo.push([atom, changeOne(docs, atom, change)]);
  } catch (error) {
    for (const [atom, change] of undo.reverse()) changeOne(docs, atom, change);
    throw error;
  }
  return new Map(undo);
}

function changeOne(docs: Docs, atom: string, change: Change): Change {
  const doc = docs.get(atom);
  const wrong = (): never => {
    throw new ChangeInapplicable(`${change.kind} of ${doc === undefined ? "an absent" : "a present"} document ${atom}`);
  };
  switch (change.kind) {
    case "create":
      return doc === undefined ? fill(docs, atom, change.value) : wrong();
    case "update":
      return doc === undefined ? wrong() : update(docs, atom, doc, change.patch);
    case "upsert":
      if (doc === undefined) return fill(docs, atom, change.value);
      return update(docs, atom, doc, change.patch ?? [{ op: "replace", path: "", value: change.value }]);
    case "delete":
      if (doc === undefined) return wrong();
      docs.delete(atom);
      return { kind: "create", value: doc };
  }
}

function fill(docs: Docs, atom: string, value: Json): Change {
  docs.set(atom, copy(value));
  return { kind: "delete" };
}

function update(docs: Docs, atom: string, doc: Json, patch: Op[]): Change {
  const root = { doc };
  try {
    const undo = patchInPlace(root, patch);
    docs.set(atom, root.doc);
    return { kind: "update", patch: undo };
  } catch (error) {
    if (error instanceof PatchInapplicable) throw new ChangeInapplicable(`${atom}: ${error.message}`);
    throw error;
  }
}

/** Whether two changes of one atom conflict; create, upsert and delete touch the whole document. */
export function changesMeet(a: Change, b: Change): boolean {
  return a.kind !== "update" || b.kind !== "update" || patchesMeet(a.patch, b.patch);
}

export function docsFromJson(raw: unknown): Docs {
  const given = isObject(raw) ? raw : {};
  return new Map(Object.keys(given).map((atom) => [atom, copy(given[atom] as Json)]));
}

/** The documents as they stand; shares them, so use it before they change. */
export function docsToJson(docs: Docs): JsonObject {
  const out: JsonObject = {};
  for (const [atom, doc] of docs) setMember(out, atom, doc);
  return out;
}
