// @redux-offline/redux-offline with its defaults, under profile `outbox`: an application that enqueues, a network and a
// storage by script. The network is there while a `reserve` step runs; what the engine sends then is handed out.
import { Unsupported } from "../../typescript/dist/kit/index.js";
import { offline } from "@redux-offline/redux-offline";
import { NetworkError } from "@redux-offline/redux-offline/lib/defaults/effect.js";
import { legacy_createStore as createStore } from "redux";

const LACKS = [
  "batches", "numbers", "direct-writes", "ordered-mode", "parking", "cancel", "abandon", "epoch", "resync", "labelled-deltas",
  "base-versions", "created-ids", "dedupe", "queue-limit", "reports", "diagnostics",
];
const CAPS = {
  take: "numbers", "give-up": "numbers", snapshot: "resync", watermark: "ordered-mode", cancel: "cancel", abandon: "abandon",
  resume: "parking", consume: "reports",
};

/** The profile; `more(config, given)` may change the configuration of the engine. */
export function outbox(more = (config) => config) {
  return { sees: ["out", "effects", "pending", "queue"], lacks: LACKS, open: (given, run) => new Client(given, run, more) };
}

class Client {
  #requests = new Map(); // under way, by name
  #written = new Map(); // what the application enqueued, by name
  #versions = new Map(); // of accepted writes, by entity
  #sent = []; // in this step
  #told = 0;
  #plan = { failures: 0, crash: undefined }; // of the storage

