/** Conflict strategies: what becomes of the undecided mutations when a delta meets them. */

import type { Change, Changes } from "../changes.js";
import { changesMeet } from "../changes.js";
import type { Op } from "../patch.js";
import type { Delta, Pending } from "./messages.js";

export type Decision = "keep" | "withhold" | Changes;
/** One decision for each mutation given. */
export type Strategy = (delta: Delta, undecided: readonly Readonly<Pending>[]) => readonly Decision[];

export const strategies: Readonly<Record<string, Strategy>> = {
  "client-wins": (_, undecided) => undecided.map(() => "keep"),
  "server-wins": each((delta, { changes }) => (meet(delta.changes, changes) ? "withhold" : "keep")),
  rebase: each((delta, { changes, sent }) =>
    sent || !meet(delta.changes, changes) ? "keep" : rest(delta, changes),
  ),
  raises: () => {
    throw new Error("this strategy always raises");
  },
};

function each(decide: (delta: Delta, mutation: Readonly<Pending>) => Decision): Strategy {
  return (delta, undecided) => undecided.map((mutation) => decide(delta, mutation));
}

function meet(a: Changes, b: Changes): boolean {
  return [...b].some(([atom, change]) => {
    const other = a.get(atom);
    return other !== undefined && changesMeet(other, change);
  });
}

/** The changes without the operations that conflict with the delta; a guard takes what it guards with it. */
function rest(delta: Delta, changes: Changes): Changes {
  const kept: [string, Change][] = [];
  for (const [atom, change] of changes) {
    const other = delta.changes.get(atom);
    if (other === undefined || !changesMeet(other, change)) kept.push([atom, change]);
    else if (change.kind === "update") {
      const meets = (op: Op): boolean => changesMeet(other, { kind: "update", patch: [op] });
      const patch = change.patch.filter((op) => !meets(op));
      const unguarded = change.patch.some((op) => op.op === "test" && meets(op));
      if (patch.length > 0 && !unguarded) kept.push([atom, { kind: "update", patch }]);
    }
  }
  return new Map(kept);
}
