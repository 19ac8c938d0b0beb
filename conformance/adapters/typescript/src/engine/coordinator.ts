/**
 * One client's optimistic sync coordinator, as specs/coordinator.md says. It keeps numbers, changes and
 * positions, and no documents. Where the executable specification computes effects from states, this one
 * drives its host directly and incrementally: undo, change, redo.
 */

import type { Changes } from "../changes.js";
import { Plan } from "./coordinator-plan.js";
import { Sequence } from "./coordinator-sequence.js";
import { Settlement } from "./coordinator-settlement.js";
import { State } from "./coordinator-state.js";
import { Steps } from "./coordinator-steps.js";
import { Gap } from "./gap.js";
import type { Counter, Delta, Host, Observer, Server, Snapshot } from "./messages.js";
import { CoordinatorError } from "./messages.js";
import type { Strategy } from "./strategy.js";

export interface Config {
  readonly variant: "labelled" | "ack-first" | "seed-literal";
  readonly dense: boolean;
  readonly limits: { readonly pending: number; readonly buffer: number };
  readonly strategy: Strategy;
  readonly epoch: number;
  readonly seq: number;
}

const BLOCK = 32;

export class Coordinator {
  readonly state: State;
  readonly gap: Gap;
  readonly #steps: Steps;
  readonly #plan: Plan;
  readonly #settlement: Settlement;
  readonly #sequence: Sequence;
  #generated: number;
  #registered: number;
  #stored: number;

  constructor(
    private readonly config: Config,
    private readonly host: Host,
    observer: Observer,
    server: Server,
    private readonly counter: Counter,
  ) {
    this.state = new State(config.epoch, config.seq);
    this.gap = new Gap(config.limits.buffer);
    this.#steps = new Steps(observer);
    this.#plan = new Plan(this.state, host);
    this.#settlement = new Settlement(this.state, this.#steps, config.strategy);
    this.#sequence = new Sequence(this.state, this.gap, this.#steps, this.#plan, this.#settlement, host, server);
    this.#generated = this.#registered = this.#stored = counter.read();
  }

  /** What observers threw. */
  get thrown(): readonly unknown[] {
    return this.#steps.thrown;
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
    this.#steps.run(() => {
      const { pending } = this.state;
      if (seq <= this.#registered || seq > this.#generated) {
        throw new CoordinatorError("client-seq-order", `number ${seq} was not generated, or comes too late`);
      }
      if (pending.size >= this.config.limits.pending) {
        throw new CoordinatorError("queue-full", `${pending.size} mutations are pending`);
      }
      this.#registered = seq;
      const fresh = { replaced: false, withheld: false, at: undefined, told: false };
      pending.set(seq, { seq, changes, sent, ...fresh });
      this.host.shown(seq, changes);
      this.#steps.changed();
    });
  }

  sent(seq: number): void {
    this.#steps.run(() => {
      const mutation = this.state.known(seq);
      if (!mutation.sent) this.#steps.changed();
      mutation.sent = true;
    });
  }

  abandon(seq: number): void {
    this.#steps.run(() => {
      const mutation = this.state.known(seq);
      if (mutation.at !== undefined) throw new CoordinatorError("already-accepted", `the server accepted ${seq}`);
      this.#plan.replan(seq, () => this.#settlement.doubt(mutation));
    });
  }

  // --- messages of the server

  ack(epoch: number, seq: number, at: number | undefined, version: number | undefined): void {
    this.#steps.run(() => {
      if (at === undefined && this.config.variant !== "seed-literal") {
        throw new CoordinatorError("ack-without-position", `the ack of ${seq} names no position`);
      }
      if (!this.#sequence.isCurrent(epoch, at)) return;
      const place = at ?? this.state.seq;
      const before = this.state.pending.get(seq)?.at;
      if (before === undefined) this.#plan.replan(seq, () => this.#settlement.accept(seq, place, version));
      else if (before !== place) this.#steps.diag("contradictory-verdict", seq);
    });
  }

  reject(epoch: number, seq: number, code: string): void {
    this.#steps.run(() => {
      if (this.#sequence.isCurrent(epoch)) this.#plan.replan(seq, () => this.#settlement.refuse(seq, code));
    });
  }

  delta(delta: Delta): void {
    this.#steps.run(() => {
      const prev = delta.prev ?? (this.config.dense ? delta.seq - 1 : undefined);
      if (prev === undefined || prev >= delta.seq || prev < 0) {
        throw new CoordinatorError("delta-malformed", `delta ${delta.seq} names ${prev} as its predecessor`);
      }
      if (this.#sequence.isCurrent(delta.epoch, delta.seq)) this.#sequence.delta({ ...delta, prev });
    });
  }

  snapshot(snapshot: Snapshot): void {
    this.#steps.run(() => this.#sequence.snapshot(snapshot));
  }

  head(epoch: number, seq: number): void {
    this.#steps.run(() => {
      this.#sequence.isCurrent(epoch, seq);
    });
  }

  /** The retry interval has passed: ask (again) for what is missing. */
  tick(): void {
    this.#steps.run(() => this.#sequence.tick());
  }
}
