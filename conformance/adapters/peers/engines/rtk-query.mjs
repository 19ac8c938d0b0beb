// RTK Query as its documentation has optimistic updates: updateQueryData in onQueryStarted, undo on failure.
import { patchInto } from "../../typescript/dist/kit/index.js";
import { requests } from "../common.mjs";
import { configureStore } from "@reduxjs/toolkit";
import { createApi, fakeBaseQuery } from "@reduxjs/toolkit/query";

const recipe = (patch) => (draft) => {
  const doc = patchInto(draft, patch);
  return doc === draft ? undefined : doc;
};

/** As the documentation has it: what updateQueryData returns can be undone. */
export class DocumentedUndo {
  #patches = new Map();

  constructor(update) {
    this.update = update;
  }

  write(m, atoms) {
    this.#patches.set(m, this.update(atoms));
  }

  failed(m) {
    this.#patches.get(m).forEach((patch) => patch.undo());
  }

  done() {}

  received(atoms) {
    this.update(atoms); // a streaming update, in its words
  }
}

function build(sent, optimism) {
  return (build) => ({
    getDoc: build.query({ queryFn: () => ({ error: "not fetched here" }) }),
    write: build.mutation({
      queryFn: async ({ m }) => sent.send(m).then(() => ({ data: null }), (error) => ({ error: error.message })),
      async onQueryStarted({ m, atoms }, { queryFulfilled }) {
        optimism().write(m, atoms);
        try {
          await queryFulfilled;
          optimism().done(m);
        } catch {
          optimism().failed(m);
        }
      },
    }),
  });
}

export const make = (Optimism) => (docs, tell, run) => {
  const sent = requests();
  const api = createApi({ baseQuery: fakeBaseQuery(), endpoints: build(sent, () => optimism) });
  const store = configureStore({
    reducer: { [api.reducerPath]: api.reducer },
    middleware: (defaults) => defaults({ serializableCheck: false, immutableCheck: false }).concat(api.middleware),
    enhancers: (defaults) => defaults({ autoBatch: { type: "tick" } }),
  });
  const update = (changes) =>
    Object.entries(changes).map(([atom, patch]) =>
      store.dispatch(api.util.updateQueryData("getDoc", atom, recipe(patch))),
    );
  const optimism = new Optimism(update);
  const atoms = Object.keys(docs);
  for (const atom of atoms) store.dispatch(api.util.upsertQueryData("getDoc", atom, docs[atom]));
  const shown = () =>
    Object.fromEntries(atoms.map((atom) => [atom, api.endpoints.getDoc.select(atom)(store.getState()).data]));
  store.subscribe(run.guard(() => tell.shown()));
  return {
    write(m, changes) {
      const call = store.dispatch(api.endpoints.write.initiate({ m, atoms: changes }));
      call.unwrap().then(() => tell.settled(m, "ok"), () => tell.settled(m, "rejected"));
    },
    accepted: sent.answer,
    rejected: sent.refuse,
    data: (entry) => optimism.received(entry.atoms),
    view: shown,
  };
};

/** A cache entry is patched, not created or deleted; it does not know server data from an answer. */
export const lacks = ["split-ack", "data-first", "write-actions"];
