/** What becomes of pending mutations: accepted, refused, withheld, replaced, covered by the documents, given up. */

import type { State } from "./coordinator-state.js";
import type { Steps } from "./coordinator-steps.js";
import type { Delta, Observer, Outcome, Pending, Snapshot, Verdict } from "./messages.js";
import type { Decision, Strategy } from "./strategy.js";

const REMEMBERED = 256;

export class Settlement {
  readonly #verdicts = new Map<number, Verdict>();

  constructor(
    private readonly state: State,
    private readonly steps: Steps,
    private readonly strategy: Strategy,
  ) {}

  /** The server accepted a mutation at a position of the confirmed epoch. */
  accept(seq: number, at: number, version: number | undefined): void {
    const mutation = this.state.pending.get(seq);
    if (mutation === undefined) return this.#again(seq, "ok");
    if (mutation.at === undefined) {
      mutation.at = at;
      if (mutation.withheld) {
        mutation.withheld = false;
        if (at > this.state.seq) this.steps.status((to) => to.resumed(seq));
      }
      this.steps.changed();
    }
    if (!mutation.told) {
      mutation.told = true;
      this.#verdict(seq, "ok", (to) => to.acked(seq, version));
    }
    if (at <= this.state.seq) this.#drop(seq);
  }

  refuse(seq: number, code: string): void {
    const mutation = this.state.pending.get(seq);
    if (mutation === undefined) return this.#again(seq, "rejected");
    if (mutation.told) this.steps.diag("contradictory-verdict", seq);
    if (mutation.at !== undefined) return;
    // Told accepted in an epoch that ended: the refusal decides, and cannot be told a second time.
    this.#drop(seq);
    if (!mutation.told) this.#verdict(seq, "rejected", (to) => to.rejected(seq, code));
  }

  /** Nobody can say what became of a mutation; told accepted in an epoch that ended, it stays so. */
  doubt({ seq, told }: Pending): void {
    this.#drop(seq);
    if (told) this.steps.diag("contradictory-verdict", seq);
    else this.#verdict(seq, "in-doubt", (to) => to.inDoubt(seq));
  }

  /** The documents hold a delta. */
  applied(delta: Delta): void {
    for (const label of delta.settles) if (label.mine) this.accept(label.seq, delta.seq, label.version);
    this.#retireCovered();
    this.#decide(delta);
  }

  /** The documents are those of a snapshot, of the epoch that is confirmed or a new one. */
  loaded({ outcomes, clientKnown }: Snapshot, isNewEpoch: boolean): void {
    if (isNewEpoch) for (const mutation of this.state.pending.values()) mutation.at = undefined;
    for (const [seq, outcome] of outcomes) this.#outcome(seq, outcome);
    this.#retireCovered();
    if (isNewEpoch && !clientKnown) this.#forgotten();
  }

  /** Outcomes reach down to the floor: about a mutation that is not pending they are no news. */
  #outcome(seq: number, outcome: Outcome): void {
    const mutation = this.state.pending.get(seq);
    if (mutation === undefined) return;
    if (outcome.kind === "rejected") return this.refuse(seq, outcome.code);
    if (mutation.at !== undefined && mutation.at !== outcome.at) {
      mutation.at = outcome.at;
      this.steps.changed();
    }
    this.accept(seq, outcome.at, outcome.version);
  }

  /** A new epoch knows nothing of this client: what became of sent mutations nobody can say. */
  #forgotten(): void {
    for (const mutation of [...this.state.pending.values()]) {
      if (mutation.sent && mutation.at === undefined) this.doubt(mutation);
    }
  }

  #retireCovered(): void {
    for (const { seq, at } of [...this.state.pending.values()]) {
      if (at !== undefined && at <= this.state.seq) this.#drop(seq);
    }
  }

  /** Ask the strategy about every mutation the server has not decided. */
  #decide(delta: Delta): void {
    const undecided = [...this.state.pending.values()].filter(({ at }) => at === undefined);
    let decisions: readonly Decision[];
    try {
      decisions = this.strategy(delta, undecided);
    } catch {
      return this.steps.diag("strategy-raised");
    }
    for (const [i, mutation] of undecided.entries()) this.#follow(mutation, decisions[i] ?? "keep");
  }

  #follow(mutation: Pending, decision: Decision): void {
    const { seq } = mutation;
    if (decision === "keep") return;
    if (decision === "withhold") {
      if (mutation.withheld) return;
      mutation.withheld = true;
      this.steps.status((to) => to.suspended(seq));
    } else if (mutation.sent) this.steps.diag("replace-sent", seq);
    else {
      mutation.changes = decision;
      mutation.replaced = true;
    }
  }

  /** A verdict about a mutation that is not pending any more. */
  #again(seq: number, kind: "ok" | "rejected"): void {
    const first = this.#verdicts.get(seq);
    if (first === undefined) return this.steps.diag("unknown-mutation", seq);
    if (first === "in-doubt") return this.steps.diag("late-verdict", seq);
    if (first !== kind) this.steps.diag("contradictory-verdict", seq);
  }

  /** Tell a verdict and remember it; never called twice for one mutation. */
  #verdict(seq: number, verdict: Verdict, tell: (to: Observer) => void): void {
    this.steps.verdict(seq, tell);
    this.#verdicts.set(seq, verdict);
    if (this.#verdicts.size <= REMEMBERED) return;
    const settled = [...this.#verdicts.keys()].filter((other) => !this.state.pending.has(other));
    if (settled.length > 0) this.#verdicts.delete(Math.min(...settled));
  }

  #drop(seq: number): void {
    this.state.pending.delete(seq);
    this.steps.changed();
  }
}
