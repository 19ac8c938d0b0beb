/**
 * A durable queue of writes, as specs/outbox.md says. Synchronous: a call is stored when it returns, and
 * what there is to tell is told then. The clock is monotonic and belongs to this life.
 */

import { temporaryId } from "./outbox-content.js";
import { Delivery } from "./outbox-delivery.js";
import type { EnqueueOptions } from "./outbox-intake.js";
import { Intake } from "./outbox-intake.js";
import type { Tell } from "./outbox-step.js";
import { Ledger } from "./outbox-ledger.js";
import type { Item, Member } from "./outbox-rows.js";
import { isItem, isLost } from "./outbox-rows.js";
import { Settlement } from "./outbox-settlement.js";
import type { Config, Entity, Entry, Label, Listener, Report, Result, RowStore } from "./outbox-types.js";
import type { Snapshot, Watermark } from "./outbox-types.js";
import { OutboxError } from "./outbox-types.js";

export class Outbox {
  /** What listeners threw. */
  readonly thrown: unknown[] = [];
  readonly #ledger: Ledger;
  readonly #settlement: Settlement;
  readonly #intake: Intake;
  readonly #delivery: Delivery;
  readonly #ordered: boolean;
  #telling: Tell[] = [];
  #isTelling = false;

  /** A life over what is stored; `epoch` is that of the documents if nothing is. Throws OutboxError. */
  constructor(
    config: Config,
    store: RowStore,
    epoch: number,
    private readonly listener: Listener,
    now: () => number,
  ) {
    this.#ordered = config.mode === "ordered";
    this.#ledger = new Ledger(store, epoch, this.#ordered);
    this.#settlement = new Settlement(this.#ledger, this.#ordered);
    this.#intake = new Intake(this.#ledger, this.#settlement, config);
    this.#delivery = new Delivery(this.#ledger, this.#settlement, config, now);
    this.#step(() => this.#begin());
  }

  // --- calls of the application

  /** The next number; nothing is written under it yet. */
  take(): number {
    return this.#step(() => this.#intake.take());
  }

  /** A number that was taken will not be used. */
  giveUp(seq: number): void {
    this.#step(() => this.#intake.giveUp(seq));
  }

  /** Take a batch in as a whole, or throw OutboxError. */
  enqueue(entries: readonly Entry[], options: EnqueueOptions = {}): void {
    this.#step(() => this.#intake.enqueue(entries, options));
  }

