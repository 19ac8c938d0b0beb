/** Profile `transport`: the ops driver, and the adapter as the wire behind it. */

import type { Change } from "../changes.js";
import { changeToJson, parseChanges } from "../changes.js";
import type { Json, JsonObject, Observed, Profile, Run, Session, Step } from "../kit/index.js";
import { BadRequest, isObject } from "../kit/index.js";
import { PatchMalformed } from "../patch.js";
import type { Diag, Given, Outcome, Rows } from "./transport.js";
import { OpsDriver, TransportError } from "./transport.js";
import type { Failure, RowState } from "./transport-reading.js";

class Client implements Session {
  readonly steps: Session["steps"] = {
    exchange: ({ entries, reply }) => this.#exchange((entries ?? []) as Step[], reply ?? null),
    query: ({ resource, where, limit, reply }) => {
      const query = { resource: String(resource), where: (where ?? {}) as JsonObject, limit: optional(limit) };
      return this.#read(reply ?? null, () => this.#driver.query(query));
    },
    pull: ({ resource, after, limit, reply }) => {
      const pull = { resource: String(resource), after: Number(after), limit: optional(limit) };
      return this.#read(reply ?? null, () => this.#driver.pull(pull));
    },
  };

  readonly #driver: OpsDriver;
  /** What comes back next. */
  #reply: Json = null;
  /** The keys of the step, by entry; without one the script said nothing. */
  #keys = new Map<string, { readonly key: string; readonly ours: boolean }>();
  #ops: JsonObject[] = [];
  #sent: JsonObject[] = [];
  #results: JsonObject[] = [];
  #rows: JsonObject | null = null;

  constructor(private readonly run: Run) {
    this.#driver = new OpsDriver(
      (request) => this.#carry(request.ops),
      run.guard((diag: Diag) => this.#diag(diag)),
    );
  }

  observe(): Observed {
    return { ops: this.#ops, sent: this.#sent, results: this.#results, rows: this.#rows };
  }

  async #exchange(entries: readonly Step[], reply: Json): Promise<void> {
    this.#reply = reply;
    this.#keys = new Map(entries.map(({ m, key }) => [String(m), { key: keyOf(m, key), ours: key === undefined }]));
    const outcomes = await this.#driver.write(entries.map(givenOf));
    if (entries.length === 0) [this.#ops, this.#sent] = [[], []];
    this.#results = outcomes.map((outcome, at) => ({ m: String(entries[at]?.["m"]), ...outcomeToJson(outcome) }));
  }

  async #read(reply: Json, read: () => Promise<Rows>): Promise<void> {
    this.#reply = reply;
    this.#rows = rowsToJson(await read());
  }

  /** The wire: shows what goes out, and answers as the script says. */
  #carry(ops: JsonObject[]): Promise<Json | undefined> {
    this.#ops = ops.map(shownOp);
    this.#sent = ops.flatMap((op) => entriesOf(op).map((entry) => this.#shownEntry(entry)));
    const reply = this.#reply;
    if (reply === null) return Promise.resolve(undefined);
    if (isObject(reply)) return Promise.resolve(reply["raw"] ?? null);
    const results = (reply as JsonObject[]).map((each) => opResult(each, ops.map((op) => op["opId"] as string)));
    return Promise.resolve({ results });
  }

  #shownEntry(entry: JsonObject): JsonObject {
    const m = entry["entryId"] as string;
    const key = (entry["meta"] as JsonObject)["idempotencyKey"] as string;
    const given = this.#keys.get(m);
    if (given?.ours === true && given.key !== key) this.run.effect({ e: "key-changed", m });
    const shown: JsonObject = { m, entity: entry["entityId"] as string, change: changeShown(entry) };
    if (entry["baseVersion"] !== undefined) shown["base"] = entry["baseVersion"];
    if (entry["baseEpoch"] !== undefined) shown["base_epoch"] = entry["baseEpoch"];
    if (entry["temporary"] === true) shown["temporary"] = true;
    return given?.ours === true ? shown : { ...shown, key };
  }

  #diag({ code, entry, where }: Diag): void {
    const shown: JsonObject & { e: string } = { e: "diag", code };
    if (entry !== undefined) shown["m"] = entry;
    if (where !== undefined) shown["where"] = where;
    this.run.effect(shown);
  }
}

function optional(raw: unknown): number | undefined {
  return raw === undefined ? undefined : Number(raw);
}

