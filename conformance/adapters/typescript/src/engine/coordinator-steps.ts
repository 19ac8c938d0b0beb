/** Steps run one after the other, each to its end; what one has to tell is told when it is committed. */

import type { DiagCode, Observer } from "./messages.js";

type News = (to: Observer) => void;

export class Steps {
  /** What observers, the host and the server threw. */
  readonly thrown: unknown[] = [];
  #verdicts: { readonly seq: number; readonly tell: News }[] = [];
  #statuses: News[] = [];
  #diags: News[] = [];
  #isChanged = false;
  readonly #waiting: (() => unknown)[] = [];
  #isBusy = false;

  constructor(private readonly observer: Observer) {}

  /** Run to completion; a call made meanwhile waits. */
  run(input: () => void): void {
    if (this.#isBusy) {
      this.#waiting.push(input);
      return;
    }
    this.#isBusy = true;
    try {
      input();
      this.commit();
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        this.safely(next);
        this.commit();
      }
    } finally {
      this.#isBusy = false;
    }
  }

  /** Call somebody who must not break a step. */
  safely(call: () => unknown): void {
    try {
      call();
    } catch (error) {
      this.thrown.push(error);
    }
  }

  verdict(seq: number, tell: News): void {
    this.#verdicts.push({ seq, tell });
  }

  status(tell: News): void {
    this.#statuses.push(tell);
  }

  diag(code: DiagCode, seq?: number): void {
    this.#diags.push((to) => to.diag(code, seq));
  }

  /** What is confirmed or pending has changed. */
  changed(): void {
    this.#isChanged = true;
  }

  /** Tell what the step did, in the order of the text. */
  commit(): void {
    const told = this.#verdicts.length + this.#statuses.length + this.#diags.length;
    if (told === 0 && !this.#isChanged) return;
    const verdicts = this.#verdicts.sort((a, b) => a.seq - b.seq).map(({ tell }) => tell);
    const news = [...verdicts, ...this.#statuses, ...this.#diags];
    if (this.#isChanged) news.push((to) => to.change());
    [this.#verdicts, this.#statuses, this.#diags, this.#isChanged] = [[], [], [], false];
    for (const tell of news) this.safely(() => tell(this.observer));
  }
}
