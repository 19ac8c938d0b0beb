// A write that needs an undone one stays half: its part on another document remains.
import { isDeepStrictEqual } from "node:util";
import { configureStore } from "@reduxjs/toolkit";
import { createApi, fakeBaseQuery } from "@reduxjs/toolkit/query";

const endpoints = (build) => ({ doc: build.query({ queryFn: () => ({ data: null }) }) });
const api = createApi({ baseQuery: fakeBaseQuery(), endpoints });
const store = configureStore({ reducer: { api: api.reducer }, middleware: (all) => all().concat(api.middleware) });
const write = (key, edit) => store.dispatch(api.util.updateQueryData("doc", key, edit));
const shown = (key) => api.endpoints.doc.select(key)(store.getState()).data;
for (const [key, doc] of Object.entries({ a: {}, b: { y: 0 } })) await store.dispatch(api.util.upsertQueryData("doc", key, doc));
const first = write("a", (draft) => void (draft.o = {}));
write("a", (draft) => void (draft.o.k = 1)), write("b", (draft) => void (draft.y = 1)); // one mutation
first.undo();
const [expected, seen] = [[{}, { y: 0 }], [shown("a"), shown("b")]];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
