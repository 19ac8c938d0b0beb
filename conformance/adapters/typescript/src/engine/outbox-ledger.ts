/**
 * Everything an outbox knows, changed in steps. The rows, by key: `n` numbers, `e…` the queue, `v…` versions,
 * `t…` temporary ids, `d…` entities in doubt, `r…` verdicts not consumed.
 */

import type { Json } from "../kit/json.js";
import { temporaryId } from "./outbox-content.js";
import { Gates } from "./outbox-gates.js";
import { Numbered } from "./outbox-numbered.js";
import type { Item, Member, Own } from "./outbox-rows.js";
import {
  directFromJson,
  directToJson,
  isItem,
  itemFromJson,
  itemToJson,
  ownFromJson,
  ownToJson,
  reportFromJson,
  reportToJson,
} from "./outbox-rows.js";
import type { Done, Tell } from "./outbox-step.js";
import { Step } from "./outbox-step.js";
import type { Entity, Report, RowStore } from "./outbox-types.js";

export interface Numbers {
  /** The highest number given out. */
  readonly counter: number;
  readonly lease: number;
  readonly report: number;
  /** Where the documents are. */
  readonly epoch: number;
  readonly seq: number;
  /** Undefined: none was heard of in this epoch. */
  readonly watermark: number | undefined;
}

type Kept = Report & { readonly seq: number };

export class Ledger {
  readonly queue = new Numbered<Member>();
  readonly reports = new Numbered<Kept>();
  readonly gates: Gates;
  readonly acked = new Set<number>();
  #numbers: Numbers;
  readonly #byKey = new Map<string, number>();
  readonly #byId = new Map<string, number>();
  #items = 0;
  readonly #versions = new Map<string, Own>();
  readonly #aliases = new Map<string, string | null>();
  /** By entity: the ids of the entries that left it in doubt. */
  readonly #doubts = new Map<string, readonly string[]>();
  readonly #step: Step;

  constructor(
    store: RowStore,
    epoch: number,
    private readonly keepsHoles: boolean,
  ) {
    this.#step = new Step(store);
    this.#numbers = { counter: 0, lease: 0, report: 0, epoch, seq: 0, watermark: undefined };
    this.gates = new Gates({
      member: (seq) => this.queue.get(seq),
      alias: (id) => this.#aliases.get(id),
      hasVersion: (key) => this.#versions.has(key),
      isDoubted: (key) => this.#doubts.has(key),
    });
    this.#load(store);
  }

  // --- what is asked

  get numbers(): Numbers {
    return this.#numbers;
  }

  /** How many writes are in the queue. */
  get items(): number {
    return this.#items;
  }

  item(id: string): Item | undefined {
    return this.#itemOf(this.#byId.get(id));
  }

  itemByKey(key: string): Item | undefined {
    return this.#itemOf(this.#byKey.get(key));
  }

