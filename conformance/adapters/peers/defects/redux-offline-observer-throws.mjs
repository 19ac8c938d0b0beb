// A subscriber that throws when a write succeeded: the next write of the queue is dropped, never sent.
import { isDeepStrictEqual } from "node:util";
import { offline } from "@redux-offline/redux-offline";
import { legacy_createStore as createStore } from "redux";

const sent = [];
const effect = (name) => (sent.push(name), Promise.resolve());
const detectNetwork = (report) => setTimeout(() => report({ online: true }), 10);
const reducer = (state, { type }) => ({ done: state.done + (type === "COMMIT") });
const store = createStore(reducer, { done: 0 }, offline({ effect, detectNetwork, persist: null }));
const write = (name) => store.dispatch({ type: "WRITE", meta: { offline: { effect: name, commit: { type: "COMMIT" } } } });
["a", "b"].forEach(write);
let failures = 1;
store.subscribe(() => { if (store.getState().done > 0 && failures-- > 0) throw new Error("an observer with a bug"); });
await new Promise((resolve) => setTimeout(resolve, 100));
const [expected, seen] = [["a", "b"], sent];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
