/** What one hand-out takes, and what is fixed when a write is sent first. */

import { isNewer, mentioned, renamed, temporaryId } from "./outbox-content.js";
import type { Ledger } from "./outbox-ledger.js";
import type { Hole, Item, Lease, Own, Sent } from "./outbox-rows.js";
import { isItem } from "./outbox-rows.js";
import type { Entry, Stamp } from "./outbox-types.js";

/** The writes and skips to hand out now, at most `limit` writes. */
export function walked(ledger: Ledger, ordered: boolean, limit: number, now: number): { items: Item[]; holes: Hole[] } {
  if (ordered) return prefix(ledger, limit, now);
  const items: Item[] = [];
  for (const item of ledger.gates.ready()) {
    if (items.length >= limit) break;
    if (item.notBefore <= now) items.push(item);
  }
  return { items, holes: [] };
}

/** The longest prefix of the undecided numbers that can go. */
function prefix(ledger: Ledger, limit: number, now: number): { items: Item[]; holes: Hole[] } {
  const items: Item[] = [];
  const holes: Hole[] = [];
  for (const member of ledger.queue) {
    if (!isItem(member)) {
      if (member.state === "open" || member.lease !== undefined) break;
      holes.push(member);
    } else if (member.state !== "acked") {
      if (items.length >= limit || member.notBefore > now || !ledger.gates.isReady(member.seq)) break;
      items.push(member);
    }
  }
  return { items, holes };
}

/** The write under a lease; what is sent the first time is the same every time. */
export function fixed(ledger: Ledger, item: Item, lease: Lease): Item & { readonly sent: Sent } {
  const sent = item.sent ?? content(ledger, item.entry, lease.token);
  return { ...ledger.alter(item, { sent, lease }, item.sent === undefined), sent };
}

function content(ledger: Ledger, entry: Entry, first: number): Sent {
  const { entity, change } = entry;
  const base = versionFor(entry, ledger.own(entity));
  const isRenamed = [...mentioned(entity, change)].some((id) => typeof ledger.alias(id) === "string");
  if (!isRenamed) return { entity, change, base, first };
  // The id that a create makes is the one under which the server knows it.
  const own = temporaryId(entry);
  const rename = (id: string): string => (id === own ? id : ledger.rename(id));
  return {
    entity: { resource: entity.resource, id: rename(entity.id) },
    change: renamed(change, rename),
    base,
    first,
  };
}

/** The version a plan saw; that of the own writes since, if it saw what the first of them was made on. */
function versionFor({ change, base }: Entry, own: Own | undefined): Stamp | undefined {
  if (change.kind === "create") return undefined;
  if (base === undefined || own === undefined) return base ?? own?.stamp;
  return !isNewer(own.since, base) && isNewer(own.stamp, base) ? own.stamp : base;
}
