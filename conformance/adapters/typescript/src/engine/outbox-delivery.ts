/** Leases, back-offs, and the answers of the server to what was handed out. Called inside steps of the ledger. */

import type { Ledger } from "./outbox-ledger.js";
import type { Hole, Item, Member } from "./outbox-rows.js";
import { isItem } from "./outbox-rows.js";
import { fixed, walked } from "./outbox-sending.js";
import type { Settlement } from "./outbox-settlement.js";
import type { Config, Result } from "./outbox-types.js";

export class Delivery {
  /** When each lease ends, and the numbers it was given for. */
  readonly #leases = new Map<number, { readonly until: number; readonly seqs: readonly number[] }>();
  /** Deliveries that failed in a row, and until when there is none. */
  #failures = 0;
  #pausedUntil = 0;

  constructor(
    private readonly ledger: Ledger,
    private readonly settlement: Settlement,
    private readonly config: Config,
    private readonly now: () => number,
  ) {}

  handOut(limit: number): number | undefined {
    if (this.now() < this.#pausedUntil) return undefined;
    const { items, holes } = walked(this.ledger, this.config.mode === "ordered", limit, this.now());
    if (items.length + holes.length === 0) return undefined;
    const token = this.ledger.numbers.lease + 1;
    const lease = { token, until: this.now() + this.config.leaseMs };
    this.ledger.count({ lease: token });
    this.#leases.set(token, { ...lease, seqs: [...items, ...holes].map(({ seq }) => seq) });
    const sent = items.map((item) => fixed(this.ledger, item, lease));
    for (const hole of holes) this.ledger.put({ ...hole, lease });
    const floor = this.ledger.queue.first as number;
    const entries = sent.map((item) => ({ seq: item.seq, ...item.entry, ...item.sent }));
    this.ledger.tell((to) => to.send({ lease: token, entries, skips: ranges(holes), floor }));
    return token;
  }

  /** Whether the server answered about a write in the queue. */
  settle(lease: number, results: readonly Result[]): boolean {
    return results.map((result) => this.#result(lease, result)).includes(true);
  }

  /** The server was reached: deliveries pause no more. */
  answered(): void {
    this.#failures = this.#pausedUntil = 0;
  }

  /** The server was not reached with what went out under a lease. */
  failed(lease: number): void {
    if (this.#free(lease)) this.#pausedUntil = this.now() + this.#pause(this.#failures++);
  }

  /** End the leases whose time is over. */
  expire(): void {
    for (const [token, { until }] of this.#leases) if (until <= this.now()) this.#free(token);
  }

  /** End a lease; whether it still held anything. */
  #free(token: number): boolean {
    const held = (this.#leases.get(token)?.seqs ?? []).map((seq) => this.ledger.queue.get(seq));
    const freed = held.filter((member) => member?.lease?.token === token) as Member[];
    this.#leases.delete(token);
    this.ledger.step(() => {
      for (const member of freed) {
        if (isItem(member)) this.ledger.alter(member, { lease: undefined }, false);
        else this.ledger.put({ ...member, lease: undefined });
      }
    });
    return freed.length > 0;
  }

  /** How long to wait after so many failures in a row, or as long as the server asks for. */
  #pause(before: number, asked = 0): number {
    const { delayMs, maxDelayMs } = this.config;
    return Math.min(maxDelayMs, Math.max(asked, delayMs * 2 ** Math.min(before, 40)));
  }

  /** Whether a result is an answer of the server about a write in the queue. */
  #result(lease: number, { id, outcome }: Result): boolean {
    const item = this.ledger.item(id);
    // Under a lease older than its first it is about an earlier entry with this id.
    if (item === undefined || lease < (item.sent?.first ?? 0)) {
      if (this.ledger.leftInDoubt(id)) this.ledger.tell((to) => to.diag("late-verdict", id));
      return false;
    }
    if (outcome.kind === "accepted" || outcome.kind === "refused") {
      this.settlement.decide(item, outcome);
      if (this.config.mode === "ordered" && item.sent !== undefined) this.#skipsArrived(item.seq);
      return true;
    }
    if (item.lease?.token !== lease) return false;
    if (outcome.kind === "retry") this.#retry(item, outcome.ms);
    else this.ledger.alter(item, this.#backedOff(item), false);
    return outcome.kind === "retry";
  }

  /** The server goes by numbers: with the result of one it has what came before. */
  #skipsArrived(below: number): void {
    const arrived: number[] = [];
    for (const member of this.ledger.queue) {
      if (member.seq >= below) break;
      if (member.state === "skip") arrived.push(member.seq);
    }
    for (const seq of arrived) this.ledger.drop(seq);
  }

  #backedOff({ misses }: Item, asked = 0): Partial<Item> {
    return { lease: undefined, misses: misses + 1, notBefore: this.now() + this.#pause(misses, asked) };
  }

  #retry(item: Item, ms: number): void {
    const attempts = item.attempts + 1;
    const parks = attempts >= this.config.maxAttempts;
    const state = parks ? "parked" : "queued";
    this.ledger.alter(item, { ...this.#backedOff(item, ms), attempts, state });
    if (parks) this.ledger.tell((to) => to.parked(item.entry.id));
  }
}

function ranges(holes: readonly Hole[]): [number, number][] {
  const found: [number, number][] = [];
  for (const { seq } of holes) {
    const last = found.at(-1);
    if (last?.[1] === seq - 1) last[1] = seq;
    else found.push([seq, seq]);
  }
  return found;
}