function keyOf(m: unknown, key: unknown): string {
  return key === undefined ? `key-of-${String(m)}` : String(key);
}

function givenOf(step: Step): Given {
  const { m, resource, entity, change, base, base_epoch: epoch, key, temporary, options } = step;
  const entry = {
    id: String(m),
    key: keyOf(m, key),
    resource: String(resource),
    entity: String(entity),
    change: parseChanges({ it: change as Json }).get("it") as Change,
    base: base === undefined ? undefined : { epoch: Number(epoch ?? 1), version: Number(base) },
    temporary: temporary === true,
  };
  return { entry, options: (options ?? {}) as JsonObject };
}

// --- what went out, as the script shows it

function entriesOf(op: JsonObject): JsonObject[] {
  return op["kind"] === "write" ? ((op["write"] as JsonObject)["entries"] as JsonObject[]) : [];
}

function shownOp(op: JsonObject): JsonObject {
  const kind = op["kind"] as string;
  if (kind === "query") return { kind, ...(op["query"] as JsonObject) };
  if (kind === "changes.pull") return { kind, ...(op["pull"] as JsonObject) };
  const { resource, options } = op["write"] as JsonObject;
  const entries = entriesOf(op).map((entry) => entry["entryId"] as string);
  return { kind, resource: resource ?? null, entries, options: options ?? {} };
}

function changeShown({ action, value, patch }: JsonObject): Json {
  if (action === "delete") return changeToJson({ kind: "delete" });
  if (action === "create") return { create: value ?? null };
  if (action === "update") return patch ?? [];
  return { upsert: value ?? null, ...(patch !== undefined && { patch }) };
}

// --- what comes back, in the form of the wire

function opResult(reply: JsonObject, opIds: readonly string[]): Json {
  const { op, raw, results, rows, cursor, error } = reply;
  if (op === undefined) return raw ?? null;
  const opId = opIds[Number(String(op).slice(2)) - 1] ?? `not-sent-${String(op)}`;
  if (raw !== undefined) return { ...(raw as JsonObject), opId };
  if (error !== undefined) return { opId, ok: false, error: wireError(error as JsonObject) };
  const data: JsonObject =
    results === undefined
      ? { rows: (rows as JsonObject[]).map(wireRow) }
      : { results: (results as JsonObject[]).map(entryResult) };
  return { opId, ok: true, data: cursor === undefined ? data : { ...data, cursor } };
}

function entryResult({ m, raw, error, version, seq, ids, row }: JsonObject): Json {
  if (m === undefined) return raw ?? null;
  if (raw !== undefined) return { ...(raw as JsonObject), entryId: m };
  if (error !== undefined) return { entryId: m, ok: false, error: wireError(error as JsonObject) };
  return {
    entryId: m,
    ok: true,
    ...(version !== undefined && { version }),
    ...(seq !== undefined && { serverSeq: seq }),
    ...(ids !== undefined && { ids }),
    ...(row !== undefined && { row }),
  };
}

function wireError({ retry, ...error }: JsonObject): JsonObject {
  return retry === undefined ? error : { ...error, retryAfterMs: retry };
}

function wireRow({ raw, entity, ...row }: JsonObject): Json {
  return raw === undefined ? { entityId: entity ?? null, ...row } : raw;
}

// --- what the driver says

function outcomeToJson(outcome: Outcome): JsonObject {
  if (outcome.kind === "ok") return { ok: true, ...(outcome.told as JsonObject) };
  if (outcome.kind === "rejected") return { rejected: outcome.code };
  return { unknown: true, ...(outcome.retryMs !== undefined && { retry: outcome.retryMs }) };
}

function rowsToJson(rows: Rows): JsonObject {
  if (!("rows" in rows)) return failureToJson(rows);
  const shown = rows.rows.map(({ entity, version, state }) => ({ entity, version, ...(state as RowState & JsonObject) }));
  return { rows: shown, ...(rows.cursor !== undefined && { cursor: rows.cursor }) };
}

function failureToJson({ code, definite, retryMs }: Failure): JsonObject {
  return { failed: code, definite, ...(retryMs !== undefined && { retry: retryMs }) };
}

export const transport: Profile = {
  sees: ["out", "effects", "ops", "sent", "results", "rows"],
  open: (_, run) => new Client(run),
  codeOf: (error) => {
    if (error instanceof PatchMalformed) throw new BadRequest(error.message);
    return error instanceof TransportError ? error.code : undefined;
  },
};
