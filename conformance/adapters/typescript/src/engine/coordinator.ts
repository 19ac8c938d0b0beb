/**
 * One client's optimistic sync coordinator, as specs/coordinator.md says. It keeps numbers, changes and
 * positions, and no documents. Where the executable specification computes effects from states, this one
 * drives its host directly and incrementally: undo, change, redo.
 */

import type { Changes } from "../changes.js";
import { Gap } from "./gap.js";
import type {
  Counter,
  Delta,
  DiagCode,
  Host,
  Observer,
  Outcome,
  Pending,
  Server,
  Snapshot,
  Verdict,
} from "./messages.js";
import { CoordinatorError } from "./messages.js";
import type { Decision, Strategy } from "./strategy.js";

export interface Config {
  readonly variant: "labelled" | "ack-first" | "seed-literal";
  readonly dense: boolean;
  readonly limits: { readonly pending: number; readonly buffer: number };
  readonly strategy: Strategy;
  readonly epoch: number;
  readonly seq: number;
}

const BLOCK = 32;
const REMEMBERED = 256;

/** What a step has to tell when it is committed. */
interface Tell {
  readonly verdicts: { readonly seq: number; readonly tell: () => void }[];
  readonly statuses: (() => void)[];
  readonly diags: (() => void)[];
  changed: boolean;
}

export class Coordinator {
  epoch: number;
  seq: number;
  /** In the order of registration, which is that of the numbers. */
  readonly pending = new Map<number, Pending>();
  readonly gap: Gap;
  /** What observers threw. */
  readonly thrown: unknown[] = [];
  readonly #verdicts = new Map<number, Verdict>();
  #generated: number;
  #registered: number;
  #stored: number;
  #tell: Tell = newTell();
  #waiting: (() => unknown)[] = [];
  #busy = false;

  constructor(
    private readonly config: Config,
    private readonly host: Host,
    private readonly observer: Observer,
    private readonly server: Server,
    private readonly counter: Counter,
  ) {
    this.epoch = config.epoch;
    this.seq = config.seq;
    this.gap = new Gap(config.limits.buffer);
    this.gap.hear(this.epoch, this.seq);
    this.#generated = this.#registered = this.#stored = counter.read();
  }

  // --- calls of the application

