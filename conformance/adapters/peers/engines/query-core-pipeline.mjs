// TanStack Query under profile `pipeline`: a mutation sends its write by itself. The network takes what waits for it when
// the script drains, and answers by script; the server has what it accepted, and what the script says it has.
import { changed, Refused, Unsupported } from "../../typescript/dist/kit/index.js";
import { Application } from "./query-core.mjs";
import { dehydrate, hydrate, QueryClient } from "@tanstack/query-core";

const LACKS = [
  "crash", "numbers", "queue-limit", "patches", "contexts", "persist-keys", "segments", "tickets", "waits", "enqueued",
  "late-verdicts", "partial-results", "stream", "snapshots", "epoch", "labelled-deltas", "cancel", "abandon", "history",
  "created-ids", "base-versions", "diagnostics",
];
const CAPS = {
  begin: "tickets", patches: "patches", decided: "late-verdicts", delta: "stream", snapshot: "snapshots",
  cancel: "cancel", abandon: "abandon", undo: "history", redo: "history",
};
const STATUS = { pending: "pending", success: "confirmed", error: "failed" };

const atomOf = ({ resource, entity }) => `${resource.replaceAll("~", "~0").replaceAll("/", "~1")}/${entity}`;
// Whether a pipeline that knows segments may put two events that follow one another into one.
const joins = (a, b) => a.resource === b.resource && a.entity !== b.entity && !a.change.create === !b.change.create;
const lack = (cap) => {
  throw new Unsupported(cap);
};

/** The profile, with pending writes shown as `pattern` has it; `optionsOf` gives options of a mutation more. */
export function pipeline(pattern, optionsOf = () => ({})) {
  const open = (given, run) => new Client(given, run, pattern, optionsOf);
  const sees = ["out", "effects", "view", "pending", "places", "tickets", ...(pattern.documents ? ["documents"] : [])];
  return { sees, lacks: LACKS, open };
}

class Client {
  #written = new Map(); // by name: the entry, the request, the promise of the mutation
  #waiting = new Set(); // names, for the network
  #drained = new Set();
  #known; // atoms of which the script has told what the server holds: others cannot be read
  #readers = [];
  #versions;

  constructor({ docs, versions }, run, pattern, optionsOf) {
    [this.run, this.optionsOf, this.docs] = [run, optionsOf, docs];
    this.#versions = new Map(Object.entries(versions));
    this.#known = new Set(Object.keys({ ...docs, ...versions }));
    this.app = new Application(pattern, structuredClone(docs), {
      fetch: (atom) => this.#read(atom),
      shown: run.guard(() => run.effect({ e: "shown", view: this.app.view })),
      told: run.guard(({ m }, verdict, error) => {
        const how = verdict === "ok" ? { status: "confirmed" } : { status: "failed", code: error.message };
        run.effect({ e: "told", m, ...how });
      }),
    });
    const lacked = Object.entries(CAPS).map(([step, cap]) => [step, () => lack(cap)]);
    this.steps = { ...Object.fromEntries(lacked), ...this.#steps() };
  }

  #steps() {
    return {
      dispatch: (step) => this.#dispatch(step),
      drain: () => this.#drain(),
      persisted: (step) => this.#answer(step),
      fetched: ({ rows }) => {
        for (const row of rows) this.#holds(atomOf(row), row);
        void this.app.fetchAgain(Object.fromEntries(rows.map((row) => [atomOf(row), row])));
      },
      hydrate: ({ rows }) => this.#hydrate(rows),
      await: (step) => this.#await(step),
    };
  }

  #dispatch({ m, resource, entity, change, temporary, context, persist_key, optimistic, ticket, stale_number }) {
    // An application asks before it writes what cannot be written.
    if (resource === "" || entity === "" || change.length === 0) throw new Refused("event-malformed");
    const { scope, origin, action } = { scope: "default", origin: "user", ...context };
    if (temporary) lack("created-ids");
    if (scope !== "default" || origin !== "user" || action !== undefined) lack("contexts");
    if (persist_key !== undefined) lack("persist-keys");
    if (ticket !== undefined) lack("tickets");
    if (stale_number) lack("numbers");
    const variables = { m, optimistic, atoms: { [atomOf({ resource, entity })]: change } };
    const write = { atoms: variables.atoms, entry: { m, resource, entity, change } };
    this.#written.set(m, write);
    this.run.effect({ e: "schedule" });
    write.done = this.app.mutate(variables, () => this.#send(m), this.optionsOf(variables));
    write.done.catch(() => undefined);
  }

