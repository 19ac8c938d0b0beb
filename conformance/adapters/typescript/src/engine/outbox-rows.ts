/** What the queue holds, and how it is written into rows. */

import type { Change } from "../changes.js";
import { changeToJson } from "../changes.js";
import type { Json, JsonObject } from "../kit/json.js";
import { changeFromJson } from "./outbox-content.js";
import type { Accepted, Entity, Entry, Report, Stamp, Verdict } from "./outbox-types.js";

/** What was handed out first, and is handed out again as it was. */
export interface Sent {
  readonly entity: Entity;
  readonly change: Change;
  readonly base: Stamp | undefined;
  /** The lease under which it was handed out first. */
  readonly first: number;
}

/** The version of this client's latest accepted write of an entity, and what the first of its chain was made on. */
export interface Own {
  readonly stamp: Stamp;
  readonly since: Stamp;
}

export interface Lease {
  readonly token: number;
  readonly until: number;
}

/** A write. Only the ledger changes it. */
export interface Item {
  readonly seq: number;
  /** As it was enqueued: temporary ids are replaced when it is sent. */
  readonly entry: Entry;
  /** False: a direct write, that ends with the process. */
  readonly stored: boolean;
  /** Undefined: it waits, or its lease is out. */
  readonly state: "queued" | "acked" | "parked";
  readonly lease: Lease | undefined;
  /** The time before which it is not handed out again. */
  readonly notBefore: number;
  readonly attempts: number;
  /** Answers in a row that left it undecided. */
  readonly misses: number;
  readonly sent: Sent | undefined;
  /** Where it was accepted, if acked. */
  readonly at: number;
  /** Whether its verdict was told. */
  readonly told: boolean;
  /** Numbers of the creates it waits for, with the temporary id of each. */
  readonly parents: ReadonlyMap<number, string>;
  /** Numbers of the entries it names. */
  readonly after: readonly number[];
}

/** A number without a write: taken for one, or never to carry one. */
export interface Hole {
  readonly seq: number;
  readonly state: "open" | "skip";
  readonly lease: Lease | undefined;
}

/** The number of a direct write that ended with the last process. */
export interface Lost extends Hole {
  readonly lost: Entity;
}

export type Member = Item | Hole;

export function isItem(member: Member | undefined): member is Item {
  return member !== undefined && "entry" in member;
}

export function isLost(member: Member): member is Lost {
  return "lost" in member;
}

/** In the queue and without a verdict in this epoch. */
export function isUnsettled(member: Member | undefined): member is Item {
  return isItem(member) && member.state !== "acked";
}

export function newItem(seq: number, entry: Entry, stored: boolean, waits: Pick<Item, "parents" | "after">): Item {
  return {
    seq,
    entry,
    stored,
    state: "queued",
    lease: undefined,
    notBefore: 0,
    attempts: 0,
    misses: 0,
    sent: undefined,
    at: 0,
    told: false,
    ...waits,
  };
}

export function itemToJson(item: Item): Json {
  const { entry, sent } = item;
  return {
    entry: {
      id: entry.id,
      key: entry.key,
      entity: [entry.entity.resource, entry.entity.id],
      change: changeToJson(entry.change),
      base: stampToJson(entry.base),
      temporary: entry.temporary,
      after: [...entry.after],
      atMs: entry.atMs,
    },
    state: item.state,
    attempts: item.attempts,
    sent: sent === undefined ? null : sentToJson(sent, entry),
    at: item.at,
    told: item.told,
    parents: [...item.parents].map(([seq, id]) => [seq, id]),
    after: [...item.after],
  };
}

/** Entity and change are written only where renaming made them others. */
function sentToJson({ entity, change, base, first }: Sent, entry: Entry): Json {
  const other = entity !== entry.entity || change !== entry.change;
  const content = other && { entity: [entity.resource, entity.id], change: changeToJson(change) };
  return { first, base: stampToJson(base), ...content };
}

export function itemFromJson(seq: number, row: Json): Item {
  const raw = row as JsonObject;
  const told = raw["entry"] as JsonObject;
  const entry: Entry = {
    id: told["id"] as string,
    key: told["key"] as string,
    entity: entityFromJson(told["entity"]),
    change: changeFromJson(told["change"]),
    base: stampFromJson(told["base"]),
    temporary: told["temporary"] === true,
    after: told["after"] as string[],
    atMs: told["atMs"] as number,
  };
  const waits = { parents: new Map(raw["parents"] as [number, string][]), after: raw["after"] as number[] };
  return {
    ...newItem(seq, entry, true, waits),
    state: raw["state"] as Item["state"],
    attempts: raw["attempts"] as number,
    sent: sentFromJson(raw["sent"], entry),
    at: raw["at"] as number,
    told: raw["told"] === true,
  };
}

function sentFromJson(row: Json | undefined, entry: Entry): Sent | undefined {
  if (row === null || row === undefined) return undefined;
  const raw = row as JsonObject;
  const fixed = { base: stampFromJson(raw["base"]), first: raw["first"] as number };
  if (raw["entity"] === undefined) return { entity: entry.entity, change: entry.change, ...fixed };
  return { entity: entityFromJson(raw["entity"]), change: changeFromJson(raw["change"]), ...fixed };
}

/** What is stored of a direct write; that its id is temporary, the row of the id says. */
export function directToJson({ entry }: Item): Json {
  return [entry.entity.resource, entry.entity.id];
}

export function directFromJson(seq: number, row: Json): Lost {
  return { seq, state: "skip", lease: undefined, lost: entityFromJson(row) };
}

function entityFromJson(row: Json | undefined): Entity {
  const [resource, id] = row as [string, string];
  return { resource, id };
}

export function ownToJson({ stamp, since }: Own): Json {
  return [stampToJson(stamp), stampToJson(since)];
}

export function ownFromJson(row: Json): Own {
  const [stamp, since] = (row as Json[]).map(stampFromJson) as [Stamp, Stamp];
  return { stamp, since };
}

function stampToJson(stamp: Stamp | undefined): Json {
  return stamp === undefined ? null : [stamp.epoch, stamp.version];
}

function stampFromJson(row: Json | undefined): Stamp | undefined {
  if (row === null || row === undefined) return undefined;
  const [epoch, version] = row as [number, number];
  return { epoch, version };
}

export function reportToJson({ id, verdict }: Report): Json {
  switch (verdict.kind) {
    case "accepted":
      return [id, "accepted", verdict.at, verdict.version ?? null, [...verdict.ids].map(([a, b]) => [a, b])];
    case "refused":
      return [id, "refused", verdict.code];
    case "in-doubt":
      return [id, "in-doubt"];
  }
}

export function reportFromJson(row: Json): Report {
  const [id, kind, ...rest] = row as [string, Verdict["kind"], ...Json[]];
  return { id, verdict: verdictFromJson(kind, rest) };
}

function verdictFromJson(kind: Verdict["kind"], rest: readonly Json[]): Verdict {
  switch (kind) {
    case "accepted": {
      const [at, version, ids] = rest as [number, number | null, [string, string][]];
      return { kind, at, version: version ?? undefined, ids: new Map(ids) } satisfies Accepted;
    }
    case "refused":
      return { kind, code: rest[0] as string };
    case "in-doubt":
      return { kind };
  }
}
