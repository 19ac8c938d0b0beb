/**
 * The mutation pipeline: entities are lanes, each with its document and the writes over it; events are put into
 * segments as they come in. Every input is one step: it changes everything it changes, and then tells.
 */

import type { Json } from "../kit/index.js";
import { Bulletin } from "./pipeline-bulletin.js";
import { Feed } from "./pipeline-feed.js";
import type { Direction } from "./pipeline-history.js";
import { History } from "./pipeline-history.js";
import { TemporaryIds } from "./pipeline-ids.js";
import type { Event } from "./pipeline-intake.js";
import { Intake } from "./pipeline-intake.js";
import { Lanes } from "./pipeline-lane.js";
import { Requests } from "./pipeline-requests.js";
import { Segments } from "./pipeline-segments.js";
import type { Core } from "./pipeline-settling.js";
import { Settling } from "./pipeline-settling.js";
import type { WaitOptions } from "./pipeline-tickets.js";
import { Tickets } from "./pipeline-tickets.js";
import type * as Types from "./pipeline-types.js";
import { refuse } from "./pipeline-types.js";
import type { Place } from "./pipeline-write.js";
import { Write } from "./pipeline-write.js";

/** What outlives the process. */
export interface Stored {
  readonly docs: ReadonlyMap<string, Json>;
  readonly stamps: ReadonlyMap<string, Types.Stamp>;
  readonly epoch: number;
  readonly seq: number;
  readonly counter: number;
  readonly given: ReadonlyMap<string, string>;
  readonly dead: ReadonlySet<string>;
  readonly hasSnapshot: boolean;
  readonly writes: readonly StoredWrite[];
}

/** A pending write that persistence called enqueued. */
export type StoredWrite = Pick<
  Write,
  "seq" | "resource" | "entity" | "change" | "temporary" | "optimistic" | "base" | "accepted"
>;

/** What an undo or redo brings. */
export type Reverting = Pick<Types.Envelope, "persistKey" | "ticket" | "began">;

export class Pipeline {
  readonly #core: Core;
  readonly #settling: Settling;
  readonly #feed: Feed;
  readonly #segments: Segments;
  readonly #tickets: Tickets;
  readonly #intake: Intake;
  readonly #requests: Requests;
  readonly #bulletin: Bulletin;
  #counter: number;