  cancel(id: string): void {
    this.#step(() => {
      const item = this.#known(id);
      if (item.state === "acked") throw new OutboxError("already-accepted", `the server accepted ${id}`);
      if (item.sent !== undefined) throw new OutboxError("already-sent", `${id} was sent`);
      this.#settlement.reject(item, "cancelled", true);
    });
  }

  abandon(id: string): void {
    this.#step(() => {
      const item = this.#known(id);
      if (item.state === "acked") throw new OutboxError("already-accepted", `the server accepted ${id}`);
      if (item.sent === undefined) throw new OutboxError("never-sent", `${id} can be cancelled`);
      this.#settlement.doubt(item);
    });
  }

  resume(id: string): void {
    this.#step(() => {
      const item = this.#known(id);
      if (item.state === "acked") throw new OutboxError("already-accepted", `the server accepted ${id}`);
      if (item.state !== "parked") throw new OutboxError("not-parked", `${id} is not parked`);
      this.#ledger.alter(item, { state: "queued", attempts: 0, misses: 0, notBefore: 0 });
    });
  }

  hasRead(entity: Entity): void {
    this.#step(() => this.#ledger.doubt(entity));
  }

  /** The application has taken in every verdict told so far. */
  consume(): void {
    this.#step(() => this.#ledger.consume());
  }

  // --- calls of workers

  /** Hand out what may be sent, at most `limit` writes; the token of the lease, or undefined if there is nothing. */
  reserve(limit: number): number | undefined {
    return this.#step(() => this.#delivery.handOut(limit));
  }

  /** The server's answer to what went out under a lease. */
  settle(lease: number, epoch: number, results: readonly Result[]): void {
    const isAnswer = this.#step(() => {
      const { epoch: current } = this.#ledger.numbers;
      if (epoch > current) this.#ledger.tell((to) => to.resync());
      return epoch === current && this.#delivery.settle(lease, results);
    });
    if (isAnswer) this.#delivery.answered();
  }

  /** What was handed out could not be delivered. */
  release(lease: number): void {
    this.#delivery.expire();
    this.#delivery.failed(lease);
  }

  // --- messages of the server

  delta(epoch: number, seq: number, labels: readonly Label[]): void {
    this.#step(() => {
      if (!this.#isCurrent(epoch)) return;
      const { seq: before } = this.#ledger.numbers;
      if (seq > before) this.#ledger.count({ seq });
      for (const { mine, seq: number, version, ids } of labels) {
        const item = this.#ledger.queue.get(number);
        if (mine && isItem(item)) this.#settlement.decide(item, { kind: "accepted", at: seq, version, ids });
      }
      this.#settlement.cover();
    });
  }

  snapshot(snapshot: Snapshot): void {
    this.#step(() => {
      const { epoch, seq } = this.#ledger.numbers;
      if (snapshot.epoch < epoch || (snapshot.epoch === epoch && snapshot.seq < seq)) return;
      const isNew = snapshot.epoch > epoch;
      if (isNew) this.#ledger.count({ epoch: snapshot.epoch, seq: snapshot.seq, watermark: undefined });
      else if (snapshot.seq > seq) this.#ledger.count({ seq: snapshot.seq });
      if (isNew) this.#requeue();
      for (const { seq: number } of [...this.#ledger.queue]) {
        const item = this.#ledger.queue.get(number);
        const outcome = snapshot.outcomes.get(number);
        if (!isItem(item)) continue;
        if (outcome !== undefined) this.#settlement.decide(item, outcome);
        // The server knows nothing of this client: what became of what was sent nobody can say.
        else if (isNew && !snapshot.clientKnown && item.sent !== undefined) this.#settlement.doubt(item);
      }
      this.#settlement.cover();
    });
  }

  watermark(watermark: Watermark): void {
    this.#step(() => {
      if (!this.#isCurrent(watermark.epoch)) return;
      if (watermark.seq > this.#ledger.numbers.seq) {
        throw new OutboxError("watermark-ahead", `the documents have not reached position ${watermark.seq}`);
      }
      this.#pass(watermark);
    });
  }

  // --- what is seen

  /** The queue, in order. */
  members(): Member[] {
    this.#delivery.expire();
    return [...this.#ledger.queue];
  }

  /** The writes that are shown as overlays, in order. */
  overlays(): Item[] {
    const passed = this.#ledger.numbers.watermark ?? 0;
    return this.members().filter((member): member is Item => isItem(member) && member.seq > passed);
  }

  cursor(): { epoch: number; seq: number } {
    const { epoch, seq } = this.#ledger.numbers;
    return { epoch, seq };
  }

  reports(): Report[] {
    return [...this.#ledger.reports];
  }

  // --- steps

  #step<T>(work: () => T): T {
    this.#delivery.expire();
    const { value, tell } = this.#ledger.step(work);
    this.#telling.push(...tell);
    this.#tellAll();
    return value;
  }

  /** A listener may call: what that call has to tell comes after what there was to tell. */
  #tellAll(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (let tell = this.#telling.shift(); tell !== undefined; tell = this.#telling.shift()) {
        try {
          tell(this.listener);
        } catch (error) {
          this.thrown.push(error);
        }
      }
    } finally {
      this.#isTelling = false;
    }
  }

  /** What was stored comes back; what was not is lost, and what needs it too. */
  #begin(): void {
    for (const report of this.#ledger.reports) this.#ledger.tell((to) => to.verdict(report));
    this.#settlement.lose([...this.#ledger.queue].filter(isLost));
    for (const member of [...this.#ledger.queue]) {
      if (!isItem(member)) {
        if (member.seq <= (this.#ledger.numbers.watermark ?? 0)) this.#ledger.drop(member.seq);
        continue;
      }
      for (const [seq, id] of member.parents) {
        const lost = !isItem(this.#ledger.queue.get(seq)) && this.#ledger.alias(id) === undefined;
        if (lost) this.#ledger.setAlias(id, null);
      }
    }
    this.#settlement.bereft();
  }

  #known(id: string): Item {
    const item = this.#ledger.item(id);
    if (item === undefined) throw new OutboxError("unknown-entry", `${id} is not in the queue`);
    return item;
  }

  /** Whether a message is of the cursor's epoch. Throws OutboxError if it is of a later one. */
  #isCurrent(epoch: number): boolean {
    const { epoch: current } = this.#ledger.numbers;
    if (epoch > current) throw new OutboxError("epoch-ahead", `epoch ${epoch} has to begin with a snapshot`);
    return epoch === current;
  }

  // --- what messages do

  /** A new epoch: no request of the old one is executed, and no ack of it stands. */
  #requeue(): void {
    for (const member of [...this.#ledger.queue]) {
      if (!isItem(member)) {
        if (member.lease !== undefined) this.#ledger.put({ ...member, lease: undefined });
      } else if (member.state === "acked") this.#ledger.alter(member, { state: "queued", at: 0 });
      else if (member.lease !== undefined) this.#ledger.alter(member, { lease: undefined }, false);
    }
  }

  #pass({ seq, upto, refused }: Watermark): void {
    const { watermark: before, counter } = this.#ledger.numbers;
    if (before !== undefined && upto < before) return;
    // The server has decided numbers that this store has forgotten: they are not given out again.
    if (upto > counter) this.#ledger.count({ counter: upto });
    if (upto !== before) this.#ledger.count({ watermark: upto });
    for (const member of [...this.#ledger.queue]) {
      if (member.seq > upto) break;
      const now = this.#ledger.queue.get(member.seq);
      if (now === undefined) continue;
      if (!isItem(now)) {
        this.#ledger.drop(now.seq);
      } else if (refused !== undefined && (now.state !== "acked" || refused.has(now.seq))) {
        const code = refused.get(now.seq);
        if (code === undefined && temporaryId(now.entry) !== undefined) continue;
        const accepted = { kind: "accepted", at: seq, version: undefined, ids: new Map() } as const;
        this.#settlement.decide(now, code === undefined ? accepted : { kind: "refused", code });
      }
    }
    if (this.#ordered && before === undefined) this.#skipUnused(upto);
    this.#settlement.cover();
  }

  /** The server may not have heard that numbers above its watermark were settled, or never used. */
  #skipUnused(upto: number): void {
    for (let seq = upto + 1; seq <= this.#ledger.numbers.counter; seq++) {
      if (this.#ledger.queue.get(seq) === undefined) this.#ledger.put({ seq, state: "skip", lease: undefined });
    }
  }
}
