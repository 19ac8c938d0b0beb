/** From the words of a script of profile `outbox` to what the outbox takes. */

import type { Json, JsonObject } from "../kit/index.js";
import { BadRequest, isObject } from "../kit/index.js";
import { setMember } from "../kit/json.js";
import type { Config, Ids, Outcome, Result } from "./outbox-types.js";

/** Change every object in a value in place, as a careless caller would. */
export function scribble(value: Json): void {
  if (Array.isArray(value)) value.forEach(scribble);
  if (!isObject(value)) return;
  Object.values(value).forEach(scribble);
  value["scribbled"] = true;
}

export function num(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new BadRequest(`${JSON.stringify(value)} is not an integer`);
  return value as number;
}

export function optional(value: unknown): number | undefined {
  return value === undefined || value === null ? undefined : num(value);
}

export function idsOf(raw: unknown): Ids {
  return new Map(Object.entries((raw ?? {}) as Record<string, string>).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function objectOf(ids: Ids): JsonObject {
  const out: JsonObject = {};
  for (const [id, name] of ids) setMember(out, id, name);
  return out;
}

export function outcomeOf(raw: JsonObject): Outcome {
  if (raw["rejected"] !== undefined) return { kind: "refused", code: String(raw["rejected"]) };
  return { kind: "accepted", at: num(raw["ok"]), version: optional(raw["version"]), ids: idsOf(raw["ids"]) };
}

export function resultOf(raw: JsonObject): Result {
  const id = String(raw["m"]);
  if (raw["retry"] !== undefined) return { id, outcome: { kind: "retry", ms: num(raw["retry"]) } };
  if (raw["unknown"] === true) return { id, outcome: { kind: "unknown" } };
  return { id, outcome: outcomeOf(raw) };
}

export function configOf(given: JsonObject): Config {
  return {
    mode: given["mode"] === "ordered" ? "ordered" : "entity",
    capacity: num(given["capacity"] ?? 10_000),
    leaseMs: num(given["lease_ms"] ?? 30_000),
    maxAttempts: num(given["max_attempts"] ?? 5),
    delayMs: num(given["delay_ms"] ?? 1000),
    maxDelayMs: num(given["max_delay_ms"] ?? 60_000),
  };
}
