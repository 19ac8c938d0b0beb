/** The plan: what the host has to undo and redo, so that the overlays shown are those that are pending. */

import type { State } from "./coordinator-state.js";
import type { Host, Pending } from "./messages.js";

export class Plan {
  constructor(
    private readonly state: State,
    private readonly host: Host,
  ) {}

  /** Undo down to `seq`, make the change, redo what is left; nothing if what is shown stays. */
  replan(seq: number, change: () => void): void {
    const before = this.state.shown(seq);
    change();
    const after = this.state.shown(seq);
    if (before.length === after.length && before.every((mutation, i) => mutation === after[i])) return;
    this.#undo(before);
    this.#redo(after);
  }

  /** Make a change under everything that is shown. */
  beneath(change: () => void): void {
    this.#undo(this.state.shown());
    change();
    this.#redo(this.state.shown());
  }

  #undo(mutations: readonly Pending[]): void {
    for (let i = mutations.length - 1; i >= 0; i--) this.host.undo(mutations[i] as Pending);
  }

  #redo(mutations: readonly Pending[]): void {
    for (const mutation of mutations) this.host.redo(mutation);
  }
}
