/** What verdicts do to the queue: accepted, refused, in doubt, covered, and what follows for others. */

import { isNewer, mentioned, needsVersion, temporaryId } from "./outbox-content.js";
import type { Ledger } from "./outbox-ledger.js";
import type { Item, Lost, Sent } from "./outbox-rows.js";
import { isItem, isUnsettled } from "./outbox-rows.js";
import type { Accepted, DiagCode, Entity, Entry, Outcome, Verdict } from "./outbox-types.js";

/** A write that may lack what it needs: its version, or also the row that it mentions. */
interface Bereft {
  readonly seq: number;
  readonly of: "version" | "all";
}

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
  #learn({ entity, change, base }: Sent, { version, ids }: Accepted): void {
    const before = this.ledger.own(entity);
    for (const [id, name] of ids) if (this.ledger.alias(id) !== name) this.ledger.setAlias(id, name);
    const own = this.ledger.own(entity) ?? before;
    if (own !== undefined && own !== this.ledger.own(entity)) this.ledger.setOwn(entity, own);
    if (version === undefined) return;
    const stamp = { epoch: this.ledger.numbers.epoch, version };
    if (own !== undefined && !isNewer(stamp, own.stamp)) return;
    const isMadeOn = own !== undefined && base !== undefined && !isNewer(own.stamp, base) && !isNewer(base, own.stamp);
    // The row that a create leaves is all its own.
    const isNext = isMadeOn || change.kind === "create";
    this.ledger.setOwn(entity, { stamp, since: (isNext ? own?.since : undefined) ?? base ?? stamp });
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
    this.#orphans(this.#followers(item));
  }

  #end(item: Item, verdict: Verdict, leavesHole: boolean): void {
    this.#orphans(this.#ended(item, verdict, leavesHole));
  }

  /** Take it out; what may not be able to go without it. */
  #ended(item: Item, verdict: Verdict, leavesHole: boolean): Bereft[] {
    const { seq, entry } = item;
    const passed = seq <= (this.ledger.numbers.watermark ?? 0);
    if (this.ordered && leavesHole && !passed) this.ledger.put({ seq, state: "skip", lease: undefined });
    else this.ledger.drop(seq);
    if (!item.told) this.ledger.report({ id: entry.id, verdict });
    const id = temporaryId(entry);
    if (id === undefined) return this.#followers(item);
    this.ledger.setAlias(id, null);
    return [...this.#children(seq), ...this.#followers(item)];
  }

  /** Take out the numbers of direct writes that ended with the last process; then whoever cannot go without them. */
  lose(direct: readonly Lost[]): void {
    const { gates } = this.ledger;
    const last = new Map(direct.map(({ seq, lost }) => [gates.key(lost), seq]));
    for (const { seq, lost } of direct) {
      if (this.ordered) this.ledger.put({ seq, state: "skip", lease: undefined });
      else this.ledger.drop(seq);
      const isLast = last.get(gates.key(lost)) === seq;
      this.#orphans([...this.#children(seq), ...(isLast ? this.#lane(lost) : [])]);
    }
  }

  /** What was stored and cannot go without something that was not. */
  bereft(): void {
    this.#orphans([...this.ledger.queue].map(({ seq }) => ({ seq, of: "all" })));
  }

  /** What mentions the temporary id of a create. */
  #children(create: number): Bereft[] {
    const children = this.ledger.gates.waiters(create).map(({ seq }): Bereft => ({ seq, of: "all" }));
    return children.sort((a, b) => a.seq - b.seq);
  }

  /** Who counted on the version that a write would have had. */
  #followers({ entry, sent }: Item): Bereft[] {
    return needsVersion(entry.change) ? [] : this.#lane((sent ?? entry).entity);
  }

  #lane(entity: Entity): Bereft[] {
    const { gates } = this.ledger;
    return gates.lane(gates.key(entity)).map(({ seq }) => ({ seq, of: "version" }));
  }

  /** Reject what was never sent and lacks what it is asked for; what it leaves bereft, directly behind it. */
  #orphans(among: readonly Bereft[]): void {
    const codes = new Map<number, string>(); // of those on the stack: each has one cause
    const stack: number[] = [];
    const push = (bereft: readonly Bereft[]): void => {
      const found: number[] = [];
      for (const { seq, of } of bereft) {
        const code = codes.has(seq) ? undefined : this.#lack(seq, of);
        if (code === undefined) continue;
        codes.set(seq, code);
        found.push(seq);
      }
      for (const seq of found.reverse()) stack.push(seq);
    };
    push(among);
    for (let seq = stack.pop(); seq !== undefined; seq = stack.pop()) {
      const item = this.ledger.queue.get(seq) as Item;
      push(this.#ended(item, { kind: "refused", code: codes.get(seq) as string }, true));
    }
  }

  /** Why a write cannot go without what it is asked for; undefined: it can, or is sent, or is over. */
  #lack(seq: number, of: Bereft["of"]): string | undefined {
    const item = this.ledger.queue.get(seq);
    if (!isUnsettled(item) || item.sent !== undefined) return undefined;
    if (this.#lacksParent(item)) return of === "all" ? "parent-rejected" : undefined;
    return this.lacksVersion(item.entry, seq) ? "base-unknown" : undefined;
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
