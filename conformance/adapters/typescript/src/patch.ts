/**
 * RFC 6902 in place: each operation changes the document where it stands and leaves its own inverse
 * behind. A patch that fails half way is taken back with the inverses collected so far.
 */

import type { Json, JsonObject } from "./kit/json.js";
import { copy, isObject, same, setMember } from "./kit/json.js";
import { Refusal } from "./kit/refusal.js";

export type Op =
  | { op: "add" | "replace" | "test"; path: string; value: Json }
  | { op: "remove"; path: string }
  | { op: "move" | "copy"; path: string; from: string };

export class PatchMalformed extends Refusal {}
export class PatchInapplicable extends Refusal {}

/** A place for one document, so that the whole document can be replaced. */
export interface Root {
  doc: Json;
}

const VALUED = new Set(["add", "replace", "test"]);
const SOURCED = new Set(["move", "copy"]);
const POINTER = /^(\/([^~/]|~[01])*)*$/;
const POSITION = /^(0|[1-9][0-9]*)$/;

/** The operations of a patch as it came in, checked. Unknown members are dropped. */
export function parsePatch(raw: unknown): Op[] {
  if (!Array.isArray(raw)) throw new PatchMalformed("a patch is an array of operations");
  return raw.map((item: unknown, index) => {
    const bad = (what: string): never => {
      throw new PatchMalformed(`operation ${index}: ${what}`);
    };
    if (!isObject(item)) return bad("not an object");
    const op = item["op"];
    const path = pointer(item["path"]) ?? bad("path is not a JSON Pointer");
    if (op === "remove") return { op, path };
    if (typeof op !== "string") return bad("op is missing");
    if (VALUED.has(op)) {
      if (!Object.hasOwn(item, "value")) return bad("value is missing");
      return { op: op as "add", path, value: item["value"] as Json };
    }
    if (!SOURCED.has(op)) return bad(`no operation is called ${op}`);
    return { op: op as "move", path, from: pointer(item["from"]) ?? bad("from is not a JSON Pointer") };
  });
}

function pointer(raw: unknown): string | undefined {
  return typeof raw === "string" && POINTER.test(raw) ? raw : undefined;
}

/** The tokens of a JSON Pointer. */
export function tokens(path: string): string[] {
  return path
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** Apply a patch in place; the patch that takes it back. Throws PatchInapplicable, nothing changed. */
export function patchInPlace(root: Root, patch: readonly Op[]): Op[] {
  const undo: Op[][] = [];
  try {
    for (const op of patch) undo.push(once(root, op));
  } catch (error) {
    for (const ops of undo.reverse()) for (const op of ops) once(root, op);
    throw error;
  }
  return undo.reverse().flat();
}

function fail(why: string): never {
  throw new PatchInapplicable(why);
}

/** One operation, in place; the operations that take it back, in order. */
function once(root: Root, op: Op): Op[] {
  switch (op.op) {
    case "add":
      return insert(root, op.path, copy(op.value));
    case "remove":
      return [{ op: "add", path: op.path, value: cut(root, op.path) }];
    case "replace":
      return [{ op: "replace", path: op.path, value: swap(root, op.path, copy(op.value)) }];
    case "copy":
      return insert(root, op.path, copy(look(root.doc, tokens(op.from), op.from)));
    case "test":
      return same(look(root.doc, tokens(op.path), op.path), op.value) ? [] : fail(`the value at ${op.path} differs`);
    case "move":
      return move(root, op.from, op.path);
  }
}

function move(root: Root, from: string, to: string): Op[] {
  if (to.startsWith(`${from}/`)) fail(`${from} cannot move into itself`);
  if (to === from) {
    look(root.doc, tokens(from), from);
    return [];
  }
  const value = cut(root, from);
  const back: Op = { op: "add", path: from, value: copy(value) };
  try {
    return [...insert(root, to, value), back];
  } catch (error) {
    once(root, back);
    throw error;
  }
}

function look(doc: Json, path: readonly string[], text: string): Json {
  let at = doc;
  for (const token of path) {
    if (Array.isArray(at)) at = at[position(at, token, text, at.length - 1)] as Json;
    else if (isObject(at) && Object.hasOwn(at, token)) at = at[token] as Json;
    else fail(`there is nothing at ${text}`);
  }
  return at;
}

function position(items: readonly Json[], token: string, text: string, last: number): number {
  if (!POSITION.test(token)) fail(`${token} in ${text} is no array position`);
  const at = Number(token);
  return at <= last ? at : fail(`${text} is past the end of an array of ${items.length}`);
}

/** The container and last token of a path that is not empty. */
function parent(root: Root, path: string): [Json, string] {
  const way = tokens(path);
  const last = way.pop() as string;
  return [look(root.doc, way, path), last];
}

function insert(root: Root, path: string, value: Json): Op[] {
  if (path === "") return [{ op: "replace", path, value: exchange(root, value) }];
  const [home, last] = parent(root, path);
  if (Array.isArray(home)) {
    const at = last === "-" ? home.length : position(home, last, path, home.length);
    home.splice(at, 0, value);
    const stem = path.slice(0, path.lastIndexOf("/"));
    return [{ op: "remove", path: `${stem}/${at}` }];
  }
  if (!isObject(home)) fail(`there is no container for ${path}`);
  const before = Object.hasOwn(home, last) ? (home[last] as Json) : undefined;
  setMember(home, last, value);
  return [before === undefined ? { op: "remove", path } : { op: "replace", path, value: before }];
}

function cut(root: Root, path: string): Json {
  if (path === "") fail("a patch cannot remove the whole document");
  const [home, last] = parent(root, path);
  if (Array.isArray(home)) return home.splice(position(home, last, path, home.length - 1), 1)[0] as Json;
  if (!isObject(home) || !Object.hasOwn(home, last)) fail(`there is nothing at ${path}`);
  const value = home[last] as Json;
  delete home[last];
  return value;
}

function swap(root: Root, path: string, value: Json): Json {
  if (path === "") return exchange(root, value);
  const [home, last] = parent(root, path);
  if (Array.isArray(home)) return home.splice(position(home, last, path, home.length - 1), 1, value)[0] as Json;
  if (!isObject(home) || !Object.hasOwn(home, last)) fail(`there is nothing at ${path}`);
  const before = home[last] as Json;
  setMember(home, last, value);
  return before;
}

function exchange(root: Root, value: Json): Json {
  const before = root.doc;
  root.doc = value;
  return before;
}

/** Whether the paths of two patches meet: equal, or one a prefix of the other, or in one array. */
export function patchesMeet(a: readonly Op[], b: readonly Op[]): boolean {
  const others = b.flatMap(touched);
  return a.flatMap(touched).some((mine) => others.some((other) => meet(mine, other)));
}

/** The paths an operation names. */
export function touched(op: Op): string[][] {
  return "from" in op ? [tokens(op.path), tokens(op.from)] : [tokens(op.path)];
}

function meet(a: readonly string[], b: readonly string[]): boolean {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a[i] as string, b[i] as string];
    if (x !== y) return slot(x) && slot(y);
  }
  return true;
}

function slot(token: string): boolean {
  return token === "-" || POSITION.test(token);
}

export type { Json, JsonObject };