  constructor(
    client: string,
    limits: Types.Limits,
    stored: Stored,
    listener: Types.Listener,
    /** What a listener threw; nothing depends on it. */
    onError: (error: unknown) => void,
  ) {
    const lanes = new Lanes(stored.docs, stored.stamps);
    const ids = new TemporaryIds(new Map(stored.given), new Set(stored.dead));
    const tickets = new Tickets(limits.remembered);
    const bulletin = new Bulletin(listener, onError);
    this.#core = {
      lanes,
      ids,
      tickets,
      history: new History(limits.history, lanes, ids),
      writes: new Map<number, Write>(),
      epoch: stored.epoch,
      seq: stored.seq,
      isChanged: false,
      entryId: (seq) => `${client}/${seq}`,
      diag: (code, entry) => bulletin.add("diag", (to) => to.diag(code, entry)),
      stale: (resource, entity) => bulletin.add("stale", (to) => to.stale(resource, entity)),
      resync: () => bulletin.once("resync", (to) => to.resync()),
    };
    this.#bulletin = bulletin;
    this.#tickets = tickets;
    this.#counter = stored.counter;
    this.#segments = new Segments(lanes);
    this.#intake = new Intake(ids, tickets, limits.capacity);
    this.#settling = new Settling(this.#core);
    this.#requests = new Requests(this.#core, this.#settling);
    this.#feed = new Feed(this.#core, this.#settling, stored.hasSnapshot);
    for (const write of stored.writes) this.#restore(write);
    tickets.restored();
  }

  // --- what the application asks

  begin(): number {
    return this.#step(() => this.#tickets.begin());
  }

  /** One write under this number; the ticket it is under. Throws PipelineError, nothing changed. */
  dispatch(seq: number, write: Types.OneWrite, envelope: Types.Envelope): number {
    return this.#dispatch([seq], this.#intake.oneWrite(write, envelope));
  }

  /** A patch over rows, a number for each row. Throws PipelineError, nothing changed. */
  patches(seqs: readonly number[], rows: Types.RowsPatch, envelope: Types.Envelope): number {
    return this.#dispatch(seqs, this.#intake.rows(rows, envelope));
  }

  /** Take back, a number for each entity. Throws PipelineError, nothing changed. */
  revert(seqs: readonly number[], scope: string, direction: Direction, given: Reverting): number {
    const reversal = this.#core.history.reversal(scope, direction);
    const action = this.#core.entryId(seqs[0] ?? 0);
    const context = { scope, origin: direction, action, label: undefined, at: 0 };
    const writes = reversal.writes.map(({ write }) => write);
    const restores = reversal.writes.map((each) => each.restores);
    const event = this.#intake.reversal(writes, restores, { ...given, context, optimistic: true });
    return this.#dispatch(seqs, event, (made) => reversal.done(action, made));
  }

  drain(): void {
    this.#step(() => this.#segments.drain());
  }

  /** Throws unknown-ticket. */
  wait(name: string, ticket: number, options: WaitOptions): void {
    const later = (timeout: () => void): void => this.#step(timeout);
    this.#step(() => this.#tickets.wait(name, ticket, options, later, this.#bulletin));
  }

  /** Throws unknown-ticket, already-decided, already-sent. */
  cancel(ticket: number): void {
    this.#step(() => {
      const undecided = this.#tickets.undecided(ticket);
      if (undecided.length === 0) refuse("already-decided");
      if (undecided.some(({ place }) => place !== "waiting" && place !== "enqueued")) refuse("already-sent");
      for (const write of undecided) {
        if (write.place === "waiting") this.#settling.reject(write, { kind: "rejected", code: "cancelled" });
        else this.#bulletin.add("withdraw", (to) => to.withdraw(write.seq));
      }
    });
  }

  /** Throws unknown-ticket, already-decided, not-unknown. */
  abandon(ticket: number): void {
    this.#step(() => {
      const undecided = this.#tickets.undecided(ticket);
      const unknown = this.#tickets.writes(ticket).filter(({ isPending, place }) => isPending && place === "unknown");
      if (unknown.length === 0 && undecided.length === 0) refuse("already-decided");
      if (unknown.length === 0 || undecided.some(({ place }) => place !== "unknown")) refuse("not-unknown");
      for (const write of unknown) this.#settling.reject(write, { kind: "in-doubt" });
    });
  }

  // --- what persistence and the server say

  /** The answer to a request; only the first counts. `epoch` undefined: from a backend that has none. */
  answer(handle: number, answer: Types.Answer, epoch: number | undefined): void {
    const writes = this.#requests.take(handle);
    if (writes !== undefined) this.#step(() => this.#requests.settle(writes, answer, epoch));
  }

  decided(seq: number, verdict: Types.Verdict, epoch: number | undefined): void {
    this.#step(() => {
      this.#settling.hear(epoch);
      this.#settling.verdict(seq, verdict, epoch);
    });
  }

  /** Throws epoch-ahead, change-inapplicable. */
  delta(delta: Types.Delta): void {
    this.#step(() => this.#feed.delta(delta));
  }

  snapshot(snapshot: Types.Snapshot): void {
    this.#step(() => this.#feed.snapshot(snapshot));
  }

  fetched(rows: readonly Types.Row[]): void {
    this.#step(() => this.#feed.fetched(rows));
  }

  hydrate(rows: readonly Types.Row[]): void {
    this.#step(() => this.#feed.hydrate(rows));
  }

  // --- what can be seen

  view(): Map<string, Json> {
    return this.#core.lanes.docs((lane) => lane.shown());
  }

  documents(): Map<string, Json> {
    return this.#core.lanes.docs((lane) => lane.doc);
  }

  get position(): { epoch: number; seq: number } {
    return { epoch: this.#core.epoch, seq: this.#core.seq };
  }

  places(): [number, Place][] {
    return [...this.#core.writes.values()].map(({ seq, place }) => [seq, place]);
  }

  tickets(): [number, Types.Status][] {
    return this.#tickets.statuses();
  }

  /** What a store would keep. */
  stored(): Stored {
    const { lanes, ids, epoch, seq, writes } = this.#core;
    const kept = [...writes.values()].filter(({ isStored }) => isStored);
    const [docs, stamps] = [lanes.docs((lane) => lane.streamed), lanes.stamps()];
    return { docs, stamps, epoch, seq, counter: this.#counter, given: ids.given, dead: ids.dead, writes: kept, hasSnapshot: this.#feed.hasSnapshot };
  }

  // --- inside

  #dispatch(seqs: readonly number[], event: Event, done?: (writes: readonly Write[]) => void): number {
    return this.#step(() => {
      this.#intake.check(seqs, event, this.#counter, this.#core.writes.size);
      const { manner, names, envelope } = event;
      const ticket = envelope.ticket ?? this.#tickets.begin();
      // Planned before any of them is shown: no write of an event is made on another.
      const made = event.writes.map((_, at) => this.#planned(event, at, seqs[at] as number, ticket));
      for (const write of made) this.#show(write);
      this.#counter = seqs.at(-1) as number;
      const { scope, origin, action: asked } = manner.context;
      const action = asked ?? this.#segments.action(manner.context, this.#core.entryId(seqs[0] as number));
      const isFirst = this.#segments.add({ ...manner, context: { ...manner.context, action } }, names, made);
      if (isFirst) this.#bulletin.once("schedule", (to) => to.schedule());
      if (done !== undefined) done(made);
      else if (origin === "user") this.#core.history.record(scope, action, made);
      envelope.began?.(ticket);
      return ticket;
    });
  }

  #planned({ writes, restores, envelope }: Event, at: number, seq: number, ticket: number): Write {
    const { resource, entity, change, temporary } = writes[at] as Types.OneWrite;
    const write = new Write(seq, ticket, resource, entity, change, temporary, envelope.optimistic);
    write.base = this.#core.lanes.of(write.atom).planned();
    for (const parent of this.#core.ids.parents(entity, change)) write.parents.add(parent);
    for (const other of restores[at] ?? []) write.restores.add(other);
    return write;
  }

  #show(write: Write): void {
    this.#core.lanes.of(write.atom).add(write);
    this.#core.ids.began(write);
    this.#core.writes.set(write.seq, write);
    this.#core.isChanged = true;
    this.#tickets.attach(write);
  }

  #restore(given: StoredWrite): void {
    const { seq, resource, entity, change, temporary, optimistic, base, accepted } = given;
    const write = new Write(seq, this.#tickets.begin(), resource, entity, change, temporary, optimistic);
    write.isStored = true;
    write.base = base;
    write.accepted = accepted;
    write.place = accepted === undefined ? "enqueued" : "accepted";
    for (const parent of this.#core.ids.parents(entity, change)) write.parents.add(parent);
    this.#show(write);
    this.#core.isChanged = false;
    this.#tickets.moved(write);
    if (accepted !== undefined) this.#tickets.decide(write, { kind: "confirmed" });
  }

  /** One input: all that it changes, and then all that it tells. A refusal changes and tells nothing. */
  #step<T>(change: () => T): T {
    const result = change();
    this.#segments.release((manner, writes) => {
      const request = this.#requests.make(manner, writes);
      this.#bulletin.add("persist", (to) => to.persist(request));
    });
    if (this.#core.isChanged) this.#bulletin.shown();
    this.#core.isChanged = false;
    this.#tickets.report(this.#bulletin);
    this.#bulletin.close();
    return result;
  }
}
