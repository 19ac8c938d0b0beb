/**
 * What may be handed out. Every undecided write stands in the lane of its entity; only the first of a
 * lane is asked what else it waits for, and only when something in its lane, or something it waits for,
 * has changed. What may go is kept in order, so that a worker takes it without looking through the queue.
 */

import { entityKey, needsVersion, temporaryId } from "./outbox-content.js";
import { Numbered } from "./outbox-numbered.js";
import type { Item, Member } from "./outbox-rows.js";
import { isItem, isUnsettled } from "./outbox-rows.js";
import type { Entity } from "./outbox-types.js";

/** What the gates ask. */
export interface World {
  member(seq: number): Member | undefined;
  /** The server's id for a temporary one; null: no row will ever have it. */
  alias(id: string): string | null | undefined;
  hasVersion(key: string): boolean;
  /** Whether an entity has to be read first. */
  isDoubted(key: string): boolean;
}

export class Gates {
  readonly #lanes = new Map<string, Numbered<Item>>();
  readonly #laneOf = new Map<number, string>();
  /** By number: the numbers that wait for it. */
  readonly #waiters = new Map<number, Set<number>>();
  /** By temporary id: the numbers whose lane or wait depends on what the server calls it. */
  readonly #users = new Map<string, Set<number>>();
  /** By entity: the numbers of creates and upserts, that give it a version. */
  readonly #givers = new Map<string, Set<number>>();
  /** By temporary id: the numbers of its creates. */
  readonly #creates = new Map<string, Set<number>>();
  readonly #stale = new Set<string>();
  readonly #ready = new Numbered<Item>();
  readonly #readyOf = new Map<string, number>();

  constructor(private readonly world: World) {}

  /** The key of an entity under the id that the server gave it. */
  key({ resource, id }: Entity): string {
    return entityKey({ resource, id: this.world.alias(id) ?? id });
  }

  enter(item: Item): void {
    const key = this.key(entityOf(item));
    this.#laneOf.set(item.seq, key);
    if (isUnsettled(item)) {
      const lane = this.#lanes.get(key) ?? new Numbered<Item>();
      this.#lanes.set(key, lane);
      lane.put(item);
    }
    if (!needsVersion(item.entry.change)) add(this.#givers, key, item.seq);
    const id = temporaryId(item.entry);
    if (id !== undefined) add(this.#creates, id, item.seq);
    for (const seq of waitedFor(item)) add(this.#waiters, seq, item.seq);
    for (const name of used(item)) add(this.#users, name, item.seq);
    this.#touch(item.seq);
  }

  leave(item: Item): void {
    this.#touch(item.seq);
    const key = this.#laneOf.get(item.seq) as string;
    this.#laneOf.delete(item.seq);
    const lane = this.#lanes.get(key);
    lane?.drop(item.seq);
    if (lane?.size === 0) this.#lanes.delete(key);
    remove(this.#givers, key, item.seq);
    remove(this.#creates, item.entry.entity.id, item.seq);
    for (const seq of waitedFor(item)) remove(this.#waiters, seq, item.seq);
    for (const id of used(item)) remove(this.#users, id, item.seq);
  }

  /** Change what the server calls `id`, and move whoever stands in a lane under it. */
  rename(id: string, change: () => void): void {
    const users = [...(this.#users.get(id) ?? [])].map((seq) => this.world.member(seq)).filter(isItem);
    for (const item of users) this.leave(item);
    change();
    for (const item of users) this.enter(item);
  }

  /** Whether an entity is in doubt, or its version, is no more what it was. */
  changed(key: string): void {
    this.#stale.add(key);
  }

  /** What may be handed out but for back-offs, at most one of each entity, in order. */
  ready(): Iterable<Item> {
    this.#refresh();
    return this.#ready;
  }

  isReady(seq: number): boolean {
    this.#refresh();
    return this.#ready.get(seq) !== undefined;
  }

  /** Whether a create or upsert in the queue below `seq` will give an entity a version. */
  willHaveVersion(key: string, seq: number): boolean {
    return [...(this.#givers.get(key) ?? [])].some((giver) => giver < seq);
  }

  /** The creates of a temporary id that are in the queue. */
  creates(id: string): Iterable<number> {
    return this.#creates.get(id) ?? [];
  }

  /** The undecided writes of an entity, in order. */
  lane(key: string): readonly Item[] {
    return [...(this.#lanes.get(key) ?? [])];
  }

  /** The writes that wait for a number. */
  waiters(seq: number): readonly Item[] {
    return [...(this.#waiters.get(seq) ?? [])].map((waiter) => this.world.member(waiter)).filter(isItem);
  }

  #touch(seq: number): void {
    const key = this.#laneOf.get(seq);
    if (key !== undefined) this.#stale.add(key);
    for (const waiter of this.#waiters.get(seq) ?? []) {
      const held = this.#laneOf.get(waiter);
      if (held !== undefined) this.#stale.add(held);
    }
  }

  #refresh(): void {
    for (const key of this.#stale) {
      const old = this.#readyOf.get(key);
      if (old !== undefined) this.#ready.drop(old);
      this.#readyOf.delete(key);
      const lane = this.#lanes.get(key);
      const head = lane?.first === undefined ? undefined : lane.get(lane.first);
      if (head === undefined || !this.#mayGo(head, key)) continue;
      this.#ready.put(head);
      this.#readyOf.set(key, head.seq);
    }
    this.#stale.clear();
  }

  #mayGo(item: Item, key: string): boolean {
    if (item.state !== "queued" || item.lease !== undefined || this.world.isDoubted(key)) return false;
    const lacksVersion = item.entry.base === undefined && needsVersion(item.entry.change);
    if (item.sent === undefined && lacksVersion && !this.world.hasVersion(key)) return false;
    if (item.after.some((seq) => isUnsettled(this.world.member(seq)))) return false;
    for (const [seq, id] of item.parents) {
      const create = this.world.member(seq);
      // Accepted, but under which id? Sent already: the id is in it.
      if (isUnsettled(create) || (isItem(create) && typeof this.world.alias(id) !== "string")) return false;
    }
    return true;
  }
}

/** The entity under which a write goes out, as far as it is fixed. */
function entityOf(item: Item): Entity {
  return (item.sent ?? item.entry).entity;
}

function waitedFor(item: Item): number[] {
  return [...item.parents.keys(), ...item.after];
}

function used(item: Item): string[] {
  return [entityOf(item).id, ...item.parents.values()];
}

function add<K>(map: Map<K, Set<number>>, key: K, seq: number): void {
  const set = map.get(key);
  if (set === undefined) map.set(key, new Set([seq]));
  else set.add(seq);
}

function remove<K>(map: Map<K, Set<number>>, key: K, seq: number): void {
  const set = map.get(key);
  set?.delete(seq);
  if (set?.size === 0) map.delete(key);
}