  constructor(given, run, more) {
    if (given.mode === "ordered") throw new Unsupported("ordered-mode");
    this.given = given;
    this.run = run;
    const config = {
      detectNetwork: (report) => (this.online = (online) => report({ online })),
      effect: (effect, action) => this.#send(effect, action),
      retry: (_, before) => (before + 1 < given.max_attempts ? Math.min(given.delay_ms * 2 ** before, given.max_delay_ms) : null),
      persistOptions: { storage: storage(run, this.#plan), whitelist: ["offline"] },
    };
    this.store = createStore(reducer, { verdicts: [] }, offline(more(config, given)));
    this.store.subscribe(run.guard(() => this.#tell()));
    const lacked = Object.entries(CAPS).map(([step, cap]) => [step, () => { throw new Unsupported(cap); }]);
    this.steps = { ...Object.fromEntries(lacked), ...this.#steps() };
  }

  #steps() {
    return {
      enqueue: ({ entries, stored }) => {
        if (stored === false) throw new Unsupported("direct-writes");
        entries.forEach((entry) => this.#enqueue(entry));
      },
      scribble: ({ m }) => scribble(this.#written.get(m)),
      reserve: ({ lease, limit = 100 }) => {
        if (limit > 0) this.#reserve(lease, limit);
      },
      settle: ({ epoch = this.given.epoch, results }) => {
        if (epoch !== this.given.epoch) throw new Unsupported("epoch");
        for (const { m, ...result } of results) this.#answer(m, result);
      },
      release: ({ lease }) => {
        for (const [m, request] of this.#requests) if (request.lease === lease) this.#answer(m, {});
      },
      delta: ({ settles = [] }) => {
        if (settles.length > 0) throw new Unsupported("labelled-deltas");
      },
      "has-read": () => {}, // the documents are the application's
      wall: () => {}, // it reads no clock
      "store-fails": ({ times = 1 }) => void (this.#plan.failures += times),
      "arm-crash": ({ nth = 1, when = "after" }) => void (this.#plan.crash = { nth, when }),
    };
  }

  #enqueue({ m, resource, entity, change, base, key = `key-of-${m}`, temporary }) {
    const { outbox } = this.store.getState().offline;
    if (temporary) throw new Unsupported("created-ids");
    if (base === undefined && (Array.isArray(change) || change.delete)) throw new Unsupported("base-versions");
    if (outbox.some(({ meta }) => meta.m === m || meta.offline.effect.key === key)) throw new Unsupported("dedupe");
    if (outbox.length >= this.given.capacity) throw new Unsupported("queue-limit");
    this.#written.set(m, change);
    const effect = { resource, entity, change, base, key };
    const [commit, rollback] = [{ type: "CONFIRMED", meta: { m } }, { type: "REJECTED", meta: { m } }];
    this.store.dispatch({ type: "WRITE", meta: { m, offline: { effect, commit, rollback } } });
    this.run.names.bind(m, this.store.getState().offline.lastTransaction);
    this.run.effect({ e: "enqueued", m });
  }

  #reserve(lease, limit) {
    this.lease = lease;
    this.#sent = [];
    this.online(true);
    this.online(false);
    if (this.#sent.length === 0) return;
    const [{ resource, entity, change, base }] = this.#sent;
    const other = ({ meta: { offline: { effect } } }) => effect.resource !== resource || effect.entity !== entity;
    if (limit > 1 && this.store.getState().offline.outbox.some(other)) throw new Unsupported("batches");
    if (!change.create && this.#versions.get(`${resource}/${entity}`) > (base ?? 0)) throw new Unsupported("base-versions");
  }

  #send({ key, ...content }, { meta: { m } }) {
    const entry = { m, ...content, ...(key === `key-of-${m}` ? {} : { key }) };
    this.#sent.push(entry);
    const [{ meta }] = this.store.getState().offline.outbox; // what an application can say of older outcomes: the head
    this.run.effect({ e: "send", lease: this.lease, entries: [entry], skips: [], floor: meta.m });
    const of = { lease: this.lease, entity: `${entry.resource}/${entry.entity}` };
    return new Promise((resolve, reject) => this.#requests.set(m, { ...of, resolve, reject }));
  }

  /** What a `fetch` through the default effect would come to; without a verdict it fails as `fetch` does. */
  #answer(m, { ok, version, rejected, retry }) {
    const request = this.#requests.get(m);
    this.#requests.delete(m);
    if (request !== undefined && version !== undefined) this.#versions.set(request.entity, version);
    if (ok !== undefined) request?.resolve(version === undefined ? {} : { version });
    else if (rejected !== undefined) request?.reject(new NetworkError(rejected, 422));
    else if (retry !== undefined) request?.reject(new NetworkError("not now", 503));
    else request?.reject(new TypeError("fetch failed"));
  }

  #tell() {
    const { verdicts } = this.store.getState();
    while (this.#told < verdicts.length) this.run.effect(verdicts[this.#told++]);
  }

  observe() {
    const { outbox, busy, retryCount } = this.store.getState().offline;
    const member = ({ meta: { m } }, at) => {
      const state = at === 0 && busy ? { state: "in-flight", lease: this.#requests.get(m)?.lease } : { state: "queued" };
      return { m, ...state, attempts: at === 0 ? retryCount : 0 };
    };
    return { pending: outbox.map(({ meta }) => meta.m), queue: outbox.map(member) };
  }
}

function reducer(state, { type, payload, meta }) {
  const verdict = { CONFIRMED: () => ({ e: "confirmed", m: meta.m, ...payload }), REJECTED: () => refused(meta.m, payload) }[type];
  return verdict ? { ...state, verdicts: [...state.verdicts, verdict()] } : state;
}

function refused(m, error) {
  return { e: "rejected", m, code: error.response ?? error.message };
}

/** Storage as redux-persist wants it, over what survives a crash. */
function storage(run, plan) {
  const later = (callback, ...args) => void setTimeout(() => callback?.(...args), 0);
  return {
    getAllKeys: (callback) => later(callback, null, [...run.durable.keys()]),
    getItem: (key, callback) => later(callback, null, run.durable.get(key)),
    setItem(key, text, callback) {
      const crash = plan.crash && --plan.crash.nth <= 0 ? plan.crash.when : undefined;
      if (run.isDead || crash === "before") run.die();
      if (plan.failures > 0 && plan.failures--) return later(callback, new Error("the disk is full"));
      run.durable.set(key, text);
      if (crash === "after") run.die();
      return later(callback, null);
    },
  };
}

/** As a careless caller: every object in the value gets a member more. */
function scribble(value) {
  if (typeof value !== "object" || value === null) return;
  Object.values(value).forEach(scribble);
  if (!Array.isArray(value)) value.scribbled = true;
}

// redux-persist saves at an interval of 0, which is over at once here, as a timeout of 0 is in the kit: what a step wrote
// is on disk when the engine is at rest.
const [every, stop] = [globalThis.setInterval, globalThis.clearInterval];
globalThis.setInterval = (work, ms, ...args) => {
  if (ms > 0) return every(work, ms, ...args);
  const chain = { on: true };
  const again = () => void (chain.on && (work(...args), setTimeout(again, 0)));
  setTimeout(again, 0);
  return chain;
};
globalThis.clearInterval = (handle) => (handle?.on ? (handle.on = false) : stop(handle));
