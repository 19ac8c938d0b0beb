/** Deltas held back, nearest first, and the question to the server that is open. */

import type { Delta } from "./messages.js";

export type Asked = { readonly kind: "deltas"; readonly upto: number } | { readonly kind: "snapshot"; readonly least: number };

export class Gap {
  /** Ascending by seq. */
  readonly held: Delta[] = [];
  /** The newest position known to exist. */
  head = 0;
  asked: Asked | undefined;

  constructor(private readonly limit: number) {}

  has(seq: number): boolean {
    return this.held.some((delta) => delta.seq === seq);
  }

  hold(delta: Delta): void {
    const at = this.held.findIndex((other) => other.seq > delta.seq);
    this.held.splice(at < 0 ? this.held.length : at, 0, delta);
    this.held.length = Math.min(this.held.length, this.limit);
    this.head = Math.max(this.head, delta.seq);
  }

  /** Forget everything: the epoch has changed. */
  reset(): void {
    this.held.length = 0;
    this.head = 0;
    this.asked = undefined;
  }
}
