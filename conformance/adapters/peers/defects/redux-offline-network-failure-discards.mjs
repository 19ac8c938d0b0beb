// The network fails as it does for fetch, with a TypeError: by default the write is rolled back and gone.
import { isDeepStrictEqual } from "node:util";
import { offline } from "@redux-offline/redux-offline";
import { legacy_createStore as createStore } from "redux";

const effect = () => Promise.reject(new TypeError("fetch failed"));
const detectNetwork = (report) => report({ online: true });
const reducer = (state, { type }) => (type === "ROLLBACK" ? { told: [...state.told, type] } : state);
const store = createStore(reducer, { told: [] }, offline({ effect, detectNetwork, persist: null }));
store.dispatch({ type: "WRITE", meta: { offline: { effect: "a", rollback: { type: "ROLLBACK" } } } });
await new Promise((resolve) => setTimeout(resolve, 100));
const { told, offline: { outbox } } = store.getState();
const [expected, seen] = [[1, []], [outbox.length, told]];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
