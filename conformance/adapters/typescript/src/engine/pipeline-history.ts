/** What a user may take back: units of one action, and the changes that do it as things are now. */

import type { Change } from "../changes.js";
import { changesMeet } from "../changes.js";
import type { TemporaryIds } from "./pipeline-ids.js";
import type { Lane, Lanes } from "./pipeline-lane.js";
import type { OneWrite } from "./pipeline-types.js";
import { refuse } from "./pipeline-types.js";
import type { Write } from "./pipeline-write.js";
import { applied, atomOf } from "./pipeline-write.js";

export type Direction = "undo" | "redo";

interface Unit {
  readonly action: string;
  readonly writes: Write[];
  isOpen: boolean;
}

interface Stacks {
  undo: Unit[];
  redo: Unit[];
}

/** The writes that take a unit back, and what each of them has to wait for. */
export interface Reversal {
  readonly writes: readonly { readonly write: OneWrite; readonly restores: readonly Write[] }[];
  /** The reversal is dispatched as these writes. */
  done(action: string, writes: readonly Write[]): void;
}

export class History {
  readonly #scopes = new Map<string, Stacks>();

  constructor(
    private readonly limit: number,
    private readonly lanes: Lanes,
    private readonly ids: TemporaryIds,
  ) {}

  /** The user wrote. */
  record(scope: string, action: string, writes: readonly Write[]): void {
    const stacks = this.#of(scope);
    const last = stacks.undo.at(-1);
    if (last?.isOpen === true && last.action === action) last.writes.push(...writes);
    else stacks.undo.push({ action, writes: [...writes], isOpen: true });
    stacks.undo = stacks.undo.slice(-this.limit);
    stacks.redo = [];
  }

  /** What takes back the last unit in which there is something. Throws nothing-to-revert, revert-inapplicable. */
  reversal(scope: string, direction: Direction): Reversal {
    const stacks = this.#of(scope);
    for (const unit of [...stacks[direction]].reverse()) {
      const writes = this.#backAll(standing(unit).sort((a, b) => b.seq - a.seq));
      if (writes.length === 0) continue;
      const done = (action: string, made: readonly Write[]): void => {
        stacks[direction] = stacks[direction].slice(0, stacks[direction].indexOf(unit));
        for (const left of stacks.undo) left.isOpen = false;
        stacks[direction === "undo" ? "redo" : "undo"].push({ action, writes: [...made], isOpen: false });
      };
      return { writes, done };
    }
    return refuse("nothing-to-revert");
  }

  /** The writes that take these back, the last of them first; one for each entity, none where nothing is left to do. */
  #backAll(mine: readonly Write[]): Reversal["writes"][number][] {
    const atoms = new Map(mine.map((write) => [write.atom, write]));
    return [...atoms.values()].flatMap(({ resource, entity }) => {
      const those = mine.filter((write) => write.resource === resource && write.entity === entity);
      return this.#back(resource, entity, those);
    });
  }

  /** The one write that takes back all of these of one entity, the last of them first. */
  #back(resource: string, entity: string, mine: readonly Write[]): Reversal["writes"][number][] {
    const lane = this.lanes.of(atomOf(resource, entity));
    let change: Change | undefined;
    for (const write of mine) {
      const inverse = this.ids.renamed(inverseOf(write, lane) ?? refuse("revert-inapplicable"));
      change = change === undefined ? inverse : together(change, inverse);
    }
    if (change === undefined) return [];
    if (applied(lane.shown(), change) === undefined) refuse("revert-inapplicable");
    const write = { resource, entity, change, temporary: false };
    return [{ write, restores: restoredBy(lane, mine) }];
  }

  #of(scope: string): Stacks {
    let stacks = this.#scopes.get(scope);
    if (stacks === undefined) {
      stacks = { undo: [], redo: [] };
      this.#scopes.set(scope, stacks);
    }
    return stacks;
  }
}

/** The writes of a unit that could be taken back: pending, or in the documents. */
function standing(unit: Unit): Write[] {
  return unit.writes.filter((write) => write.isPending || write.before !== undefined);
}

function inverseOf(write: Write, lane: Lane): Change | undefined {
  if (!write.isPending) return write.before && applied(write.before.doc, write.change)?.inverse;
  return write.optimistic ? applied(lane.beneath(write.seq), write.change)?.inverse : undefined;
}

/** One change that does what two in a row do; undefined: nothing. Of inverses, which are no upserts. */
function together(first: Change, then: Change): Change | undefined {
  if (first.kind === "create" && then.kind === "delete") return undefined;
  if (first.kind === "create" && then.kind === "update") {
    const made = applied(first.value, then);
    return made?.doc === undefined ? refuse("revert-inapplicable") : { kind: "create", value: made.doc };
  }
  if (first.kind === "delete" && then.kind === "create") {
    return { kind: "update", patch: [{ op: "replace", path: "", value: then.value }] };
  }
  if (first.kind !== "update") return refuse("revert-inapplicable");
  if (then.kind === "update") return { kind: "update", patch: [...first.patch, ...then.patch] };
  return then.kind === "delete" ? then : refuse("revert-inapplicable");
}

/** What has to be accepted before these writes may be taken back: they, and those whose value comes back. */
function restoredBy(lane: Lane, mine: readonly Write[]): Write[] {
  const restored: Write[] = [];
  const touched: Change[] = [];
  for (const write of [...lane.writes].reverse()) {
    const isMine = mine.includes(write);
    if (!isMine && !touched.some((change) => changesMeet(change, write.change))) continue;
    touched.push(write.change);
    restored.push(write);
  }
  return restored;
}
