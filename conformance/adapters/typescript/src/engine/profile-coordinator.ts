/** Profile `coordinator`: the coordinator over a store that follows its plan. */

import type { Changes, Docs } from "../changes.js";
import { changesToJson, changeToJson, docsFromJson, parseChanges } from "../changes.js";
import type { Json, JsonObject, Observed, Profile, Run, Session, Step } from "../kit/index.js";
import { BadRequest, isObject } from "../kit/index.js";
import type { Config } from "./coordinator.js";
import { Coordinator } from "./coordinator.js";
import type { Delta, Host, Label, Observer, Outcome, Server, Snapshot } from "./messages.js";
import { CoordinatorError } from "./messages.js";
import { Store } from "./store.js";
import { strategies } from "./strategy.js";

const RETRY_MS = 60_000;
const NEVER = 1_000_000_000;

/** What survives a crash: the counter, and the confirmed documents with their position. */
interface Durable {
  counter: number;
  epoch: number;
  seq: number;
  docs: Docs;
  /** How many calls of the port the script still wants to fail. */
  failures: number;
}

class Client implements Session {
  readonly steps;
  readonly #coordinator: Coordinator;
  readonly #store: Store;
  readonly #saved: Durable;
  /** Names that have no number. */
  readonly #strangers: string[] = [];

