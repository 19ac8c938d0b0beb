/** Profile `coordinator`: the coordinator alone; the suite follows its plan and holds the documents. */

import { changesToJson, changeToJson, parseChanges } from "../changes.js";
import type { Json, JsonObject, Observed, Profile, Run, Session, Step } from "../kit/index.js";
import { BadRequest, isObject } from "../kit/index.js";
import { setMember } from "../kit/json.js";
import type { Config } from "./coordinator.js";
import { Coordinator } from "./coordinator.js";
import type {
  Counter,
  Delta,
  DiagCode,
  Host,
  Label,
  Observer,
  Outcome,
  Pending,
  Server,
  Snapshot,
} from "./messages.js";
import { CoordinatorError } from "./messages.js";
import { strategies } from "./strategy.js";

const RETRY_MS = 60_000;
const NEVER = 2 ** 40;

/** What survives a crash: the counter, and the position of the confirmed documents. */
interface Durable {
  counter: number;
  epoch: number;
  seq: number;
  /** How many calls of the port the script still wants to fail. */
  failures: number;
}

/** What each step calls. One table for all runs: an instance for each script has to be cheap. */
const STEPS: Readonly<Record<string, (this: Client, step: Step) => unknown>> = {
  generate({ m }) {
    this.generate(String(m));
  },
  register(step) {
    this.register(step);
  },
  sent({ m }) {
    this.coordinator.sent(this.seq(m));
  },
  ack({ epoch, m, seq, version }) {
    this.coordinator.ack(num(epoch), this.seq(m), optional(seq), optional(version));
  },
  reject({ epoch, m, code }) {
    this.coordinator.reject(num(epoch), this.seq(m), String(code));
  },
  delta(step) {
    this.coordinator.delta(this.delta(step));
  },
  snapshot(step) {
    this.coordinator.snapshot(this.snapshot(step));
  },
  head({ epoch, seq }) {
    this.coordinator.head(num(epoch), num(seq));
  },
  abandon({ m }) {
    this.coordinator.abandon(this.seq(m));
  },
  "apply-fails"({ times }) {
    this.saved.failures += num(times ?? 1);
  },
};

/** The coordinator, and everybody it talks to: they only write down what it says. */
class Client implements Session, Host, Observer, Server, Counter {
  readonly steps = STEPS as Session["steps"];
  readonly saved: Durable;
  readonly coordinator: Coordinator;
  /** Names that have no number. */
  readonly #strangers: string[] = [];

  constructor(
    given: JsonObject,
    private readonly run: Run,
  ) {
    const first = { counter: 0, epoch: Number(given["epoch"]), seq: 0, failures: 0 };
    this.saved = (run.durable.get("store") as Durable | undefined) ?? first;
    run.durable.set("store", this.saved);
    this.coordinator = new Coordinator(configOf(given, this.saved), this, this, this, this);
    setInterval(() => this.coordinator.tick(), RETRY_MS);
  }

