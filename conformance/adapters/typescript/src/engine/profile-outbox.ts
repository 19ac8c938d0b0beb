/**
 * Profile `outbox`: the outbox over its own store on real files. Every run has a directory, that is removed
 * when it is over; `crash` drops the engine and its open files, `start` opens the files again.
 */

import type { Change } from "../changes.js";
import { changeToJson, parseChanges } from "../changes.js";
import type { Json, JsonObject, Observed, Profile, Run, Session, Step } from "../kit/index.js";
import { BadRequest, copy, isObject } from "../kit/index.js";
import { PatchMalformed } from "../patch.js";
import { Outside, PlannedStore } from "./outbox-planned.js";
import type { Member } from "./outbox-rows.js";
import { isItem } from "./outbox-rows.js";
import { configOf, idsOf, num, objectOf, optional, outcomeOf, resultOf, scribble } from "./outbox-script.js";
import type { Batch, DiagCode, Entry, Label, Listener, Outcome, Report, Snapshot, Watermark } from "./outbox-types.js";
import { OutboxError } from "./outbox-types.js";
import { Outbox } from "./outbox.js";

const NEVER = 2 ** 40;

const STEPS: Readonly<Record<string, (this: Life, step: Step) => unknown>> = {
  take({ m }) {
    const seq = this.outbox.take();
    this.outside.taken.set(String(m), seq);
    this.run.names.bind(String(m), seq);
  },
  "give-up"({ m }) {
    this.outbox.giveUp(this.seq(m));
  },
  enqueue({ entries, stored }) {
    const given = entries as Step[];
    const { taken } = this.outside;
    const seqs = given.map(({ m }) => taken.get(String(m)));
    this.outbox.enqueue(given.map((entry) => this.entry(entry)), { seqs, stored: stored !== false });
    for (const { m } of given) taken.delete(String(m));
  },
  scribble({ m }) {
    scribble(this.outside.values.get(String(m)) ?? null);
  },
  reserve({ lease, limit }) {
    this.lease = String(lease);
    const token = this.outbox.reserve(num(limit ?? 100));
    if (token === undefined) return;
    this.outside.leases.set(String(lease), token);
    this.outside.leaseNames.set(token, String(lease));
  },
  settle({ lease, epoch, results }) {
    this.outbox.settle(this.token(lease), num(epoch ?? 1), (results as JsonObject[]).map(resultOf));
  },
  release({ lease }) {
    this.outbox.release(this.token(lease));
  },
  delta({ epoch, seq, settles }) {
    const labels = ((settles ?? []) as JsonObject[]).map((label) => this.label(label));
    this.outbox.delta(num(epoch ?? 1), num(seq), labels);
  },
  snapshot(step) {
    this.outbox.snapshot(this.snapshot(step));
  },
  watermark(step) {
    this.outbox.watermark(this.watermark(step));
  },
  cancel({ m }) {
    this.outbox.cancel(String(m));
  },
  abandon({ m }) {
    this.outbox.abandon(String(m));
  },
  resume({ m }) {
    this.outbox.resume(String(m));
  },
  "has-read"({ resource, entity }) {
    this.outbox.hasRead({ resource: String(resource), id: String(entity) });
  },
  consume() {
    this.outbox.consume();
  },
  wall({ ms }) {
    this.outside.wallMs += num(ms);
  },
  "store-fails"({ times }) {
    this.outside.failures += num(times ?? 1);
  },
  "arm-crash"({ nth, when }) {
    this.outside.savesToDeath = num(nth ?? 1);
    this.outside.diesBefore = when === "before";
  },
};

/** One life of the outbox, and everybody it talks to. */
class Life implements Session, Listener {
  readonly steps = STEPS as Session["steps"];
  readonly outside: Outside;
  readonly outbox: Outbox;
  /** The name that the script gave to the lease being asked for. */
  lease = "";
  readonly #store: PlannedStore;
  readonly #baseEpoch: number;

