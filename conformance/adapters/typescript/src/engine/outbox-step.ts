/** One step at a time: what it changes can be taken back until it is stored, and is stored in one commit. */

import type { Listener, RowChange, RowStore } from "./outbox-types.js";
import { OutboxError } from "./outbox-types.js";

export type Tell = (listener: Listener) => void;

export interface Done<T> {
  readonly value: T;
  /** What there is to tell, now that it is stored. */
  readonly tell: readonly Tell[];
}

export class Step {
  /** How to take back what was done, newest last. */
  #undo: (() => void)[] = [];
  /** By key: the row as it is at the end of the step; undefined: none. */
  #rows = new Map<string, () => unknown>();
  #tell: Tell[] = [];

  constructor(private readonly store: RowStore) {}

  undo(undo: () => void): void {
    this.#undo.push(undo);
  }

  save(key: string, row: () => unknown): void {
    this.#rows.set(key, row);
  }

  tell(tell: Tell): void {
    this.#tell.push(tell);
  }

  /** Do what a step does, and store it. If that fails nothing has changed. */
  run<T>(work: () => T, numbers: () => unknown): Done<T> {
    try {
      const value = work();
      this.#commit(numbers);
      return { value, tell: this.#tell };
    } catch (error) {
      for (const undo of this.#undo.reverse()) undo();
      throw error;
    } finally {
      this.#undo = [];
      this.#rows = new Map();
      this.#tell = [];
    }
  }

  #commit(numbers: () => unknown): void {
    if (this.#rows.size === 0) return;
    // The numbers go with every commit: no loss of a single one of them takes them back.
    this.save("n", numbers);
    const changes = [...this.#rows].map(([key, row]): RowChange => {
      const value = row();
      return value === undefined ? [key] : [key, value];
    });
    try {
      this.store.commit(changes);
    } catch (error) {
      throw new OutboxError("store-failed", error instanceof Error ? error.message : String(error));
    }
  }
}
