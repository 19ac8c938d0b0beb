/** What a coordinator knows of the confirmed documents and of what is pending over them. */

import type { Pending } from "./messages.js";
import { CoordinatorError } from "./messages.js";

export class State {
  /** In the order of registration, which is that of the numbers. */
  readonly pending = new Map<number, Pending>();

  constructor(
    public epoch: number,
    public seq: number,
  ) {}

  known(seq: number): Pending {
    const mutation = this.pending.get(seq);
    if (mutation === undefined) throw new CoordinatorError("unknown-mutation", `mutation ${seq} is not pending`);
    return mutation;
  }

  /** The mutations shown, in order, from the number `from` on. */
  shown(from = 0): Pending[] {
    const shown: Pending[] = [];
    for (const mutation of this.pending.values()) {
      if (!mutation.withheld && mutation.seq >= from) shown.push(mutation);
    }
    return shown;
  }
}
