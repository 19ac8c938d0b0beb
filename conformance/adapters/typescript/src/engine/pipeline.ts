/**
 * The mutation pipeline: entities are lanes, each with its document and the writes over it; events are put into
 * segments as they come in. Every input is one step: it changes everything it changes, and then tells.
 */

import type { Json } from "../kit/index.js";
import { same } from "../kit/index.js";
import { Feed } from "./pipeline-feed.js";
import type { Direction } from "./pipeline-history.js";
import { History } from "./pipeline-history.js";
import { TemporaryIds } from "./pipeline-ids.js";
import { Lanes } from "./pipeline-lane.js";
import { writesOf } from "./pipeline-patches.js";
import type { Kind, Manner } from "./pipeline-segments.js";
import { kindOf, Segments } from "./pipeline-segments.js";
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

type News = (to: Types.Listener) => void;

/** An event, taken apart. */
interface Event {
  readonly manner: Manner;
  readonly writes: readonly Types.OneWrite[];
  readonly restores: readonly (readonly Write[])[];
  readonly optimistic: boolean;
  readonly ticket: number | undefined;
  readonly began: ((ticket: number) => void) | undefined;
}

export class Pipeline {
  readonly #core: Core;
  readonly #settling: Settling;
  readonly #feed: Feed;
  readonly #segments: Segments;
  readonly #tickets: Tickets;
  readonly #requests = new Map<number, readonly Write[]>();
  #handles = 0;
  #counter: number;
  /** What a step tells after its tickets, by kind. */
  #news: Record<"diag" | "stale" | "withdraw" | "resync" | "schedule", News[]> = noNews();

