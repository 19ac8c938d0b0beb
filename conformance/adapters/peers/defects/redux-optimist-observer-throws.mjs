// A subscriber that throws keeps the next one from being called, and dispatch throws.
import { isDeepStrictEqual } from "node:util";
import { legacy_createStore as createStore } from "redux";
import optimist from "redux-optimist";

const seen = [];
const store = createStore(optimist((state, { x }) => ({ x: x ?? state.x })), { x: 0 });
store.subscribe(() => { throw new Error("an observer with a bug"); });
store.subscribe(() => seen.push(store.getState().x));
try {
  store.dispatch({ type: "SET", x: 1, optimist: { type: optimist.BEGIN, id: 1 } });
} catch {
  seen.push("thrown");
}
const expected = [1];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
