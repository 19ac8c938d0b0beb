/** What the confirmed documents take in, and when: the next delta, or a snapshot; what is missing is asked for. */

import type { Plan } from "./coordinator-plan.js";
import type { Settlement } from "./coordinator-settlement.js";
import type { State } from "./coordinator-state.js";
import type { Steps } from "./coordinator-steps.js";
import type { Gap } from "./gap.js";
import type { Delta, Host, Server, Snapshot } from "./messages.js";

export class Sequence {
  constructor(
    private readonly state: State,
    readonly gap: Gap,
    private readonly steps: Steps,
    private readonly plan: Plan,
    private readonly settlement: Settlement,
    private readonly host: Host,
    private readonly server: Server,
  ) {
    gap.hear(state.epoch, state.seq);
  }

  /** Whether a message belongs to the confirmed epoch; a later one asks for a snapshot. */
  isCurrent(epoch: number, at = 0): boolean {
    this.gap.hear(epoch, at);
    if (epoch > this.state.epoch) this.#resync(epoch);
    return epoch === this.state.epoch;
  }

  /** A delta of the confirmed epoch, with its predecessor. */
  delta(delta: Delta & { readonly prev: number }): void {
    if (delta.seq <= this.state.seq) return;
    if (delta.prev === this.state.seq) this.#apply(delta);
    else if (delta.prev < this.state.seq) this.#resync();
    else if (!this.gap.has(delta.seq)) {
      this.gap.hold(delta);
      this.#askForGap();
    }
  }

  snapshot(snapshot: Snapshot): void {
    const { epoch, seq } = snapshot;
    if (epoch < this.state.epoch || (epoch === this.state.epoch && seq < this.state.seq)) return;
    this.#confirm(() => this.host.load(snapshot), () => this.#loaded(snapshot));
  }

  /** The retry interval has passed: ask (again) for what is missing. */
  tick(): void {
    if (this.gap.asked?.kind === "snapshot") this.steps.safely(() => this.server.resync());
    else this.#ask(this.gap.held[0]?.prev ?? this.gap.head.seq);
  }

  /** Change the confirmed documents under everything; if the host fails, nothing has happened. */
  #confirm(port: () => boolean, then: () => void): void {
    let isDone = false;
    this.plan.beneath(() => {
      this.steps.safely(() => (isDone = port()));
      if (isDone) then();
      else this.steps.diag("apply-failed");
    });
    this.steps.commit();
    if (isDone) this.#drain();
    else this.#resync();
  }

  #apply(delta: Delta): void {
    this.#confirm(() => this.host.apply(delta), () => this.#applied(delta));
  }

  #applied(delta: Delta): void {
    this.state.seq = delta.seq;
    this.steps.changed();
    this.settlement.applied(delta);
    this.#answered();
  }

  #loaded(snapshot: Snapshot): void {
    const { epoch, seq, outcomes } = snapshot;
    const isNewEpoch = epoch > this.state.epoch;
    if (isNewEpoch) {
      this.gap.reset();
      this.gap.hear(epoch, seq);
    }
    this.state.epoch = epoch;
    this.state.seq = seq;
    this.steps.changed();
    for (const outcome of outcomes.values()) if (outcome.kind === "ok") this.gap.hear(epoch, outcome.at);
    const { asked } = this.gap;
    if (asked?.kind === "snapshot" && asked.least <= epoch) this.gap.asked = undefined;
    this.settlement.loaded(snapshot, isNewEpoch);
    this.#answered();
  }

  #drain(): void {
    const { held } = this.gap;
    for (let next = held[0]; next !== undefined; next = held[0]) {
      const prev = next.prev as number;
      if (prev > this.state.seq) return this.#askForGap();
      held.shift();
      if (prev === this.state.seq) return this.#apply(next);
      if (next.seq > this.state.seq) this.#resync();
    }
  }

  #answered(): void {
    const { asked } = this.gap;
    if (asked?.kind === "deltas" && asked.upto <= this.state.seq) this.gap.asked = undefined;
  }

  #askForGap(): void {
    if (this.gap.asked === undefined) this.#ask(this.gap.held[0]?.prev ?? this.state.seq);
  }

  #ask(upto: number): void {
    if (upto <= this.state.seq) return;
    this.gap.asked = { kind: "deltas", upto };
    const after = this.state.seq;
    this.steps.safely(() => this.server.request(after, upto));
  }

  /** Ask for a snapshot; one of an epoch below `least` is no answer. */
  #resync(least = this.state.epoch): void {
    const { asked } = this.gap;
    const again = asked?.kind === "snapshot";
    this.gap.asked = { kind: "snapshot", least: again ? Math.max(least, asked.least) : least };
    if (again) return;
    this.steps.safely(() => this.server.resync());
  }
}
