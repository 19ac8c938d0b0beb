// A write made before the stored queue was read is lost.
import { isDeepStrictEqual } from "node:util";
import { offline } from "@redux-offline/redux-offline";
import { legacy_createStore as createStore } from "redux";

const disk = new Map([["reduxPersist:offline", JSON.stringify({ outbox: [{ meta: { offline: { effect: "stored" } } }] })]]);
const later = (work) => (...args) => setTimeout(() => args.pop()(null, work(...args)), 10);
const storage = { getAllKeys: later(() => [...disk.keys()]), getItem: later((key) => disk.get(key)), setItem: later((key, text) => disk.set(key, text)) };
const sent = [];
const effect = (name) => (sent.push(name), new Promise((resolve) => setTimeout(resolve, 50)));
const detectNetwork = (report) => report({ online: true });
const store = createStore((state = {}) => state, {}, offline({ effect, detectNetwork, persistOptions: { storage } }));
const queue = () => store.getState().offline.outbox.map(({ meta }) => meta.offline.effect);
["new", "newer"].forEach((name) => store.dispatch({ type: "WRITE", meta: { offline: { effect: name } } }));
await new Promise((resolve) => setTimeout(resolve, 200));
const [expected, seen] = [["new", "stored", "newer"].sort(), [...new Set([...sent, ...queue()])].sort()];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
