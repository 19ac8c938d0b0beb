/** Things by number, in the order of their numbers. Most come with a number above all others. */
export class Numbered<T extends { readonly seq: number }> {
  readonly #order: number[] = [];
  readonly #things = new Map<number, T>();

  get size(): number {
    return this.#order.length;
  }

  get(seq: number): T | undefined {
    return this.#things.get(seq);
  }

  /** The lowest number, if there is one. */
  get first(): number | undefined {
    return this.#order[0];
  }

  /** Put a thing in its place; another one with its number goes. */
  put(thing: T): void {
    const { seq } = thing;
    if (!this.#things.has(seq)) {
      const last = this.#order.at(-1);
      if (last === undefined || last < seq) this.#order.push(seq);
      else this.#order.splice(this.#place(seq), 0, seq);
    }
    this.#things.set(seq, thing);
  }

  drop(seq: number): void {
    if (this.#things.delete(seq)) this.#order.splice(this.#place(seq), 1);
  }

  /** In order. What is put or dropped meanwhile may or may not be seen: take a copy first. */
  *[Symbol.iterator](): Iterator<T> {
    for (const seq of this.#order) yield this.#things.get(seq) as T;
  }

  /** The place of a number, or the place where it belongs. */
  #place(seq: number): number {
    let low = 0;
    for (let high = this.#order.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if ((this.#order[middle] as number) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
