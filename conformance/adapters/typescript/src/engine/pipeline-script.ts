/** Parts of the steps of profile `pipeline`, as the pipeline takes them. */

import type { Json, JsonObject } from "../kit/index.js";
import { isObject } from "../kit/index.js";
import type { Answer, Context, Result, Row, RowState, Verdict, Written } from "./pipeline-types.js";

export function optional(raw: unknown): number | undefined {
  return raw === undefined ? undefined : Number(raw);
}

export function contextOf(raw: Json | undefined): Context {
  const { scope, origin, action, label, at } = isObject(raw) ? raw : {};
  return {
    scope: String(scope ?? "default"),
    origin: String(origin ?? "user"),
    action: action === undefined ? undefined : String(action),
    label: label === undefined ? undefined : String(label),
    at: Number(at ?? 0),
  };
}

function stateOf(raw: JsonObject): RowState {
  return Object.hasOwn(raw, "doc") ? { doc: raw["doc"] as Json } : { absent: true };
}

export function rowsOf(raw: Json | undefined): Row[] {
  return (raw as JsonObject[]).map((row) => ({
    resource: String(row["resource"]),
    entity: String(row["entity"]),
    state: stateOf(row),
    version: optional(row["version"]),
  }));
}

export function writtenOf(raw: { readonly [member: string]: Json | undefined }): Written {
  const { seq, version, ids, row } = raw;
  return {
    seq: optional(seq),
    version: optional(version),
    ids: new Map(Object.entries((ids ?? {}) as Record<string, string>)),
    row: isObject(row) ? stateOf(row) : undefined,
  };
}

/** A verdict: `ok`, `rejected` or `in_doubt`. */
export function verdictOf(raw: { readonly [member: string]: unknown }): Verdict {
  if (raw["rejected"] !== undefined) return { kind: "rejected", code: String(raw["rejected"]) };
  if (raw["in_doubt"] === true) return { kind: "in-doubt" };
  return { kind: "ok", written: writtenOf(raw["ok"] as JsonObject) };
}

export function answerOf(step: JsonObject, entryId: (m: string) => string): Answer {
  const { results, enqueued, failed } = step;
  if (failed !== undefined) return { kind: "failed", code: String(failed) };
  if (enqueued !== undefined) return { kind: "enqueued", entries: (enqueued as string[]).map(entryId) };
  if (results === undefined) return { kind: "unknown" };
  const told = (results as JsonObject[]).map((raw): [string, Result] => {
    const result: Result = raw["unknown"] === true ? { kind: "unknown" } : verdictOf(raw);
    return [entryId(String(raw["m"])), result];
  });
  return { kind: "results", results: told };
}