  constructor(
    given: JsonObject,
    readonly run: Run,
  ) {
    this.outside = (run.durable.get("outside") as Outside | undefined) ?? new Outside();
    run.durable.set("outside", this.outside);
    this.#baseEpoch = num(given["epoch"] ?? 1);
    this.#store = new PlannedStore(this.outside, run);
    const born = performance.now();
    try {
      this.outbox = new Outbox(configOf(given), this.#store, this.#baseEpoch, this, () => performance.now() - born);
    } catch (error) {
      this.#store.die();
      throw error;
    }
  }

  died(): void {
    this.#store.die();
  }

  observe(): Observed {
    const { outbox } = this;
    return {
      pending: outbox.overlays().map(({ seq }) => this.#name(seq)),
      queue: outbox.members().map((member) => this.#member(member)),
      cursor: outbox.cursor(),
      reports: outbox.reports().map(({ id }) => id),
    };
  }

  // --- from the script

  /** The number of a name; one never given out if the name has none. */
  seq(raw: unknown): number {
    const m = String(raw);
    const known = this.run.names.raw(m) as number | undefined;
    if (known !== undefined) return known;
    const { strangers } = this.outside;
    const at = strangers.indexOf(m);
    return NEVER + (at >= 0 ? at : strangers.push(m) - 1);
  }

  token(lease: unknown): number {
    return this.outside.leases.get(String(lease)) ?? -1;
  }

  entry(step: Step): Entry {
    const m = String(step["m"]);
    const { values, offered, keyed } = this.outside;
    // What the change is made of is the caller's own, and is scribbled on.
    const change = parseChanges({ it: step["change"] }).get("it") as Change;
    if (!values.has(m)) values.set(m, step["change"] as Json);
    const key = step["key"] === undefined ? `key-of-${m}` : String(step["key"]);
    offered.add(JSON.stringify([m, key]));
    if (step["key"] === undefined) keyed.delete(m);
    else keyed.add(m);
    const base = optional(step["base"]);
    const epoch = optional(step["base_epoch"]) ?? this.#baseEpoch;
    return {
      id: m,
      key,
      entity: { resource: String(step["resource"]), id: String(step["entity"]) },
      change,
      base: base === undefined ? undefined : { epoch, version: base },
      temporary: step["temporary"] === true,
      after: ((step["after"] ?? []) as Json[]).map(String),
      atMs: Math.max(0, Date.now() + this.outside.wallMs),
    };
  }

  label(label: JsonObject): Label {
    const { m, client, version, ids } = label;
    return { mine: client === undefined, seq: this.seq(m), version: optional(version), ids: idsOf(ids) };
  }

  snapshot(step: Step): Snapshot {
    const outcomes = new Map<number, Outcome>();
    for (const [m, raw] of Object.entries((step["outcomes"] ?? {}) as JsonObject)) {
      outcomes.set(this.seq(m), outcomeOf(raw as JsonObject));
    }
    const clientKnown = step["client_known"] !== false;
    return { epoch: num(step["epoch"] ?? 1), seq: num(step["seq"]), outcomes, clientKnown };
  }

  watermark(step: Step): Watermark {
    const { upto, refused } = step;
    const codes = isObject(refused) ? Object.entries(refused) : undefined;
    return {
      epoch: num(step["epoch"] ?? 1),
      seq: num(step["seq"]),
      upto: upto === null || upto === undefined ? 0 : this.seq(upto),
      refused: codes && new Map(codes.map(([m, code]) => [this.seq(m), String(code)])),
    };
  }

  // --- Listener

  enqueued(id: string, seq: number, again: boolean): void {
    if (this.run.isDead) this.run.die();
    // Again, and without a name: the process died before it could say so.
    if (!again || this.#name(seq).startsWith("#")) this.run.names.bind(id, seq);
    this.run.effect(again ? { e: "enqueued", m: id, again } : { e: "enqueued", m: id });
  }

  send({ entries, skips, floor }: Batch): void {
    const { sentKeys, offered } = this.outside;
    for (const { seq, id, key } of entries) {
      const same = (sentKeys.get(seq) ?? key) === key && offered.has(JSON.stringify([id, key]));
      if (!same) this.run.effect({ e: "key-changed", m: id });
      if (!sentKeys.has(seq)) sentKeys.set(seq, key);
    }
    const names = skips.map(([first, last]) => [this.#name(first), this.#name(last)]);
    const lowest = this.#name(floor);
    this.run.effect({
      e: "send",
      lease: this.lease,
      entries: entries.map((entry) => this.#sent(entry)),
      skips: names,
      floor: lowest.startsWith("$") ? lowest : null,
    });
  }

  verdict({ id, verdict }: Report): void {
    if (verdict.kind === "in-doubt") return this.run.effect({ e: "in-doubt", m: id });
    if (verdict.kind === "refused") return this.run.effect({ e: "rejected", m: id, code: verdict.code });
    const { version, ids } = verdict;
    const told: JsonObject & { e: string } = { e: "confirmed", m: id };
    if (version !== undefined) told["version"] = version;
    if (ids.size > 0) told["ids"] = objectOf(ids);
    this.run.effect(told);
  }

  parked(id: string): void {
    this.run.effect({ e: "parked", m: id });
  }

  resync(): void {
    this.run.effect({ e: "resync" });
  }

  diag(code: DiagCode, id: string): void {
    this.run.effect({ e: "diag", code, m: id });
  }

  // --- what is reported

  #name(seq: number): string {
    const name = this.run.names.name(seq);
    return name.startsWith("$") ? name : (this.outside.strangers[seq - NEVER] ?? `#${seq}`);
  }

  #sent({ id, key, entity, change, base }: Batch["entries"][number]): JsonObject {
    return {
      m: id,
      resource: entity.resource,
      entity: entity.id,
      change: copy(changeToJson(change)),
      ...(base && { base: base.version }),
      ...(this.outside.keyed.has(id) && { key }),
    };
  }

  #member(member: Member): JsonObject {
    const { lease, seq } = member;
    const shown: JsonObject = { m: this.#name(seq), state: lease === undefined ? member.state : "in-flight" };
    if (lease !== undefined) shown["lease"] = this.outside.leaseNames.get(lease.token) ?? "?";
    if (!isItem(member)) return shown;
    const base = member.sent?.base?.version;
    return { ...shown, attempts: member.attempts, ...(base !== undefined && { base }) };
  }
}

export const outbox: Profile = {
  sees: ["out", "effects", "pending", "queue", "cursor", "reports"],
  open: (given, run) => new Life(given, run),
  done: (run) => {
    const outside = run.durable.get("outside") as Outside | undefined;
    outside?.remove();
  },
  codeOf: (error) => {
    if (error instanceof PatchMalformed) throw new BadRequest(error.message);
    return error instanceof OutboxError ? error.code : undefined;
  },
};