  observe(): Observed {
    const { state, gap } = this.coordinator;
    const acked: Json[] = [];
    const suspended: Json[] = [];
    for (const { seq, at, withheld } of state.pending.values()) {
      if (at !== undefined) acked.push(this.#name(seq));
      if (withheld) suspended.push(this.#name(seq));
    }
    return {
      pending: this.#shown(),
      confirmed: { epoch: state.epoch, seq: state.seq },
      patches: this.#patches(),
      acked,
      suspended,
      buffer: gap.held.map(({ seq }) => seq),
      requested: gap.asked?.kind === "deltas" ? gap.asked.upto : null,
    };
  }

  // --- from the script

  /** The number of a name; one never given out if the name has none. */
  seq(raw: unknown): number {
    const m = String(raw);
    const known = this.run.names.raw(m) as number | undefined;
    if (known !== undefined) return known;
    const at = this.#strangers.indexOf(m);
    return NEVER + (at >= 0 ? at : this.#strangers.push(m) - 1);
  }

  generate(m: string): number {
    return this.run.names.bind(m, this.coordinator.generate()) as number;
  }

  register(step: Step): void {
    const m = String(step["m"]);
    const changes = parseChanges(step["atoms"]);
    const has = step["ungenerated"] === true || this.run.names.raw(m) !== undefined;
    const seq = has ? this.seq(m) : this.generate(m);
    this.coordinator.register(seq, changes, step["sent"] !== false);
  }

  delta(step: Step): Delta {
    const labels = (step["settles"] ?? []) as JsonObject[];
    const settles = labels.map(
      (label): Label => ({
        mine: label["client"] === undefined,
        seq: this.seq(label["m"]),
        version: optional(label["version"]),
      }),
    );
    const changes = parseChanges(step["atoms"] ?? {});
    return { epoch: num(step["epoch"]), seq: num(step["seq"]), prev: optional(step["prev"]), changes, settles };
  }

  snapshot(step: Step): Snapshot {
    const outcomes = new Map<number, Outcome>();
    for (const [m, raw] of Object.entries((step["outcomes"] ?? {}) as JsonObject)) {
      if (!isObject(raw)) throw new BadRequest(`the outcome of ${m} is an object`);
      const rejected = raw["rejected"];
      const version = optional(raw["version"]);
      const ok = (): Outcome => ({ kind: "ok", at: num(raw["ok"]), version });
      outcomes.set(this.seq(m), rejected === undefined ? ok() : { kind: "rejected", code: String(rejected) });
    }
    const docs = step["docs"] ?? {};
    const clientKnown = step["client_known"] !== false;
    return { epoch: num(step["epoch"]), seq: num(step["seq"]), docs, outcomes, clientKnown };
  }

  // --- Host: the documents are moved by whoever reads the effects

  shown(): void {}

  undo({ seq }: Readonly<Pending>): void {
    this.run.effect({ e: "undo", m: this.#name(seq) });
  }

  redo({ seq, changes, replaced }: Readonly<Pending>): void {
    const m = this.#name(seq);
    this.run.effect(replaced ? { e: "redo", m, atoms: changesToJson(changes) } : { e: "redo", m });
  }

  apply({ epoch, seq, changes }: Delta): boolean {
    return this.#port({ e: "apply", seq, atoms: changesToJson(changes) }, epoch, seq);
  }

  load({ epoch, seq }: Snapshot): boolean {
    return this.#port({ e: "load", epoch, seq }, epoch, seq);
  }

  #port(effect: JsonObject & { e: string }, epoch: number, seq: number): boolean {
    const { saved } = this;
    const failed = saved.failures > 0 && saved.failures-- > 0;
    this.run.effect(failed ? { ...effect, failed } : effect);
    if (!failed) [saved.epoch, saved.seq] = [epoch, seq];
    return !failed;
  }

  // --- Observer

  acked(seq: number, version: number | undefined): void {
    const m = this.#name(seq);
    this.run.effect(version === undefined ? { e: "acked", m } : { e: "acked", m, version });
  }

  rejected(seq: number, code: string): void {
    this.run.effect({ e: "rejected", m: this.#name(seq), code });
  }

  inDoubt(seq: number): void {
    this.run.effect({ e: "in-doubt", m: this.#name(seq) });
  }

  suspended(seq: number): void {
    this.run.effect({ e: "suspended", m: this.#name(seq) });
  }

  resumed(seq: number): void {
    this.run.effect({ e: "resumed", m: this.#name(seq) });
  }

  diag(code: DiagCode, seq: number | undefined): void {
    this.run.effect(seq === undefined ? { e: "diag", code } : { e: "diag", code, m: this.#name(seq) });
  }

  change(): void {
    this.run.effect({ e: "change", pending: this.#shown() });
  }

  // --- Server and Counter

  request(after: number, upto: number): void {
    this.run.effect({ e: "request", after, upto });
  }

  resync(): void {
    this.run.effect({ e: "resync" });
  }

  read(): number {
    return this.saved.counter;
  }

  write(upto: number): void {
    this.saved.counter = upto;
  }

  // --- what is reported

  #name(seq: number): string {
    return seq < NEVER ? this.run.names.name(seq) : (this.#strangers[seq - NEVER] as string);
  }

  #shown(): Json[] {
    return this.coordinator.state
      .shown()
      .map(({ seq, changes, replaced }) =>
        replaced ? { m: this.#name(seq), atoms: changesToJson(changes) } : this.#name(seq),
      );
  }

  #patches(): JsonObject {
    const out: JsonObject = {};
    for (const { changes } of this.coordinator.state.shown()) {
      for (const [atom, change] of changes) {
        if (Object.hasOwn(out, atom)) (out[atom] as Json[]).push(changeToJson(change));
        else setMember(out, atom, [changeToJson(change)]);
      }
    }
    return out;
  }
}

function num(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new BadRequest(`${JSON.stringify(value)} is not an integer`);
  return value as number;
}

function optional(value: unknown): number | undefined {
  return value === undefined || value === null ? undefined : num(value);
}

function configOf(given: JsonObject, { epoch, seq }: Durable): Config {
  const strategy = strategies[String(given["strategy"] ?? "client-wins")];
  if (strategy === undefined) throw new BadRequest(`no strategy ${JSON.stringify(given["strategy"])}`);
  const limits = { pending: 1000, buffer: 100, ...(given["limits"] as object | undefined) };
  const variant = (given["variant"] ?? "labelled") as Config["variant"];
  return { variant, dense: given["dense"] === true, limits, strategy, epoch, seq };
}

export const coordinator: Profile = {
  sees: [
    "out", "effects", "plan", "pending", "confirmed", "patches", "acked", "suspended", "buffer", "requested",
  ],
  open: (given, run) => new Client(given, run),
  codeOf: (error) => (error instanceof CoordinatorError ? error.code : undefined),
};
