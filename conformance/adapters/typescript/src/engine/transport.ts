/**
 * The ops driver: entries to operations, answers to outcomes. One exchange is one request and whatever came back;
 * every entry has a box into which all that the answer says of it is put, and is judged by what its box holds.
 */

import type { Change } from "../changes.js";
import { changeToJson } from "../changes.js";
import type { Json, JsonObject } from "../kit/index.js";
import { same } from "../kit/index.js";
import { Refusal } from "../kit/refusal.js";
import type { Acceptance, Failure, ReadRow } from "./transport-reading.js";
import { listOf, Malformed, Place, verdictOf } from "./transport-reading.js";

export interface Entry {
  readonly id: string;
  readonly key: string;
  readonly resource: string;
  readonly entity: string;
  readonly change: Change;
  readonly base: { readonly epoch: number; readonly version: number } | undefined;
  readonly temporary: boolean;
}

/** An entry and what its answer should look like. */
export interface Given {
  readonly entry: Entry;
  readonly options: JsonObject;
}

export type Outcome =
  | { readonly kind: "ok"; readonly told: Acceptance }
  | { readonly kind: "rejected"; readonly code: string }
  | { readonly kind: "unknown"; readonly retryMs: number | undefined };

export type Rows = { readonly rows: readonly ReadRow[]; readonly cursor: number | undefined } | Failure;

export interface Diag {
  readonly code: "malformed" | "op-unasked" | "result-unasked" | "results-differ";
  readonly entry?: string;
  readonly where?: string;
}

export interface Query {
  readonly resource: string;
  readonly where: JsonObject;
  readonly limit: number | undefined;
}

export interface Pull {
  readonly resource: string;
  readonly after: number;
  readonly limit: number | undefined;
}

/** Whoever carries a request; undefined, or an exception: nothing came back. */
export type Wire = (request: { ops: JsonObject[] }) => Promise<Json | undefined>;

export class TransportError extends Refusal {
  constructor(readonly code: "entry-id-repeated") {
    super(code);
  }
}

const NOBODY_KNOWS: Outcome = { kind: "unknown", retryMs: undefined };
const UNREACHABLE: Failure = { code: "unreachable", definite: false, retryMs: undefined };
const UNREADABLE: Failure = { code: "wire-malformed", definite: false, retryMs: undefined };

export class OpsDriver {
  #ops = 0;

  constructor(
    private readonly wire: Wire,
    private readonly diag: (diag: Diag) => void,
  ) {}

  /** Send entries in one exchange; an outcome for each, in their order. Rejects with TransportError, nothing sent. */
  async write(given: readonly Given[]): Promise<Outcome[]> {
    const boxes = new Map<string, Outcome[]>(given.map(({ entry }) => [entry.id, []]));
    if (boxes.size < given.length) throw new TransportError("entry-id-repeated");
    if (given.length === 0) return [];
    const runs = runsOf(given);
    const named = new Map(runs.map((run) => [this.#id(), run]));
    const answer = await this.#carry([...named].map(([opId, run]) => writeOp(opId, run)));
    if (answer !== undefined) {
      const alignment = new Alignment(named, boxes);
      alignment.read(new Place(answer));
      alignment.diags().forEach(this.diag);
    }
    return given.map(({ entry }) => this.#judge(entry.id, boxes.get(entry.id) ?? []));
  }

  query({ resource, where, limit }: Query): Promise<Rows> {
    const query = { resource, where, ...(limit !== undefined && { limit }) };
    return this.#read({ kind: "query", query });
  }

  pull({ resource, after, limit }: Pull): Promise<Rows> {
    const pull = { resource, after, ...(limit !== undefined && { limit }) };
    return this.#read({ kind: "changes.pull", pull });
  }

  #id(): string {
    return `op-${++this.#ops}`;
  }

  async #carry(ops: JsonObject[]): Promise<Json | undefined> {
    try {
      return await this.wire({ ops });
    } catch {
      return undefined;
    }
  }

  #judge(id: string, said: readonly Outcome[]): Outcome {
    const [first = NOBODY_KNOWS, ...others] = said;
    if (others.every((other) => same(first as unknown as Json, other as unknown as Json))) return first;
    this.diag({ code: "results-differ", entry: id });
    return NOBODY_KNOWS;
  }

  async #read(op: JsonObject): Promise<Rows> {
    const opId = this.#id();
    const answer = await this.#carry([{ opId, ...op }]);
    if (answer === undefined) return UNREACHABLE;
    try {
      return rowsOf(new Place(answer), opId);
    } catch (error) {
      if (error instanceof Malformed) return UNREADABLE;
      throw error;
    }
  }
}

