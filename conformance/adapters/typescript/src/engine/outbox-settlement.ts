/** What verdicts do to the queue: accepted, refused, in doubt, covered, and what follows for others. */

import { isNewer, mentioned, needsVersion, temporaryId } from "./outbox-content.js";
import type { Ledger } from "./outbox-ledger.js";
import type { Item, Member, Sent } from "./outbox-rows.js";
import { isItem, isUnsettled } from "./outbox-rows.js";
import type { Accepted, DiagCode, Entry, Outcome, Verdict } from "./outbox-types.js";

export class Settlement {
  constructor(
    private readonly ledger: Ledger,
    private readonly ordered: boolean,
  ) {}

  /** A definite verdict of the current epoch about a write in the queue. */
  decide(item: Item, outcome: Outcome): void {
    if (item.sent === undefined) return this.diag("not-sent", item);
    if (outcome.kind === "accepted") return this.#accept(item, outcome);
    if (item.state === "acked" || item.told) this.diag("contradictory-verdict", item);
    if (item.state !== "acked") this.reject(item, outcome.code, false);
  }

  /** Take out a write that the server does not have, or should not have; then whoever cannot go without it. */
  reject(item: Item, code: string, unsent: boolean): void {
    this.#end(item, { kind: "refused", code }, unsent);
  }

  /** Nobody can say whether the server has it. */
  doubt(item: Item): void {
    this.ledger.doubt((item.sent ?? item.entry).entity, item.entry.id);
    this.#end(item, { kind: "in-doubt" }, true);
  }

  /** Take out what the documents hold now. */
  cover(): void {
    const { seq } = this.ledger.numbers;
    for (const number of [...this.ledger.acked].sort((a, b) => a - b)) {
      const item = this.ledger.queue.get(number);
      if (isItem(item) && item.at <= seq) this.#covered(item);
    }
  }

  diag(code: DiagCode, item: Item): void {
    this.ledger.tell((to) => to.diag(code, item.entry.id));
  }

  #accept(item: Item, verdict: Accepted): void {
    if (item.state === "acked" && item.at !== verdict.at) return this.diag("contradictory-verdict", item);
    this.#learn(item.sent as Sent, verdict);
    if (item.state === "acked") return;
    const { at } = verdict;
    const acked = this.ledger.alter(item, { state: "acked", at, lease: undefined, told: true });
    if (!item.told) this.ledger.report({ id: item.entry.id, verdict });
    if (at <= this.ledger.numbers.seq) this.#covered(acked);
  }

  /** The version and the ids that come with an acceptance. */
  #learn({ entity, base }: Sent, { version, ids }: Accepted): void {
    const before = this.ledger.own(entity);
    for (const [id, name] of ids) if (this.ledger.alias(id) !== name) this.ledger.setAlias(id, name);
    const own = this.ledger.own(entity) ?? before;
    if (own !== undefined && own !== this.ledger.own(entity)) this.ledger.setOwn(entity, own);
    if (version === undefined) return;
    const stamp = { epoch: this.ledger.numbers.epoch, version };
    if (own !== undefined && !isNewer(stamp, own.stamp)) return;
    const isNext = own !== undefined && base !== undefined && !isNewer(own.stamp, base) && !isNewer(base, own.stamp);
    this.ledger.setOwn(entity, { stamp, since: isNext ? own.since : (base ?? stamp) });
  }

  #covered(item: Item): void {
    this.ledger.drop(item.seq);
    // Covered without an id of the server: the temporary one stands, and nobody waits for another.
    for (const waiter of this.ledger.gates.waiters(item.seq)) {
      if (!waiter.parents.has(item.seq)) continue;
      const parents = new Map(waiter.parents);
      parents.delete(item.seq);
      this.ledger.alter(waiter, { parents });
    }
    this.#orphansOf(item);
  }

  #end(item: Item, verdict: Verdict, leavesHole: boolean): void {
    const { seq, entry } = item;
    const passed = seq <= (this.ledger.numbers.watermark ?? 0);
    if (this.ordered && leavesHole && !passed) this.ledger.put({ seq, state: "skip", lease: undefined });
    else this.ledger.drop(seq);
    if (!item.told) this.ledger.report({ id: entry.id, verdict });
    const id = temporaryId(entry);
    if (id !== undefined) {
      this.ledger.setAlias(id, null);
      this.orphans(this.ledger.gates.waiters(seq));
    }
    this.#orphansOf(item);
  }

  /** Who counted on the version that a write would have had. */
  #orphansOf({ entry, sent }: Item): void {
    if (needsVersion(entry.change)) return;
    for (const { seq } of this.ledger.gates.lane(this.ledger.gates.key((sent ?? entry).entity))) {
      const item = this.ledger.queue.get(seq);
      const isUnsent = isUnsettled(item) && item.sent === undefined;
      if (isUnsent && !this.#lacksParent(item) && this.lacksVersion(item.entry, seq)) {
        this.reject(item, "base-unknown", true);
      }
    }
  }

  /** Reject what was never sent and lacks its parent, or the version that it would have been given. */
  orphans(among: Iterable<Member>): void {
    for (const { seq } of [...among].sort((a, b) => a.seq - b.seq)) {
      const item = this.ledger.queue.get(seq);
      if (!isUnsettled(item) || item.sent !== undefined) continue;
      if (this.#lacksParent(item)) this.reject(item, "parent-rejected", true);
      else if (this.lacksVersion(item.entry, seq)) this.reject(item, "base-unknown", true);
    }
  }

  #lacksParent({ parents }: Item): boolean {
    return [...parents.values()].some((id) => this.ledger.alias(id) === null);
  }

  /** Whether a write mentions an id that no row will ever have. */
  mentionsNothing({ entity, change }: Entry): boolean {
    return [...mentioned(entity, change)].some((id) => this.ledger.alias(id) === null);
  }

  /** Whether a write with the number `seq` needs a version that nothing gives. */
  lacksVersion({ entity, change, base }: Entry, seq: number): boolean {
    if (!needsVersion(change) || base !== undefined || this.ledger.own(entity) !== undefined) return false;
    return !this.ledger.gates.willHaveVersion(this.ledger.gates.key(entity), seq);
  }
}
