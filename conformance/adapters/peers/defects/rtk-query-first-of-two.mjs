// Undoing the first of two writes of one key restores the value from before both.
import { isDeepStrictEqual } from "node:util";
import { configureStore } from "@reduxjs/toolkit";
import { createApi, fakeBaseQuery } from "@reduxjs/toolkit/query";

const endpoints = (build) => ({ doc: build.query({ queryFn: () => ({ data: null }) }) });
const api = createApi({ baseQuery: fakeBaseQuery(), endpoints });
const store = configureStore({ reducer: { api: api.reducer }, middleware: (all) => all().concat(api.middleware) });
const write = (key, edit) => store.dispatch(api.util.updateQueryData("doc", key, edit));
const shown = (key) => api.endpoints.doc.select(key)(store.getState()).data;
await store.dispatch(api.util.upsertQueryData("doc", "a", { x: 0 }));
const first = write("a", (draft) => void (draft.x = 1));
write("a", (draft) => void (draft.x = 2));
first.undo();
const [expected, seen] = [{ x: 2 }, shown("a")];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
