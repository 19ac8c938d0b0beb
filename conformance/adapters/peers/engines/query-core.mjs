// TanStack Query: a query for each document and a mutation for each write.
import { changed } from "../../typescript/dist/kit/index.js";
import { requests } from "../common.mjs";
import { MutationObserver, notifyManager, QueryClient, QueryObserver, replaceEqualDeep } from "@tanstack/query-core";

const WRITES = { mutationKey: ["write"] };
// A query always has data: of a document that is absent, an empty list.
const found = (docs, atom) => (Object.hasOwn(docs, atom) ? [docs[atom]] : []);
const keysOf = (atoms) => Object.keys(atoms).map((atom) => ["docs", atom]);

/** The documents in the cache. */
function cached(client) {
  const queries = client.getQueriesData({ queryKey: ["docs"] });
  return Object.fromEntries(queries.flatMap(([[, atom], data]) => data.map((doc) => [atom, doc])));
}

function overlaid(docs, { atoms }) {
  try {
    return changed(docs, atoms);
  } catch {
    return docs; // it does not apply now
  }
}

/** As its documentation has it "via the cache": keep the previous data, write, put it back on error. */
export const viaTheCache = {
  view: cached,
  options: {
    async onMutate({ atoms, optimistic }, { client }) {
      if (optimistic === false) return undefined;
      const keys = keysOf(atoms);
      await Promise.all(keys.map((queryKey) => client.cancelQueries({ queryKey })));
      const previous = keys.map((key) => [key, client.getQueryData(key)]);
      const after = overlaid(cached(client), { atoms });
      for (const [key] of previous) client.setQueryData(key, found(after, key[1]));
      return { previous };
    },
    onError(_, __, kept, { client }) {
      for (const [key, data] of kept?.previous ?? []) client.setQueryData(key, data);
    },
  },
};

/** "Via the UI": the variables of the mutations under way, over what the cache has from the server. */
export const viaTheUi = {
  documents: cached,
  view: (client) => underWay(client).filter(({ optimistic }) => optimistic !== false).reduce(overlaid, cached(client)),
  watch(client, look) {
    let seen = []; // as the bindings to frameworks do
    client.getMutationCache().subscribe(() => {
      const now = replaceEqualDeep(seen, underWay(client));
      if (now !== seen) look((seen = now));
    });
  },
  options: {},
};

/** Variables, in the order in which they were given. */
const underWay = (client) =>
  client.getMutationCache().findAll({ ...WRITES, status: "pending" }).map(({ state }) => state.variables);

/** What an application has of it; `fetch(atom)` reads, `told(variables, verdict, error)` hears how a mutation ended. */
export class Application {
  client = new QueryClient();

  #watched = new Set();

  constructor(pattern, docs, { fetch, shown, told }) {
    this.given = { pattern, docs, fetch };
    this.look = notifyManager.batchCalls(shown); // as the bindings to frameworks do
    pattern.watch?.(this.client, this.look);
    this.watch(docs);
    this.options = {
      ...WRITES,
      ...pattern.options,
      onSuccess: (_, variables) => told(variables, "ok"),
      onError(...given) {
        pattern.options.onError?.(...given);
        told(given[1], "rejected", given[0]);
      },
      onSettled: (_, __, { atoms }) => (pattern.isLast?.(this.client) ?? true) && this.fetchAgain(atoms),
    };
  }

  watch(atoms) {
    const { docs, fetch } = this.given;
    for (const queryKey of keysOf(atoms)) {
      if (this.#watched.has(queryKey[1])) continue;
      this.#watched.add(queryKey[1]);
      const initialData = found(docs, queryKey[1]);
      const query = new QueryObserver(this.client, {
        queryKey,
        queryFn: () => fetch(queryKey[1]),
        initialData,
        initialDataUpdatedAt: initialData.length > 0 ? undefined : 0, // nobody has said that it is absent
        notifyOnChangeProps: ["data"],
      });
      query.subscribe(this.look);
    }
  }

  fetchAgain(atoms) {
    this.watch(atoms);
    return Promise.all(keysOf(atoms).map((queryKey) => this.client.invalidateQueries({ queryKey })));
  }

  mutate(variables, mutationFn, more = {}) {
    this.watch(variables.atoms);
    return new MutationObserver(this.client, { ...this.options, ...more, mutationFn }).mutate(variables);
  }

  get view() {
    return this.given.pattern.view(this.client);
  }
}

/** What the server's reads answer: not before the data of every answered write is there. */
class Reads {
  #came = new Set();
  #late = new Set();
  #waiting = [];

  constructor(docs) {
    this.docs = new Map(Object.entries(docs));
  }

  async fetch(atom) {
    if (this.#late.size > 0) await new Promise((resolve) => this.#waiting.push(resolve));
    return this.docs.has(atom) ? [structuredClone(this.docs.get(atom))] : [];
  }

  late(m) {
    if (!this.#came.has(m)) this.#late.add(m);
  }

  arrived({ m }, rows) {
    for (const [atom, doc] of rows) doc === undefined ? this.docs.delete(atom) : this.docs.set(atom, doc);
    this.#came.add(m);
    this.#late.delete(m);
    if (this.#late.size === 0) this.#waiting.splice(0).forEach((resolve) => resolve());
  }
}

/** For profile `view`. */
export const make = (pattern) => (docs, tell, run) => {
  const [sent, reads] = [requests(), new Reads(docs)];
  const app = new Application(pattern, docs, {
    fetch: (atom) => reads.fetch(atom),
    shown: run.guard(() => tell.shown()),
    told: run.guard(({ m }, verdict) => tell.settled(m, verdict)),
  });
  return {
    write(m, atoms) {
      changed(app.view, atoms); // an application asks before it writes what cannot apply
      app.mutate({ m, atoms }, () => sent.send(m)).catch(() => undefined);
    },
    accepted(m, arrived) {
      arrived === undefined ? reads.late(m) : reads.arrived(arrived.entry, arrived.rows);
      sent.answer(m);
    },
    rejected: sent.refuse,
    data(entry, rows) {
      reads.arrived(entry, rows);
      void app.fetchAgain(Object.fromEntries(rows));
    },
    view: () => app.view,
  };
};