  constructor(
    given: JsonObject,
    private readonly run: Run,
  ) {
    const first = { counter: 0, epoch: Number(given["epoch"]), seq: 0, docs: docsFromJson(given["docs"]), failures: 0 };
    this.#saved = (run.durable.get("store") as Durable | undefined) ?? first;
    run.durable.set("store", this.#saved);
    this.#store = new Store(new Map(docsFromJson(Object.fromEntries(this.#saved.docs))));
    const counter = {
      read: () => this.#saved.counter,
      write: (upto: number) => {
        this.#saved.counter = upto;
      },
    };
    const config = { ...configOf(given), epoch: this.#saved.epoch, seq: this.#saved.seq };
    this.#coordinator = new Coordinator(config, this.#host(), this.#observer(), this.#server(), counter);
    setInterval(() => this.#coordinator.tick(), RETRY_MS);
    this.steps = this.#steps();
  }

  observe(): Observed {
    const c = this.#coordinator;
    const all = [...c.pending.values()];
    const names = (keep: (m: (typeof all)[number]) => boolean): Json[] =>
      all.filter(keep).map(({ seq }) => this.#name(seq));
    return {
      pending: this.#shown(),
      confirmed: { epoch: c.epoch, seq: c.seq },
      patches: this.#patches(),
      acked: names(({ at }) => at !== undefined),
      suspended: names(({ withheld }) => withheld),
      buffer: c.gap.held.map(({ seq }) => seq),
      requested: c.gap.asked?.kind === "deltas" ? c.gap.asked.upto : null,
    };
  }

  #name(seq: number): string {
    return seq < NEVER ? this.run.names.name(seq) : (this.#strangers[seq - NEVER] as string);
  }

  /** The number of a name; one never given out if the name has none. */
  #seq(raw: unknown): number {
    const m = String(raw);
    const known = this.run.names.raw(m) as number | undefined;
    if (known !== undefined) return known;
    const at = this.#strangers.indexOf(m);
    return NEVER + (at >= 0 ? at : this.#strangers.push(m) - 1);
  }

  #shown(): Json[] {
    return [...this.#coordinator.shown()].map(({ seq, changes, replaced }) =>
      replaced ? { m: this.#name(seq), atoms: changesToJson(changes) } : this.#name(seq),
    );
  }

  #patches(): JsonObject {
    const out = new Map<string, Json[]>();
    for (const { changes } of this.#coordinator.shown()) {
      for (const [atom, change] of changes) {
        out.set(atom, [...(out.get(atom) ?? []), changeToJson(change)]);
      }
    }
    return Object.fromEntries(out);
  }

  #steps(): Session["steps"] {
    const c = this.#coordinator;
    return {
      generate: ({ m }) => void this.#generate(String(m)),
      register: (step) => this.#register(step),
      sent: ({ m }) => c.sent(this.#seq(m)),
      ack: (s) => c.ack(num(s["epoch"]), this.#seq(s["m"]), optional(s["seq"]), optional(s["version"])),
      reject: (s) => c.reject(num(s["epoch"]), this.#seq(s["m"]), String(s["code"])),
      delta: (s) => c.delta(this.#delta(s)),
      snapshot: (s) => c.snapshot(this.#snapshot(s)),
      head: (s) => c.head(num(s["epoch"]), num(s["seq"])),
      abandon: ({ m }) => c.abandon(this.#seq(m)),
      "apply-fails": (s) => void (this.#saved.failures += num(s["times"] ?? 1)),
    };
  }

  #generate(m: string): number {
    return this.run.names.bind(m, this.#coordinator.generate()) as number;
  }

  #register(step: Step): void {
    const m = String(step["m"]);
    const changes = parseChanges(step["atoms"]);
    const has = step["ungenerated"] === true || this.run.names.raw(m) !== undefined;
    const seq = has ? this.#seq(m) : this.#generate(m);
    this.#coordinator.register(seq, changes, step["sent"] !== false);
  }

  #delta(step: Step): Delta {
    const labels = (step["settles"] ?? []) as JsonObject[];
    const settles = labels.map(
      (label): Label => ({
        mine: label["client"] === undefined,
        seq: this.#seq(label["m"]),
        version: optional(label["version"]),
      }),
    );
    const changes = parseChanges(step["atoms"] ?? {});
    return { epoch: num(step["epoch"]), seq: num(step["seq"]), prev: optional(step["prev"]), changes, settles };
  }

  #snapshot(step: Step): Snapshot {
    const outcomes = new Map<number, Outcome>();
    for (const [m, raw] of Object.entries((step["outcomes"] ?? {}) as JsonObject)) {
      if (!isObject(raw)) throw new BadRequest(`the outcome of ${m} is an object`);
      const rejected = raw["rejected"];
      const version = optional(raw["version"]);
      const ok = (): Outcome => ({ kind: "ok", at: num(raw["ok"]), version });
      outcomes.set(this.#seq(m), rejected === undefined ? ok() : { kind: "rejected", code: String(rejected) });
    }
    const docs = docsFromJson(step["docs"]);
    const clientKnown = step["client_known"] !== false;
    return { epoch: num(step["epoch"]), seq: num(step["seq"]), docs, outcomes, clientKnown };
  }

  #host(): Host {
    const { run } = this;
    return {
      shown: (seq, changes) => void this.#store.redo(seq, changes),
      undo: (seq) => {
        const atoms = changesToJson(this.#store.undo(seq));
        run.effect({ e: "undo", m: this.#name(seq), atoms });
      },
      redo: (seq, changes) => {
        this.#store.redo(seq, changes);
        run.effect({ e: "redo", m: this.#name(seq), atoms: changesToJson(changes) });
      },
      apply: ({ epoch, seq, changes }) => {
        const ok = this.#port({ e: "apply", seq, atoms: changesToJson(changes) }, () => {
          const inverse = this.#store.confirm(changes);
          return inverse && (() => void this.#store.confirm(inverse));
        });
        if (ok) this.#save(epoch, seq);
        return ok;
      },
      load: ({ epoch, seq, docs }) => {
        const ok = this.#port({ e: "load", epoch, seq }, () => {
          const before = this.#store.docs;
          this.#store.docs = docs;
          return () => void (this.#store.docs = before);
        });
        if (ok) this.#save(epoch, seq);
        return ok;
      },
    };
  }

  /** Do something to the documents under the overlays, unless a planned failure strikes. */
  #port(effect: JsonObject & { e: string }, act: () => (() => void) | undefined): boolean {
    const planned = this.#saved.failures > 0 && this.#saved.failures-- > 0;
    const undo = planned ? undefined : act();
    const ok = undo !== undefined;
    try {
      this.run.effect(ok ? effect : { ...effect, failed: true });
    } catch (error) {
      undo?.();
      throw error;
    }
    return ok;
  }

  /** No overlay is on top now, so the documents are the confirmed ones. */
  #save(epoch: number, seq: number): void {
    const docs = docsFromJson(Object.fromEntries(this.#store.docs));
    Object.assign(this.#saved, { epoch, seq, docs });
  }

  #observer(): Observer {
    const { run } = this;
    const m = (seq: number): { m: string } => ({ m: this.#name(seq) });
    return {
      acked: (seq, version) => run.effect({ e: "acked", ...m(seq), ...(version !== undefined && { version }) }),
      rejected: (seq, code) => run.effect({ e: "rejected", ...m(seq), code }),
      inDoubt: (seq) => run.effect({ e: "in-doubt", ...m(seq) }),
      suspended: (seq) => run.effect({ e: "suspended", ...m(seq) }),
      resumed: (seq) => run.effect({ e: "resumed", ...m(seq) }),
      diag: (code, seq) => run.effect({ e: "diag", code, ...(seq !== undefined && m(seq)) }),
      change: () => run.effect({ e: "change", pending: this.#shown() }),
    };
  }

  #server(): Server {
    const { run } = this;
    return {
      request: (after, upto) => run.effect({ e: "request", after, upto }),
      resync: () => run.effect({ e: "resync" }),
    };
  }
}

function num(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new BadRequest(`${JSON.stringify(value)} is not an integer`);
  return value as number;
}

function optional(value: unknown): number | undefined {
  return value === undefined || value === null ? undefined : num(value);
}

function configOf(given: JsonObject): Omit<Config, "epoch" | "seq"> {
  const strategy = strategies[String(given["strategy"] ?? "client-wins")];
  if (strategy === undefined) throw new BadRequest(`no strategy ${JSON.stringify(given["strategy"])}`);
  const limits = { pending: 1000, buffer: 100, ...(given["limits"] as object | undefined) };
  const variant = (given["variant"] ?? "labelled") as Config["variant"];
  return { variant, dense: given["dense"] === true, limits, strategy };
}

export const coordinator: Profile = {
  sees: [
    "out", "effects", "plan", "pending", "confirmed", "patches", "acked", "suspended", "buffer", "requested",
  ],
  open: (given, run) => new Client(given, run),
  codeOf: (error) => (error instanceof CoordinatorError ? error.code : undefined),
};

export type { Changes };
