// @reduxjs/toolkit query: optimistic updates as its documentation has them, updateQueryData and undo.
import { patchInto, serve } from "../typescript/dist/kit/index.js";
import { requests, view } from "./common.mjs";
import { configureStore } from "@reduxjs/toolkit";
import { createApi, fakeBaseQuery } from "@reduxjs/toolkit/query";

const recipe = (patch) => (draft) => {
  const doc = patchInto(draft, patch);
  return doc === draft ? undefined : doc;
};

function endpoints(api, sent) {
  const update = (atoms) =>
    Object.entries(atoms).map(([atom, patch]) => api().util.updateQueryData("getDoc", atom, recipe(patch)));
  const endpoints = (build) => ({
    getDoc: build.query({ queryFn: () => ({ error: "not fetched here" }) }),
    write: build.mutation({
      queryFn: async ({ m }) => sent.send(m).then(() => ({ data: null }), (error) => ({ error: error.message })),
      async onQueryStarted({ atoms }, { dispatch, queryFulfilled }) {
        const patches = update(atoms).map(dispatch);
        try {
          await queryFulfilled;
        } catch {
          patches.forEach((patch) => patch.undo());
        }
      },
    }),
  });
  return { endpoints, update };
}

function make(docs, tell, run) {
  const sent = requests();
  const { endpoints: build, update } = endpoints(() => api, sent);
  const api = createApi({ baseQuery: fakeBaseQuery(), endpoints: build });
  const store = configureStore({
    reducer: { [api.reducerPath]: api.reducer },
    middleware: (defaults) => defaults({ serializableCheck: false, immutableCheck: false }).concat(api.middleware),
    enhancers: (defaults) => defaults({ autoBatch: { type: "tick" } }),
  });
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
    data: (entry) => update(entry.atoms).forEach(store.dispatch), // a streaming update, in its words
    view: shown,
  };
}

serve({
  impl: { name: "@reduxjs/toolkit query", version: "2.14.0" },
  profiles: {
    // A cache entry is patched, not created or deleted; it does not know server data from an answer.
    view: view({ lacks: ["split-ack", "data-first", "write-actions"] }, make),
  },
});
