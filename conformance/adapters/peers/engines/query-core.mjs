// TanStack Query: a query for each document, a mutation for each write, refetches from the server of the script.
import { changed } from "../../typescript/dist/kit/index.js";
import { requests } from "../common.mjs";
import { MutationObserver, notifyManager, QueryClient, QueryObserver } from "@tanstack/query-core";

const WRITES = { mutationKey: ["write"] };
// A query always has data: of a document that is absent, an empty list.
const found = (docs, atom) => (Object.hasOwn(docs, atom) ? [docs[atom]] : []);
const keysOf = (atoms) => atoms.map((atom) => ["docs", atom]);

/** The documents in the cache. */
function cached(client) {
  const queries = client.getQueriesData({ queryKey: ["docs"] });
  return Object.fromEntries(queries.flatMap(([[, atom], data]) => data.map((doc) => [atom, doc])));
}

/** As its documentation has it "via the cache": keep the previous data, write, put it back on error. */
export const viaTheCache = {
  view: cached,
  options: {
    async onMutate({ atoms }, { client }) {
      const keys = keysOf(Object.keys(atoms));
      await Promise.all(keys.map((queryKey) => client.cancelQueries({ queryKey })));
      const previous = keys.map((key) => [key, client.getQueryData(key)]);
      const after = changed(cached(client), atoms);
      for (const [key] of previous) client.setQueryData(key, found(after, key[1]));
      return { previous };
    },
    onError(_, __, kept, { client }) {
      for (const [key, data] of kept?.previous ?? []) client.setQueryData(key, data);
    },
  },
};

function overlaid(docs, { atoms }) {
  try {
    return changed(docs, atoms);
  } catch {
    return docs; // it does not apply now
  }
}

/** "Via the UI": the variables of the mutations under way, over what the cache has from the server. */
export const viaTheUi = {
  view(client) {
    const pending = client.getMutationCache().findAll({ ...WRITES, status: "pending" });
    return pending.reduce((docs, { state }) => overlaid(docs, state.variables), cached(client));
  },
  watch: (client, look) => client.getMutationCache().subscribe(look),
  options: {},
};

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

export const make = (pattern) => (docs, tell, run) => {
  const [client, sent, reads] = [new QueryClient(), requests(), new Reads(docs)];
  const invalidate = (atoms) =>
    Promise.all(keysOf(atoms).map((queryKey) => client.invalidateQueries({ queryKey })));
  const look = notifyManager.batchCalls(run.guard(() => tell.shown())); // as the bindings to frameworks do
  const watch = (atoms) => {
    for (const queryKey of keysOf(atoms)) {
      if (client.getQueryCache().find({ queryKey })) continue;
      const initialData = found(docs, queryKey[1]);
      const options = { queryKey, queryFn: () => reads.fetch(queryKey[1]), initialData, notifyOnChangeProps: ["data"] };
      new QueryObserver(client, options).subscribe(look);
    }
  };
  const mutation = new MutationObserver(client, {
    ...WRITES,
    mutationFn: ({ m }) => sent.send(m),
    ...pattern.options,
    onSuccess: (_, { m }) => run.guard(tell.settled)(m, "ok"),
    onError(...given) {
      pattern.options.onError?.(...given);
      run.guard(tell.settled)(given[1].m, "rejected");
    },
    onSettled: (_, __, { atoms }) => (pattern.isLast?.(client) ?? true) && invalidate(Object.keys(atoms)),
  });
  pattern.watch?.(client, look);
  watch(Object.keys(docs));
  const data = (entry, rows) => {
    reads.arrived(entry, rows);
    watch(rows.map(([atom]) => atom));
    void invalidate(rows.map(([atom]) => atom));
  };
  return {
    write(m, atoms) {
      changed(pattern.view(client), atoms); // an application asks before it writes what cannot apply
      watch(Object.keys(atoms));
      mutation.mutate({ m, atoms }).catch(() => undefined);
    },
    accepted(m, arrived) {
      arrived === undefined ? reads.late(m) : reads.arrived(arrived.entry, arrived.rows);
      sent.answer(m);
    },
    rejected: sent.refuse,
    data,
    view: () => pattern.view(client),
  };
};
