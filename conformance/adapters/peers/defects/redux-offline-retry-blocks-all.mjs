// A write that waits for its next attempt holds back every later write, of other entities too.
import { isDeepStrictEqual } from "node:util";
import { offline } from "@redux-offline/redux-offline";
import { legacy_createStore as createStore } from "redux";

const sent = [];
const effect = (name) => (sent.push(name), name === "a" ? Promise.reject({ status: 503 }) : Promise.resolve());
const detectNetwork = (report) => report({ online: true });
const store = createStore((state = {}) => state, {}, offline({ effect, detectNetwork, persist: null }));
const write = (name) => store.dispatch({ type: "WRITE", meta: { offline: { effect: name } } });
["a", "b"].forEach(write);
await new Promise((resolve) => setTimeout(resolve, 200)); // the next attempt is after a second
const [expected, seen] = [["a", "b"], sent];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
