/** Tickets stand for events, waits for those who await them. Both are looked at when a step is over. */

import type { Status, WaitAnswer } from "./pipeline-types.js";
import { refuse } from "./pipeline-types.js";
import type { Write } from "./pipeline-write.js";

type WriteVerdict = { readonly kind: "confirmed" | "in-doubt" } | { readonly kind: "failed"; readonly code: string };

class Ticket {
  status: Status = "pending";
  code: string | undefined;
  /** The writes of its event, none before it has one, with what was decided of each. */
  readonly writes = new Map<Write, WriteVerdict | undefined>();

  constructor(readonly id: number) {}

  undecided(): Write[] {
    return [...this.writes].filter(([, verdict]) => verdict === undefined).map(([write]) => write);
  }

  get isDecided(): boolean {
    return this.status !== "pending" && this.status !== "enqueued";
  }

  /** What it should be told as now. */
  due(): Status {
    const undecided = this.undecided();
    if (undecided.length > 0) {
      return undecided.every(({ place }) => place === "enqueued") ? "enqueued" : this.status;
    }
    const verdicts = [...this.writes].sort(([a], [b]) => a.seq - b.seq).map(([, verdict]) => verdict);
    const failed = verdicts.find((verdict) => verdict?.kind === "failed");
    if (failed?.kind === "failed") {
      this.code = failed.code;
      return "failed";
    }
    return verdicts.some((verdict) => verdict?.kind === "in-doubt") ? "in-doubt" : "confirmed";
  }
}

export interface WaitOptions {
  readonly strict: boolean;
  readonly timeoutMs: number | undefined;
  readonly resolveEnqueued: boolean;
}

interface Wait extends WaitOptions {
  readonly name: string;
  readonly ticket: Ticket;
  timer: ReturnType<typeof setTimeout> | undefined;
}

export interface Voice {
  told(ticket: number, status: Status, code: string | undefined): void;
  answered(wait: string, answer: WaitAnswer, code: string | undefined): void;
}

export class Tickets {
  readonly #tickets = new Map<number, Ticket>();
  readonly #decided: number[] = [];
  readonly #moved = new Set<Ticket>();
  #waits: Wait[] = [];
  #begun = 0;

  constructor(private readonly remembered: number) {}

  begin(): number {
    const ticket = new Ticket(++this.#begun);
    this.#tickets.set(ticket.id, ticket);
    return ticket.id;
  }

  /** Throws unknown-ticket, ticket-used. */
  checkFree(id: number): void {
    if (this.#of(id).writes.size > 0) refuse("ticket-used");
  }

  attach(write: Write): void {
    this.#of(write.ticket).writes.set(write, undefined);
  }

  statuses(): [number, Status][] {
    return [...this.#tickets.values()].map(({ id, status }) => [id, status]);
  }

  /** The writes without a verdict. Throws unknown-ticket. */
  undecided(id: number): Write[] {
    return this.#of(id).undecided();
  }

  /** All writes of the event. Throws unknown-ticket. */
  writes(id: number): Write[] {
    return [...this.#of(id).writes.keys()];
  }

  /** A write has its verdict; the first one stands. */
  decide(write: Write, verdict: WriteVerdict): void {
    const ticket = this.#tickets.get(write.ticket);
    if (ticket === undefined || ticket.writes.get(write) !== undefined) return;
    ticket.writes.set(write, verdict);
    this.#moved.add(ticket);
  }

  /** A write changed its place. */
  moved(write: Write): void {
    const ticket = this.#tickets.get(write.ticket);
    if (ticket !== undefined) this.#moved.add(ticket);
  }

  /** Begin a wait; `later` is called when its time is over. Throws unknown-ticket. */
  wait(name: string, id: number, options: WaitOptions, later: (timeout: () => void) => void, voice: Voice): void {
    const wait: Wait = { ...options, name, ticket: this.#of(id), timer: undefined };
    this.#waits.push(wait);
    const expire = (): void => this.#end(wait, timedOut(wait), undefined, voice);
    if (answerTo(wait) !== undefined || wait.timeoutMs === undefined) return;
    if (wait.timeoutMs <= 0) expire();
    else wait.timer = setTimeout(() => later(expire), wait.timeoutMs);
  }

  /** The step is over: tell what moved, in the order of dispatch, then answer who waits. */
  report(voice: Voice): void {
    const moved = [...this.#moved].sort((a, b) => orderOf(a) - orderOf(b));
    this.#moved.clear();
    for (const ticket of moved) {
      const status = ticket.isDecided ? ticket.status : ticket.due();
      if (status === ticket.status) continue;
      ticket.status = status;
      voice.told(ticket.id, status, ticket.code);
      if (ticket.isDecided) this.#decided.push(ticket.id);
    }
    for (const wait of [...this.#waits].sort((a, b) => orderOf(a.ticket) - orderOf(b.ticket))) {
      const answer = answerTo(wait);
      if (answer !== undefined) this.#end(wait, answer, answer === "failed" ? wait.ticket.code : undefined, voice);
    }
    for (const id of this.#decided.splice(0, this.#decided.length - this.remembered)) this.#tickets.delete(id);
  }

  /** The verdicts of an earlier life stand, and are not told again. */
  restored(): void {
    this.report({ told: () => undefined, answered: () => undefined });
  }

  #of(id: number): Ticket {
    return this.#tickets.get(id) ?? refuse("unknown-ticket");
  }

  #end(wait: Wait, answer: WaitAnswer, code: string | undefined, voice: Voice): void {
    if (!this.#waits.includes(wait)) return;
    this.#waits = this.#waits.filter((other) => other !== wait);
    clearTimeout(wait.timer);
    voice.answered(wait.name, answer, code);
  }
}

/** The number of the first write of its event. */
function orderOf(ticket: Ticket): number {
  return Math.min(...[...ticket.writes.keys()].map(({ seq }) => seq));
}

function timedOut({ resolveEnqueued, ticket }: Wait): WaitAnswer {
  return resolveEnqueued && ticket.status === "enqueued" ? "enqueued" : "timed-out";
}

function answerTo({ ticket, strict }: Wait): WaitAnswer | undefined {
  if (ticket.isDecided) return ticket.status;
  if (!strict && ticket.status === "enqueued") return "enqueued";
  return ticket.undecided().some(({ place }) => place === "unknown") ? "outcome-unknown" : undefined;
}