  #itemOf(seq: number | undefined): Item | undefined {
    const member = seq === undefined ? undefined : this.queue.get(seq);
    return isItem(member) ? member : undefined;
  }

  alias(id: string): string | null | undefined {
    return this.#aliases.get(id);
  }

  /** What an id is called by the server, as far as it is known. */
  readonly rename = (id: string): string => this.#aliases.get(id) ?? id;

  /** The version of this client's own writes of an entity. */
  own(entity: Entity): Own | undefined {
    return this.#versions.get(this.gates.key(entity));
  }

  /** Whether the entry left an entity in doubt that was not read since. */
  leftInDoubt(id: string): boolean {
    return [...this.#doubts.values()].some((ids) => ids.includes(id));
  }

  // --- what is changed

  count(change: Partial<Numbers>): void {
    const before = this.#numbers;
    this.#step.undo(() => (this.#numbers = before));
    this.#numbers = { ...before, ...change };
    this.#step.save("n", () => this.#numbers);
  }

  put(member: Member): void {
    const before = this.queue.get(member.seq);
    this.#step.undo(() => this.#replace(member.seq, before));
    this.#replace(member.seq, member);
    this.#mark(member.seq, before, member);
  }

  /** Change a write; the write as it is then. `durably`: what changes is stored. */
  alter(item: Item, change: Partial<Item>, durably = true): Item {
    const after: Item = { ...item, ...change };
    this.#step.undo(() => this.#replace(item.seq, item));
    this.#replace(item.seq, after);
    if (durably) this.#mark(item.seq, item, after);
    return after;
  }

  drop(seq: number): void {
    const before = this.queue.get(seq);
    this.#step.undo(() => this.#replace(seq, before));
    this.#replace(seq, undefined);
    this.#mark(seq, before, undefined);
  }

  setOwn(entity: Entity, own: Own): void {
    this.#set(this.#versions, "v", this.gates.key(entity), own, ownToJson);
  }

  setAlias(id: string, name: string | null): void {
    const before = this.#aliases.get(id);
    this.#step.undo(() => this.gates.rename(id, () => assign(this.#aliases, id, before)));
    this.gates.rename(id, () => this.#aliases.set(id, name));
    this.#step.save(`t${id}`, () => this.#aliasRow(id));
  }

  /** An entry left its entity in doubt; no entry: the entity was read. */
  doubt(entity: Entity, entryId?: string): void {
    const key = this.gates.key(entity);
    const before = this.#doubts.get(key);
    if (entryId === undefined && before === undefined) return;
    const after = entryId === undefined ? undefined : [...(before ?? []), entryId];
    this.#set(this.#doubts, "d", key, after, (ids) => [...ids]);
  }

  report(report: Report): void {
    const seq = this.#numbers.report + 1;
    this.count({ report: seq });
    this.reports.put({ seq, ...report });
    this.#step.undo(() => this.reports.drop(seq));
    this.#step.save(`r${seq}`, () => this.#reportRow(seq));
    this.tell((to) => to.verdict(report));
  }

  consume(): void {
    for (const report of [...this.reports]) {
      this.reports.drop(report.seq);
      this.#step.undo(() => this.reports.put(report));
      this.#step.save(`r${report.seq}`, () => this.#reportRow(report.seq));
    }
  }

  /** To be told once the step is stored. */
  tell(tell: Tell): void {
    this.#step.tell(tell);
  }

  /** Do a step and store it; what there is to tell. If it fails, nothing has changed. */
  step<T>(work: () => T): Done<T> {
    return this.#step.run(work, () => this.#numbers);
  }

  #reportRow(seq: number): Json | undefined {
    const report = this.reports.get(seq);
    return report && reportToJson(report);
  }

  #set<V>(
    map: Map<string, V>,
    prefix: string,
    key: string,
    value: V | undefined,
    row: (value: V) => Json,
  ): void {
    const before = map.get(key);
    const set = (to: V | undefined): void => {
      assign(map, key, to);
      this.gates.changed(key);
    };
    this.#step.undo(() => set(before));
    set(value);
    this.#step.save(prefix + key, () => {
      const now = map.get(key);
      return now === undefined ? undefined : row(now);
    });
  }

  #replace(seq: number, after: Member | undefined): void {
    const before = this.queue.get(seq);
    if (isItem(before)) {
      this.gates.leave(before);
      this.#byKey.delete(before.entry.key);
      this.#byId.delete(before.entry.id);
      this.acked.delete(seq);
      this.#items -= 1;
    }
    if (after === undefined) this.queue.drop(seq);
    else this.queue.put(after);
    if (isItem(after)) {
      this.gates.enter(after);
      this.#byKey.set(after.entry.key, seq);
      this.#byId.set(after.entry.id, seq);
      if (after.state === "acked") this.acked.add(seq);
      this.#items += 1;
    }
  }

  /** The row of a number has to be stored, if it is another one now. */
  #mark(seq: number, before: Member | undefined, after: Member | undefined): void {
    for (const member of [before, after]) {
      const id = isItem(member) && !member.stored ? temporaryId(member.entry) : undefined;
      if (id !== undefined) this.#step.save(`t${id}`, () => this.#aliasRow(id));
    }
    if (this.#rowKind(before) === this.#rowKind(after) && this.#rowKind(after) !== "item") return;
    this.#step.save(`e${seq}`, () => this.#memberRow(seq));
  }

  /** A direct write leaves its trace until its verdict is told. */
  #rowKind(member: Member | undefined): "item" | "direct" | "hole" | "none" {
    if (member === undefined) return "none";
    if (!isItem(member)) return this.keepsHoles ? "hole" : "none";
    if (member.stored) return "item";
    return member.told ? "none" : "direct";
  }

  /** The temporary id of a direct write is lost with the process, or stands if it was accepted under no other. */
  #aliasRow(id: string): Json | undefined {
    const name = this.#aliases.get(id);
    if (name !== undefined) return [name];
    const creates = [...this.gates.creates(id)].map((seq) => this.queue.get(seq) as Item);
    const direct = creates.find(({ stored }) => !stored);
    return direct && [direct.told ? id : null];
  }

  #memberRow(seq: number): Json | undefined {
    const member = this.queue.get(seq);
    switch (this.#rowKind(member)) {
      case "item":
        return itemToJson(member as Item);
      case "direct":
        return directToJson(member as Item);
      case "hole":
        return 0;
      case "none":
        return undefined;
    }
  }

  #load(store: RowStore): void {
    const members: Member[] = [];
    for (const [key, value] of store.load()) {
      const [name, row] = [key.slice(1), value as Json];
      const seq = Number(name);
      if (key === "n") this.#numbers = { ...this.#numbers, ...(row as object) };
      else if (key.startsWith("v")) this.#versions.set(name, ownFromJson(row));
      else if (key.startsWith("t")) this.#aliases.set(name, (row as [string | null])[0]);
      else if (key.startsWith("d")) this.#doubts.set(name, row as string[]);
      else if (key.startsWith("r")) this.reports.put({ seq, ...reportFromJson(row) });
      else if (Array.isArray(row)) members.push(directFromJson(seq, row));
      else if (row === 0) members.push({ seq, state: "skip", lease: undefined });
      else members.push(itemFromJson(seq, row));
    }
    members.sort((a, b) => a.seq - b.seq);
    for (const member of members) this.#replace(member.seq, member);
  }
}

function assign<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
