/** Deltas held back, nearest first, and the question to the server that is open. */

import type { Delta } from "./messages.js";

export type Asked = { readonly kind: "deltas"; readonly upto: number } | { readonly kind: "snapshot"; readonly least: number };

export class Gap {
  /** Ascending by seq. */
  readonly held: Delta[] = [];
  /** The newest position heard of; one of a later epoch than the confirmed counts once that is reached. */
  head = { epoch: 0, seq: 0 };
  asked: Asked | undefined;

  constructor(private readonly limit: number) {}

  has(seq: number): boolean {
    return this.held.some((delta) => delta.seq === seq);
  }

  hold(delta: Delta): void {
    const at = this.held.findIndex((other) => other.seq > delta.seq);
    this.held.splice(at < 0 ? this.held.length : at, 0, delta);
    this.held.length = Math.min(this.held.length, this.limit);
  }

  hear(epoch: number, seq: number): void {
    const { head } = this;
    if (epoch > head.epoch) this.head = { epoch, seq };
    else if (epoch === head.epoch) head.seq = Math.max(head.seq, seq);
  }

  /** The epoch has changed: what was held back or asked belongs to the old one. */
  reset(): void {
    this.held.length = 0;
    if (this.asked?.kind === "deltas") this.asked = undefined;
  }
}