  constructor(
    private readonly client: string,
    private readonly limits: Types.Limits,
    stored: Stored,
    private readonly listener: Types.Listener,
    /** What a listener threw; nothing depends on it. */
    private readonly onError: (error: unknown) => void,
  ) {
    const lanes = new Lanes(stored.docs, stored.stamps);
    const ids = new TemporaryIds(new Map(stored.given), new Set(stored.dead));
    this.#tickets = new Tickets(limits.remembered);
    this.#segments = new Segments(lanes);
    this.#counter = stored.counter;
    this.#core = {
      lanes,
      ids,
      tickets: this.#tickets,
      history: new History(limits.history, lanes, ids),
      writes: new Map<number, Write>(),
      epoch: stored.epoch,
      seq: stored.seq,
      isChanged: false,
      diag: (code, seq) => this.#news.diag.push((to) => to.diag(code, this.#entryId(seq))),
      stale: (resource, entity) => this.#news.stale.push((to) => to.stale(resource, entity)),
      resync: () => {
        this.#news.resync = [(to) => to.resync()];
      },
    };
    this.#settling = new Settling(this.#core);
    this.#feed = new Feed(this.#core, this.#settling, stored.hasSnapshot);
    for (const write of stored.writes) this.#restore(write);
    this.#tickets.restored();
  }

  // --- what the application asks

  begin(): number {
    return this.#step(() => this.#tickets.begin());
  }

  /** One write under this number; the ticket it is under. Throws PipelineError, nothing changed. */
  dispatch(seq: number, write: Types.OneWrite, envelope: Types.Envelope): number {
    const { resource, entity, change, temporary } = write;
    const makesNone = change.kind === "update" || change.kind === "delete";
    if (resource === "" || entity === "" || (temporary && makesNone)) refuse("event-malformed");
    if (change.kind === "update" && change.patch.length === 0) refuse("event-malformed");
    return this.#dispatch([seq], this.#event(kindOf(change), [write], envelope));
  }

  /** A patch over rows, a number for each row. Throws PipelineError, nothing changed. */
  patches(seqs: readonly number[], rows: Types.RowsPatch, envelope: Types.Envelope): number {
    const writes = writesOf(rows);
    if (rows.resource === "" || writes.length === 0) refuse("event-malformed");
    return this.#dispatch(seqs, this.#event("patches", writes, envelope));
  }

  /** Take back, a number for each entity. Throws PipelineError, nothing changed. */
  revert(seqs: readonly number[], scope: string, direction: Direction, given: Pick<Types.Envelope, "persistKey" | "began">): number {
    const reversal = this.#core.history.reversal(scope, direction);
    const action = this.#entryId(seqs[0] ?? 0);
    const context = { scope, origin: direction, action, label: undefined, at: 0 };
    const writes = reversal.writes.map(({ write }) => write);
    const envelope = { ...given, context, optimistic: true, ticket: undefined };
    const restores = reversal.writes.map((each) => each.restores);
    const made = { ...this.#event("patches", writes, envelope), restores };
    return this.#dispatch(seqs, made, (those) => reversal.done(action, those));
  }

  drain(): void {
    this.#step(() => this.#segments.drain());
  }

  /** Throws unknown-ticket. */
  wait(name: string, ticket: number, options: WaitOptions): void {
    const later = (timeout: () => void): void => this.whenIdle(() => this.#step(timeout));
    this.#step(() => this.#tickets.wait(name, ticket, options, later, this.#voice));
  }

  /** Throws unknown-ticket, already-decided, already-sent. */
  cancel(ticket: number): void {
    this.#step(() => {
      const undecided = this.#tickets.undecided(ticket);
      if (undecided.length === 0) refuse("already-decided");
      const sent = this.#tickets.writes(ticket).filter(({ isPending }) => isPending);
      if (sent.some(({ place }) => place !== "waiting" && place !== "enqueued")) refuse("already-sent");
      for (const write of undecided) {
        if (write.place === "waiting") this.#settling.reject(write, { kind: "rejected", code: "cancelled" });
        else this.#news.withdraw.push((to) => to.withdraw(write.seq));
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
    const writes = this.#requests.get(handle);
    if (writes === undefined) return;
    this.#requests.delete(handle);
    this.#step(() => this.#answer(writes, answer, epoch));
  }

  decided(seq: number, verdict: Types.Verdict, epoch: number | undefined): void {
    this.#step(() => this.#settling.verdict(seq, verdict, epoch));
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
    const [docs, stamps] = [this.documents(), lanes.stamps()];
    return { docs, stamps, epoch, seq, counter: this.#counter, given: ids.given, dead: ids.dead, writes: kept, hasSnapshot: this.#feed.hasSnapshot };
  }

  /** Make a call now, or when everybody was told of the step being made. */
  whenIdle(call: () => void): void {
    if (this.#isTelling) this.#held.push(call);
    else call();
  }

  // --- inside

  #event(kind: Kind, writes: readonly Types.OneWrite[], given: Types.Envelope): Event {
    const { context, persistKey, optimistic, ticket } = given;
    const { ids } = this.#core;
    const resource = writes[0]?.resource ?? "";
    const renamed = writes.map((write) => ({
      ...write,
      entity: write.temporary ? write.entity : ids.current(write.entity),
      change: ids.renamed(write.change),
    }));
    const manner = { resource, kind, context, persistKey };
    return { manner, writes: renamed, restores: [], optimistic, ticket, began: given.began };
  }

  #dispatch(seqs: readonly number[], event: Event, done?: (writes: readonly Write[]) => void): number {
    return this.#step(() => {
      this.#check(seqs, event);
      const { lanes, ids, writes, history } = this.#core;
      const ticket = event.ticket ?? this.#tickets.begin();
      const made = event.writes.map(({ resource, entity, change, temporary }, at) => {
        const write = new Write(seqs[at] as number, ticket, resource, entity, change, temporary, event.optimistic);
        write.base = lanes.of(write.atom).planned();
        for (const parent of ids.parents(entity, change)) write.parents.add(parent);
        for (const other of event.restores[at] ?? []) write.restores.add(other);
        return write;
      });
      for (const write of made) {
        lanes.of(write.atom).add(write);
        ids.began(write);
        writes.set(write.seq, write);
        this.#tickets.attach(write);
      }
      this.#counter = seqs.at(-1) as number;
      this.#core.isChanged = true;
      const { scope, origin, action: asked } = event.manner.context;
      const action = asked ?? this.#segments.action(event.manner.context, this.#entryId(seqs[0] as number));
      const context = { ...event.manner.context, action };
      if (this.#segments.add({ ...event.manner, context }, made)) this.#news.schedule.push((to) => to.schedule());
      if (done !== undefined) done(made);
      else if (origin === "user") history.record(scope, action, made);
      event.began?.(ticket);
      return ticket;
    });
  }

  #check(seqs: readonly number[], { writes, ticket }: Event): void {
    const { ids, writes: pending } = this.#core;
    const isAscending = seqs.every((seq, at) => seq > (seqs[at - 1] ?? this.#counter));
    if (seqs.length !== writes.length || !isAscending) refuse("number-order");
    if (pending.size + writes.length > this.limits.capacity) refuse("pipeline-full");
    if (ticket !== undefined) this.#tickets.checkFree(ticket);
    if (writes.some(({ temporary, entity }) => temporary && ids.isTaken(entity))) refuse("temporary-id-reused");
    if (writes.some(({ entity, change }) => ids.mentionsDead(entity, change))) refuse("parent-rejected");
  }

  #answer(writes: readonly Write[], answer: Types.Answer, epoch: number | undefined): void {
    const settling = this.#settling;
    const said = new Map<string, Types.Result[]>();
    if (answer.kind === "results") {
      for (const [id, result] of answer.results) said.set(id, [...(said.get(id) ?? []), result]);
    }
    const asked = new Set(writes.map(({ seq }) => this.#entryId(seq)));
    for (const write of writes) {
      const id = this.#entryId(write.seq);
      if (answer.kind === "failed") settling.verdict(write.seq, { kind: "rejected", code: answer.code }, undefined);
      else if (answer.kind === "enqueued" && answer.entries.includes(id)) settling.enqueued(write);
      else {
        const result = one(said.get(id) ?? []);
        if (result === undefined) settling.unknown(write);
        else settling.verdict(write.seq, result, epoch);
      }
    }
    const named = answer.kind === "enqueued" ? answer.entries : said.keys();
    for (const id of new Set(named)) if (!asked.has(id)) this.#news.diag.push((to) => to.diag("not-asked", id));
  }

  #restore(given: StoredWrite): void {
    const { seq, resource, entity, change, temporary, optimistic, base, accepted } = given;
    const write = new Write(seq, this.#tickets.begin(), resource, entity, change, temporary, optimistic);
    write.isStored = true;
    write.base = base;
    write.accepted = accepted;
    write.place = accepted === undefined ? "enqueued" : "accepted";
    this.#core.lanes.of(write.atom).add(write);
    this.#core.ids.began(write);
    this.#core.writes.set(seq, write);
    this.#tickets.attach(write);
    this.#tickets.moved(write);
    if (accepted !== undefined) this.#tickets.decide(write, { kind: "confirmed" });
  }

  #hand(manner: Manner, writes: readonly Write[]): void {
    const handle = ++this.#handles;
    for (const write of writes) write.place = "persisting";
    this.#requests.set(handle, writes);
    const entries = writes.map((write) => this.#entry(write));
    const { context, persistKey } = manner;
    this.#requested.push({ handle, entries, context, persistKey });
  }

  #entry({ seq, resource, entity, change, base, temporary, parents }: Write): Types.PersistEntry {
    const id = this.#entryId(seq);
    const after = [...parents].filter(({ isPending, place }) => isPending && place === "enqueued");
    return {
      id,
      key: id,
      seq,
      resource,
      entity,
      change,
      base: change.kind === "create" ? undefined : base,
      temporary,
      after: after.map((parent) => parent.seq).sort((a, b) => a - b),
    };
  }

  #entryId(seq: number): string {
    return `${this.client}/${seq}`;
  }

  // --- steps

  #isTelling = false;
  #requested: Types.Request[] = [];
  #held: (() => void)[] = [];

  readonly #voice = {
    told: (ticket: number, status: Types.Status, code: string | undefined): void =>
      this.#say((to) => to.told(ticket, status, code)),
    answered: (wait: string, answer: Types.WaitAnswer, code: string | undefined): void =>
      this.#say((to) => to.answered(wait, answer, code)),
  };

  #say(what: (to: Types.Listener) => void): void {
    try {
      what(this.listener);
    } catch (error) {
      this.onError(error);
    }
  }

  /** One input: all that it changes, then all that it tells. A refusal changes and tells nothing. */
  #step<T>(change: () => T): T {
    const result = change();
    this.#segments.release((manner, writes) => this.#hand(manner, writes));
    this.#isTelling = true;
    const [news, requested] = [this.#news, this.#requested];
    [this.#news, this.#requested] = [noNews(), []];
    if (this.#core.isChanged) this.#say((to) => to.shown());
    this.#core.isChanged = false;
    this.#tickets.report(this.#voice);
    for (const tell of Object.values(news).flat()) this.#say(tell);
    for (const request of requested) this.#say((to) => to.persist(request));
    this.#isTelling = false;
    while (this.#held.length > 0) this.#held.shift()?.();
    return result;
  }
}

function noNews(): Record<"diag" | "stale" | "withdraw" | "resync" | "schedule", News[]> {
  return { diag: [], stale: [], withdraw: [], resync: [], schedule: [] };
}

/** The one result that all of these are; undefined if they differ, or there is none. */
function one(results: readonly Types.Result[]): Types.Result | undefined {
  const plain = (result: Types.Result): Json => JSON.parse(JSON.stringify(result, mapsToo)) as Json;
  const [first, ...others] = results;
  return first !== undefined && others.every((other) => same(plain(first), plain(other))) ? first : undefined;
}

function mapsToo(_: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value;
}