  generate(): number {
    this.#generated += 1;
    if (this.#generated > this.#stored) {
      this.#stored += BLOCK;
      this.counter.write(this.#stored);
    }
    return this.#generated;
  }

  /** A mutation whose changes the host shows already: `register` does not redo it. */
  register(seq: number, changes: Changes, sent: boolean): void {
    this.#call(() => {
      if (seq <= this.#registered || seq > this.#generated) {
        throw new CoordinatorError("client-seq-order", `number ${seq} was not generated, or comes too late`);
      }
      if (this.pending.size >= this.config.limits.pending) {
        throw new CoordinatorError("queue-full", `${this.pending.size} mutations are pending`);
      }
      this.#registered = seq;
      const fresh = { replaced: false, withheld: false, at: undefined, told: false };
      this.pending.set(seq, { seq, changes, sent, ...fresh });
      this.host.shown(seq, changes);
      this.#tell.changed = true;
    });
  }

  sent(seq: number): void {
    this.#call(() => {
      const mutation = this.#known(seq);
      if (!mutation.sent) this.#tell.changed = true;
      mutation.sent = true;
    });
  }

  abandon(seq: number): void {
    this.#call(() => {
      const { at, told } = this.#known(seq);
      if (at !== undefined) throw new CoordinatorError("already-accepted", `the server accepted ${seq}`);
      this.#replan(seq, () => this.#doubt(seq, told));
    });
  }

  /** The mutations shown, in order, from the number `from` on. */
  shown(from = 0): Pending[] {
    const shown: Pending[] = [];
    for (const mutation of this.pending.values()) {
      if (!mutation.withheld && mutation.seq >= from) shown.push(mutation);
    }
    return shown;
  }

  // --- messages of the server

  ack(epoch: number, seq: number, at: number | undefined, version: number | undefined): void {
    this.#call(() => {
      if (at === undefined && this.config.variant !== "seed-literal") {
        throw new CoordinatorError("ack-without-position", `the ack of ${seq} names no position`);
      }
      if (!this.#current(epoch, at)) return;
      const place = at ?? this.seq;
      const before = this.pending.get(seq)?.at;
      if (before === undefined) this.#replan(seq, () => this.#accept(seq, place, version));
      else if (before !== place) this.#diag("contradictory-verdict", seq);
    });
  }

  reject(epoch: number, seq: number, code: string): void {
    this.#call(() => {
      if (this.#current(epoch)) this.#replan(seq, () => this.#refuse(seq, code));
    });
  }

  delta(delta: Delta): void {
    this.#call(() => {
      const prev = delta.prev ?? (this.config.dense ? delta.seq - 1 : undefined);
      if (prev === undefined || prev >= delta.seq || prev < 0) {
        throw new CoordinatorError("delta-malformed", `delta ${delta.seq} names ${prev} as its predecessor`);
      }
      if (!this.#current(delta.epoch, delta.seq)) return;
      this.#sequence({ ...delta, prev });
    });
  }

  snapshot(snapshot: Snapshot): void {
    this.#call(() => {
      const { epoch, seq } = snapshot;
      if (epoch < this.epoch || (epoch === this.epoch && seq < this.seq)) return;
      this.#whole(() => this.host.load(snapshot), () => this.#loaded(snapshot));
    });
  }

  head(epoch: number, seq: number): void {
    this.#call(() => {
      this.#current(epoch, seq);
    });
  }

  /** The retry interval has passed: ask (again) for what is missing. */
  tick(): void {
    this.#call(() => {
      if (this.gap.asked?.kind === "snapshot") this.#safely(() => this.server.resync());
      else this.#ask(this.gap.held[0]?.prev ?? this.gap.head.seq);
    });
  }

  // --- steps

  /** Run to completion; a call made meanwhile waits. */
  #call(input: () => void): void {
    if (this.#busy) {
      this.#waiting.push(input);
      return;
    }
    this.#busy = true;
    try {
      input();
      this.#commit();
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        this.#safely(next);
        this.#commit();
      }
    } finally {
      this.#busy = false;
    }
  }

  #safely(call: () => unknown): void {
    try {
      call();
    } catch (error) {
      this.thrown.push(error);
    }
  }

  /** Tell what the step did, in the order of the text. */
  #commit(): void {
    const { verdicts, statuses, diags, changed } = this.#tell;
    const told = verdicts.length + statuses.length + diags.length;
    if (told === 0 && !changed) return;
    this.#tell = newTell();
    if (told > 0) {
      verdicts.sort((a, b) => a.seq - b.seq);
      for (const { tell } of verdicts) this.#safely(tell);
      for (const tell of statuses) this.#safely(tell);
      for (const tell of diags) this.#safely(tell);
    }
    if (changed) this.#safely(() => this.observer.change());
  }

  /** Tell a verdict and remember it; never called twice for one mutation. */
  #verdict(seq: number, verdict: Verdict, tell: () => void): void {
    this.#tell.verdicts.push({ seq, tell });
    this.#verdicts.set(seq, verdict);
    if (this.#verdicts.size <= REMEMBERED) return;
    const settled = [...this.#verdicts.keys()].filter((other) => !this.pending.has(other));
    if (settled.length > 0) this.#verdicts.delete(Math.min(...settled));
  }

  #diag(code: DiagCode, seq?: number): void {
    this.#tell.diags.push(() => this.observer.diag(code, seq));
  }

  #known(seq: number): Pending {
    const mutation = this.pending.get(seq);
    if (mutation === undefined) throw new CoordinatorError("unknown-mutation", `mutation ${seq} is not pending`);
    return mutation;
  }

  /** Whether a message belongs to the confirmed epoch; a later one asks for a snapshot. */
  #current(epoch: number, at = 0): boolean {
    this.gap.hear(epoch, at);
    if (epoch > this.epoch) this.#resync(epoch);
    return epoch === this.epoch;
  }

  // --- the plan

  /** Undo down to `seq`, make the change, redo what is left; nothing if what is shown stays. */
  #replan(seq: number, change: () => void): void {
    const before = this.shown(seq);
    change();
    const after = this.shown(seq);
    if (before.length === after.length && before.every((mutation, i) => mutation === after[i])) return;
    this.#undo(before);
    for (const mutation of after) this.host.redo(mutation);
  }

  #undo(mutations: readonly Pending[]): void {
    for (let i = mutations.length - 1; i >= 0; i--) this.host.undo(mutations[i] as Pending);
  }

  /** Change the confirmed documents under everything; if the host fails, nothing has happened. */
  #whole(port: () => boolean, then: () => void): void {
    this.#undo(this.shown());
    let done = false;
    this.#safely(() => (done = port()));
    if (done) then();
    else this.#diag("apply-failed");
    for (const mutation of this.shown()) this.host.redo(mutation);
    if (!done) {
      this.#commit();
      this.#resync();
      return;
    }
    this.#commit();
    this.#drain();
  }

  // --- sequence

  #sequence(delta: Delta & { prev: number }): void {
    if (delta.seq <= this.seq) return;
    if (delta.prev === this.seq) this.#apply(delta);
    else if (delta.prev < this.seq) this.#resync();
    else if (!this.gap.has(delta.seq)) {
      this.gap.hold(delta);
      this.#askForGap();
    }
  }

  #apply(delta: Delta): void {
    this.#whole(() => this.host.apply(delta), () => this.#applied(delta));
  }

  #applied(delta: Delta): void {
    this.seq = delta.seq;
    this.#tell.changed = true;
    for (const label of delta.settles) if (label.mine) this.#accept(label.seq, delta.seq, label.version);
    this.#retireCovered();
    this.#decide(delta);
    this.#answered();
  }

  #drain(): void {
    const { held } = this.gap;
    for (let next = held[0]; next !== undefined; next = held[0]) {
      const prev = next.prev as number;
      if (prev > this.seq) return this.#askForGap();
      held.shift();
      if (prev === this.seq) return this.#apply(next);
      if (next.seq > this.seq) this.#resync();
    }
  }

  #answered(): void {
    const { asked } = this.gap;
    if (asked?.kind === "deltas" && asked.upto <= this.seq) this.gap.asked = undefined;
  }

  #askForGap(): void {
    if (this.gap.asked === undefined) this.#ask(this.gap.held[0]?.prev ?? this.seq);
  }

  #ask(upto: number): void {
    if (upto <= this.seq) return;
    this.gap.asked = { kind: "deltas", upto };
    const after = this.seq;
    this.#safely(() => this.server.request(after, upto));
  }

  /** Ask for a snapshot; one of an epoch below `least` is no answer. */
  #resync(least = this.epoch): void {
    const { asked } = this.gap;
    const again = asked?.kind === "snapshot";
    this.gap.asked = { kind: "snapshot", least: again ? Math.max(least, asked.least) : least };
    if (again) return;
    this.#safely(() => this.server.resync());
  }

  // --- settlement

  /** The server accepted a mutation at a position of the confirmed epoch. */
  #accept(seq: number, at: number, version: number | undefined): void {
    const mutation = this.pending.get(seq);
    if (mutation === undefined) return this.#again(seq, "ok");
    if (mutation.at === undefined) {
      mutation.at = at;
      if (mutation.withheld) {
        mutation.withheld = false;
        if (at > this.seq) this.#tell.statuses.push(() => this.observer.resumed(seq));
      }
      this.#tell.changed = true;
    }
    if (!mutation.told) {
      mutation.told = true;
      this.#verdict(seq, "ok", () => this.observer.acked(seq, version));
    }
    if (at <= this.seq) this.#drop(seq);
  }

  #refuse(seq: number, code: string): void {
    const mutation = this.pending.get(seq);
    if (mutation === undefined) return this.#again(seq, "rejected");
    if (mutation.told) this.#diag("contradictory-verdict", seq);
    if (mutation.at !== undefined) return;
    // Told accepted in an epoch that ended: the refusal decides, and cannot be told a second time.
    this.#drop(seq);
    if (!mutation.told) this.#verdict(seq, "rejected", () => this.observer.rejected(seq, code));
  }

  /** A verdict about a mutation that is not pending any more. */
  #again(seq: number, kind: "ok" | "rejected"): void {
    const first = this.#verdicts.get(seq);
    if (first === undefined) return this.#diag("unknown-mutation", seq);
    if (first === "in-doubt") return this.#diag("late-verdict", seq);
    if (first !== kind) this.#diag("contradictory-verdict", seq);
  }

  #drop(seq: number): void {
    this.pending.delete(seq);
    this.#tell.changed = true;
  }

  #retireCovered(): void {
    for (const { seq, at } of [...this.pending.values()]) {
      if (at !== undefined && at <= this.seq) this.#drop(seq);
    }
  }

  /** Ask the strategy about every mutation the server has not decided. */
  #decide(delta: Delta): void {
    const undecided = [...this.pending.values()].filter(({ at }) => at === undefined);
    let decisions: readonly Decision[];
    try {
      decisions = this.config.strategy(delta, undecided);
    } catch {
      return this.#diag("strategy-raised");
    }
    for (const [i, mutation] of undecided.entries()) this.#follow(mutation, decisions[i] ?? "keep");
  }

  #follow(mutation: Pending, decision: Decision): void {
    const { seq } = mutation;
    if (decision === "keep") return;
    if (decision === "withhold") {
      if (mutation.withheld) return;
      mutation.withheld = true;
      this.#tell.statuses.push(() => this.observer.suspended(seq));
    } else if (mutation.sent) this.#diag("replace-sent", seq);
    else {
      mutation.changes = decision;
      mutation.replaced = true;
    }
  }

  // --- resync

  #loaded(snapshot: Snapshot): void {
    this.#tell.changed = true;
    const reborn = snapshot.epoch > this.epoch;
    if (reborn) {
      this.epoch = snapshot.epoch;
      this.gap.reset();
      this.gap.hear(this.epoch, snapshot.seq);
      for (const mutation of this.pending.values()) mutation.at = undefined;
    }
    this.seq = snapshot.seq;
    const { asked } = this.gap;
    if (asked?.kind === "snapshot" && asked.least <= snapshot.epoch) this.gap.asked = undefined;
    for (const [seq, outcome] of snapshot.outcomes) this.#outcome(seq, outcome);
    this.#retireCovered();
    if (reborn && !snapshot.clientKnown) this.#forgotten();
    this.#answered();
  }

  /** Outcomes reach down to the floor: about a mutation that is not pending they are no news. */
  #outcome(seq: number, outcome: Outcome): void {
    if (outcome.kind === "ok") this.gap.hear(this.epoch, outcome.at);
    const mutation = this.pending.get(seq);
    if (mutation === undefined) return;
    if (outcome.kind === "rejected") return this.#refuse(seq, outcome.code);
    if (mutation.at !== undefined && mutation.at !== outcome.at) {
      mutation.at = outcome.at;
      this.#tell.changed = true;
    }
    this.#accept(seq, outcome.at, outcome.version);
  }

  /** It begins an epoch and knows nothing of this client: what became of sent mutations nobody can say. */
  #forgotten(): void {
    for (const { seq, sent, told, at } of [...this.pending.values()]) {
      if (!sent || at !== undefined) continue;
      this.#doubt(seq, told);
    }
  }

  /** Nobody can say what became of a mutation; told accepted in an epoch that ended, it stays so. */
  #doubt(seq: number, told: boolean): void {
    this.#drop(seq);
    if (told) this.#diag("contradictory-verdict", seq);
    else this.#verdict(seq, "in-doubt", () => this.observer.inDoubt(seq));
  }
}

function newTell(): Tell {
  return { verdicts: [], statuses: [], diags: [], changed: false };
}