  #drain() {
    const window = [...this.#written.values()].filter(({ entry }) => !this.#drained.has(entry.m));
    if (window.some(({ entry }, at) => at > 0 && joins(window[at - 1].entry, entry))) lack("segments");
    for (const { entry } of window) this.#drained.add(entry.m);
    for (const m of this.#waiting) this.#persist(m);
  }

  #send(m) {
    this.#waiting.add(m);
    if (this.#drained.has(m)) this.#persist(m);
    const write = this.#written.get(m);
    return new Promise((resolve, reject) => Object.assign(write, { resolve, reject, answered: false }));
  }

  #persist(m) {
    this.#waiting.delete(m);
    const { entry } = this.#written.get(m);
    const context = { scope: "default", origin: "user", action: m }; // it knows no windows
    this.run.effect({ e: "persist", request: m, entries: [entry], context });
  }

  #answer({ request, results, enqueued, failed, epoch }) {
    if (enqueued !== undefined) lack("enqueued");
    if (epoch !== undefined) lack("epoch");
    if (results !== undefined && (results.length !== 1 || results[0].m !== request)) lack("partial-results");
    const { ok, rejected } = results?.[0] ?? { rejected: failed };
    const write = this.#written.get(request);
    if (write?.resolve === undefined || write.answered) return undefined;
    write.answered = true;
    this.#tells(Object.keys(write.atoms)[0]);
    if (rejected !== undefined) return void write.reject(new Error(rejected));
    if (ok === undefined) return void write.reject(new TypeError("fetch failed"));
    if (ok.seq !== undefined) lack("stream");
    if (ok.ids !== undefined) lack("created-ids");
    this.#accept(write, ok);
    return void write.resolve();
  }

  #await({ w, m, mode = "strict", timeout }) {
    if (mode !== "strict" || timeout !== undefined) lack("waits");
    const write = this.#written.get(m);
    if (write === undefined) throw new Refused("unknown-ticket");
    const answered = this.run.guard((answer) => this.run.effect({ e: "answered", w, ...answer }));
    const failed = ({ message }) => answered({ answer: "failed", code: message });
    void write.done.then(() => answered({ answer: "confirmed" }), failed);
  }

  /** As from a cache of an earlier life: another client's, dehydrated. */
  #hydrate(rows) {
    const before = new QueryClient();
    for (const row of rows) {
      const [atom, data] = [atomOf(row), row.doc === undefined ? [] : [row.doc]];
      before.setQueryData(["docs", atom], data, { updatedAt: 1 });
      if (!this.#known.has(atom)) this.#holds(atom, row);
    }
    hydrate(this.app.client, dehydrate(before));
    this.app.watch(Object.fromEntries(rows.map((row) => [atomOf(row), row])));
  }

  /** A server holds what it accepted; the script may say what came of it. */
  #accept({ atoms }, { row, version }) {
    const [atom] = Object.keys(atoms);
    if (row !== undefined) return this.#holds(atom, { ...row, version });
    if (version !== undefined) this.#versions.set(atom, version);
    try {
      this.docs = changed(this.docs, atoms);
    } catch {
      // the server has other documents than the script has told
    }
  }

  async #read(atom) {
    while (!this.#known.has(atom)) await new Promise((resolve) => this.#readers.push(resolve));
    return Object.hasOwn(this.docs, atom) ? [structuredClone(this.docs[atom])] : [];
  }

  #tells(atom) {
    this.#known.add(atom);
    this.#readers.splice(0).forEach((resolve) => resolve());
  }

  #holds(atom, { doc, version }) {
    if (version <= this.#versions.get(atom)) lack("base-versions");
    if (version !== undefined) this.#versions.set(atom, version);
    const { [atom]: _, ...others } = this.docs;
    this.docs = doc === undefined ? others : { ...others, [atom]: doc };
    this.#tells(atom);
  }

  observe() {
    const { client, given, view } = this.app;
    const mutations = client.getMutationCache().getAll().map(({ state }) => [state.variables.m, state.status]);
    const pending = mutations.filter(([, status]) => status === "pending").map(([m]) => m);
    const place = (m) => (this.#written.get(m).resolve && !this.#waiting.has(m) ? "persisting" : "waiting");
    return {
      view,
      pending,
      places: Object.fromEntries(pending.map((m) => [m, place(m)])),
      tickets: Object.fromEntries(mutations.map(([m, status]) => [m, STATUS[status]])),
      ...(given.pattern.documents && { documents: given.pattern.documents(client) }),
    };
  }
}
