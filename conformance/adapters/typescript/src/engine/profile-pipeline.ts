/** Profile `pipeline`: the pipeline, with a script for its persistence, its server and its clock. */

import { ChangeInapplicable, changeToJson, docsFromJson, parseChanges } from "../changes.js";
import type { Json, JsonObject, Observed, Profile, Run, Session, Step } from "../kit/index.js";
import { BadRequest, copy, PlannedThrow } from "../kit/index.js";
import { setMember } from "../kit/json.js";
import { PatchMalformed, parsePatch } from "../patch.js";
import type { Stored } from "./pipeline.js";
import { Pipeline } from "./pipeline.js";
import { answerOf, contextOf, optional, rowsOf, verdictOf, writtenOf } from "./pipeline-script.js";
import type { Context, Envelope, Label, Limits, Listener, Request, Status, WaitAnswer } from "./pipeline-types.js";
import { PipelineError } from "./pipeline-types.js";

const CLIENT = "me";

const STEPS: Readonly<Record<string, (this: Life, step: Step) => void>> = {
  begin({ m }) {
    this.ticketed(String(m), this.pipeline.begin());
  },
  dispatch(step) {
    const [m, { counter }] = [String(step["m"]), this.outside];
    const seq = step["stale_number"] === true ? counter : counter + 1;
    const change = parseChanges({ it: step["change"] as Json }).get("it");
    if (change === undefined) throw new BadRequest("a write has a change");
    const [resource, entity] = [String(step["resource"]), String(step["entity"])];
    const write = { resource, entity, change, temporary: step["temporary"] === true };
    this.pipeline.dispatch(seq, write, this.envelope(step, [m]));
  },
  patches(step) {
    const names = (step["writes"] as Json[]).map(String);
    const rows = { resource: String(step["resource"]), patch: parsePatch(step["patch"]) };
    this.pipeline.patches(this.numbers(names), rows, this.envelope(step, names));
  },
  drain() {
    this.pipeline.drain();
  },
  persisted(step) {
    const handle = this.requests.get(String(step["request"])) ?? -1;
    this.pipeline.answer(handle, answerOf(step, (m) => this.entryId(m)), optional(step["epoch"]));
  },
  decided(step) {
    this.pipeline.decided(this.seq(step["m"]), verdictOf(step), optional(step["epoch"]));
  },
  delta({ epoch, seq, atoms, settles }) {
    const labels = ((settles ?? []) as JsonObject[]).map((label) => this.label(label));
    const changes = parseChanges(atoms ?? {});
    this.pipeline.delta({ epoch: Number(epoch ?? 1), seq: Number(seq), changes, settles: labels });
  },
  snapshot({ epoch, seq, docs, versions, outcomes, client_known }) {
    const told = Object.entries((outcomes ?? {}) as JsonObject).map(([m, raw]) => {
      const { ok, version, ids, ...rejected } = raw as JsonObject;
      return [this.seq(m), verdictOf(ok === undefined ? rejected : { ok: { seq: ok, version, ids } })] as const;
    });
    this.pipeline.snapshot({
      epoch: Number(epoch ?? 1),
      seq: Number(seq),
      docs: docsFromJson(docs),
      versions: new Map(Object.entries((versions ?? {}) as Record<string, number>)),
      outcomes: new Map(told),
      clientKnown: client_known !== false,
    });
  },
  fetched({ rows }) {
    this.pipeline.fetched(rowsOf(rows));
  },
  hydrate({ rows }) {
    this.pipeline.hydrate(rowsOf(rows));
  },
  await({ w, m, mode, timeout, on_timeout }) {
    const options = {
      strict: (mode ?? "strict") === "strict",
      timeoutMs: optional(timeout),
      resolveEnqueued: on_timeout === "resolve-enqueued",
    };
    this.pipeline.wait(String(w), this.ticket(m), options);
  },
  cancel({ m }) {
    this.pipeline.cancel(this.ticket(m));
  },
  abandon({ m }) {
    this.pipeline.abandon(this.ticket(m));
  },
  undo(step) {
    this.revert(step, "undo");
  },
  redo(step) {
    this.revert(step, "redo");
  },
};

/** What outlives a process: what a store keeps, and what the script calls things. */
interface Outside {
  counter: number;
  readonly seqs: Map<string, number>;
  readonly names: Map<number, string>;
  stored: Stored | undefined;
}

/** One life of the pipeline, and everybody it talks to. */
class Life implements Session, Listener {
  readonly steps = STEPS as Session["steps"];
  readonly pipeline: Pipeline;
  readonly outside: Outside;
  readonly requests = new Map<string, number>();
  readonly #tickets = new Map<string, number>();
  readonly #events = new Map<number, string>();

  constructor(
    given: JsonObject,
    readonly run: Run,
  ) {
    const kept = run.durable.get("outside") as Outside | undefined;
    this.outside = kept ?? { counter: 0, seqs: new Map(), names: new Map(), stored: undefined };
    run.durable.set("outside", this.outside);
    const stored = this.outside.stored ?? beginning(given);
    this.pipeline = new Pipeline(CLIENT, given as unknown as Limits, stored, this, (error) => {
      if (!(error instanceof PlannedThrow)) run.broken ??= error;
    });
    for (const [at, { seq }] of stored.writes.entries()) this.ticketed(this.name(seq), at + 1);
  }

  died(): void {
    this.outside.stored = this.pipeline.stored();
  }