/** Consecutive entries of one resource and equal options. */
function runsOf(given: readonly Given[]): Given[][] {
  const runs: Given[][] = [];
  for (const each of given) {
    const run = runs.at(-1);
    const head = run?.[0];
    const joins = head !== undefined && head.entry.resource === each.entry.resource && same(head.options, each.options);
    if (joins) run?.push(each);
    else runs.push([each]);
  }
  return runs;
}

function writeOp(opId: string, run: readonly Given[]): JsonObject {
  const [head] = run as [Given];
  const entries = run.map(({ entry }) => wireEntry(entry));
  return { opId, kind: "write", write: { resource: head.entry.resource, entries, options: head.options } };
}

function wireEntry({ id, key, entity, change, base, temporary }: Entry): JsonObject {
  const told: JsonObject = { action: change.kind, entryId: id, entityId: entity, meta: { idempotencyKey: key } };
  if (change.kind === "create" || change.kind === "upsert") told["value"] = change.value;
  if ("patch" in change && change.patch !== undefined) told["patch"] = changeToJson({ kind: "update", patch: change.patch });
  if (base !== undefined) Object.assign(told, { baseEpoch: base.epoch, baseVersion: base.version });
  if (temporary) told["temporary"] = true;
  return told;
}

function rowsOf(answer: Place, opId: string): Rows {
  const results = answer.need("results");
  const [result, ...more] = results.items();
  if (result === undefined || more.length > 0) return results.fail();
  const named = result.need("opId");
  if (named.name() !== opId) return named.fail();
  const found = listOf(result, "rows");
  if (!("list" in found)) return found;
  const seen = new Set<string>();
  const rows = found.list.map((place) => {
    const row = place.readRow();
    if (seen.has(row.entity)) place.need("entityId").fail();
    seen.add(row.entity);
    return row;
  });
  return { rows, cursor: found.data.member("cursor")?.count() };
}

/** What a result says of an entry; undefined: it cannot be read. */
function outcomeOf(said: Acceptance | Failure | undefined): Outcome {
  if (said === undefined) return NOBODY_KNOWS;
  if (!("definite" in said)) return { kind: "ok", told: said };
  return said.definite ? { kind: "rejected", code: said.code } : { kind: "unknown", retryMs: said.retryMs };
}

/** The reading of one answer to writes. */
class Alignment {
  readonly #faults: Diag[] = [];
  readonly #strays: Diag[] = [];
  readonly #strayIds = new Set<string>();
  #strayOp = false;

  constructor(
    private readonly ops: ReadonlyMap<string, readonly Given[]>,
    private readonly boxes: ReadonlyMap<string, Outcome[]>,
  ) {}

  diags(): Diag[] {
    return [...this.#faults, ...this.#strays];
  }

  read(answer: Place): void {
    const results = this.#attempt(() => answer.need("results").items());
    for (const result of results ?? []) this.#operation(result);
  }

  #operation(result: Place): void {
    const opId = this.#attempt(() => result.need("opId").name());
    if (opId === undefined) return;
    const run = this.ops.get(opId);
    if (run === undefined) this.#stray({ code: "op-unasked" });
    const found = this.#attempt(() => listOf(result, "results"));
    if (found !== undefined && "list" in found) return found.list.forEach((each) => this.#entry(each));
    for (const { entry } of run ?? []) this.boxes.get(entry.id)?.push(outcomeOf(found));
  }

  #entry(result: Place): void {
    const id = this.#attempt(() => result.need("entryId").name());
    if (id === undefined) return;
    const box = this.boxes.get(id);
    if (box === undefined) this.#stray({ code: "result-unasked", entry: id });
    const said = this.#attempt(() => verdictOf(result), id);
    box?.push(outcomeOf(said));
  }

  #stray(diag: Diag): void {
    const { entry } = diag;
    if (entry === undefined ? this.#strayOp : this.#strayIds.has(entry)) return;
    if (entry === undefined) this.#strayOp = true;
    else this.#strayIds.add(entry);
    this.#strays.push(diag);
  }

  /** What could be read; undefined, and the fault noted, if it cannot. */
  #attempt<T>(read: () => T, entry?: string): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.#faults.push({ code: "malformed", where: error.where, ...(entry !== undefined && { entry }) });
      return undefined;
    }
  }
}
