// What is queued is the caller's own object: changed later, it is sent changed.
import { isDeepStrictEqual } from "node:util";
import { offline } from "@redux-offline/redux-offline";
import { legacy_createStore as createStore } from "redux";

const sent = [];
const effect = (write) => (sent.push(structuredClone(write)), new Promise(() => {}));
const detectNetwork = (report) => setTimeout(() => report({ online: true }), 10);
const store = createStore((state = {}) => state, {}, offline({ effect, detectNetwork, persist: null }));
const write = { x: 1 };
store.dispatch({ type: "WRITE", meta: { offline: { effect: write } } });
write.x = 2; // before the network is there
await new Promise((resolve) => setTimeout(resolve, 100));
const [expected, seen] = [[{ x: 1 }], sent];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