  observe(): Observed {
    const { pipeline } = this;
    const places = pipeline.places().map(([seq, place]) => [this.name(seq), place] as const);
    const named = pipeline.tickets().filter(([ticket]) => this.#events.has(ticket));
    return {
      view: objectOf(pipeline.view()),
      documents: objectOf(pipeline.documents()),
      position: pipeline.position,
      pending: places.map(([name]) => name),
      places: Object.fromEntries(places),
      tickets: Object.fromEntries(named.map(([ticket, status]) => [this.#events.get(ticket), status])),
    };
  }

  // --- from the script

  ticketed(m: string, ticket: number): void {
    this.#tickets.set(m, ticket);
    this.#events.set(ticket, m);
  }

  ticket(m: unknown): number {
    return this.#tickets.get(String(m)) ?? -1;
  }

  seq(m: unknown): number {
    return this.outside.seqs.get(String(m)) ?? -1;
  }

  name(seq: number): string {
    return this.outside.names.get(seq) ?? `#${seq}`;
  }

  entryId(m: string): string {
    const seq = this.outside.seqs.get(m);
    return seq === undefined ? `nobody/${m}` : `${CLIENT}/${seq}`;
  }

  numbers(names: readonly string[]): number[] {
    return names.map((_, at) => this.outside.counter + 1 + at);
  }

  envelope(step: Step, names: readonly string[]): Envelope {
    const { persist_key, optimistic, ticket, m } = step;
    const own = this.#tickets.get(String(m));
    return {
      context: contextOf(step["context"]),
      persistKey: persist_key === undefined ? undefined : String(persist_key),
      optimistic: optimistic !== false,
      ticket: ticket === undefined ? own : this.ticket(ticket),
      began: (taken) => this.#began(String(m), taken, names),
    };
  }

  revert(step: Step, direction: "undo" | "redo"): void {
    const names = (step["writes"] as Json[]).map(String);
    const scope = String(step["scope"] ?? "default");
    this.pipeline.revert(this.numbers(names), scope, direction, this.envelope(step, names));
  }

  label({ m, client, version, ids }: JsonObject): Label {
    const written = writtenOf({ version, ids });
    return { mine: client === undefined, seq: this.seq(m), version: written.version, ids: written.ids };
  }

  /** An event was taken: its names stand for its numbers, and for its ticket. */
  #began(m: string, ticket: number, names: readonly string[]): void {
    const { seqs, names: known } = this.outside;
    for (const name of names) {
      const seq = ++this.outside.counter;
      seqs.set(name, seq);
      known.set(seq, name);
    }
    if (!this.#events.has(ticket)) this.ticketed(m, ticket);
  }

  // --- Listener

  shown(): void {
    this.run.effect({ e: "shown", view: objectOf(this.pipeline.view()) });
  }

  told(ticket: number, status: Status, code: string | undefined): void {
    const m = this.#events.get(ticket) ?? `#${ticket}`;
    this.run.effect({ e: "told", m, status, ...(code !== undefined && { code }) });
  }

  answered(w: string, answer: WaitAnswer, code: string | undefined): void {
    this.run.effect({ e: "answered", w, answer, ...(code !== undefined && { code }) });
  }

  diag(code: string, entry: string): void {
    const [, at = ""] = entry.split("/");
    this.run.effect({ e: "diag", code, m: at.startsWith("$") ? at : this.name(Number(at)) });
  }

  stale(resource: string, entity: string): void {
    this.run.effect({ e: "stale", resource, entity });
  }

  withdraw(seq: number): void {
    this.run.effect({ e: "withdraw", m: this.name(seq) });
  }

  resync(): void {
    this.run.effect({ e: "resync" });
  }

  schedule(): void {
    this.run.effect({ e: "schedule" });
  }

  persist({ handle, entries, context, persistKey }: Request): void {
    const shown = entries.map((entry) => this.#shownEntry(entry));
    const request = shown[0]?.["m"] as string;
    this.requests.set(request, handle);
    const told = { e: "persist", request, entries: shown, context: this.#shownContext(context) };
    this.run.effect(persistKey === undefined ? told : { ...told, persist_key: persistKey });
  }

  #shownEntry({ id, seq, resource, entity, change, base, temporary, after }: Request["entries"][number]): JsonObject {
    const m = this.name(seq);
    this.run.names.bind(m, id);
    return {
      m,
      resource,
      entity,
      change: copy(changeToJson(change)),
      ...(base !== undefined && { base: base.version }),
      ...(temporary && { temporary }),
      ...(after.length > 0 && { after: after.map((parent) => this.name(parent)) }),
    };
  }

  #shownContext({ scope, origin, action, label, at }: Context): JsonObject {
    const [client, seq] = (action ?? "").split("/");
    const named = client === CLIENT ? this.outside.names.get(Number(seq)) : undefined;
    const shown = { scope, origin, action: named ?? action ?? null };
    return { ...shown, ...(label !== undefined && { label }), ...(at !== 0 && { at }) };
  }
}

function objectOf(docs: ReadonlyMap<string, Json>): JsonObject {
  const out: JsonObject = {};
  for (const [atom, doc] of docs) setMember(out, atom, doc);
  return out;
}

function beginning(given: JsonObject): Stored {
  const epoch = Number(given["epoch"] ?? 1);
  const versions = Object.entries((given["versions"] ?? {}) as Record<string, number>);
  return {
    docs: docsFromJson(given["docs"]),
    stamps: new Map(versions.map(([atom, version]) => [atom, { epoch, version }])),
    epoch,
    seq: 0,
    counter: 0,
    given: new Map(),
    dead: new Set(),
    hasSnapshot: false,
    writes: [],
  };
}

export const pipeline: Profile = {
  sees: ["out", "effects", "view", "documents", "position", "pending", "places", "tickets"],
  open: (given, run) => new Life(given, run),
  codeOf: (error) => {
    if (error instanceof PatchMalformed) throw new BadRequest(error.message);
    if (error instanceof ChangeInapplicable) return "change-inapplicable";
    return error instanceof PipelineError ? error.code : undefined;
  },
};
