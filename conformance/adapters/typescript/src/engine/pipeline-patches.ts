/** A patch over the rows of a resource, taken apart into one change for each row. */

import type { Change } from "../changes.js";
import type { Op } from "../patch.js";
import { tokens } from "../patch.js";
import type { OneWrite, RowsPatch } from "./pipeline-types.js";
import { refuse } from "./pipeline-types.js";
import { applied } from "./pipeline-write.js";

/** Null: created and deleted again. */
type Fate = Change | null;

/** The writes of a patch, in the order in which it names their rows. Throws event-malformed. */
export function writesOf({ resource, patch }: RowsPatch): OneWrite[] {
  const fates = new Map<string, Fate>();
  for (const op of patch) {
    const [row, inner] = innerOf(op);
    fates.set(row, then(fates.get(row), inner));
  }
  const writes: OneWrite[] = [];
  for (const [entity, change] of fates) {
    if (change !== null) writes.push({ resource, entity, change, temporary: false });
  }
  return writes;
}

/** The row that an operation is about, and the operation on that row. */
function innerOf(op: Op): [string, Op] {
  const [row, path] = split(op.path);
  if (!("from" in op)) return [row, { ...op, path }];
  const [source, from] = split(op.from);
  if (source !== row || path === "" || from === "") refuse("event-malformed");
  return [row, { ...op, path, from }];
}

function split(path: string): [string, string] {
  const [row] = tokens(path);
  if (row === undefined || row === "") refuse("event-malformed");
  const end = path.indexOf("/", 1);
  return [row, end < 0 ? "" : path.slice(end)];
}

/** What becomes of a row by one more operation. */
function then(fate: Fate | undefined, op: Op): Fate {
  if (fate === undefined) return first(op);
  const isWhole = op.path === "";
  if (isWhole && op.op === "add") {
    if (fate === null) return { kind: "create", value: op.value };
    if (fate.kind === "delete") return { kind: "update", patch: [{ ...op, op: "replace" }] };
    return refuse("event-malformed");
  }
  if (fate === null || fate.kind === "delete") return refuse("event-malformed");
  if (fate.kind === "update") {
    if (!isWhole || op.op !== "remove") return { kind: "update", patch: [...fate.patch, op] };
    // A delete tests nothing.
    return fate.patch.some((earlier) => earlier.op === "test") ? refuse("event-malformed") : { kind: "delete" };
  }
  if (isWhole && op.op === "remove") return null;
  const made = applied(fate.value, { kind: "update", patch: [op] });
  if (made?.doc === undefined) return refuse("event-malformed");
  return { kind: "create", value: made.doc };
}

function first(op: Op): Change {
  if (op.path === "" && op.op === "add") return { kind: "create", value: op.value };
  if (op.path === "" && op.op === "remove") return { kind: "delete" };
  return { kind: "update", patch: [op] };
}
