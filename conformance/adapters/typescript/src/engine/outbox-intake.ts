/** How numbers are given out and writes are taken into the queue. */

import { changeToJson } from "../changes.js";
import { changeFromJson, mentioned, needsVersion, renamed, sameChange, temporaryId } from "./outbox-content.js";
import type { Ledger } from "./outbox-ledger.js";
import type { Item } from "./outbox-rows.js";
import { isItem, isUnsettled, newItem } from "./outbox-rows.js";
import type { Settlement } from "./outbox-settlement.js";
import type { Config, Entry } from "./outbox-types.js";
import { OutboxError } from "./outbox-types.js";

export interface EnqueueOptions {
  /** By place in the batch: a number taken before. */
  readonly seqs?: readonly (number | undefined)[];
  /** False: direct writes, that end with the process. */
  readonly stored?: boolean;
}

export class Intake {
  constructor(
    private readonly ledger: Ledger,
    private readonly settlement: Settlement,
    private readonly config: Config,
  ) {}

  take(): number {
    const seq = this.#next();
    this.ledger.put({ seq, state: "open", lease: undefined });
    return seq;
  }

  giveUp(seq: number): void {
    this.#requireOpen(seq);
    const passed = seq <= (this.ledger.numbers.watermark ?? 0);
    if (this.config.mode === "ordered" && !passed) this.ledger.put({ seq, state: "skip", lease: undefined });
    else this.ledger.drop(seq);
  }

  enqueue(entries: readonly Entry[], { seqs = [], stored = true }: EnqueueOptions): void {
    for (const [place, entry] of entries.entries()) {
      const known = this.ledger.itemByKey(entry.key);
      const item = known ?? this.#taken(entry, seqs[place], stored);
      if (known !== undefined) this.#again(known, entry, seqs[place], stored);
      this.ledger.tell((to) => to.enqueued(entry.id, item.seq, known !== undefined));
    }
  }

  /** A duplicate needs neither its number nor, if it is the one that is stored, to be a direct write. */
  #again(known: Item, entry: Entry, seq: number | undefined, stored: boolean): void {
    if (!this.#isSame(known.entry, entry)) {
      throw new OutboxError("key-reused", `${entry.key} is the key of another write, ${known.entry.id}`);
    }
    if (stored && !known.stored) this.ledger.alter(known, { stored });
    if (seq !== undefined) this.giveUp(seq);
  }

  /** The same write, whatever became of the temporary ids in it meanwhile. */
  #isSame(a: Entry, b: Entry): boolean {
    const { gates, rename } = this.ledger;
    const isOne = gates.key(a.entity) === gates.key(b.entity);
    return isOne && sameChange(renamed(a.change, rename), renamed(b.change, rename));
  }

  #taken(entry: Entry, seq: number | undefined, stored: boolean): Item {
    this.#admit(entry);
    if (seq !== undefined) this.#requireOpen(seq);
    const number = seq ?? this.#next();
    if (this.settlement.lacksVersion(entry, number)) {
      throw new OutboxError("base-unknown", `${entry.id} changes what it has no version of`);
    }
    const parents = this.#parents(entry);
    const after = this.#after(entry);
    this.#requirePlace(entry, number, [...parents.keys(), ...after]);
    const change = changeFromJson(changeToJson(entry.change));
    const item = newItem(number, { ...entry, change }, stored, { parents, after });
    this.ledger.put(item);
    return item;
  }

  #admit(entry: Entry): void {
    const { id } = entry;
    if (this.ledger.item(id) !== undefined) {
      throw new OutboxError("entry-id-reused", `${id} is in the queue under another key`);
    }
    const own = temporaryId(entry);
    if (own !== undefined && this.#isUsed(own)) {
      throw new OutboxError("temporary-id-reused", `${own} is the temporary id of another create`);
    }
    if (this.settlement.mentionsNothing(entry)) {
      throw new OutboxError("parent-rejected", `${id} mentions an id that no row will have`);
    }
    if (this.ledger.items >= this.config.capacity) {
      throw new OutboxError("outbox-full", `${this.ledger.items} writes are in the queue`);
    }
  }

  /** Whether a temporary id is, or was, that of another create; one that stands for itself came to no other id. */
  #isUsed(id: string): boolean {
    const alias = this.ledger.alias(id);
    return (alias !== undefined && alias !== id) || [...this.ledger.gates.creates(id)].length > 0;
  }

  /** The creates in the queue whose temporary ids a write mentions. */
  #parents(entry: Entry): Map<number, string> {
    const found = new Map<number, string>();
    for (const id of mentioned(entry.entity, entry.change)) {
      for (const seq of this.ledger.gates.creates(id)) found.set(seq, id);
    }
    return found;
  }

  #after(entry: Entry): number[] {
    const named = entry.after.map((id) => this.ledger.item(id)).filter(isUnsettled);
    return named.map(({ seq }) => seq);
  }

  /** A write under a number taken before must not come too late. */
  #requirePlace(entry: Entry, seq: number, waitsFor: readonly number[]): void {
    if (seq === this.ledger.numbers.counter) return;
    const { gates } = this.ledger;
    const key = gates.key(entry.entity);
    const hasVersion = this.ledger.own(entry.entity) !== undefined;
    const passed = [...this.ledger.queue].some((other) => {
      if (!isItem(other) || other.seq < seq || gates.key((other.sent ?? other.entry).entity) !== key) return false;
      const lacks = !hasVersion && needsVersion(other.entry.change) && other.entry.base === undefined;
      return other.sent !== undefined || lacks;
    });
    if (passed || waitsFor.some((other) => other > seq)) {
      throw new OutboxError("number-passed", `${seq} comes too late for ${entry.id}`);
    }
  }

  #requireOpen(seq: number): void {
    const member = this.ledger.queue.get(seq);
    if (member === undefined || isItem(member) || member.state !== "open") {
      throw new OutboxError("number-not-open", `${seq} was not taken, or is used or given up`);
    }
  }

  #next(): number {
    const counter = this.ledger.numbers.counter + 1;
    this.ledger.count({ counter });
    return counter;
  }
}
