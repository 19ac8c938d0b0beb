// A request that is never answered holds back every later write, of other entities too.
import { isDeepStrictEqual } from "node:util";
import { offline } from "@redux-offline/redux-offline";
import { legacy_createStore as createStore } from "redux";

const sent = [];
const effect = (name) => (sent.push(name), new Promise(() => {}));
const detectNetwork = (report) => report({ online: true });
const enhancer = offline({ effect, detectNetwork, persist: null });
const store = createStore((state = {}) => state, {}, enhancer);
const write = (name) => store.dispatch({ type: "WRITE", meta: { offline: { effect: name } } });
["a", "b"].forEach(write);
await new Promise((resolve) => setTimeout(resolve, 100));
const [expected, seen] = [["a", "b"], sent];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
