/** What a step tells, in its order; and the telling, in which nobody can break or overtake anything. */

import type { Listener, Status, WaitAnswer } from "./pipeline-types.js";

type News = (to: Listener) => void;

/** What is told behind tickets and waits, in this order. */
const KINDS = ["diag", "stale", "withdraw", "resync", "schedule", "persist"] as const;
type Kind = (typeof KINDS)[number];

export class Bulletin {
  readonly #pages = new Map<Kind, News[]>();
  readonly #queue: News[] = [];
  #isTelling = false;

  constructor(
    private readonly listener: Listener,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Put something on the bulletin of the step being made. */
  add(kind: Kind, news: News): void {
    this.#pages.set(kind, [...(this.#pages.get(kind) ?? []), news]);
  }

  /** The same, once for each step. */
  once(kind: Kind, news: News): void {
    this.#pages.set(kind, [news]);
  }

  told(ticket: number, status: Status, code: string | undefined): void {
    this.#queue.push((to) => to.told(ticket, status, code));
  }

  answered(wait: string, answer: WaitAnswer, code: string | undefined): void {
    this.#queue.push((to) => to.answered(wait, answer, code));
  }

  shown(): void {
    this.#queue.push((to) => to.shown());
  }

  /**
   * The step is over: tell. What a callback throws changes nothing; what a call from inside a callback causes is
   * told behind everything else.
   */
  close(): void {
    for (const kind of KINDS) this.#queue.push(...(this.#pages.get(kind) ?? []));
    this.#pages.clear();
    if (this.#isTelling) return;
    this.#isTelling = true;
    for (let news = this.#queue.shift(); news !== undefined; news = this.#queue.shift()) {
      try {
        news(this.listener);
      } catch (error) {
        this.onError(error);
      }
    }
    this.#isTelling = false;
  }
}
